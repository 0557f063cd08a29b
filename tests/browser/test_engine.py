"""The phone's engine in a real Chromium: nothing that was entered or signed is lost, and nothing is shown on hope."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay import verify
from relay.protocol import cose, slips
from relay.protocol.slips import Subject
from relay.web import site
from tests.authorities import TPS, World
from tests.browser.chromium import Browser
from tests.browser.engine import Phone, build
from tests.browser.place import Place
from tests.world.http import COSE, ask
from tests.world.nodes import Country, tally

BOTH = {"tally": True, "documents": True}
FIGURES = {"tally": True, "documents": False}
JPEG = b"\xff\xd8\xff"
AT_CENTRE = "items.length > 0 && items.every((item) => item.step === 'at-centre')"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where the pages and the engine were built, and the engine's address."""
    folder = tmp_path_factory.mktemp("built")
    return folder, build(folder)


@pytest.fixture
async def relay(monkeypatch: pytest.MonkeyPatch, module: tuple[Path, str], country: Country) -> AsyncIterator[Place]:
    """A relay that serves what was just built, and a centre."""
    from tests.browser.place import place

    monkeypatch.setattr(site, "routes", partial(site.routes, built=module[0]))
    async with place(country) as made:
        yield made


@pytest.fixture
async def phone(relay: Place, browser: Browser, module: tuple[Path, str]) -> Phone:
    """A phone whose officer has not enrolled."""
    return await Phone.open(browser, relay.url, module[1])


@pytest.fixture
async def officer(relay: Place, phone: Phone) -> Phone:
    """A phone whose officer has enrolled for one station."""
    await phone.ask("enrol", relay.new_code(TPS), "Ketua KPPS")
    return phone


def photograph(folder: Path, size_bytes: int = 300_000, start: bytes = JPEG) -> Path:
    """A file of its own each time."""
    path = folder / f"{secrets.token_hex(4)}.jpg"
    path.write_bytes(start + secrets.token_bytes(size_bytes - len(start)))
    return path


async def test_what_is_signed_reaches_the_centre_and_is_proven(officer: Phone, tmp_path: Path) -> None:
    await officer.fill({"votes.1": 97})
    paths = [photograph(tmp_path) for _ in range(3)]
    for number, path in enumerate(paths, 1):
        await officer.add_page(TPS, 2401, number, path)
    signed = await officer.ask("sign", TPS, 2401, BOTH)
    assert [item["step"] for item in signed] == ["on-phone", "on-phone"]
    await officer.wait_for(AT_CENTRE)
    assert await officer.see("drafts") == []
    for item in await officer.see("items"):
        assert item["receipt"]["verdict"] == "recorded"
        assert item["slip"]["relay"] == "relay 650108"
        assert all(page["slip"] for page in item["pages"])
        file = tmp_path / f"{item['kind']}.zip"
        file.write_bytes(await _file(officer, item["id"]))
        assert verify.main(["verify", "--export", str(file)]) == verify.RECORDED
        assert (await officer.ask("proofText", item["id"])).startswith("KPU1:")


async def test_a_draft_survives_every_reload(officer: Phone, tmp_path: Path) -> None:
    await officer.fill({"votes.1": 97, "votes.2": 0})
    page = await officer.add_page(TPS, 2401, 2, photograph(tmp_path))
    await officer.ask("swapPages", TPS, 2401, 2, 1)
    await officer.reload()
    (draft,) = await officer.see("drafts")
    assert draft["figures"].count(None) == len(draft["figures"]) - 2
    assert [(kept["number"], kept["document"]) for kept in draft["pages"]] == [(1, page["document"])]


