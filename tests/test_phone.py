"""The reference client against real relays and a real centre: what it promises its officer."""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from relay import cli
from relay.authority import keys
from relay.config import AnnounceConfig, ListenConfig
from relay.errors import Code, NotNow, Rejected
from relay.http import COSE_TYPE, problem, server_tls, text64
from relay.identity import read_certificates
from relay.listening import listening
from relay.phone import finder
from relay.phone import outbox as outbox_module
from relay.phone import photographs as originals
from relay.phone.client import RelayConnection
from relay.phone.finder import Candidate
from relay.phone.outbox import Outbox
from relay.phone.sending import SendReport, send
from relay.phone.tls import relay_tls
from relay.protocol import codes, cose, forms, receipts, slips, statements
from relay.protocol.certificates import parse_certificate
from relay.protocol.forms import Figures
from relay.protocol.lifecycle import State
from relay.protocol.receipts import Outcome, Verdict
from relay.protocol.roles import Role
from relay.protocol.slips import Subject
from relay.protocol.statements import StatementId
from tests.authorities import TPS, World, new_key
from tests.world.nodes import LOOPBACK, Country, running_centre, running_relay
from tests.world.processes import free_port
from tests.world.waiting import eventually

STATION = codes.tps_code(TPS)
FORM = 2401
CODE = "K7QM-2XHV-9TRA-CW4E"


def clock() -> int:
    return int(time.time())


def figures(**named: int | None) -> Figures:
    """A whole presidential form whose arithmetic holds."""
    people = {"dpt": (60, 62), "users_dpt": (50, 60), "users_dptb": (4, 3), "users_dpk": (1, 2), "users": (55, 65)}
    whole: dict[str, int | None] = {"disabled.l": 0, "disabled.p": 1, "disabled.j": 1}
    for name, (men, women) in people.items():
        whole |= {f"{name}.l": men, f"{name}.p": women, f"{name}.j": men + women}
    whole |= {"ballots_received": 125, "ballots_used": 120, "ballots_spoilt": 1, "ballots_unused": 4}
    whole |= {"votes.1": 5, "votes.2": 97, "votes.3": 14, "valid": 116, "invalid": 4, "total": 120}
    return forms.catalogue()[FORM].figures(whole | named)


def pkcs12(country: Country, role: Role = Role.KPPS, scope: str = TPS) -> bytes:
    """A PKCS#12 file as enrolment makes it, opened by `CODE`."""
    key = new_key()
    _, chain = country.world.leaf(role, scope, key=key)
    leaf, *above = [parse_certificate(der) for der in chain]
    return keys.pkcs12_file(f"KPPS {scope}", key, leaf, above, CODE)


def new_outbox(country: Country, name: str = "phone", tps: str = TPS) -> Outbox:
    """An officer's outbox."""
    typed = CODE.lower().replace("-", " ")
    return outbox_module.create(country.folder / name, pkcs12(country, scope=tps), typed, country.world.root_der, clock)


def photographs(folder: Path, *sizes: int) -> dict[int, Path]:
    """Files that stand for pages 1, 2, …."""
    pages = {}
    for number, size in enumerate(sizes, 1):
        pages[number] = folder / f"page-{number}.jpg"
        pages[number].write_bytes(b"\xff\xd8\xff" + bytes([number]) * (size - 3))
    return pages


@pytest.fixture
def phone(country: Country) -> Outbox:
    return new_outbox(country)


async def test_a_tally_and_its_photographs_go_from_phone_to_receipt(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    tally = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    listing = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 300_000, 1000, 40_000))
    assert (tally.state, tally.flags, listing.state) == (State.ON_PHONE, (), State.ON_PHONE)
    seen: list[tuple[bytes, int, int]] = []
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        report = await send(phone, [relay], wait_seconds=20, progress=lambda *what: seen.append(what))
    assert report == SendReport(relays=["relay 650108"], slips=5, receipts=2)
    assert [entry.state for entry in phone.entries()] == [State.AT_CENTRE, State.AT_CENTRE]
    assert phone.entry(listing.statement.id).pages_held == 3
    assert seen[-1][1] == seen[-1][2]
    assert len({document for document, _, _ in seen}) == 3


