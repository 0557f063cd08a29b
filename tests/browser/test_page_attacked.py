"""The pages in the hands of somebody who means harm, and in browsers that lack something or break.

What others wrote is text and nothing else; who is not of the KPU that the phone knows gets nothing; what cannot be done
is said in a sentence.
"""

import hashlib
import json
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from playwright.async_api import Page, Route, expect

from relay.config import BoardConfig
from relay.demo.figures import FORM_CODE, Station, stations, write_registry
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.browser.chromium import Browser
from tests.browser.officer import Officer, officer
from tests.browser.operator import Operator, hand_over, photograph
from tests.browser.place import Place, place
from tests.browser.words import say
from tests.world.http import ask
from tests.world.nodes import Country, note, tally

DPR = 2403
INJECTED = "<img src=x onerror=window.hacked=1>"
EVIL = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{name}'


async def test_a_false_relay_gets_no_trust_and_no_statement(
    browser: Browser, at_relay: Place, station: Station, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    false_proof = _altered(at_relay, http, {"proof": "A" * 43})
    other_root = _altered(at_relay, http, {"root": "ab" * 32})
    handed: list[str] = []
    someone = await officer(browser, at_relay.url)
    page, code = someone.page, at_relay.new_code(station.tps)
    await browser.context.route("**/v1/enrolments", false_proof)
    await someone.type_code(code)
    await someone.main.click()
    await expect(page.get_by_text(say("relay-false"))).to_be_visible()
    await browser.context.unroute("**/v1/enrolments")
    await someone.main.click()
    await expect(someone.heading).to_have_text("TPS 001")
    await browser.context.route("**/v1/node", other_root)
    page.on("request", lambda request: handed.append(request.url) if request.method == "POST" else None)
    await page.reload()
    await expect(page.get_by_text(say("relay-false"))).to_be_visible()
    boxes = await someone.sheet(station.tps, FORM_CODE, "IV")
    await boxes.first.fill("7")
    await someone.sign(station.tps, FORM_CODE)
    assert await someone.step() == say("state.on-phone")
    assert "statement.cose" in zipfile.ZipFile(await someone.save_proof(tmp_path)).namelist()
    await someone.page.go_back()
    assert handed == []
    await browser.context.unroute("**/v1/node")
    await page.get_by_role("button", name=say("item.send-now")).click()
    await someone.until("at-centre")


async def test_what_a_browser_lacks_is_said(browser: Browser, at_relay: Place) -> None:
    denied = "Object.defineProperty(window, 'NAME', { get() { throw new DOMException('denied', 'SecurityError') } })"

    async def opened_without(*missing: str) -> Officer:
        page = await browser.context.new_page()
        for script in missing:
            await page.add_init_script(script)
        await page.goto(at_relay.url)
        return Officer(page)

    browser.forgive("ERR_FAILED")
    await browser.context.route("**/assets/*.js", lambda route: route.abort())
    page = await browser.open(at_relay.url)  # before there is a service worker that has them
    await expect(page.get_by_text("muat ulang")).to_be_visible()
    await browser.context.unroute("**/assets/*.js")
    stores = [denied.replace("NAME", name) for name in ("localStorage", "sessionStorage")]
    for script, why in (
        (denied.replace("NAME", "indexedDB"), "storage-unavailable"),
        ("Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })", "insecure-context"),
    ):
        someone = await opened_without(script, *stores)
        await expect(someone.heading).to_have_text(say("app.cannot-open"))
        await expect(someone.page.get_by_role("alert")).to_contain_text(say(why))
    someone = await opened_without("delete Navigator.prototype.serviceWorker", *stores)
    await expect(someone.heading).to_have_text(say("enrol.title"))


async def test_a_page_that_breaks_says_so_and_keeps_what_was_entered(
    enrolled: Officer, browser: Browser, at_relay: Place, station: Station
) -> None:
    page = enrolled.page
    browser.forgive("figures|Cannot read properties of null")
    boxes = await enrolled.sheet(station.tps, DPR, "I")
    await boxes.first.fill("7")
    await enrolled.go("tps", station.tps, FORM_CODE)
    await expect(enrolled.main).to_be_visible()
    await page.evaluate(
        """key => new Promise((resolve, reject) => {
            const opening = indexedDB.open('relay')
            const spoil = () => {
                const writing = opening.result.transaction('drafts', 'readwrite')
                const drafts = writing.objectStore('drafts')
                const reading = drafts.get(key)
                reading.onsuccess = () => reading.result && drafts.put({ ...reading.result, figures: null }, key)
                writing.oncomplete = () => {
                    if (!reading.result) return spoil()  // what is shown may not be written yet
                    opening.result.close()
                    resolve()
                }
                writing.onerror = reject
            }
            opening.onsuccess = spoil
        })""",
        f"{station.tps}/{FORM_CODE}",
    )
    await page.reload()
    await expect(enrolled.heading).to_have_text(say("app.broken"))
    await enrolled.sheet(station.tps, DPR, "I")
    await expect(boxes.first).to_have_value("007")
    await page.evaluate("void Promise.reject(new Error('figures'))")  # an accident that nothing else shows
    await expect(page.locator(".notices")).to_contain_text(say("app.broken-why"))


async def test_names_and_sentences_of_others_are_text_and_nothing_else(
    browser: Browser, at_relay: Place, station: Station, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async def refuse(route: Route) -> None:
        body = json.dumps({"code": EVIL, "detail": EVIL, "status": 400, "title": EVIL, "type": EVIL})
        await route.fulfill(status=400, content_type="application/problem+json", body=body)

    browser.forgive("400")
    await browser.context.route("**/v1/node", _altered(at_relay, http, {"name": EVIL}))
    await browser.context.route("**/v1/statements", refuse)
    someone = await officer(browser, at_relay.url)
    page, tps = someone.page, station.tps
    await someone.enrol(at_relay.new_code(tps), EVIL[:60])
    picture = tmp_path / EVIL.replace("/", "")[:120]
    picture.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked=1'></svg>")
    await someone.photograph(tps, FORM_CODE, [picture])
    await page.locator(".thumbnail").click()
    await page.locator("dialog button").click()
    await someone.sign(tps, FORM_CODE)
    await expect(page.get_by_text(EVIL)).not_to_have_count(0)
    for address in ("settings", f"tps/{tps}/{FORM_CODE}/review", "tps/<img src=x>", "item/<img src=x>"):
        await someone.go(*address.split("/", 1 if "<" in address else -1))
        await expect(someone.heading).to_be_visible()
        await _unharmed(page)


async def test_the_ppks_page_runs_nothing_that_somebody_else_wrote(
    browser: Browser, country: Country, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    everyone = [replace(station, village=INJECTED) for station in stations()]
    first, office = everyone[0].tps, country.world.operator()
    spoken = BoardConfig(*write_registry(tmp_path, everyone), forms=(FORM_CODE,))
    async with place(country, lambda config: replace(config, board=spoken)) as relay:
        page_of_html = b"<script>window.hacked=1</script>" * 99
        for figures in ((1, 2, 3), (3, 2, 1)):
            author = country.world.officer()
            statement = tally(author, votes=figures)
            await hand_over(http, relay.direct_url, author, statement)
        await photograph(http, relay.direct_url, author, everyone[0], [page_of_html])
        remark = note(office, [statement.id], text=INJECTED)
        await hand_over(http, relay.direct_url, office, remark)
        someone = Operator(await browser.open(f"{relay.url}/ppk/"))
        await someone.enrol(relay.new_code(KECAMATAN, Role.PPK))
        await expect(someone.page.get_by_text(INJECTED).first).to_be_visible()
        for parts in (("tps", first), ("tps", first, FORM_CODE), ("totals",), ("tps", INJECTED)):
            await someone.go(*parts)
            await expect(someone.page.get_by_role("heading", level=1)).to_be_visible()
            await _unharmed(someone.page)
        digest = hashlib.sha256(page_of_html).hexdigest()
        headers = await someone.page.evaluate(
            "path => fetch(path).then(({ headers }) => Object.fromEntries(headers))", f"/v1/documents/{digest}"
        )  # never a page of the relay's own origin
        assert (headers["content-type"], headers["x-content-type-options"]) == ("application/octet-stream", "nosniff")


async def _unharmed(page: Page) -> None:
    """Nothing that came as a name or a sentence has become a part of the page."""
    assert not await page.evaluate(
        "'hacked' in window || document.querySelector('[src=x], [onerror], [onload]') !== null"
    )


def _altered(
    at_relay: Place, http: aiohttp.ClientSession, change: dict[str, str]
) -> Callable[[Route], Awaitable[None]]:
    """What the relay answers, but for `change`."""

    async def answer(route: Route) -> None:
        request = route.request
        body = request.post_data_buffer
        headers = {"Content-Type": request.headers.get("content-type", "")} if body else {}
        path = urlsplit(request.url).path
        told = await ask(http, request.method, f"{at_relay.direct_url}{path}", data=body, headers=headers)
        await route.fulfill(status=told.status, json=told.json | change)

    return answer
