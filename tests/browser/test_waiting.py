"""At a relay without a CA requests go to the kabupaten and answers come back; what the centre refuses is said.

The kabupaten is `authority`, with its folder and its codes, somewhere without a network.
"""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import FilePayload, expect

from relay.authority import enrolment_codes, exchange_files
from relay.authority.enrolment_codes import new_entry
from relay.config import EnrolmentConfig
from relay.demo.figures import FORM_CODE, Station
from relay.protocol import roles
from relay.protocol.enrolment import EnrolmentCode
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.browser.chromium import Browser, chromium
from tests.browser.officer import Officer, officer
from tests.browser.operator import Operator, peso_hilir, saved
from tests.browser.place import Place, place
from tests.browser.words import say
from tests.world.enrolling import KecamatanAuthority
from tests.world.http import ask
from tests.world.nodes import Country
from tests.world.operators import session
from tests.world.waiting import eventually


@pytest.fixture
def authority(country: Country) -> KecamatanAuthority:
    """The CA of Peso Hilir, with a code for its first station."""
    return KecamatanAuthority(country)


@pytest.fixture
async def relay(country: Country) -> AsyncIterator[Place]:
    """The relay of Peso Hilir, which has no CA, and a centre."""
    change = peso_hilir(country.folder)
    async with place(country, lambda config: replace(change(config), enrolment=EnrolmentConfig())) as made:
        yield made


async def test_requests_go_to_the_kabupaten_in_a_file_and_its_answers_come_back_to_phones_that_wait(
    relay: Place,
    authority: KecamatanAuthority,
    browser: Browser,
    station: Station,
    country: Country,
    tmp_path: Path,
    http: aiohttp.ClientSession,
) -> None:
    assert station.figures is not None
    home = tmp_path / "officer"
    ppk = Operator(await browser.open(f"{relay.url}/ppk/"))
    await ppk.ask_for_key(new_code(authority, Role.PPK, KECAMATAN))
    await ppk.sees("login.waiting")
    await ppk.is_accessible()
    await carry(http, relay, country, authority)
    await ppk.is_in()
    async with chromium(home, country.root_file) as phone:
        someone = await officer(phone, relay.url)
        await someone.enrol(authority.code(station.tps))
        await waits(someone)
        await someone.page.reload()
        await waits(someone)
    async with chromium(home, country.root_file) as phone:
        someone = await officer(phone, relay.url)
        await waits(someone)
        await ppk.go("phones")
        await ppk.sees("phones.no-ca")
        await expect(ppk.page.get_by_text("Yusuf")).to_be_visible()
        async with ppk.page.expect_download() as download:
            await ppk.page.get_by_role("link", name=say("phones.download-requests")).click()
        answers = answered(authority, await saved(await download.value))
        file: FilePayload = {"name": "answers.json", "mimeType": "application/json", "buffer": answers}
        await ppk.page.get_by_label(say("phones.upload-answers")).set_input_files(file)
        await ppk.sees("phones.answers-taken", count=1)
        await ppk.sees("phones.nobody-waits")
        await ppk.is_accessible()
        await expect(someone.heading).to_have_text("TPS 001")
        await someone.enter(station.tps, FORM_CODE, station.figures)
        await someone.sign(station.tps, FORM_CODE)
        await someone.until("at-centre")
        phone.check()
    (recorded,) = await relay.until_recorded(http, station.tps, 1)
    assert list(recorded["figures"].values()) == list(station.figures)