async def test_what_a_relay_has_is_not_sent_again_and_a_second_relay_later_adds_its_slips(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    tally = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    listing = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000, 6000))
    async with (
        running_relay(country.relay_config("one")) as one,
        running_relay(country.relay_config("two", scope="6501")) as two,
    ):
        first = await send(phone, [one])
        assert (first.slips, first.handed_over, first.without_receipt) == (4, True, 2)
        assert (await send(phone, [one])).slips == 0
        assert (await send(phone, [one, two])).relays == ["relay 650108"]
        assert (await send(phone, [two])).slips == 4
    assert len(phone.entry(tally.statement.id).slips) == 2
    assert len(phone.entry(listing.statement.id).slips) == 6
    assert phone.entry(tally.statement.id).state is State.AT_RELAY


async def test_a_relay_that_is_away_is_passed_over(country: Country, phone: Outbox) -> None:
    phone.sign_tally(phone.officer(), STATION, FORM, figures())
    nobody = f"https://{LOOPBACK}:{free_port()}"
    away = await send(phone, [nobody])
    assert (away.on_phone, away.problems[0].code) == (1, Code.UPLINK_DOWN)
    async with running_relay(country.relay_config()) as relay:
        report = await send(phone, [nobody, relay])
    assert (report.slips, report.handed_over, report.relays) == (1, True, ["relay 650108"])


async def test_a_relay_that_lost_its_disk_gets_everything_again(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000))
    async with running_relay(country.relay_config("before")) as relay:
        await send(phone, [relay])
    async with running_relay(country.relay_config("after")) as relay:
        assert (await send(phone, [relay])).slips == 2
        assert (await send(phone, [relay])).slips == 0
    assert phone.entry(entry.statement.id).state is State.AT_RELAY


async def test_a_cut_photograph_goes_on_where_the_relay_stands(country: Country, phone: Outbox, tmp_path: Path) -> None:
    size = 2_000_000
    phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, size))
    async with running_relay(country.relay_config()) as relay, cutting_link(relay, cut_after=900_000) as link:
        report = await send(phone, [link.url], sleep=no_pause)
        assert report.handed_over
        assert link.cuts == 1
        assert link.bytes_up < size + 600_000  # at most the piece under way crosses twice
        assert link.bytes_up > size


async def test_a_photograph_begun_at_one_time_is_finished_at_another(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 1_000_000))
    async with running_relay(country.relay_config()) as relay:
        async with cutting_link(relay, cut_after=500_000, cuts_max=1000) as link:
            cut = await send(phone, [link.url], sleep=no_pause)
            assert (cut.photographs_on_phone, cut.on_phone) == (1, 0)
            assert phone.entry(entry.statement.id).state is State.AT_RELAY
        offsets: list[int] = []
        report = await send(phone, [relay], progress=lambda _document, arrived, _size: offsets.append(arrived))
    assert report.handed_over
    assert offsets[0] > 100_000
    assert offsets[-1] == 1_000_000


async def test_a_photograph_spoilt_on_the_way_is_sent_again_from_the_beginning(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 50_000))
    page = entry.statement.pages[0]
    async with running_relay(country.relay_config()) as relay:
        async with RelayConnection(relay, relay_tls(phone.root_file)) as connection:
            await connection.hand_over(entry.statement.signed, entry.signer_chain)
            await connection.begin_upload(page.document, page.size_bytes)
            await connection.append(page.document, 0, b"x" * 1000)  # as if the relay's disk had spoilt the beginning
        offsets: list[int] = []
        report = await send(phone, [relay], progress=lambda _document, arrived, _size: offsets.append(arrived))
    assert report.handed_over
    assert (offsets[0], offsets[-1]) == (1000, 50_000)
    assert 0 in offsets[1:]


