"""The PPK's page in a real Chromium, against a real relay and a real centre: seen live, resolved, replaced, carried."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Download, expect

from relay.demo.figures import FORM_CODE, Station, stations
from relay.drive import batches
from relay.protocol import cose, statements
from relay.protocol.enrolment import enrolment_code
from relay.protocol.statements import Kind
from tests.authorities import KECAMATAN
from tests.browser.chromium import DESK, Browser, axe, chromium
from tests.browser.operator import Operator, at_board, hand_over, peso_hilir, photograph, signed_tally
from tests.browser.place import Place, place
from tests.browser.words import say
from tests.world.enrolling import Phone
from tests.world.http import ask, post
from tests.world.nodes import Country

PICTURE = Path(__file__).parents[2] / "relay/web/pages/public/icon-192.png"
CUT = r"ERR_CONNECTION_RE|ERR_EMPTY_RESPONSE|ERR_NETWORK|ERR_SSL|status of 401"
ALL = [station for station in stations() if station.figures]


def pictures(station: Station, count: int = 3) -> list[bytes]:
    """Small pictures that browsers show, each of its own; what stands behind a PNG's end is passed over."""
    return [PICTURE.read_bytes() + f"{station.tps}/{number}".encode() for number in range(count)]


def other(station: Station) -> tuple[int | None, ...]:
    """The figures of somebody who read the first pair's votes otherwise."""
    assert station.figures is not None
    at = next(number for number, figure in enumerate(station.figures) if figure)
    return (*station.figures[:at], (station.figures[at] or 0) + 1, *station.figures[at + 1 :])


@pytest.fixture
async def peso(country: Country) -> AsyncIterator[Place]:
    """The relay of Peso Hilir and a centre."""
    async with place(country, peso_hilir(country.folder)) as made:
        yield made


@pytest.fixture
async def operator(peso: Place, browser: Browser) -> Operator:
    """Somebody at the kecamatan office who has logged in."""
    return await at_board(browser, peso)


async def saved(download: Download) -> bytes:
    """What the browser has saved."""
    return await asyncio.to_thread((await download.path()).read_bytes)


async def accessible(someone: Operator) -> None:
    """Nothing for axe to find, and nothing wider than the screen."""
    assert await axe(someone.page) == []
    assert (
        await someone.page.evaluate("document.documentElement.scrollWidth")
        <= (someone.page.viewport_size or {"width": 0})["width"]
    )