async def test_a_photograph_goes_on_where_it_was_cut(
    relay: Place, officer: Phone, browser: Browser, tmp_path: Path
) -> None:
    browser.forgive("ERR_|Failed to load resource")
    size = 6_000_000
    await officer.fill({"votes.1": 97})
    await officer.add_page(TPS, 2401, 1, photograph(tmp_path, size))
    relay.hotspot.up(bytes_per_second=1_000_000)
    before = relay.hotspot.bytes_up
    await officer.ask("sign", TPS, 2401, BOTH)
    await officer.wait_for("items.some((item) => item.pages.some((page) => page.sentBytes > 2_500_000))")
    relay.hotspot.down()
    await officer.wait_for("!engine.relay.value.reachable")
    assert {item["kind"]: item["step"] for item in await officer.see("items")}["documents"] == "on-phone"
    await relay.stop_relay()
    await relay.start_relay()
    relay.hotspot.up()
    await officer.reload()  # what was signed is sent though nobody asks for it
    await officer.wait_for(AT_CENTRE)
    assert relay.hotspot.bytes_up - before < 1.5 * size


async def test_a_false_slip_is_shown_as_false_and_the_statement_stays_on_the_phone(
    officer: Phone, browser: Browser
) -> None:
    signer, chain = World().relay()

    async def forge(route: Any) -> None:
        about = cose.parse(route.request.post_data_buffer).id
        body = signer.sign(_slip_payload(about)).with_chain(chain)
        await route.fulfill(status=201, body=body, content_type="application/cose")

    await browser.context.route("**/v1/statements", forge)
    await officer.fill({"votes.1": 97})
    await officer.ask("sign", TPS, 2401, FIGURES)
    await officer.wait_for("items[0].trouble !== null")
    (item,) = await officer.see("items")
    assert (item["trouble"]["code"], item["step"], item["slip"]) == ("slip-false", "on-phone", None)
    await browser.context.unroute("**/v1/statements")
    await officer.ask("sendNow")
    await officer.wait_for(AT_CENTRE)


async def test_a_correction_is_the_next_revision_also_on_another_phone(
    relay: Place, officer: Phone, http: aiohttp.ClientSession, country: Country
) -> None:
    other = country.world.officer()
    told = await ask(
        http, "POST", f"{relay.direct_url}/v1/statements", data=tally(other).with_chain(other[1]), headers=COSE
    )
    assert told.status == 201
    await officer.fill({"votes.1": 97})
    await officer.ask("sign", TPS, 2401, FIGURES)
    await officer.wait_for(AT_CENTRE)
    again = await officer.ask("sign", TPS, 2401, FIGURES)
    assert [item["id"] for item in again] == [item["id"] for item in await officer.see("items")]
    await officer.fill({"votes.1": 98})
    assert (await officer.see("drafts"))[0]["revision"] == (await officer.see("items"))[0]["revision"] + 1
    await officer.ask("sign", TPS, 2401, FIGURES)
    await officer.wait_for(AT_CENTRE)
    first, second = sorted(await officer.see("items"), key=lambda item: int(item["revision"]))
    assert second["revision"] == first["revision"] + 1
    assert second["figures"] != first["figures"]


async def test_two_tabs_show_the_same_and_send_once(
    relay: Place, officer: Phone, browser: Browser, module: tuple[Path, str]
) -> None:
    second = await Phone.open(browser, relay.url, module[1])
    browser.requested.clear()
    await second.fill({"votes.1": 97})
    await officer.wait_for("engine.drafts.value.length === 1")
    await second.ask("sign", TPS, 2401, FIGURES)
    await officer.wait_for(AT_CENTRE)
    await second.wait_for(AT_CENTRE)
    assert sum(url.endswith("/v1/statements") for url in browser.requested) == 1
    await officer.page.close()
    await second.fill({"votes.1": 98})
    await second.ask("sign", TPS, 2401, FIGURES)  # the tab that is left sends now
    await second.wait_for(f"items.length === 2 && {AT_CENTRE}")


