"""The PPK's page in a real Chromium, against a real relay and a real centre: the board, a conflict, totals, sticks."""

import hashlib

import aiohttp
from playwright.async_api import expect

from relay.demo.figures import FORM_CODE
from relay.drive import batches
from relay.protocol import cose, statements
from relay.protocol.statements import Kind
from tests.browser.chromium import Browser
from tests.browser.handed import Handed, check_holds
from tests.browser.operator import (
    ALL,
    CUT,
    Operator,
    at_board,
    hand_over,
    other,
    photograph,
    pictures,
    saved,
    signed_tally,
)
from tests.browser.place import Place
from tests.browser.words import say
from tests.world.http import ask
from tests.world.nodes import Country


async def test_the_board_follows_phones_while_they_hand_over(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    station, missing = ALL[0], ALL[1]
    row = operator.row(station.tps)
    await expect(row).to_contain_text(say("standing.missing"))
    await operator.is_accessible()
    officer = country.world.officer(station.tps)
    await hand_over(http, peso.direct_url, officer, signed_tally(officer, station))
    await expect(row).to_contain_text(say("standing.pages"))
    await expect(row).to_contain_text(say("state.at-centre").lower())
    await photograph(http, peso.direct_url, officer, station, pictures(station))
    await expect(row).to_contain_text(say("board.pages", held=3, of=3))
    await operator.sees("board.headline.one-form", done=1, total=16)
    rows = await operator.page.locator("a.station").evaluate_all("rows => rows.map(row => row.hash)")
    assert rows.index(f"#/tps/{missing.tps}") < rows.index(f"#/tps/{station.tps}")
    await operator.page.get_by_label(say("board.search")).fill("tps 2")
    await expect(row).to_have_count(0)
    await expect(operator.row(missing.tps)).to_be_visible()
    await operator.page.get_by_label(say("board.search")).fill("")
    await operator.page.get_by_role("button", name=say("standing.missing")).click()
    await expect(operator.page.locator("a.station")).to_have_count(15)


async def test_a_stations_screen_shows_figures_photographs_and_proofs_that_hold(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    station = ALL[0]
    officer = country.world.officer(station.tps)
    signed = signed_tally(officer, station)
    await hand_over(http, peso.direct_url, officer, signed)
    await photograph(http, peso.direct_url, officer, station, [*pictures(station, 2), b"%PDF-1.7 no picture"])
    await operator.row(station.tps).click()
    await expect(operator.page.get_by_role("heading", level=1)).to_be_focused()
    shown = operator.page.locator(".photograph img").first
    await shown.scroll_into_view_if_needed()
    await expect(shown).to_have_js_property("naturalWidth", 192)
    await operator.sees("page.no-picture")
    await shown.click()
    await expect(operator.page.get_by_role("dialog")).to_be_visible()
    await operator.page.keyboard.press("ArrowRight")
    await expect(operator.page.get_by_role("dialog").locator("strong")).to_have_text(say("page.name", page=2))
    await operator.is_accessible()
    await operator.page.keyboard.press("Escape")
    await expect(operator.page.get_by_role("dialog")).to_have_count(0)
    card = operator.page.locator("details.card").first
    await expect(card.locator("summary")).to_contain_text(say("state.at-centre"))
    async with operator.page.expect_download() as download:
        await card.get_by_role("link", name=say("station.proof")).click()
    kept = cose.parse(await saved(await download.value))
    assert kept.id == signed.id
    await card.get_by_role("button", name=say("proof.check")).click()
    await expect(card.locator(".notice.good")).to_contain_text("sah")
    await operator.is_accessible()
    await operator.page.go_back()
    await expect(operator.row(station.tps)).to_be_focused()


async def test_a_conflict_is_resolved_by_a_signed_note_that_both_pages_show(
    operator: Operator, peso: Place, browser: Browser, country: Country, http: aiohttp.ClientSession
) -> None:
    browser.forgive(CUT)
    station = ALL[0]
    officer = country.world.officer(station.tps)
    one, two = signed_tally(officer, station), signed_tally(officer, station, other(station))
    await hand_over(http, peso.direct_url, officer, one, two)
    await photograph(http, peso.direct_url, officer, station, pictures(station))
    await expect(operator.row(station.tps)).to_contain_text(say("standing.conflict"))
    await operator.row(station.tps).click()
    await operator.page.get_by_role("link", name=say("station.compare")).click()
    await operator.sees("resolve.headline", count=1, of=28)
    different = operator.page.locator(".beside > div > table tbody tr")
    await expect(different).to_have_count(1)
    await operator.is_accessible()
    await operator.page.get_by_role("radio", name=say("resolve.tally", letter="A")).check()
    await operator.page.get_by_label(say("resolve.reason")).fill("Dicocokkan dengan foto halaman 1.")
    handed = Handed(operator.page)
    peso.hotspot.down()
    await operator.press("resolve.sign")
    await operator.sees("relay-unreachable")
    peso.hotspot.up()
    await operator.press("resolve.sign")
    await operator.sees("resolve.sent")
    note = operator.page.locator(".note")
    await expect(note).to_have_count(1)
    await expect(note).to_contain_text(say("state.at-centre"))
    await expect(note).to_contain_text(say("note.favours", tally=say("resolve.tally", letter="A")))
    await note.get_by_role("button", name=say("proof.check")).click()
    await expect(note.locator(".notice.good")).to_contain_text(say("proof.receipt-holds", when="").split(",")[0])
    await operator.is_accessible()
    recorded = [item for item in await peso.recorded(http, station.tps) if item["kind"] == "note"]
    assert [(item["state"], item["favours"]) for item in recorded] == [("at-centre", one.id.hex())]
    answer = await ask(http, "GET", f"{peso.centre_for_us}/v1/statements/{recorded[0]['id']}/cose")
    signed = handed.by_id()[recorded[0]["id"]]
    assert answer.body == signed.bare
    check_holds(signed)
    said = statements.parse(answer.body)
    assert (said.kind, set(said.about), said.favours) == (Kind.NOTE, {one.id, two.id}, one.id)
    await operator.go("totals")
    await operator.sees("totals.by-note", count=1)
    await operator.page.goto(f"{peso.centre_url}/#/tps/{station.tps}")
    await expect(operator.page.locator("blockquote")).to_have_text("Dicocokkan dengan foto halaman 1.")


async def test_totals_say_what_they_cover_and_can_be_printed_and_saved(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    for station in ALL[:3]:
        officer = country.world.officer(station.tps)
        await hand_over(http, peso.direct_url, officer, signed_tally(officer, station))
    await operator.go("totals")
    page = operator.page
    await expect(page.locator(".headline")).to_contain_text(say("totals.coverage", **{"with": 3, "of": 16}))
    await operator.sees("totals.unofficial")
    votes = [sum((station.figures or ())[at] or 0 for station in ALL[:3]) for at in range(22, 25)]
    shown = await page.locator(".chart .value").all_inner_texts()
    assert [int(text.split()[0].replace(".", "")) for text in shown] == votes
    await operator.is_accessible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name=say("board.download-csv")).click()
    assert "TIDAK RESMI" in (await saved(await download.value)).decode("utf-8-sig")
    await page.emulate_media(media="print")
    await expect(page.locator(".masthead")).to_be_hidden()
    await expect(page.locator(".print-only")).to_be_visible()
    await expect(page.locator(".unofficial")).to_be_visible()
    await page.emulate_media(media="screen")
    await operator.go()
    async with page.expect_download() as download:
        await page.get_by_role("link", name=say("board.download-pdf")).click()
    assert (await saved(await download.value)).startswith(b"%PDF-")


async def test_a_stick_is_safe_to_remove_when_all_is_on_it(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    await operator.go("queue")
    await operator.sees("drive.waiting-for-a-stick")
    station = ALL[0]
    officer = country.world.officer(station.tps)
    lacking = hashlib.sha256(b"a page that never comes").digest()
    pages = [statements.Page(1, statements.DocumentHash(lacking), 5)]
    payload = statements.documents(tps=station.tps, form=FORM_CODE, revision=1, signed_at=1_763_700_000, pages=pages)
    await hand_over(http, peso.direct_url, officer, officer[0].sign(payload))  # so that something waits
    stick = country.folder / "media" / "KINGSTON" / batches.DRIVE
    stick.mkdir(parents=True)
    safe = operator.page.locator(".stick.safe")
    await expect(safe).to_have_text(say("drive.safe-to-remove"))
    await expect(operator.page.locator(".uplink h3")).to_contain_text("https")
    await operator.is_accessible()
    async with operator.page.expect_response("**/visit"):
        await operator.press("drive.serve-again")
    await expect(safe).to_be_visible()
    stick.parent.rename(country.folder / "carried")
    await operator.sees("drive.waiting-for-a-stick")


async def test_without_a_list_of_stations_the_board_does_not_pretend_that_all_are_there(
    at_relay: Place, browser: Browser, country: Country, http: aiohttp.ClientSession
) -> None:
    someone = await at_board(browser, at_relay)
    await someone.sees("board.empty")
    officer = country.world.officer(ALL[0].tps)
    await hand_over(http, at_relay.direct_url, officer, signed_tally(officer, ALL[0]))
    await someone.sees("board.no-list")
    await someone.sees("board.headline-unlisted.all-forms", done=0)
    await someone.page.get_by_label(say("totals.forms")).select_option(str(FORM_CODE))
    await someone.sees("board.headline-unlisted.one-form", done=1)
    await someone.is_accessible()


async def test_every_screen_is_readable_in_the_dark_in_both_languages(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    station = ALL[0]
    officer = country.world.officer(station.tps)
    tallies = signed_tally(officer, station), signed_tally(officer, station, other(station))
    await hand_over(http, peso.direct_url, officer, *tallies)
    await expect(operator.row(station.tps)).to_contain_text(say("standing.conflict"))
    await operator.page.emulate_media(color_scheme="dark")
    screens = {"": ".headline", f"tps/{station.tps}": "details.card", f"tps/{station.tps}/{FORM_CODE}": ".beside"}
    screens |= {"totals": ".chart", "queue": ".uplink", "phones": ".plain-list"}
    for language in ("id", "en"):
        await expect(operator.page.locator("html")).to_have_attribute("lang", language)
        for place, shows in screens.items():
            await operator.go(place, shows=shows)
            await operator.is_accessible()
        await operator.page.locator(".language").click()
