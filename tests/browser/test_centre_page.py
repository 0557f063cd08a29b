"""The centre's page in a real Chromium: from the country down to a station, its photographs and its proofs, live."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from relay.demo.figures import FORM_CODE, KABUPATEN_NAME, PROVINCE_NAME, stations
from relay.protocol import cose, receipts
from tests.authorities import KECAMATAN
from tests.browser.chromium import CENTRE_NAME, DESK, Browser, axe, chromium
from tests.browser.operator import CUT, Operator, hand_over, other, photograph, pictures, saved, signed_tally
from tests.browser.place import list_stations
from tests.browser.words import say
from tests.world.nodes import Country, running_centre, running_relay

STATION, NEXT = stations()[0], stations()[1]


@dataclass
class Nation:
    """A centre that knows the stations of Peso Hilir, and a relay that brings it results."""

    centre: str
    relay: str


@pytest.fixture
async def nation(country: Country) -> AsyncIterator[Nation]:
    """Both of them running."""
    await list_stations(country)
    config = country.centre_config()
    async with running_centre(config) as centre, running_relay(country.relay_config(centre_url=centre)) as relay:
        yield Nation(centre.replace("127.0.0.1", CENTRE_NAME), relay)


async def test_from_the_country_down_to_a_photograph_and_the_proofs(
    nation: Nation, tmp_path: Path, country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer(STATION.tps)
    signed = signed_tally(officer, STATION)
    await hand_over(http, nation.relay, officer, signed, signed_tally(officer, STATION, other(STATION)))
    await photograph(http, nation.relay, officer, STATION, pictures(STATION))
    async with chromium(tmp_path / "desk", country.root_file, DESK) as browser:
        page = await browser.open(nation.centre)
        kecamatan, village = STATION.kecamatan_name, STATION.village
        for name, count in ((PROVINCE_NAME, 16), (KABUPATEN_NAME, 16), (kecamatan, 16), (village, 4)):
            row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
            await expect(row).to_contain_text(f"1 / {count}")
            assert await axe(page) == []
            await row.get_by_role("link").click()
        row = page.get_by_role("row").filter(has_text="TPS 1")
        await expect(row).to_contain_text("1 / 1")
        await row.get_by_role("link").click()
        await expect(page.locator("tr.different")).to_have_count(1)
        shown = page.locator(".photograph img").first
        await shown.scroll_into_view_if_needed()
        await expect(shown).to_have_js_property("naturalWidth", 192)
        await shown.click()
        await expect(page.get_by_role("dialog").locator("img")).to_have_js_property("naturalWidth", 192)
        assert await axe(page) == []
        await page.keyboard.press("Escape")
        card = page.locator(".card").filter(has_text=signed.id.hex()[:8])
        async with page.expect_download() as download:
            await card.get_by_role("link", name=say("station.proof")).click()
        assert cose.parse(await saved(await download.value)).id == signed.id
        async with page.expect_download() as download:
            await card.get_by_role("link", name=say("station.receipt")).click()
        told = receipts.read(cose.parse(await saved(await download.value)))
        assert signed.id in {outcome.statement for outcome in told.outcomes}
        await page.go_back()
        await expect(row.get_by_role("link")).to_be_focused()
        browser.check()


async def test_it_follows_what_is_recorded_and_adds_it_up(
    nation: Nation, browser: Browser, country: Country, http: aiohttp.ClientSession
) -> None:
    someone = Operator(await browser.open(nation.centre))
    headline = someone.page.locator(".headline")
    await expect(headline).to_have_text(say("totals.coverage", **{"with": 0, "of": 16}))
    for count, station in enumerate((STATION, NEXT), 1):
        officer = country.world.officer(station.tps)
        await hand_over(http, nation.relay, officer, signed_tally(officer, station))
        await expect(headline).to_have_text(say("totals.coverage", **{"with": count, "of": 16}))
    await someone.go("totals", KECAMATAN, FORM_CODE)
    await someone.sees("totals.unofficial")
    await expect(headline).to_contain_text(say("totals.coverage", **{"with": 2, "of": 16}))
    votes = [sum((station.figures or ())[at] or 0 for station in (STATION, NEXT)) for at in range(22, 25)]
    shown = await someone.page.locator(".chart .value").all_inner_texts()
    assert [int(text.split()[0].replace(".", "")) for text in shown] == votes
    screens = {f"totals/{KECAMATAN}": ".chart", f"region/{STATION.tps[:10]}": ".headline"}
    screens |= {f"tps/{STATION.tps}": ".card", "tps/6501082001999": ".notice"}
    for place, shows in screens.items():
        await someone.go(place, shows=shows)
        await someone.is_accessible()


async def test_it_says_when_the_centre_is_away(browser: Browser, country: Country) -> None:
    async with running_centre(country.centre_config()) as centre:
        someone = Operator(await browser.open(centre.replace("127.0.0.1", CENTRE_NAME)))
        await someone.sees("totals.coverage-unknown", **{"with": 0})
        browser.forgive(CUT)
    await expect(someone.page.locator(".liveness")).to_have_class("liveness lost")
    await someone.is_accessible()
