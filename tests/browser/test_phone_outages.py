"""The phone's page when things go away: the network, the relay, the page, the browser. It goes on where it was."""

from pathlib import Path

import aiohttp
from playwright.async_api import expect

from relay.demo.figures import FORM_CODE, Station
from tests.browser.chromium import Browser, chromium
from tests.browser.officer import Officer, officer
from tests.browser.place import Place
from tests.browser.words import say
from tests.world.nodes import Country
from tests.world.waiting import eventually

BROKEN = r"net::ERR_|Failed to (load|fetch)"
SLOW_BYTES_PER_SECOND = 250_000


async def until_sent(place: Place, size_bytes: int) -> None:
    """Until so many bytes more have crossed the hotspot towards the relay."""
    begun = place.hotspot.bytes_up

    async def look() -> bool:
        return place.hotspot.bytes_up - begun >= size_bytes

    await eventually(look)


async def test_a_photograph_cut_in_the_middle_goes_on_where_it_was(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> None:
    browser.forgive(BROKEN)
    size = gallery[0].stat().st_size
    await enrolled.photograph(station.tps, FORM_CODE, gallery[:1])
    at_relay.hotspot.up(SLOW_BYTES_PER_SECOND)
    begun = at_relay.hotspot.bytes_up
    await enrolled.sign(station.tps, FORM_CODE)
    await until_sent(at_relay, size // 2)
    at_relay.hotspot.down()
    await expect(enrolled.page.get_by_text(say("app.no-relay"))).to_be_visible()
    at_relay.hotspot.up()
    await enrolled.page.get_by_role("button", name=say("item.send-now")).or_(enrolled.steps).first.click()
    await enrolled.until("at-centre")
    assert await at_relay.photographs(http, station.tps) == [gallery[0].read_bytes()]
    assert at_relay.hotspot.bytes_up - begun < 1.4 * size  # not begun again


async def test_a_reload_in_the_middle_of_a_photograph_loses_nothing(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> None:
    browser.forgive(BROKEN)
    await enrolled.photograph(station.tps, FORM_CODE, gallery[:2])
    at_relay.hotspot.up(SLOW_BYTES_PER_SECOND)
    await enrolled.sign(station.tps, FORM_CODE)
    await until_sent(at_relay, gallery[0].stat().st_size // 2)
    await enrolled.page.reload()
    at_relay.hotspot.up()
    await enrolled.until("at-centre")
    assert await at_relay.photographs(http, station.tps) == [file.read_bytes() for file in gallery[:2]]


async def test_a_relay_that_restarts_is_handed_the_rest(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> None:
    browser.forgive(BROKEN)
    await enrolled.photograph(station.tps, FORM_CODE, gallery)
    at_relay.hotspot.up(SLOW_BYTES_PER_SECOND)
    await enrolled.sign(station.tps, FORM_CODE)
    await until_sent(at_relay, gallery[0].stat().st_size + 50_000)
    await at_relay.stop_relay()
    await at_relay.start_relay()
    at_relay.hotspot.up()
    await enrolled.until("at-centre")
    assert await at_relay.photographs(http, station.tps) == [file.read_bytes() for file in gallery]


async def test_the_page_opens_works_and_signs_with_no_network_at_all(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> None:
    browser.forgive(BROKEN)
    await enrolled.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    at_relay.hotspot.down()
    await enrolled.page.close()
    again = await officer(browser, at_relay.url)
    await again.photograph(station.tps, FORM_CODE, gallery[:1])
    await again.sign(station.tps, FORM_CODE)
    await again.until("on-phone")
    assert await at_relay.recorded(http, station.tps) == []
    at_relay.hotspot.up()
    await again.page.get_by_role("button", name=say("item.send-now")).click()
    await again.until("at-centre")


async def test_a_battery_that_dies_takes_nothing_along(
    tmp_path: Path,
    country: Country,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> None:
    home = tmp_path / "phone"
    async with chromium(home, country.root_file) as browser:
        someone = await officer(browser, at_relay.url)
        await someone.enrol(at_relay.new_code(station.tps))
        at_relay.hotspot.down()
        await someone.photograph(station.tps, FORM_CODE, gallery[:1])
        await someone.sign(station.tps, FORM_CODE)
        statement = await someone.item_id()
        browser.kill()
    at_relay.hotspot.up()
    async with chromium(home, country.root_file) as browser:
        someone = await officer(browser, at_relay.url)
        await someone.open_item(statement)
        await someone.until("at-centre")
    assert [item["id"] for item in await at_relay.recorded(http, station.tps)] == [statement]
