"""A walk through every screen of the phone's page, for machines that check them and people who look at them."""

from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Page, expect

from relay.demo.figures import FORM_CODE, Station
from tests.browser.chromium import Browser
from tests.browser.officer import Officer, officer
from tests.browser.place import Place
from tests.browser.words import say

PARTIES_FORM = 2403
_FIGURES_OF_PART_I = 15
_DRAWN = ".thumbnail canvas:not([hidden])"


async def phone_screens(
    browser: Browser, place: Place, station: Station, gallery: list[Path]
) -> AsyncIterator[tuple[str, Page]]:
    """Names of screens, each with the page as it then is."""
    someone = await officer(browser, place.url)
    page = someone.page
    await page.get_by_label(say("enrol.code")).wait_for()
    await someone.arrive()
    yield "enrol", page
    await page.get_by_label(say("enrol.code")).fill("K7Q2-M4XD")
    await someone.main.click()
    await expect(page.get_by_text(say("code-malformed"))).to_be_visible()
    yield "enrol-wrong-code", page
    await someone.enrol(place.new_code(station.tps))
    yield "station", page
    async for name in _filling(someone, station, gallery):
        yield name, page
    async for name in _signing(someone, place, station, gallery):
        yield name, page
    await someone.go("settings")
    await expect(someone.heading).to_have_text(say("settings.title"))
    yield "settings", page


async def _filling(someone: Officer, station: Station, gallery: list[Path]) -> AsyncIterator[str]:
    await someone.go("tps", station.tps, FORM_CODE)
    await someone.main.wait_for()
    yield "form"
    boxes = await someone.sheet(station.tps, FORM_CODE, "I")
    yield "fill"
    assert station.figures is not None
    for box, figure in enumerate(station.figures[:_FIGURES_OF_PART_I]):
        await boxes.nth(box).fill(str(figure))
    await expect(someone.page.get_by_role("heading", name=say("fill.does-not-agree"))).to_have_count(0)
    await someone.page.evaluate("scrollTo(0, 0)")
    yield "fill-agrees"
    await boxes.nth(2).fill("7")
    await boxes.nth(0).fill("3")
    await boxes.nth(1).fill("5")
    await expect(someone.page.get_by_role("heading", name=say("fill.does-not-agree"))).to_be_visible()
    yield "fill-does-not-agree"
    await someone.go("tps", station.tps, PARTIES_FORM)
    await someone.page.locator(".parties").wait_for()
    yield "form-with-parties"
    await someone.page.locator(".party").first.click()
    await someone.page.locator(".boxes input").first.wait_for()
    yield "fill-party"
    await someone.go("tps", station.tps, FORM_CODE, "photographs")
    await expect(someone.heading).to_have_text(say("form.pages"))
    await someone.main.wait_for()
    yield "photographs-none"
    await someone.enter(station.tps, FORM_CODE, station.figures)
    await someone.photograph(station.tps, FORM_CODE, gallery)
    await expect(someone.page.locator(_DRAWN)).to_have_count(len(gallery))
    yield "photographs"


async def _signing(someone: Officer, place: Place, station: Station, gallery: list[Path]) -> AsyncIterator[str]:
    page = someone.page
    await someone.review(station.tps, FORM_CODE)
    await expect(page.locator(_DRAWN)).to_have_count(len(gallery))
    yield "review"
    place.hotspot.down()
    await someone.check_doubts()
    await someone.main.click()
    await page.locator("dialog").wait_for()
    yield "sign"
    await page.locator("dialog .main").click()
    await someone.until("on-phone")
    yield "item-on-phone"
    place.hotspot.up()
    await page.get_by_role("button", name=say("item.send-now")).click()
    await someone.until("at-centre")
    yield "item-at-centre"
    await someone.go("item", await someone.item_id(), "proof")
    await expect(someone.heading).to_have_text(say("proof.title"))
    await page.get_by_role("button", name=say("proof.save")).wait_for()
    await page.locator(".qr").wait_for()
    yield "proof"
    await someone.go("tps", station.tps)
    await expect(someone.heading).to_have_text("TPS 001")
    yield "station-sent"
