"""The phone's page in the hands of tired people with cheap phones, and of somebody who means harm.

Nothing that was entered, photographed or signed is lost, whatever is done to phone, page and network; and whatever goes
wrong is said in a sentence.
"""

import asyncio
import io
import json
import re
import zipfile
from pathlib import Path

import aiohttp
import pytest
from PIL import Image
from playwright.async_api import expect

from relay.demo.figures import FORM_CODE, Station
from relay.protocol import forms
from relay.protocol.enrolment import enrolment_code
from relay.protocol.forms import Figures, Form
from tests.browser.chromium import Browser, chromium
from tests.browser.officer import Officer, officer
from tests.browser.place import Place
from tests.browser.words import say
from tests.world.enrolling import Phone
from tests.world.http import ask
from tests.world.nodes import Country
from tests.world.operators import session

DPR, COUNCIL = 2403, 2405
TAKEN = ("20 MB.jpg", "pindaian.pdf", "IMG_0001.HEIC", "layar.png", "miring.jpg")
OFFLINE = "ERR_INTERNET_DISCONNECTED"


@pytest.fixture
def papers(tmp_path: Path) -> dict[str, Path]:
    """What people have in their galleries, by name."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    contents = {
        "20 MB.jpg": large_photograph(20_000_000),
        "IMG_0001.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(256)) * 800,
        "pindaian.pdf": b"%PDF-1.7\n" + b"1 0 obj <<>> endobj\n" * 2000,
        "catatan.jpg": b"Hasil TPS 001: lihat kertas.\n" * 9,
        "kosong.jpg": b"",
        "layar.png": png(1080, 2400),
        "miring.jpg": sideways(),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in contents}


def large_photograph(size_bytes: int) -> bytes:
    """A JPEG of 48 million pixels, as a phone's best camera makes them; a decoder leaves out what is behind its end."""
    out = io.BytesIO()
    page = Image.effect_noise((1000, 750), 80).resize((8000, 6000))
    page.save(out, "JPEG", quality=80)
    return out.getvalue().ljust(size_bytes, b"\0")


def sideways() -> bytes:
    """A page photographed with the phone turned: only its EXIF data says which side is up."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((1600, 1000), 90).save(out, "JPEG", exif=exif)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    """A bright picture in the PNG format."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 90).point(lambda light: min(255, light + 40)).save(out, "PNG")
    return out.getvalue()


async def test_files_of_every_kind_are_warned_of_and_sent_as_they_are(
    enrolled: Officer, at_relay: Place, station: Station, papers: dict[str, Path], http: aiohttp.ClientSession
) -> None:
    page = enrolled.page
    await enrolled.go("tps", station.tps, DPR, "photographs")
    cards = page.locator(".page-card")

    async def take(number: int, name: str) -> None:
        await cards.nth(number - 1).locator("input[multiple]").set_input_files(papers[name])
        await expect(cards.nth(number - 1)).to_contain_text(name)

    await cards.first.locator("input[multiple]").set_input_files(papers["kosong.jpg"])
    await expect(page.get_by_role("alert")).to_contain_text(say("photograph-damaged"))
    await take(1, "20 MB.jpg")
    await take(2, "catatan.jpg")  # the wrong page: replaced below
    await expect(cards.nth(1)).to_contain_text(say("warning.not-a-picture"))
    await take(2, "IMG_0001.HEIC")
    await expect(cards.nth(1)).to_contain_text(say("warning.cannot-be-shown"))
    await expect(cards.nth(1)).to_contain_text(say("photo.no-preview"))
    await take(3, "pindaian.pdf")
    await expect(cards.nth(2)).to_contain_text(say("warning.not-a-picture"))
    await take(6, "miring.jpg")
    shown = cards.nth(5).locator("canvas:not([hidden])")
    assert await shown.evaluate("({ width, height }) => height > width")
    await take(4, "layar.png")
    await take(5, "layar.png")
    await expect(cards.nth(4)).to_contain_text(say("warning.same-as-another-page"))
    await cards.nth(4).get_by_role("button", name=say("photo.remove")).click()
    await expect(cards.nth(4)).not_to_contain_text("layar.png")
    await cards.nth(2).get_by_role("button", name=say("photo.page-short", number=2)).click()
    await expect(cards.nth(1)).to_contain_text("pindaian.pdf")
    expected = [papers[name].read_bytes() for name in TAKEN]
    for file in papers.values():
        file.unlink()  # cleared out of the gallery before they are sent
    await enrolled.sign(station.tps, DPR)
    await enrolled.until("at-centre")
    assert await at_relay.photographs(http, station.tps) == expected