async def test_the_board_follows_phones_while_they_hand_over(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    station, missing = ALL[0], ALL[1]
    row = operator.row(station.tps)
    await expect(row).to_contain_text(say("standing.missing"))
    await accessible(operator)
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
    await operator.page.keyboard.press("ArrowRight")
    await expect(operator.page.get_by_role("dialog").locator("strong")).to_have_text(say("page.name", page=2))
    await accessible(operator)
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
    await accessible(operator)
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
    await accessible(operator)
    await operator.page.get_by_role("radio", name=say("resolve.tally", letter="A")).check()
    await operator.page.get_by_label(say("resolve.reason")).fill("Dicocokkan dengan foto halaman 1.")
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
    await accessible(operator)
    recorded = [item for item in await peso.recorded(http, station.tps) if item["kind"] == "note"]
    assert [(item["state"], item["favours"]) for item in recorded] == [("at-centre", one.id.hex())]
    answer = await ask(http, "GET", f"{peso.centre_for_us}/v1/statements/{recorded[0]['id']}/cose")
    said = statements.parse(answer.body)  # the centre has verified who signed it before it recorded it
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
    await accessible(operator)
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


async def test_a_lost_phone_is_replaced_and_its_key_revoked(
    operator: Operator, peso: Place, http: aiohttp.ClientSession
) -> None:
    station = ALL[0]
    code = enrolment_code(peso.new_code(station.tps))
    lost = Phone()
    officer = lost.party(await lost.ask(http, peso.direct_url, code), code)
    await operator.go("phones")
    await accessible(operator)
    await operator.page.get_by_role("button", name=f"TPS {int(station.number)}, {station.village}").click()
    await accessible(operator)
    await operator.press("phones.yes")
    await operator.sees("phones.revoked", revoked=1)
    await accessible(operator)
    shown = await operator.page.locator(".code").inner_text()
    refused = await post(http, peso.direct_url, signed_tally(officer, station).with_chain(officer[1]))
    assert refused.code == "signer-revoked"
    found = Phone()
    code = enrolment_code(shown)
    officer = found.party(await found.ask(http, peso.direct_url, code), code)
    await hand_over(http, peso.direct_url, officer, signed_tally(officer, station))
    await operator.go("queue")
    await operator.go("phones")
    await operator.sees("phones.replace")
    await expect(operator.page.get_by_text(shown)).to_have_count(0)


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
    await accessible(operator)
    await operator.press("drive.serve-again")
    await expect(safe).to_be_visible()
    stick.parent.rename(country.folder / "carried")
    await operator.sees("drive.waiting-for-a-stick")


async def test_the_page_says_that_the_relay_is_away_and_comes_back_by_itself(
    operator: Operator, peso: Place, browser: Browser, country: Country, http: aiohttp.ClientSession
) -> None:
    browser.forgive(CUT)
    live = operator.page.locator(".liveness")
    await expect(live).to_have_class("liveness live")
    peso.hotspot.down()
    await expect(live).to_have_class("liveness lost")
    await accessible(operator)
    station = ALL[0]
    officer = country.world.officer(station.tps)
    await hand_over(http, peso.direct_url, officer, signed_tally(officer, station))
    await expect(operator.row(station.tps)).to_contain_text(say("standing.missing"))
    peso.hotspot.up()
    await expect(live).to_have_class("liveness live")
    await expect(operator.row(station.tps)).to_contain_text(say("standing.pages"))
    await peso.stop_relay()
    await expect(live).to_have_class("liveness lost")
    await peso.start_relay()
    await operator.sees("login.ended")  # sessions live in the relay's memory
    await operator.log_in()
    await expect(operator.row(station.tps)).to_be_visible()
    await operator.press("login.out")
    await operator.sees("login.as", name="Rahmat", scope=KECAMATAN)
    assert (await operator.page.evaluate("fetch('/v1/board').then(answer => answer.status)")) == 401


async def test_the_relays_own_screen_sees_everything_and_changes_nothing(
    tmp_path: Path, country: Country, http: aiohttp.ClientSession
) -> None:
    change = peso_hilir(country.folder, screen=True)
    station = ALL[0]
    async with place(country, change) as peso, chromium(tmp_path / "screen", country.root_file, DESK) as browser:
        officer = country.world.officer(station.tps)
        tallies = signed_tally(officer, station), signed_tally(officer, station, other(station))
        await hand_over(http, peso.direct_url, officer, *tallies)
        screen = Operator(await browser.open(f"{peso.direct_url.replace('127.0.0.1', 'localhost')}/ppk/"))
        await expect(screen.row(station.tps)).to_contain_text(say("standing.conflict"))
        await accessible(screen)
        await screen.go("tps", station.tps, FORM_CODE)
        await screen.sees("resolve.log-in")
        await expect(screen.page.get_by_role("button", name=say("resolve.sign"))).to_have_count(0)
        await accessible(screen)
        await screen.go("phones")
        await expect(screen.page.get_by_text(say("phones.replace"))).to_have_count(0)
        await screen.page.get_by_role("link", name=say("login.title")).click()
        await screen.sees("login.first-time")
        browser.check()


async def test_who_knows_no_code_and_who_belongs_elsewhere_does_not_get_in(
    peso: Place, browser: Browser, http: aiohttp.ClientSession
) -> None:
    someone = Operator(await browser.open(f"{peso.url}/ppk/"))
    await someone.page.get_by_label(say("login.name")).fill("Orang lain")
    await someone.page.get_by_label(say("login.code")).fill("K7Q2-M4XD-9FTA")
    await someone.press("login.enrol")
    await someone.sees("code-unknown")
    await accessible(someone)
    await someone.page.get_by_label(say("login.code")).fill(peso.new_code(ALL[0].tps))  # an officer's
    await someone.press("login.enrol")
    await someone.sees("role-not-allowed")
    browser.forgive("status of 401")
    assert (await someone.page.evaluate("fetch('/v1/board').then(answer => answer.status)")) == 401


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
    await accessible(someone)


async def test_every_screen_is_readable_in_the_dark_in_both_languages(
    operator: Operator, peso: Place, country: Country, http: aiohttp.ClientSession
) -> None:
    station = ALL[0]
    officer = country.world.officer(station.tps)
    tallies = signed_tally(officer, station), signed_tally(officer, station, other(station))
    await hand_over(http, peso.direct_url, officer, *tallies)
    await expect(operator.row(station.tps)).to_contain_text(say("standing.conflict"))
    await operator.page.emulate_media(color_scheme="dark")
    for language in ("id", "en"):
        await expect(operator.page.locator("html")).to_have_attribute("lang", language)
        for parts in ([], ["tps", station.tps], ["tps", station.tps, FORM_CODE], ["totals"], ["queue"], ["phones"]):
            await operator.go(*parts)
            await expect(operator.page.locator("main h1")).to_be_visible()
            await expect(operator.page.get_by_text("…", exact=True)).to_have_count(0)
            await accessible(operator)
        await operator.page.locator(".language").click()