async def test_a_photograph_that_the_relay_dropped_after_its_receipt_is_not_wanted_again(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000))
    document = entry.statement.pages[0].document
    async with running_relay(country.relay_config()) as relay:
        await send(phone, [relay])
        (country.folder / "relay" / "documents" / document.hex()[:2] / document.hex()).unlink()
        async with RelayConnection(relay, relay_tls(phone.root_file)) as connection:
            assert await connection.offset(document) == 5000
            assert await connection.append(document, 5000, b"") == 5000


async def test_a_damaged_original_is_not_sent(country: Country, phone: Outbox, tmp_path: Path) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000))
    path = entry.photograph(entry.statement.pages[0].document)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    async with running_relay(country.relay_config()) as relay:
        report = await send(phone, [relay])
    assert report.photographs_on_phone == 1
    assert report.problems[0].code is Code.DOCUMENT_ALTERED


async def test_originals_are_copies_that_later_edits_do_not_reach(phone: Outbox, tmp_path: Path) -> None:
    pages = photographs(tmp_path, 5000)
    before = pages[1].read_bytes()
    entry = phone.sign_documents(phone.officer(), STATION, FORM, pages)
    pages[1].write_bytes(b"edited")
    kept = entry.photograph(entry.statement.pages[0].document)
    assert kept.read_bytes() == before
    assert hashlib.sha256(before).digest() == entry.statement.pages[0].document


async def test_a_wrong_slip_is_not_believed_and_not_written(country: Country, phone: Outbox) -> None:
    entry = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    signer, chain = country.world.relay()
    officer, officer_chain = country.world.officer()
    stranger = World(name="KPU Root")
    right = slips.payload(Subject.STATEMENT, entry.statement.id, 1, clock(), True)
    wrong = {
        "of another subject": signer.sign(slips.payload(Subject.STATEMENT, b"\1" * 32, 1, clock(), True)).bare,
        "of another kind": signer.sign(slips.payload(Subject.DOCUMENT, entry.statement.id, 1, clock(), True)).bare,
        "altered": flipped(signer.sign(right).bare, -1),
        "of an officer": officer.sign(right).with_chain(officer_chain),
        "of another country's relay": stranger.relay()[0].sign(right).with_chain(stranger.relay()[1]),
        "no slip": b"nonsense",
        "a statement": entry.statement.signed.bare,
    }
    for name, slip in wrong.items():
        async with false_relay(country, chain, slip=slip) as relay:
            report = await send(phone, [relay])
        assert report.on_phone == 1, name
        assert [problem.about for problem in report.problems] == [entry.statement.short_id], name
        assert phone.entry(entry.statement.id).state is State.ON_PHONE, name
        assert not list((entry.folder / "slips").iterdir()), name
    async with false_relay(country, chain, slip=signer.sign(right).bare) as relay:
        assert (await send(phone, [relay])).handed_over


async def test_a_wrong_receipt_is_not_believed_and_frees_nothing(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000))
    signer, chain = country.world.relay()
    centre, centre_chain = country.world.centre()
    other = receipts.payload(clock(), [Outcome(StatementId(b"\1" * 32), Verdict.RECORDED)])
    right = receipts.payload(clock(), [Outcome(entry.statement.id, Verdict.RECORDED)])
    wrong = {
        "signed by the relay": signer.sign(right).with_chain(chain),
        "of another statement": centre.sign(other).with_chain(centre_chain),
        "altered": flipped(centre.sign(right).with_chain(centre_chain), -1),
        "a slip": signer.sign(slips.payload(Subject.STATEMENT, entry.statement.id, 1, clock(), True)).bare,
    }
    for name, receipt in wrong.items():
        async with false_relay(country, chain, signer=signer, receipt=receipt) as relay:
            report = await send(phone, [relay])
        assert entry.statement.short_id in [problem.about for problem in report.problems], name
        assert phone.entry(entry.statement.id).receipt is None, name
        with pytest.raises(Rejected, match="no receipt"):
            phone.forget(entry)
    right_bytes = centre.sign(right).with_chain(centre_chain)
    async with false_relay(country, chain, signer=signer, receipt=right_bytes) as relay:
        await send(phone, [relay])
    assert phone.entry(entry.statement.id).state is State.AT_CENTRE