async def test_figures_are_kept_when_photographs_do_not_fit(
    relay: Place, browser: Browser, module: tuple[Path, str], tmp_path: Path
) -> None:
    first = await browser.open(f"{relay.url}/healthz")  # Chromium asks how much room there is once, and remembers it
    devtools = await browser.context.new_cdp_session(first)
    await devtools.send("Storage.overrideQuotaForOrigin", {"origin": relay.url, "quotaSize": 3_000_000})
    phone = await Phone.open(browser, relay.url, module[1])
    await phone.ask("enrol", relay.new_code(TPS), "Ketua KPPS")
    await phone.fill({"votes.1": 97})
    kept = await phone.add_page(TPS, 2401, 1, photograph(tmp_path))
    assert await phone.refused_page(TPS, 2401, 2, photograph(tmp_path, 20_000_000)) == "storage-full"
    assert (await phone.see("storage"))["full"]
    assert [page["document"] for page in (await phone.see("drafts"))[0]["pages"]] == [kept["document"]]
    await phone.fill({"votes.2": 3})
    await phone.ask("sign", TPS, 2401, BOTH)
    await phone.wait_for(f"items.length === 2 && {AT_CENTRE}")


async def test_files_as_people_give_them_are_taken_as_they_are(officer: Phone, tmp_path: Path) -> None:
    starts = {"pdf": b"%PDF-1.7\n", "heic": b"\0\0\0\x18ftypheic\0\0\0\0", "large": JPEG}
    sizes = {"pdf": 50_000, "heic": 900_000, "large": 20_000_000}
    warned = []
    for number, (name, start) in enumerate(starts.items(), 1):
        path = photograph(tmp_path, sizes[name], start)
        page = await officer.add_page(TPS, 2401, number, path)
        assert page["document"] == cose.sha256(path.read_bytes()).hex()
        warned.append(page["warnings"])
    assert warned == [["not-a-picture"], ["cannot-be-shown"], ["cannot-be-shown"]]
    again = await officer.add_page(TPS, 2401, 4, path)
    assert "same-as-another-page" in again["warnings"]
    await officer.ask("sign", TPS, 2401, {"tally": False, "documents": True})
    await officer.wait_for(AT_CENTRE, seconds=60)


async def test_only_the_receipt_lets_photographs_be_forgotten(relay: Place, officer: Phone, tmp_path: Path) -> None:
    page = await officer.add_page(TPS, 2401, 1, photograph(tmp_path))
    relay.hotspot.up(bytes_per_second=20_000)
    (item,) = await officer.ask("sign", TPS, 2401, {"tally": False, "documents": True})
    assert await officer.refused("forget", item["id"]) == "not-recorded-yet"
    relay.hotspot.up()
    await officer.wait_for(AT_CENTRE)
    assert await officer.page.evaluate("(document) => engine.photograph(document)", page["document"]) is not None
    await officer.ask("forget", item["id"])
    assert await officer.page.evaluate("(document) => engine.photograph(document)", page["document"]) is None


async def test_a_relay_that_lost_its_disk_gets_everything_again(
    relay: Place, officer: Phone, browser: Browser, tmp_path: Path
) -> None:
    browser.forgive("ERR_|Failed to load resource")
    uplinks = relay.config.uplink
    await relay.stop_relay()
    relay.config = replace(relay.config, uplink=())
    await relay.start_relay()
    await officer.fill({"votes.1": 97})
    await officer.add_page(TPS, 2401, 1, photograph(tmp_path))
    await officer.ask("sign", TPS, 2401, BOTH)
    await officer.wait_for("items.every((item) => item.step === 'at-relay')")
    await relay.stop_relay()
    node = replace(relay.config.node, data_directory=tmp_path / "another-disk")
    relay.config = replace(relay.config, node=node, uplink=uplinks)
    await relay.start_relay()
    await officer.ask("sendNow")
    await officer.wait_for(AT_CENTRE)


async def _file(phone: Phone, item: str) -> bytes:
    numbers = await phone.page.evaluate(
        "async (id) => [...new Uint8Array(await (await engine.proofFile(id)).arrayBuffer())]", item
    )
    return bytes(numbers)


def _slip_payload(statement: bytes) -> bytes:
    return slips.payload(Subject.STATEMENT, statement, 1, 1_800_000_000, True)
