"""The phone's page when things go away: the network, the relay, the page, the browser. It goes on where it was."""

from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
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


@dataclass(frozen=True)
class Sending:
    """An officer with photographs to send, and a hotspot so slow that things happen meanwhile."""

    officer: Officer
    browser: Browser
    place: Place
    station: Station
    gallery: list[Path]
    http: aiohttp.ClientSession

    async def begin(self, pages: int, sent_bytes: int) -> None:
        """Signs the first pages, and waits until so many bytes of them have crossed."""
        hotspot = self.place.hotspot
        await self.officer.photograph(self.station.tps, FORM_CODE, self.gallery[:pages])
        hotspot.up(SLOW_BYTES_PER_SECOND)
        begun = hotspot.bytes_up
        await self.officer.sign(self.station.tps, FORM_CODE)

        async def crossed() -> bool:
            return hotspot.bytes_up - begun >= sent_bytes

        await eventually(crossed)

    async def end(self, pages: int) -> None:
        """Waits until they are at the centre, each as it was taken."""
        await self.officer.until("at-centre")
        taken = [file.read_bytes() for file in self.gallery[:pages]]
        assert await self.place.photographs(self.http, self.station.tps) == taken

    def size(self) -> int:
        """How many bytes the first page has."""
        return self.gallery[0].stat().st_size


@pytest.fixture
def sending(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> Sending:
    """The station's officer; that a network is cut is no fault of the page."""
    browser.forgive(BROKEN)
    return Sending(enrolled, browser, at_relay, station, gallery, http)


async def test_a_photograph_cut_in_the_middle_goes_on_where_it_was(sending: Sending) -> None:
    someone, hotspot = sending.officer, sending.place.hotspot
    begun = hotspot.bytes_up
    await sending.begin(1, sending.size() // 2)
    hotspot.down()
    await expect(someone.page.get_by_text(say("app.no-relay"))).to_be_visible()
    hotspot.up()
    await someone.page.get_by_role("button", name=say("item.send-now")).or_(someone.steps).first.click()
    await sending.end(1)
    assert hotspot.bytes_up - begun < 1.4 * sending.size()  # not begun again


async def test_a_reload_in_the_middle_of_a_photograph_loses_nothing(sending: Sending) -> None:
    await sending.begin(2, sending.size() // 2)
    await sending.officer.page.reload()
    sending.place.hotspot.up()
    await sending.end(2)


async def test_a_relay_that_restarts_is_handed_the_rest(sending: Sending) -> None:
    await sending.begin(3, sending.size() + 50_000)
    await sending.place.stop_relay()
    await sending.place.start_relay()
    sending.place.hotspot.up()
    await sending.end(3)


async def test_the_page_opens_works_and_signs_with_no_network_at_all(sending: Sending) -> None:
    place, tps = sending.place, sending.station.tps
    await sending.officer.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    place.hotspot.down()
    await sending.officer.page.close()
    again = await officer(sending.browser, place.url)
    await again.photograph(tps, FORM_CODE, sending.gallery[:1])
    await again.sign(tps, FORM_CODE)
    await again.until("on-phone")
    assert await place.recorded(sending.http, tps) == []
    place.hotspot.up()
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