async def test_nothing_is_said_to_a_server_that_is_not_a_relay(country: Country, phone: Outbox) -> None:
    phone.sign_tally(phone.officer(), STATION, FORM, figures())
    async with running_centre(country.centre_config()) as centre:
        report = await send(phone, [centre])
    assert report.on_phone == 1
    assert "not a relay, but pusat" in report.problems[0].sentence
    async with running_relay(Country(country.folder / "elsewhere").relay_config()) as strange:
        report = await send(phone, [strange])
    assert report.on_phone == 1
    assert report.problems[0].code is Code.UPLINK_DOWN


async def test_photographs_are_forgotten_only_after_the_receipt(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000, 6000))
    async with running_relay(country.relay_config("alone")) as relay:
        await send(phone, [relay])
    with pytest.raises(Rejected, match="no receipt"):
        phone.forget(phone.entry(entry.statement.id))
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        await send(phone, [relay], wait_seconds=20)
    settled = phone.entry(entry.statement.id)
    settled_bytes = (settled.folder / "receipt.cose").read_bytes()
    (settled.folder / "receipt.cose").write_bytes(flipped(settled_bytes, -1))
    with pytest.raises(Rejected):
        phone.forget(phone.entry(entry.statement.id))
    (settled.folder / "receipt.cose").write_bytes(settled_bytes)
    assert phone.forget(phone.entry(entry.statement.id)) == 2
    after = phone.entry(entry.statement.id)
    assert (after.photographs, after.state, len(after.slips)) == (frozenset(), State.AT_CENTRE, 3)


async def test_a_refusal_is_shown_with_its_reason_and_keeps_the_photographs(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    entry = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 5000))
    signer, chain = country.world.relay()
    centre, centre_chain = country.world.centre()
    refusal = receipts.payload(clock(), [Outcome(entry.statement.id, Verdict.REFUSED, ("signer-revoked",))])
    receipt = centre.sign(refusal).with_chain(centre_chain)
    async with false_relay(country, chain, signer=signer, receipt=receipt) as relay:
        await send(phone, [relay])
    refused = phone.entry(entry.statement.id)
    assert refused.state is State.REFUSED
    assert refused.outcome is not None
    assert refused.outcome.notes == ("signer-revoked",)
    with pytest.raises(Rejected, match="refused"):
        phone.forget(refused)
    recorded = receipts.payload(clock() + 1, [Outcome(entry.statement.id, Verdict.RECORDED)])
    assert phone.keep_receipt(entry, centre.sign(recorded).with_chain(centre_chain)) is State.AT_CENTRE
    assert phone.keep_receipt(entry, receipt) is State.AT_CENTRE  # an older answer that comes late hides nothing


async def test_two_tallies_of_one_station_end_in_conflict_on_the_phone_too(country: Country, phone: Outbox) -> None:
    phone.sign_tally(phone.officer(), STATION, FORM, figures())
    phone.sign_tally(phone.officer(), STATION, FORM, figures(invalid=5), anyway=True)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        await send(phone, [relay], wait_seconds=20)

        async def both() -> bool:
            await send(phone, [relay])
            return {entry.state for entry in phone.entries()} == {State.IN_CONFLICT}

        assert await eventually(both)


