"""The phone's page from end to end: enrol, enter, photograph, sign, send, and what comes back from the centre."""

import time
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Route, expect

from relay.demo.figures import FORM_CODE, Station
from relay.http import text64
from relay.protocol import receipts
from relay.protocol.receipts import Outcome, Verdict
from relay.protocol.statements import StatementId
from tests.authorities import World
from tests.browser.chromium import Browser
from tests.browser.handed import Handed, check_holds
from tests.browser.officer import Officer, officer
from tests.browser.place import Place
from tests.browser.words import say
from tests.world.http import ask, post
from tests.world.nodes import Country, tally


async def test_a_result_goes_from_the_paper_to_the_centre(
    enrolled: Officer, at_relay: Place, station: Station, gallery: list[Path], http: aiohttp.ClientSession
) -> None:
    assert station.figures is not None
    handed = Handed(enrolled.page)
    await enrolled.enter(station.tps, FORM_CODE, station.figures)
    await enrolled.photograph(station.tps, FORM_CODE, gallery)
    await enrolled.sign(station.tps, FORM_CODE)
    await enrolled.until("at-centre")
    recorded = await at_relay.until_recorded(http, station.tps, 2)
    figures = next(item for item in recorded if item["kind"] == "tally")["figures"]
    assert list(figures.values()) == list(station.figures)
    assert await at_relay.photographs(http, station.tps) == [file.read_bytes() for file in gallery]
    assert handed.by_id().keys() == {item["id"] for item in recorded}
    for identifier, message in handed.by_id().items():
        kept = await ask(http, "GET", f"{at_relay.centre_for_us}/v1/statements/{identifier}/cose")
        assert kept.body == message.bare
        check_holds(message)


async def test_a_correction_is_a_new_revision_and_shows_what_changed(
    enrolled: Officer, at_relay: Place, station: Station, http: aiohttp.ClientSession
) -> None:
    assert station.figures is not None
    await enrolled.enter(station.tps, FORM_CODE, station.figures)
    await enrolled.sign(station.tps, FORM_CODE)
    await enrolled.until("at-centre")
    boxes = await enrolled.sheet(station.tps, FORM_CODE, "V")
    await boxes.last.fill("777")
    await enrolled.sign(station.tps, FORM_CODE)
    await expect(enrolled.page.get_by_text(say("item.revision", revision=2))).to_be_visible()
    await expect(enrolled.page.get_by_role("heading", name=say("item.changed"))).to_be_visible()
    await enrolled.until("at-centre")
    recorded = await at_relay.recorded(http, station.tps)
    assert sorted(item["revision"] for item in recorded) == [1, 2]
    assert [list(item["figures"].values())[-1] for item in recorded if item["revision"] == 2] == [777]


async def test_a_tally_that_differs_from_another_ones_is_shown_in_conflict(
    enrolled: Officer, at_relay: Place, station: Station, country: Country, http: aiohttp.ClientSession
) -> None:
    other = country.world.officer()
    statement = tally(other)
    assert (await post(http, at_relay.direct_url, statement.with_chain(other[1]))).status == 201
    assert station.figures is not None
    await enrolled.enter(station.tps, FORM_CODE, station.figures)
    await enrolled.sign(station.tps, FORM_CODE)
    await enrolled.until("at-centre")
    await expect(enrolled.page.get_by_text(say("verdict.conflict"), exact=True)).to_be_visible()


async def test_a_forged_receipt_is_shown_as_false(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    gallery: list[Path],
    http: aiohttp.ClientSession,
) -> None:
    false = World(name="KPU Root")
    signer, chain = false.centre()

    async def lie(route: Route) -> None:
        """What a relay might answer that wants to be rid of a statement."""
        answer = (await ask(http, "GET", f"{at_relay.direct_url}/v1/tps/{station.tps}")).json
        for view in answer["statements"]:
            outcome = Outcome(StatementId(bytes.fromhex(view["id"])), Verdict.RECORDED)
            receipt = signer.sign(receipts.payload(int(time.time()), [outcome]))
            view |= {"receipt": text64(receipt.with_chain(chain)), "state": "at-centre"}
        await route.fulfill(json=answer)

    await browser.context.route("**/v1/tps/*", lie)
    await enrolled.photograph(station.tps, FORM_CODE, gallery[:1])
    await enrolled.sign(station.tps, FORM_CODE)
    await expect(enrolled.page.get_by_text(say("receipt-false"))).to_be_visible()
    assert await enrolled.step() != say("state.at-centre")
    await browser.context.unroute("**/v1/tps/*", lie)
    await enrolled.until("at-centre")


async def test_one_phone_speaks_for_several_stations_of_its_village(
    browser: Browser, at_relay: Place, station: Station, gallery: list[Path], http: aiohttp.ClientSession
) -> None:
    someone = await officer(browser, at_relay.url)
    await someone.enrol(at_relay.new_code(station.tps[:10]))
    for number, photograph in (("001", gallery[0]), ("002", gallery[1])):
        tps = station.tps[:10] + number
        await someone.photograph(tps, FORM_CODE, [photograph])
        await someone.sign(tps, FORM_CODE)
        await someone.until("at-centre")
        assert len(await at_relay.recorded(http, tps)) == 1


@pytest.mark.parametrize(("typed", "why"), [("K7Q2-M4XD-9FTA", "code-unknown"), ("K7Q2-M4XD", "code-malformed")])
async def test_a_wrong_code_is_said_and_may_be_typed_again(
    browser: Browser, at_relay: Place, station: Station, typed: str, why: str
) -> None:
    someone = await officer(browser, at_relay.url)
    await someone.type_code(typed)
    await someone.main.click()
    await expect(someone.page.get_by_text(say(why))).to_be_visible()
    await someone.enrol(at_relay.new_code(station.tps).lower().replace("-", " "))
    await expect(someone.heading).to_have_text("TPS 001")