async def test_airplane_mode_at_every_step_loses_nothing(
    browser: Browser, at_relay: Place, station: Station, gallery: list[Path]
) -> None:
    assert station.figures is not None
    browser.forgive(OFFLINE)
    someone = await officer(browser, at_relay.url)
    page = someone.page
    await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    await browser.context.set_offline(True)
    await page.close()
    someone = await officer(browser, at_relay.url)  # the service worker opens it
    page = someone.page
    code = at_relay.new_code(station.tps)
    await someone.type_code(code)
    await someone.main.click()
    await expect(page.get_by_text(say("relay-unreachable"))).to_be_visible()
    await browser.context.set_offline(False)
    await someone.main.click()
    await expect(someone.heading).to_have_text("TPS 001")
    await browser.context.set_offline(True)
    await someone.enter(station.tps, FORM_CODE, station.figures)
    await someone.photograph(station.tps, FORM_CODE, gallery)
    await someone.sign(station.tps, FORM_CODE)
    assert await someone.step() == say("state.on-phone")
    statement = await someone.item_id()
    await page.reload()
    await someone.open_item(statement)
    assert await someone.step() == say("state.on-phone")
    await browser.context.set_offline(False)
    await someone.until("at-centre")


async def test_a_browser_that_is_killed_at_every_step_goes_on_where_it_was(
    tmp_path: Path, country: Country, at_relay: Place, station: Station, gallery: list[Path]
) -> None:
    home = tmp_path / "phone"
    tps = station.tps
    async with chromium(home, country.root_file) as browser:
        someone = await officer(browser, at_relay.url)
        await someone.enrol(at_relay.new_code(tps))
        boxes = await someone.sheet(tps, FORM_CODE, "IV")
        await boxes.first.focus()
        await someone.page.keyboard.type("09")
        await expect(boxes.first).to_have_value("09")
        await someone.photograph(tps, FORM_CODE, gallery[:1])
        browser.kill()
    async with chromium(home, country.root_file) as browser:
        at_relay.hotspot.down()
        browser.forgive("ERR_")
        someone = await officer(browser, f"{at_relay.url}/#/tps/{tps}/{FORM_CODE}/fill/IV")
        await expect(someone.page.locator(".boxes input").first).to_have_value("009")
        await someone.sign(tps, FORM_CODE)
        browser.kill()
    async with chromium(home, country.root_file) as browser:
        at_relay.hotspot.up()
        someone = await officer(browser, f"{at_relay.url}/#/tps/{tps}")
        await someone.page.locator("a.item-line").last.click()
        await someone.until("at-centre")
        await someone.page.go_back()
        await someone.page.locator("a.item-line").first.click()
        await someone.until("at-centre")


async def test_two_tabs_edit_one_draft_and_sign_one_statement(
    enrolled: Officer, browser: Browser, at_relay: Place, station: Station, http: aiohttp.ClientSession
) -> None:
    tps = station.tps
    other = await officer(browser, at_relay.url)
    here, there = [await one.sheet(tps, FORM_CODE, "IV") for one in (enrolled, other)]
    for turn in range(3):
        await here.nth(0).fill(f"{turn + 1}")
        await there.nth(1).fill(f"{turn + 4}")
    for boxes in (here, there):
        await expect(boxes.nth(0)).to_have_value(re.compile("^0*3$"))
        await expect(boxes.nth(1)).to_have_value(re.compile("^0*6$"))
    for one in (enrolled, other):
        await one.review(tps, FORM_CODE)
    await enrolled.check_doubts()
    await expect(other.doubts).to_have_count(0)  # what was said in one tab is said in both
    for one in (enrolled, other):
        await one.main.click()
    await asyncio.gather(*(one.page.locator("dialog .main").click() for one in (enrolled, other)))
    for one in (enrolled, other):
        await expect(one.heading).not_to_have_text(say("review.title"))
    (recorded,) = await at_relay.until_recorded(http, tps, 1)
    assert list(recorded["figures"].values()).count(3) == 1 == list(recorded["figures"].values()).count(6)