def test_a_crash_while_signing_leaves_a_whole_outbox(
    phone: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after each single step of building an entry."""
    pages = photographs(tmp_path, 3000, 2000)
    steps = 0
    while True:
        left = steps
        with monkeypatch.context() as patched:

            def or_crash(real: Callable[..., None]) -> Callable[..., None]:
                def step(*arguments: object, **named: object) -> None:
                    nonlocal left
                    if left == 0:
                        raise KeyboardInterrupt
                    left -= 1
                    real(*arguments, **named)

                return step

            for module, name in (
                (outbox_module, "write_durably"),
                (outbox_module, "sync_folder"),
                (originals, "copy"),
            ):
                patched.setattr(module, name, or_crash(getattr(module, name)))
            try:
                phone.sign_documents(phone.officer(), STATION, FORM, pages)
            except KeyboardInterrupt:
                found = Outbox.entries(phone)
                assert len(found) <= 1
                assert all(entry.photographs == {page.document for page in entry.statement.pages} for entry in found)
                steps += 1
                if found:
                    break
                continue
        break
    assert steps >= 6
    entry = phone.sign_documents(phone.officer(), STATION, FORM, pages)
    assert [item.statement.id for item in phone.entries()] == [entry.statement.id]
    assert not list(entry.folder.parent.glob(".building-*"))


def test_half_written_files_of_a_crash_are_not_seen(phone: Outbox) -> None:
    entry = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    (entry.folder / "slips" / ".half.tmp").write_bytes(b"half")
    (entry.folder / "photographs" / ".half.tmp").write_bytes(b"half")
    half = entry.folder.parent / ".building-left"
    half.mkdir()
    (half / "statement.cose").write_bytes(b"half")
    assert [item.state for item in Outbox(phone.folder, clock).entries()] == [State.ON_PHONE]


async def test_one_damaged_statement_is_said_and_does_not_hold_up_the_others(country: Country, phone: Outbox) -> None:
    damaged = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    (damaged.folder / "statement.cose").write_bytes(b"damaged")
    sound = phone.sign_tally(phone.officer(), STATION, FORM, figures(), revision=2)
    async with running_relay(country.relay_config()) as relay:
        report = await send(phone, [relay])
        assert (report.slips, report.problems[0].about) == (1, "outbox")
        slip = next((sound.folder / "slips").iterdir())
        slip.write_bytes(b"damaged")
        assert phone.entry(sound.statement.id).state is State.ON_PHONE
        assert (await send(phone, [relay])).slips == 1
    assert phone.entry(sound.statement.id).state is State.AT_RELAY


async def test_only_one_process_sends_at_a_time(phone: Outbox) -> None:
    with phone.alone(), pytest.raises(Rejected, match="Another process"):
        await send(phone, ["https://127.0.0.1:9"])


async def test_looking_for_relays_ends_where_there_are_none() -> None:
    async with asyncio.timeout(20):
        found = await finder.find("9999999999999", seconds=0.3, interfaces=[LOOPBACK])
    assert not [item for item in found if item.scope.startswith("9")]


def test_the_same_again_is_the_same_entry_and_another_content_is_refused_with_a_hint(phone: Outbox) -> None:
    officer = phone.officer()
    entry = phone.sign_tally(officer, STATION, FORM, figures())
    assert phone.sign_tally(officer, STATION, FORM, figures()).statement.id == entry.statement.id
    with pytest.raises(Rejected, match="--revision 2"):
        phone.sign_tally(officer, STATION, FORM, figures(invalid=5))
    phone.sign_tally(officer, STATION, FORM, figures(invalid=5), revision=2)
    phone.sign_tally(officer, STATION, FORM, figures(invalid=6), anyway=True)
    assert phone.sign_tally(officer, STATION, FORM, figures(), anyway=False).statement.id == entry.statement.id
    assert len(phone.entries()) == 3


def test_figures_that_no_paper_holds_and_stations_of_others_are_refused(phone: Outbox) -> None:
    officer = phone.officer()
    with pytest.raises(Rejected, match="1000 is not"):
        phone.sign_tally(officer, STATION, FORM, figures(**{"votes.1": 1000}))
    with pytest.raises(Rejected, match="cannot speak for TPS 6501082001002"):
        phone.sign_tally(officer, codes.tps_code("6501082001002"), FORM, figures())
    with pytest.raises(Rejected, match="no form 9"):
        phone.sign_tally(officer, STATION, 9, figures())
    assert phone.entries() == []


async def test_a_relay_is_found_by_mdns_and_taken_at_its_word_for_nothing(country: Country, phone: Outbox) -> None:
    phone.sign_tally(phone.officer(), STATION, FORM, figures())
    announced = AnnounceConfig(enabled=True, interfaces=(LOOPBACK,), host_name=f"relay-{free_port()}")
    scope = "650199"  # of no other test: mDNS is shared by all that runs on this machine
    async with running_relay(country.relay_config(scope=scope, announce=announced)) as relay:

        async def look() -> list[Candidate]:
            found = await finder.find(f"{scope}0001001", seconds=5, interfaces=[LOOPBACK])
            return [item for item in found if relay in item.urls]

        found = await eventually(look)
        assert [(item.scope, item.urls) for item in found] == [(scope, (relay,))]
        chain = read_certificates(country.identity(Role.RELAY, scope) / "certificate.pem")
        assert found[0].fingerprint == hashlib.sha256(chain[0]).hexdigest()
        assert (await send(phone, found)).handed_over


def test_the_relay_of_the_station_comes_first() -> None:
    def candidate(scope: str, *addresses: str) -> Candidate:
        return Candidate(f"relay {scope}", scope, addresses or ("192.0.2.1",), 8443, "")

    order = finder.best_first(map(candidate, ["91", "650107", "6501", "650108", "6502"]), TPS)
    assert [item.scope for item in order] == ["650108", "6501", "650107", "6502", "91"]
    assert candidate("6501", "192.0.2.1", "2001:db8::1").urls == (
        "https://192.0.2.1:8443",
        "https://[2001:db8::1]:8443",
    )


async def test_a_busy_relay_is_asked_again_when_it_says(country: Country, phone: Outbox) -> None:
    entry = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    signer, chain = country.world.relay()
    slip = signer.sign(slips.payload(Subject.STATEMENT, entry.statement.id, 1, clock(), True)).bare
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    async with false_relay(country, chain, slip=slip, busy=2) as relay:
        report = await send(phone, [relay], sleep=note)
        assert report.handed_over
    assert waited == [7, 7]
    async with false_relay(country, chain, slip=b"", busy=100) as relay:
        phone.sign_tally(phone.officer(), STATION, FORM, figures(), revision=2)
        report = await send(phone, [relay], sleep=note, patience_seconds=20)
    assert report.problems[0].code is Code.BUSY
    assert waited == [7, 7, 7, 7]


async def test_an_endless_answer_is_cut_off(country: Country, phone: Outbox) -> None:
    phone.sign_tally(phone.officer(), STATION, FORM, figures())
    _, chain = country.world.relay()
    async with false_relay(country, chain, slip=bytes(5 << 20)) as relay:
        report = await send(phone, [relay])
    assert report.problems[0].code is Code.UPLINK_DOWN
    assert "longer than" in report.problems[0].sentence


async def test_hundreds_of_phones_share_a_process(country: Country) -> None:
    phones = [new_outbox(country, f"phone-{at}", f"6501082001{at:03d}") for at in range(1, 101)]
    for one in phones:
        officer = one.officer()
        one.sign_tally(officer, codes.tps_code(officer.identity.scope), FORM, figures())
    async with running_relay(country.relay_config()) as relay:
        reports = await asyncio.gather(*(send(one, [relay]) for one in phones))
    assert all(report.handed_over and not report.problems for report in reports)


async def test_the_command_does_the_whole_job(
    country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "outbox"

    async def run(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        status = await asyncio.to_thread(cli.main, [str(word) for word in words])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    async def phone(word: str, *words: object) -> tuple[int, str]:
        return await run("phone", word, "--outbox", folder, *words)

    (tmp_path / "officer.p12").write_bytes(pkcs12(country))
    for name, text in (("code", CODE), ("passphrase", "kopi hujan sungai")):
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    init = ["--identity", tmp_path / "officer.p12", "--code-file", tmp_path / "code", "--root", country.root_file]
    secret = ["--passphrase-file", tmp_path / "passphrase"]
    assert "begin with: relay phone init" in (await phone("status"))[1]
    assert (await phone("init", *init, *secret))[0] == 0
    assert "has a key already" in (await phone("init", *init, *secret))[1]
    assert ((folder / "identity" / "key.pem").stat().st_mode & 0o777) == 0o600
    assert b"ENCRYPTED" in (folder / "identity" / "key.pem").read_bytes()

    named = {f.id: v for f, v in zip(forms.catalogue()[FORM].fields, figures(valid=117), strict=True)}
    (tmp_path / "figures.json").write_text(json.dumps(named))
    tally = ["--tps", TPS, "--form", FORM, "--figures", tmp_path / "figures.json", *secret]
    status, text = await phone("sign-tally", *tally)
    assert status == 0
    assert "add up to 116, but Valid votes (V.A) says 117. [votes-sum]" in text
    status, text = await phone("sign-tally", *tally, "--figures", "valid=116")
    assert (status, "--revision 2" in text) == (1, True)
    status, text = await phone("sign-tally", *tally, "--figures", "valid=1000", "--revision", "2")
    assert (status, "0 to 999" in text) == (1, True)
    assert (await phone("sign-tally", *tally, "--figures", "valid=116", "--revision", "2"))[0] == 0
    pages = [f"{number}={path}" for number, path in photographs(tmp_path, 40_000, 5000).items()]
    assert (
        await phone("sign-documents", "--tps", TPS, "--form", FORM, "--page", pages[0], "--page", pages[1], *secret)
    )[0] == 0
    status, text = await phone("send", "--relay", f"https://{LOOPBACK}:{free_port()}")
    assert (status, "Still on this phone alone: 3 statements, 2 photographs" in text) == (1, True)

    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        status, text = await phone("send", "--relay", relay, "--wait", 20)
        assert status == 0, text
    assert "5 new slips, 3 new answers of the centre" in text
    rows = json.loads((await phone("status", "--json"))[1])
    assert [(row["state"], row["pages_held"]) for row in rows] == [("at-centre", row["pages"]) for row in rows]
    assert "at-centre" in (await phone("status"))[1]

    listing = next(row["id"] for row in rows if row["kind"] == "documents")
    status, text = await phone("export", listing[:8], "--out", tmp_path / "proof")
    assert status == 0, text
    assert "page-1.jpg" in text
    status, text = await run("verify", "--export", tmp_path / "proof")
    assert status == 0, text
    assert "compare it with the root that you know" in text
    assert (await run("verify", "--export", tmp_path / "proof", "--root", country.root_file))[0] == 0
    status, text = await phone("forget", "--after", 1)
    assert "0 photographs removed" in text
    status, text = await phone("forget", listing[:8])
    assert (status, "2 photographs removed" in text) == (0, True)
    assert (await phone("export", listing, "--out", tmp_path / "later"))[0] == 0
    assert (await run("verify", "--export", tmp_path / "later"))[0] == 0


@pytest.mark.parametrize("code", ["", "K7QM-2XHV-9TRA-CW4F", "wrong"])
def test_a_wrong_code_opens_nothing(country: Country, code: str) -> None:
    with pytest.raises(Rejected, match="one-time code is wrong"):
        outbox_module.create(country.folder / "new", pkcs12(country), code, country.world.root_der, clock)
    assert not (country.folder / "new").exists()


def test_only_an_officer_under_the_pinned_root_is_taken(country: Country) -> None:
    with pytest.raises(Rejected):
        outbox_module.create(country.folder / "new", pkcs12(country), CODE, World().root_der, clock)
    operator = pkcs12(country, role=Role.PPK, scope="650108")
    with pytest.raises(Rejected, match="only kpps"):
        outbox_module.create(country.folder / "new", operator, CODE, country.world.root_der, clock)


def flipped(data: bytes, at: int) -> bytes:
    """`data` with one bit of one byte changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


async def no_pause(_seconds: float) -> None:
    """For a phone that does not wait."""
    await asyncio.sleep(0)


class Link:
    """A TCP link that counts what goes up and is cut in the middle."""

    def __init__(self, cut_after: int, cuts_max: int) -> None:
        self.url = ""
        self.bytes_up = 0
        self.cuts = 0
        self._cut_after = cut_after
        self._cuts_max = cuts_max

    async def carry(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(LOOPBACK, port)
        back = asyncio.create_task(self._pump(up_reader, writer))
        try:
            while data := await reader.read(16384):
                self.bytes_up += len(data)
                if self.bytes_up > self._cut_after and self.cuts < self._cuts_max:
                    self.cuts += 1
                    writer.transport.abort()
                    return
                up_writer.write(data)
                await up_writer.drain()
        except ConnectionError:
            pass
        finally:
            back.cancel()
            up_writer.close()
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(16384):
                writer.write(data)
                await writer.drain()
            writer.close()


@asynccontextmanager
async def cutting_link(url: str, *, cut_after: int, cuts_max: int = 1) -> AsyncIterator[Link]:
    """A link to `url` that is cut after so many bytes upwards, and at every chunk from then on up to `cuts_max`."""
    link = Link(cut_after, cuts_max)
    port = int(url.rpartition(":")[2])
    server = await asyncio.start_server(lambda reader, writer: link.carry(port, reader, writer), LOOPBACK, 0)
    link.url = f"https://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield link


@asynccontextmanager
async def false_relay(
    country: Country,
    chain: tuple[bytes, ...],
    *,
    slip: bytes = b"",
    signer: cose.Signer | None = None,
    receipt: bytes | None = None,
    busy: int = 0,
) -> AsyncIterator[str]:
    """A properly certified relay that says whatever a test wants; with `signer`, it gives proper slips."""
    held: dict[str, bytes] = {}
    left = busy

    async def trust_of(_request: web.Request) -> web.Response:
        return web.json_response({"certificates": [text64(der) for der in chain], "crls": []})

    async def post(request: web.Request) -> web.Response:
        nonlocal left
        if left:
            left -= 1
            return problem(NotNow(Code.BUSY, "Come back.", 7))
        statement = statements.parse(await request.read())
        held[statement.id.hex()] = statement.id
        payload = slips.payload(Subject.STATEMENT, statement.id, 1, clock(), True)
        return web.Response(body=signer.sign(payload).bare if signer else slip, content_type=COSE_TYPE)

    async def view(request: web.Request) -> web.Response:
        if request.match_info["id"] not in held:
            return problem(Rejected(Code.NOT_FOUND, "Nothing."))
        return web.json_response({"slip": None, "receipt": text64(receipt), "documents": []})

    app = web.Application(client_max_size=1 << 22)
    app.add_routes([web.get("/v1/trust", trust_of), web.post("/v1/statements", post)])
    app.add_routes([web.get("/v1/statements/{id}", view)])
    folder = country.identity(Role.RELAY, "650108")
    tls = server_tls(ListenConfig(), folder / "certificate.pem", folder / "key.pem", None)
    async with listening(app, ListenConfig(hosts=(LOOPBACK,), port=0), tls) as port:
        yield f"https://{LOOPBACK}:{port}"
