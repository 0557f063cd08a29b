"""A walk through every screen of the PPK's page and of the centre's, for machines that check and people who look."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
from playwright.async_api import Page, expect

from relay.demo.figures import FORM_CODE, KABUPATEN_NAME, PROVINCE_NAME, stations
from relay.http import authority_tls
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.browser.chromium import Browser
from tests.browser.operator import Operator, hand_over, photograph, signed_tally
from tests.browser.place import Place
from tests.browser.words import say
from tests.world.http import ask
from tests.world.nodes import Country
from tests.world.waiting import eventually

_PICTURES_THERE = """() => Promise.all([...document.images]
    .filter(image => image.getBoundingClientRect().top < innerHeight && !image.complete)
    .map(image => new Promise(there => { image.onload = image.onerror = there })))"""
_MISSING = 2  # the last stations, from which nothing has come


async def ppk_screens(
    browser: Browser, place: Place, country: Country, gallery: list[Path]
) -> AsyncIterator[tuple[str, Page]]:
    """Names of screens, each with the page as it then is; most stations are in, one of them in conflict.

    The centre must know the stations (`list_stations`).
    """
    await _fill(place, country, gallery)
    someone = Operator(await browser.open(f"{place.url}/ppk/"))
    page = someone.page
    await expect(page.get_by_label(say("login.code"))).to_be_visible()
    yield "login", page
    await someone.enrol(place.new_code(KECAMATAN, Role.PPK))
    disputed = stations()[0].tps
    await someone.row(disputed).wait_for()
    yield "board", page
    for name, parts, shows in (
        ("station", ("tps", disputed), "details.card"),
        ("resolve", ("tps", disputed, FORM_CODE), ".beside"),
        ("totals", ("totals",), ".chart"),
        ("queue", ("queue",), ".uplink"),
        ("phones", ("phones",), ".plain-list"),
    ):
        await someone.go(*parts, shows=shows)
        await page.evaluate(_PICTURES_THERE)
        yield name, page
    await page.goto(place.centre_url)
    await page.locator(".headline").wait_for()
    yield "centre", page
    for name in (PROVINCE_NAME, KABUPATEN_NAME, stations()[0].kecamatan_name):
        await page.get_by_role("row").get_by_role("link", name=name, exact=True).click()
        await expect(page.get_by_role("heading", name=name)).to_be_visible()
    yield "centre-kecamatan", page


async def _fill(place: Place, country: Country, gallery: list[Path]) -> None:
    """Most stations hand over what they have; two officers of the first one do not agree."""
    pictures = [file.read_bytes() for file in gallery]
    connector = aiohttp.TCPConnector(ssl=authority_tls(country.root_file))
    async with aiohttp.ClientSession(connector=connector) as http:
        listing = [station for station in stations()[:-_MISSING] if station.figures]
        for at, station in enumerate(listing):
            officer = country.world.officer(station.tps)
            await hand_over(http, place.direct_url, officer, signed_tally(officer, station))
            if at < len(pictures):
                own = [
                    picture + station.tps.encode() for picture in pictures[: at + 1]
                ]  # still pictures, each of its own
                await photograph(http, place.direct_url, officer, station, own)
        first = listing[0]
        assert first.figures is not None
        other = (*first.figures[:-1], (first.figures[-1] or 0) + 7)
        officer = country.world.officer(first.tps)
        await hand_over(http, place.direct_url, officer, signed_tally(officer, first, other))
        await eventually(partial(_all_recorded, http, place))


async def _all_recorded(http: aiohttp.ClientSession, place: Place) -> bool:
    counts = (await ask(http, "GET", f"{place.direct_url}/v1/status")).json["counts"]
    return bool(counts["statements"]) and counts["without_receipt"] <= 1  # one list of pages is not complete