async def test_the_back_button_loses_nothing_at_any_step(
    browser: Browser, at_relay: Place, station: Station, gallery: list[Path]
) -> None:
    someone = await officer(browser, at_relay.url)
    page, tps = someone.page, station.tps
    code = at_relay.new_code(tps)
    await someone.type_code(code)
    await page.get_by_role("link", name=say("settings.title")).click()
    await page.go_back()
    await page.reload()  # phones close pages while one looks for the code elsewhere
    await expect(page.get_by_label(say("enrol.code"))).to_have_value(code)
    await expect(page.get_by_label(say("enrol.name"))).to_have_value("Yusuf")
    await someone.main.click()
    await expect(someone.heading).to_have_text("TPS 001")
    boxes = await someone.sheet(tps, FORM_CODE, "IV")
    await boxes.first.fill("7")
    await page.go_back()
    await someone.go("tps", tps, FORM_CODE, "photographs")
    await page.locator(".page-card input[multiple]").first.set_input_files(gallery[0])
    await page.go_back()  # while it is being kept
    await page.go_forward()
    await expect(page.locator(".page-shown")).to_have_count(1)
    await someone.review(tps, FORM_CODE)
    await someone.check_doubts()
    await someone.main.click()
    await page.go_back()  # out of the question whether to sign
    await expect(page.locator("dialog")).to_have_count(0)
    await someone.sign(tps, FORM_CODE)
    await page.go_back()
    await page.go_forward()
    await someone.until("at-centre")


async def test_figures_go_up_from_a_phone_without_room_and_photographs_once_there_is_room(
    browser: Browser, at_relay: Place, station: Station, papers: dict[str, Path]
) -> None:
    tps = station.tps
    first = await browser.open(f"{at_relay.url}/healthz")  # Chromium asks how much room there is once, and remembers it
    browser.forgive("favicon")
    devtools = await browser.context.new_cdp_session(first)
    quota = {"origin": at_relay.url, "quotaSize": 5_000_000}
    await devtools.send("Storage.overrideQuotaForOrigin", quota)
    someone = await officer(browser, at_relay.url)
    await someone.enrol(at_relay.new_code(tps))
    await someone.go("tps", tps, FORM_CODE, "photographs")
    picker = someone.page.locator(".page-card input[multiple]").first
    await picker.set_input_files(papers["20 MB.jpg"])
    await expect(someone.page.get_by_role("alert")).to_contain_text(say("storage-full"))
    boxes = await someone.sheet(tps, FORM_CODE, "IV")
    await boxes.first.fill("7")
    await someone.sign(tps, FORM_CODE)
    await someone.until("at-centre")
    await devtools.send("Storage.overrideQuotaForOrigin", quota | {"quotaSize": 500_000_000})
    await someone.photograph(tps, FORM_CODE, [papers["20 MB.jpg"]])
    await expect(someone.page.get_by_text(say("storage-full"))).to_have_count(0)


@pytest.mark.parametrize("year", ["2020", "2033"])
async def test_a_clock_that_is_years_off_is_said_and_flagged_and_blocks_nothing(
    browser: Browser, at_relay: Place, station: Station, http: aiohttp.ClientSession, year: str
) -> None:
    await browser.context.clock.install()
    await browser.context.clock.set_system_time(f"{year}-03-01")
    someone = await officer(browser, at_relay.url)
    await someone.enrol(at_relay.new_code(station.tps))
    boxes = await someone.sheet(station.tps, FORM_CODE, "IV")
    await boxes.first.fill("7")
    which = "notice.clock-ahead" if year > "2026" else "notice.clock-behind"
    await expect(someone.page.get_by_text(re.compile(say(which, off=".+ hari")))).to_be_visible()
    await someone.sign(station.tps, FORM_CODE)
    await someone.until("at-centre")
    await expect(someone.page.get_by_text(say("clock-doubtful"))).to_be_visible()
    browser.forgive("ERR_")
    at_relay.hotspot.down()  # as when the wrong date makes every certificate invalid
    await browser.context.clock.set_system_time("2012-01-01" if year < "2026" else "2048-01-01")
    await someone.page.reload()
    await expect(someone.page.get_by_text("dengan tanggal yang salah")).to_be_visible()


async def test_codes_that_do_not_work_are_said_and_lose_nothing(
    browser: Browser, at_relay: Place, station: Station, http: aiohttp.ClientSession
) -> None:
    spent, foreign = at_relay.new_code(station.tps), at_relay.new_code("9107082001001")
    await Phone().ask(http, at_relay.direct_url, enrolment_code(spent))
    someone = await officer(browser, at_relay.url)
    name = someone.page.get_by_label(say("enrol.name"))
    for code, why in ((spent, "code-spent"), (foreign, "ca-outside-scope"), ("K7Q2-M4XD-9FTA", "code-unknown")):
        await someone.type_code(code)
        await someone.main.click()
        await expect(someone.page.get_by_text(say(why))).to_be_visible()
        await expect(name).to_have_value("Yusuf")