async def test_what_the_centre_refuses_is_said_stays_and_is_signed_anew_with_a_new_code(
    relay: Place,
    authority: KecamatanAuthority,
    browser: Browser,
    station: Station,
    gallery: list[Path],
    country: Country,
    http: aiohttp.ClientSession,
) -> None:
    browser.forgive("403")
    tps, whole = station.tps, relay.config
    await restart(relay, uplink=())  # far from the centre
    someone = await officer(browser, relay.url)
    page = someone.page
    await someone.enrol(authority.code(tps))
    await answer_comes(someone, carry(http, relay, country, authority))
    await expect(someone.heading).to_have_text("TPS 001")
    boxes = await someone.sheet(tps, FORM_CODE, "IV")
    await boxes.first.fill("7")
    await someone.photograph(tps, FORM_CODE, gallery[:1])
    await someone.sign(tps, FORM_CODE)
    await someone.until("at-relay")
    statement = await someone.item_id()
    await revoke(http, relay, country, authority, tps)
    await restart(relay, uplink=whole.uplink)

    await someone.until("at-centre")
    await page.reload()
    await expect(page.locator("ol.steps.refused")).to_be_visible()
    await expect(page.get_by_text(say("verdict.refused"))).to_be_visible()
    await expect(page.get_by_text(say("signer-revoked"))).to_be_visible()
    await someone.go("tps", tps)
    refused = page.locator(".item-line").filter(has_text=say("state.refused"))
    await expect(refused).to_have_count(2)  # figures, and photographs
    await someone.sheet(tps, FORM_CODE, "IV")
    await expect(boxes.first).to_have_value("007")
    await someone.go("tps", tps, FORM_CODE, "photographs")
    await expect(page.locator(".page-shown")).to_have_count(1)

    await someone.open_item(statement)
    await page.get_by_role("link", name=say("new-code.title")).click()
    await someone.enrol("K7Q2-M4XD-9FTA")
    await answer_comes(someone, carry(http, relay, country, authority))
    await expect(page.get_by_text(say("code-unknown"))).to_be_visible()
    await someone.enrol(new_code(authority, Role.KPPS, tps))
    await waits(someone)
    await page.reload()
    await answer_comes(someone, carry(http, relay, country, authority))
    await expect(someone.heading).to_have_text("TPS 001")
    await someone.sign(tps, FORM_CODE)
    await someone.until("at-centre")
    await expect(page.get_by_text(say("verdict.recorded"), exact=True)).to_be_visible()
    verdicts = {item["id"]: item["state"] for item in await relay.until_recorded(http, tps, 4)}
    assert verdicts.pop(statement) == "refused"
    assert sorted(verdicts.values()) == ["at-centre", "at-centre", "refused"]


async def waits(someone: Officer) -> None:
    """The page says that the answer is yet to come."""
    await expect(someone.heading).to_have_text(say("enrol.waiting"))
    await expect(someone.page.get_by_text(say("enrol.waiting-next"))).to_be_visible()


async def answer_comes(someone: Officer, carrying: Awaitable[None]) -> None:
    """To somebody who waits, and who presses once it may be here."""
    await waits(someone)
    await carrying
    await someone.page.get_by_role("button", name=say("enrol.ask-again")).click()


def new_code(authority: KecamatanAuthority, role: Role, scope: str) -> EnrolmentCode:
    """One more row in the kabupaten's list."""
    entry = new_entry(role, scope, "")
    enrolment_codes.EnrolmentCodes(authority.codes_file).append(entry)
    return entry.code


def answered(authority: KecamatanAuthority, requests: bytes) -> bytes:
    """The file of answers that the kabupaten makes of a file of requests."""
    waiting = exchange_files.read_requests(requests)
    return exchange_files.answers_file(exchange_files.answer(authority.desk(), waiting, datetime.now(UTC)))


async def carry(http: aiohttp.ClientSession, relay: Place, country: Country, authority: KecamatanAuthority) -> None:
    """Another operator takes all requests to the kabupaten, and the answers back."""
    url = f"{relay.direct_url}/v1/enrolments"
    requests = await ask(http, "GET", url, headers=await session(http, relay.direct_url, country.world.operator()))
    taken = await ask(http, "POST", f"{url}/answers", data=answered(authority, requests.body))
    assert (taken.json["taken"], taken.json["passed_over"]) == (1, [])


async def revoke(
    http: aiohttp.ClientSession, relay: Place, country: Country, authority: KecamatanAuthority, tps: str
) -> None:
    """The kabupaten revokes who speaks for a station, and brings the CRL to the centre, which takes it in."""
    ca = authority.open()
    ca.revoke(ca.serials_of(roles.urn(Role.KPPS, tps)))
    (country.trust_folder / "ca-650108.der").write_bytes(ca.chain[0])
    (country.trust_folder / "crl.der").write_bytes(ca.crl())

    async def known() -> bool:
        return bool((await ask(http, "GET", f"{relay.centre_for_us}/v1/trust")).json["crls"])

    await eventually(known)


async def restart(relay: Place, **changes: object) -> None:
    """The relay with other settings, on the data that it had before."""
    await relay.stop_relay()
    relay.config = replace(relay.config, **changes)  # type: ignore[arg-type]
    await relay.start_relay()