async def test_after_a_replacement_the_old_phone_says_what_to_do_and_loses_nothing(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    country: Country,
    gallery: list[Path],
    tmp_path: Path,
    http: aiohttp.ClientSession,
) -> None:
    tps, page = station.tps, enrolled.page
    assert station.figures is not None
    browser.forgive("403")  # what the relay answers to a revoked key
    code = await _replace(http, at_relay, country, tps)
    await enrolled.enter(tps, FORM_CODE, station.figures)
    await enrolled.photograph(tps, FORM_CODE, gallery[:1])
    await enrolled.sign(tps, FORM_CODE)
    await expect(page.get_by_text(say("signer-revoked"))).to_be_visible()
    assert "statement.cose" in zipfile.ZipFile(await enrolled.save_proof(tmp_path)).namelist()
    await page.go_back()
    await page.get_by_role("link", name=say("new-code.title")).click()
    await expect(page.get_by_label(say("enrol.code"))).to_have_value("")
    await expect(page.get_by_label(say("enrol.name"))).to_have_value("Yusuf")
    await enrolled.type_code(code)
    await enrolled.main.click()
    await expect(page.get_by_role("link", name=re.compile(say("next.mend", form="C.HASIL-PPWP")))).to_be_visible()
    await enrolled.sign(tps, FORM_CODE)
    await enrolled.until("at-centre")
    recorded = await at_relay.until_recorded(http, tps, 2)
    assert [list(item["figures"].values()) for item in recorded if item["kind"] == "tally"] == [list(station.figures)]


async def test_a_correction_that_a_revoked_key_signed_is_signed_anew_with_the_same_figures(
    enrolled: Officer,
    browser: Browser,
    at_relay: Place,
    station: Station,
    country: Country,
    http: aiohttp.ClientSession,
) -> None:
    tps, page = station.tps, enrolled.page
    assert station.figures is not None
    browser.forgive("403")
    await enrolled.enter(tps, FORM_CODE, station.figures)
    await enrolled.sign(tps, FORM_CODE)
    await enrolled.until("at-centre")
    code = await _replace(http, at_relay, country, tps)
    boxes = await enrolled.sheet(tps, FORM_CODE, "V")
    await boxes.nth(1).fill("9")
    await enrolled.sign(tps, FORM_CODE)
    await expect(page.get_by_text(say("signer-revoked"))).to_be_visible()
    await page.get_by_role("link", name=say("new-code.title")).click()
    await enrolled.enrol(code)
    await enrolled.sign(tps, FORM_CODE)
    await enrolled.until("at-centre")
    recorded = await at_relay.until_recorded(http, tps, 2)
    assert [(item["revision"], item["figures"]["invalid"]) for item in recorded] == [(1, 0), (2, 9)]


async def _replace(http: aiohttp.ClientSession, place: Place, country: Country, tps: str) -> str:
    """The one-time code for a new phone; the old one's key is revoked."""
    operator = await session(http, place.direct_url, country.world.operator())
    headers = {**operator, "Content-Type": "application/json"}
    asked = json.dumps({"scope": tps})
    answer = await ask(http, "POST", f"{place.direct_url}/v1/replacements", data=asked, headers=headers)
    return str(answer.json["code"])


async def test_eighteen_parties_with_ten_candidates_each_are_entered_by_thumb_alone(
    enrolled: Officer, at_relay: Place, station: Station, http: aiohttp.ClientSession
) -> None:
    figures = _council(forms.catalogue()[COUNCIL])
    await enrolled.enter(station.tps, COUNCIL, figures)
    assert await enrolled.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await enrolled.review(station.tps, COUNCIL)
    await expect(enrolled.page.get_by_text(say("review.all-agree"))).to_be_visible()
    await enrolled.sign(station.tps, COUNCIL)
    await enrolled.until("at-centre")
    (recorded,) = await at_relay.until_recorded(http, station.tps, 1)
    assert list(recorded["figures"].values()) == list(figures)


def _council(form: Form) -> Figures:
    """Figures of a council's form that break no rule: 198 who came, one vote for each candidate and party."""
    named = {field.id: 0 for field in form.fields}
    for name in named:
        party, _, last = name.removeprefix("votes.").partition(".")
        named[name] = (11 if last == "total" else 1) if party.isdigit() else 0
    named |= {"dpt.l": 100, "dpt.p": 100, "dpt.j": 200, "ballots_received": 204, "ballots_used": 198}
    named |= {"ballots_unused": 6, "valid": 198, "total": 198}
    for who in ("users_dpt", "users"):
        named |= {f"{who}.l": 99, f"{who}.p": 99, f"{who}.j": 198}
    return form.figures(named)
