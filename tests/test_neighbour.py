"""A relay as another one's neighbour: takes custody, forwards, carries receipts back; nothing is lost by it."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from relay import exchange
from relay.config import AnnounceConfig, NeighbourConfig
from relay.discovery import Candidate, find_relays
from relay.errors import Code, Rejected
from relay.http import text64
from relay.identity import read_certificates
from relay.protocol import cose, messages, parcels, receipts, slips
from relay.protocol.cose import X5t
from relay.protocol.identities import Identity
from relay.protocol.messages import Frame, Problem, ReceiptGiven, SlipGiven
from relay.protocol.roles import Role
from relay.protocol.slips import Subject
from relay.protocol.statements import DocumentHash, Kind
from relay.status_screen import show_status
from relay.store.changes import TakeDocument, TakeStatement
from relay.store.custody import CustodyStore, open_custody
from relay.verifier import Verifier
from tests.authorities import KECAMATAN, TPS, Party, World
from tests.test_full_disk import can_mount
from tests.world.http import ask, create_upload, patch_upload, post, settled, where
from tests.world.nodes import LOOPBACK, Country, documents, running_centre, running_relay, tally
from tests.world.processes import free_port, relay_process
from tests.world.stream import HandDrivenRelay
from tests.world.waiting import eventually

UPSTREAM = "650107"
"""The kecamatan next door, whose relay has no way out."""


@asynccontextmanager
async def at(http: aiohttp.ClientSession, url: str, party: Party) -> AsyncIterator[HandDrivenRelay]:
    """A stream that a relay driven by hand has opened."""
    async with http.ws_connect(f"{url}/v1/exchange") as socket:
        yield HandDrivenRelay(socket, party)


@pytest.fixture
def upstream(country: Country) -> Party:
    """A certified relay, driven by hand."""
    return country.world.relay(UPSTREAM)


def slips_in(seen: list[messages.Message]) -> list[bytes]:
    return [message.slip for message in seen if isinstance(message, SlipGiven)]


def receipts_in(seen: list[messages.Message]) -> list[bytes]:
    return [message.receipt for message in seen if isinstance(message, ReceiptGiven)]


def problems_in(seen: list[messages.Message]) -> list[tuple[bytes, str]]:
    return [(message.about, message.code) for message in seen if isinstance(message, Problem)]


def verifier(world: World) -> Verifier:
    """The judge of somebody who knows the root and nothing else."""

    async def unknown(_: X5t) -> None:
        return None

    return Verifier(world.trust(), unknown, cached_max=16)


async def counts(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    return dict((await ask(http, "GET", f"{url}/v1/status")).json["counts"])


# --- the way of a statement


async def test_what_a_relay_hands_over_gets_a_slip_is_forwarded_and_its_receipts_come_back(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    statement, listing, name = tally(officer), documents(officer, [photograph]), cose.sha256(photograph)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
        at(http, relay, upstream) as sender,
    ):
        await settled_once(http, relay, country)  # so that the neighbour has met the centre
        seen = await sender.statements(statement.bare, listing.bare, chain=officer[1])
        seen += await sender.photograph(name, photograph, [2, 0, 1])
        judge = verifier(country.world)
        judge.learn(sender.trust.certificates, sender.trust.crls)
        given = [await judge.verify_slip(slip, sender.trust.certificates[:1]) for slip in slips_in(seen)]
        assert [slip.subject for slip, _ in given] == [statement.id, listing.id, name]
        assert [slip.number for slip, _ in given] == [2, 3, 4]
        assert {signer.role for _, signer in given} == {Role.RELAY}
        # the receipts come down the same stream, unasked, and hold by the pinned root alone
        awaited = {statement.id, listing.id}
        outcomes: dict[bytes, receipts.Verdict] = {}
        arrived = receipts_in(seen)
        while awaited - outcomes.keys():
            if not arrived:
                arrived = receipts_in([await sender.next()])
                continue
            signed = cose.parse(arrived.pop())
            chain = [der for der in sender.trust.certificates if cose.x5t_of(der) == signed.x5t]
            assert (await judge.verify_signer(signed, chain, Role.CENTRE)).role is Role.CENTRE
            outcomes |= {outcome.statement: outcome.verdict for outcome in receipts.read(signed).outcomes}
        assert {outcomes[item] for item in awaited} == {receipts.Verdict.RECORDED}
        assert (await where(http, centre, statement.id))["sender"] == f"relay {KECAMATAN}"
        held = await where(http, relay, statement.id)
        assert (held["state"], held["origin"], held["also_at"]) == ("at-centre", f"relay {UPSTREAM}", [])


async def settled_once(http: aiohttp.ClientSession, relay: str, country: Country) -> None:
    """A statement of the relay's own goes all the way."""
    other = country.world.officer("6501082001099")
    own = tally(other, "6501082001099")
    await post(http, relay, own.with_chain(other[1]))
    await settled(http, relay, own.id)


async def test_a_relay_of_another_kabupaten_is_served_as_well(country: Country, http: aiohttp.ClientSession) -> None:
    world, tps = country.world, "6502071001001"
    ca = world.ca_for("6502")
    upstream, officer = world.leaf(Role.RELAY, "650207", ca), world.officer(tps, ca)
    statement = tally(officer, tps)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
        at(http, relay, upstream) as sender,
    ):
        (slip,) = slips_in(await sender.statements(statement.bare, chain=officer[1]))
        judge = verifier(world)
        judge.learn(sender.trust.certificates, sender.trust.crls)
        assert (await judge.verify_slip(slip, sender.trust.certificates[:1]))[0].subject == statement.id
        assert (await settled(http, relay, statement.id))["state"] == "at-centre"
        assert (await where(http, centre, statement.id))["state"] == "at-centre"


async def test_a_relay_that_comes_back_asks_and_gets_what_it_missed(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    statement, listing, name = tally(officer), documents(officer, [photograph]), cose.sha256(photograph)
    stranger = bytes(32)
    config = country.relay_config()
    async with running_relay(config) as relay:
        async with at(http, relay, upstream) as sender:
            seen = await sender.statements(statement.bare, listing.bare, chain=officer[1])
            first = slips_in(seen)
            await sender.photograph(name, photograph, [1])
        # the stream is cut; nothing crosses again but what is missing
        async with at(http, relay, upstream) as sender:
            await sender.announce()
            held, seen = await sender.ask([statement.id, listing.id, stranger], [name])
            assert (held.unknown, held.documents) == ((stranger[:8],), ((name, b"\x02"),))
            assert (slips_in(seen), receipts_in(seen)) == (first, [])
            (slip,) = slips_in(await sender.photograph(name, photograph, [0, 2]))
            held, seen = await sender.ask([], [name])
            assert (held.documents, slips_in(seen)) == (((name, b"\x07"),), [slip])
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        await settled(http, relay, listing.id)
        async with at(http, relay, upstream) as sender:
            await sender.announce()
            held, seen = await sender.ask([statement.id, listing.id], [name])
            assert (held.unknown, slips_in(seen)) == ((), [slip])
            told = {
                outcome.statement for item in receipts_in(seen) for outcome in receipts.read(cose.parse(item)).outcomes
            }
            assert told == {statement.id, listing.id}
            # handed over once more, it gets the receipt and no other slip
            again = await sender.statements(statement.bare, chain=officer[1])
            assert (len(receipts_in(again)), slips_in(again)) == (1, [])


async def test_the_same_thing_twice_is_the_same_slip_and_nothing_new(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(5000)
    statement, listing, name = tally(officer), documents(officer, [photograph]), cose.sha256(photograph)
    async with running_relay(country.relay_config()) as relay, at(http, relay, upstream) as sender:
        by_phone = await post(http, relay, statement.with_chain(officer[1]))
        first = slips_in(await sender.statements(statement.bare, listing.bare, statement.bare, chain=officer[1]))
        assert by_phone.body in first
        assert len(first) == 2
        slip = slips_in(await sender.photograph(name, photograph, [0, 1]))
        assert slips_in(await sender.photograph(name, photograph, [1, 0])) == slip * 2
        assert slips_in(await sender.statements(listing.bare, statement.bare)) == first
        assert (await counts(http, relay))["statements"] == 2
        # who was first to hand it over is its origin: here a phone, there the relay
        assert (await where(http, relay, statement.id))["origin"] is None
        assert (await where(http, relay, listing.id))["origin"] == f"relay {UPSTREAM}"


# --- who is turned away, and what is not taken


async def test_who_is_no_relay_hands_nothing_over(country: Country, http: aiohttp.ClientSession) -> None:
    world = country.world
    async with running_relay(country.relay_config()) as relay:
        for party, code in (
            (world.officer(), "role-not-allowed"),
            (world.operator(), "role-not-allowed"),
            (world.centre(), "role-not-allowed"),
            (World().relay(), "chain-broken"),
        ):
            async with at(http, relay, party) as sender:
                await sender.announce()
                assert (await sender.closed_because()).startswith(f"{code}: ")
        assert (await counts(http, relay))["statements"] == 0


async def test_a_stream_carries_the_batches_of_one_relay(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, statement = country.world.officer(), tally(country.world.officer())
    async with running_relay(country.relay_config()) as relay, http.ws_connect(f"{relay}/v1/exchange") as socket:
        await HandDrivenRelay(socket, upstream).announce()
        other = HandDrivenRelay(socket, country.world.relay("650106"))
        await other.announce(parcels.pack_statements([parcels.StatementParcel(statement.bare, officer[1])]))
        assert (await other.closed_because()).startswith("role-not-allowed: ")
        assert await where(http, relay, statement.id) is None


async def test_statements_that_do_not_verify_are_said_and_leave_the_others_alone(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    world = country.world
    officer, good = world.officer(), tally(world.officer())
    honest = tally(officer)
    forged = cose.put_together(honest.protected, honest.payload, bytes(64))
    wrong = officer[0].sign(honest.payload + b"\x00")
    elsewhere = tally(officer, "6501082001002")
    by_relay = tally(upstream)
    async with running_relay(country.relay_config()) as relay, at(http, relay, upstream) as sender:
        frame = parcels.pack_statements(
            [
                parcels.StatementParcel(forged.bare, officer[1]),
                parcels.StatementParcel(wrong.bare, officer[1]),
                parcels.StatementParcel(elsewhere.bare, officer[1]),
                parcels.StatementParcel(by_relay.bare, upstream[1]),
                parcels.StatementParcel(good.bare),
                parcels.StatementParcel(honest.bare, officer[1]),
            ]
        )
        seen = await sender.send(frame)
        assert problems_in(seen) == [
            (forged.id[:8], "signature-invalid"),
            (wrong.id[:8], "malformed-cbor"),
            (elsewhere.id[:8], "station-not-signers"),
            (by_relay.id[:8], "role-not-allowed"),
            (good.id[:8], "signer-unknown"),
        ]
        (slip,) = slips_in(seen)
        assert slips.read(cose.parse(slip)).subject == honest.id
        assert receipts_in(seen) == []  # a neighbour signs no refusal: nobody may drop anything
        assert (await counts(http, relay))["statements"] == 1


async def test_photographs_that_nobody_listed_or_signed_leave_nothing_behind(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    name, spoilt = cose.sha256(photograph), os.urandom(9000)
    unlisted, huge = os.urandom(5000), documents(officer, [b"x"])
    async with running_relay(country.relay_config()) as relay, at(http, relay, upstream) as sender:
        await sender.statements(documents(officer, [photograph]).bare, huge.bare, chain=officer[1])
        seen = await sender.photograph(cose.sha256(unlisted), unlisted, [0, 1])
        assert {code for _, code in problems_in(seen)} == {"document-not-listed"}
        beside = parcels.pack_chunk(parcels.ChunkParcel(DocumentHash(name), 9, bytes(4096)))
        assert problems_in(await sender.send(beside)) == [(name[:8], "batch-malformed")]
        seen = await sender.photograph(name, spoilt, [0, 1, 2])
        assert problems_in(seen) == [(name[:8], "document-altered")]
        assert slips_in(seen) == []
        held, _ = await sender.ask([], [name, cose.sha256(unlisted)])
        assert [cells for _, cells in held.documents] == [b"", b""]
        assert len(slips_in(await sender.photograph(name, photograph, [0, 1, 2]))) == 1
    folder = country.folder / "relay"
    assert [path.name for path in folder.glob("documents/*/*")] == [name.hex()]
    assert [path for path in folder.glob("incoming*/*") if path.stat().st_size] == []


async def test_frames_that_nobody_announced_or_can_read_harm_nothing(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    async with running_relay(country.relay_config()) as relay:
        async with at(http, relay, upstream) as sender:
            await sender.announce()
            assert [code for _, code in problems_in(await sender.frame(b"not announced"))] == ["batch-altered"]
            assert [code for _, code in problems_in(await sender.send(os.urandom(60_000)))] == ["batch-malformed"]
            for _ in range(5):
                await sender.announce(*[os.urandom(9) for _ in range(parcels.FRAMES_IN_BATCH_MAX)])
            assert (await sender.closed_because()).startswith("batch-malformed: ")
        async with http.ws_connect(f"{relay}/v1/exchange") as socket:
            await socket.send_bytes(messages.encode(Frame(b"before any header")))
            assert (await HandDrivenRelay(socket, upstream).closed_because()).startswith("batch-malformed: ")


# --- bounds


async def test_a_full_neighbour_takes_figures_and_no_photographs(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    listing, name = documents(officer, [photograph]), cose.sha256(photograph)
    full = country.relay_config(neighbour=NeighbourConfig(reserve_bytes=2**40))  # more than any disk here has
    async with running_relay(full) as relay, at(http, relay, upstream) as sender:
        assert len(slips_in(await sender.statements(listing.bare, chain=officer[1]))) == 1
        assert problems_in(await sender.photograph(name, photograph, [0])) == [(name[:8], "disk-full")]
        assert len(slips_in(await sender.statements(tally(officer).bare))) == 1
        # its own phones have the room that was kept back for them
        assert (await create_upload(http, relay, photograph)).status == 201
        assert (await patch_upload(http, relay, name.hex(), 0, photograph)).status == 204
        held, seen = await sender.ask([], [name])
        assert (held.documents, len(slips_in(seen))) == (((name, b"\x07"),), 1)


async def test_one_relay_cannot_fill_another_with_statements(
    country: Country, http: aiohttp.ClientSession, upstream: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_RETRY_SECONDS", 0.01)
    officer = country.world.officer()
    first, second, third = (tally(officer, revision=revision) for revision in (1, 2, 3))
    bounded = country.relay_config(neighbour=NeighbourConfig(statements_max=2, reserve_bytes=0))
    async with running_relay(bounded) as relay:
        async with at(http, relay, upstream) as sender:
            assert len(slips_in(await sender.statements(first.bare, second.bare, chain=officer[1]))) == 2
            assert len(slips_in(await sender.statements(first.bare, second.bare))) == 2  # known: no question of room
            frame = parcels.pack_statements([parcels.StatementParcel(third.bare)])
            await sender.announce(frame)
            await sender._socket.send_bytes(messages.encode(Frame(frame)))
            assert "busy: 2 statements of" in await sender.closed_because()
        assert await where(http, relay, third.id) is None
        async with at(http, relay, country.world.relay("650106")) as other:  # another relay has a bound of its own
            assert len(slips_in(await other.statements(third.bare))) == 1
        assert (await post(http, relay, tally(officer, revision=4).bare)).status == 201


async def test_who_comes_when_there_are_many_is_told_when_to_come_back(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    few = country.relay_config(neighbour=NeighbourConfig(streams_max=1, retry_after_seconds=7, reserve_bytes=0))
    async with running_relay(few) as relay:
        async with at(http, relay, upstream) as sender:
            await sender.announce()
            await sender.ask([])
            answer = await ask(http, "GET", f"{relay}/v1/exchange")
            assert (answer.status, answer.code) == (503, "busy")
            assert 7 <= int(answer.headers["Retry-After"]) <= 14
            told = (await ask(http, "GET", f"{relay}/v1/status")).json["neighbours"]
            assert [(item["relay"], item["scope"]) for item in told["served_now"]] == [(f"relay {UPSTREAM}", UPSTREAM)]

        async def gone() -> bool:
            return not (await ask(http, "GET", f"{relay}/v1/status")).json["neighbours"]["served_now"]

        await eventually(gone)
    closed = country.relay_config(neighbour=NeighbourConfig(accept=False))
    async with running_relay(closed) as relay:
        assert (await ask(http, "GET", f"{relay}/v1/exchange")).code == "not-found"


# --- crashes, loops, lies


async def test_a_neighbours_slip_survives_kill_9(
    country: Country, http: aiohttp.ClientSession, upstream: Party, tmp_path: Path
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    statement, listing, name = tally(officer), documents(officer, [photograph]), cose.sha256(photograph)
    neighbour = relay_process(tmp_path / "n", country.identity(Role.RELAY, "650108"), centre_url=None)
    settings = tmp_path / "n" / "relay.toml"
    settings.write_text(settings.read_text() + "\n[neighbour]\nreserve_bytes = 0\n")
    try:
        await asyncio.to_thread(neighbour.start)
        async with at(http, neighbour.url, upstream) as sender:
            given = slips_in(await sender.statements(statement.bare, listing.bare, chain=officer[1]))
            given += slips_in(await sender.photograph(name, photograph, [0, 1, 2]))
            neighbour.kill()
        await asyncio.to_thread(neighbour.start)
        async with at(http, neighbour.url, upstream) as sender:
            await sender.announce()
            held, seen = await sender.ask([statement.id, listing.id], [name])
            assert (held.unknown, held.documents) == ((), ((name, b"\x07"),))
            assert sorted(slips_in(seen)) == sorted(given)
    finally:
        neighbour.kill()


async def test_a_photograph_that_was_whole_but_not_in_custody_is_taken_at_the_next_start(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    listing, name = documents(officer, [photograph]), cose.sha256(photograph)
    config = country.relay_config()
    async with running_relay(config) as relay, at(http, relay, upstream) as sender:
        await sender.statements(listing.bare, chain=officer[1])
        await sender.photograph(name, photograph, [0, 1])
    incoming = config.node.data_directory / "incoming-from-relays"
    with (incoming / f"{name.hex()}.part").open("r+b") as part, (incoming / f"{name.hex()}.cells").open("ab") as cells:
        part.seek(8192)
        part.write(photograph[8192:])  # the last cell is on disk, and the power goes before anything else is
        cells.write(b"\x01")
    async with running_relay(config) as relay:
        assert (await where(http, relay, listing.id))["documents"][0]["state"] == "at-relay"


async def test_nothing_goes_round_in_a_loop(country: Country, http: aiohttp.ClientSession) -> None:
    """A hands over to B, B to C, and C, a neighbour of A, hands it back to A."""
    officer = country.world.officer()
    statement = tally(officer)
    a, b, c = (country.world.relay(scope) for scope in ("650101", "650102", "650103"))
    async with running_relay(country.relay_config("a")) as home:
        slip = (await post(http, home, statement.with_chain(officer[1]))).body
        for carrier in (b, c, b):
            async with at(http, home, carrier) as sender:
                assert slips_in(await sender.statements(statement.bare, chain=officer[1])) == [slip]
        told = await where(http, home, statement.id)
        assert (told["number"], told["origin"]) == (1, None)
    async with running_relay(country.relay_config("b")) as relay, at(http, relay, a) as sender:
        await sender.statements(statement.bare, chain=officer[1])
    async with opened(country, country.folder / "b" / "relay.db") as store:
        # B, which got it from A, has nothing for A, and everything for others
        assert await store.waiting.names(a[0].x5t) == []
        assert await store.waiting.fresh(Kind.TALLY, 0, 10, not_from=a[0].x5t) == []
        for anybody in (None, c[0].x5t):
            (held,) = await store.waiting.fresh(Kind.TALLY, 0, 10, not_from=anybody)
            assert held.id == statement.id
            assert await store.waiting.names(anybody) == [(statement.id[:8], Kind.TALLY)]


@asynccontextmanager
async def opened(country: Country, path: Path) -> AsyncIterator[CustodyStore]:
    """A relay's store by itself, with its writer running."""
    signer, _ = country.world.relay()

    def sign(kind: Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        return signer.sign(slips.payload(kind, subject, number, 1_763_700_000, True)).bare, 1_763_700_000

    async with open_custody(path, sign, queue_max=100) as store, asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(store.run())
        yield store
        writing.cancel()


def identity_of(world: World, party: Party) -> Identity:
    return world.trust().identify(party[1], None)


async def test_photographs_of_what_a_relay_handed_over_are_not_for_that_relay(
    country: Country, upstream: Party, tmp_path: Path
) -> None:
    world, photograph = country.world, os.urandom(100)
    officer = world.officer()
    listing, name = documents(officer, [photograph]), DocumentHash(cose.sha256(photograph))
    verified = await verifier(world).verify(listing.bare, officer[1])
    async with opened(country, tmp_path / "relay.db") as store:
        await store.take_custody(TakeStatement(verified.statement, officer[1], identity_of(world, upstream)))
        await store.take_custody(TakeDocument(name, len(photograph)))
        assert await store.waiting.documents(0, 10, not_from=upstream[0].x5t) == []
        assert [item.document for item in await store.waiting.documents(0, 10)] == [name]


async def test_a_neighbours_slip_is_shown_and_settles_nothing(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer = country.world.officer()
    statement = tally(officer)
    config = country.relay_config("a")
    async with running_relay(config) as relay:
        await post(http, relay, statement.with_chain(officer[1]))
    slip = upstream[0].sign(slips.payload(Subject.STATEMENT, statement.id, 77, 1_763_700_123, True))
    lie = upstream[0].sign(slips.payload(Subject.STATEMENT, bytes(32), 78, 1_763_700_123, True))
    async with opened(country, config.node.data_directory / "relay.db") as store:
        for data in (slip.bare, slip.bare, lie.bare):
            given, neighbour = await verifier(country.world).verify_slip(data, upstream[1])
            await store.file_slips([given, given], neighbour)
        assert await store.waiting.names() == [(statement.id[:8], Kind.TALLY)]
        assert await store.neighbours.holders_of(bytes(32)) == []  # nobody fills our disk with slips for nothing
    async with running_relay(config) as relay:
        told = await where(http, relay, statement.id)
        assert (told["state"], told["receipt"]) == ("at-relay", None)
        (holder,) = told["also_at"]
        assert (holder["relay"], holder["scope"], holder["held_at"]) == (f"relay {UPSTREAM}", UPSTREAM, 1_763_700_123)
        (row,) = (await ask(http, "GET", f"{relay}/v1/tps")).json["statements"]
        assert (row["state"], row["origin"], row["also_at"]) == ("at-relay", None, [f"relay {UPSTREAM}"])
    # the neighbour has vanished with its copy: ours goes another way
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config("a", centre_url=centre)) as relay,
    ):
        assert (await settled(http, relay, statement.id))["state"] == "at-centre"


async def test_a_slip_is_believed_only_of_the_relay_that_gives_it(country: Country, upstream: Party) -> None:
    world = country.world
    payload = slips.payload(Subject.STATEMENT, bytes(32), 1, 1_763_700_000, True)
    good = upstream[0].sign(payload)
    judge = verifier(world)
    slip, signer = await judge.verify_slip(good.bare, upstream[1])
    assert (slip.subject, signer.name) == (bytes(32), f"relay {UPSTREAM}")
    other, officer = world.relay("650106"), world.officer()
    await judge.verify_slip(other[0].sign(payload).bare, other[1])  # who has been met before is another all the same
    receipt = upstream[0].sign(receipts.payload(1, [receipts.Outcome(slip.subject, receipts.Verdict.RECORDED)]))  # type: ignore[arg-type]
    for data, chain, code in (
        (other[0].sign(payload).bare, upstream[1], Code.ROLE_NOT_ALLOWED),
        (officer[0].sign(payload).bare, officer[1], Code.ROLE_NOT_ALLOWED),
        (cose.put_together(good.protected, payload, bytes(64)).bare, upstream[1], Code.SIGNATURE_INVALID),
        (receipt.bare, upstream[1], Code.KIND_UNEXPECTED),
        (b"\xff", upstream[1], Code.MALFORMED_CBOR),
    ):
        with pytest.raises(Rejected) as caught:
            await judge.verify_slip(data, chain)
        assert caught.value.code is code


# --- what people see, what was there before, and being found


async def test_what_is_held_for_others_is_told(country: Country, http: aiohttp.ClientSession, upstream: Party) -> None:
    officer = country.world.officer()
    async with running_relay(country.relay_config()) as relay, at(http, relay, upstream) as sender:
        await post(http, relay, tally(officer).with_chain(officer[1]))
        await sender.statements(tally(officer, revision=2).bare, tally(officer, revision=3).bare)
        status = (await ask(http, "GET", f"{relay}/v1/status")).json
        rows = (await ask(http, "GET", f"{relay}/v1/tps")).json["statements"]
    assert (status["neighbours"]["statements"], status["neighbours"]["without_receipt"]) == (2, 2)
    assert [row["origin"] for row in rows] == [None, f"relay {UPSTREAM}", f"relay {UPSTREAM}"]
    console = Console(record=True, width=200)
    show_status(status, rows, console)
    line = f"for other relays: 2 statements, 2 of them without a receipt; connected now: relay {UPSTREAM}"
    assert line in console.export_text()


async def test_a_database_from_before_there_were_neighbours_keeps_what_it_holds(
    country: Country, tmp_path: Path
) -> None:
    path, statement = tmp_path / "relay.db", tally(country.world.officer())
    before = resources.files("relay.store").joinpath("schema", "relay", "0001_custody.sql").read_text("utf-8")
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{before}\nPRAGMA application_id = {0x4B505552};\nPRAGMA user_version = 1;")
        old.execute(
            "INSERT INTO statement (number, id, kind, tps, form, revision, signer, cose, slip, held_at) "
            "VALUES (1, ?, 1, ?, 2401, 1, ?, ?, x'01', 1)",
            (statement.id, TPS, statement.x5t, statement.bare),
        )
        old.commit()
    async with opened(country, path) as store:
        (held,) = await store.waiting.fresh(Kind.TALLY, 0, 10)
        assert (held.id, held.cose, held.slip, held.origin) == (statement.id, statement.bare, b"\x01", None)


async def test_a_relay_finds_others_and_not_itself(country: Country) -> None:
    hosts = [AnnounceConfig(True, (LOOPBACK,), f"relay-{free_port()}") for _ in range(2)]
    mine, other = (
        country.relay_config("a", scope="650198", announce=hosts[0]),
        country.relay_config("b", scope="650197", announce=hosts[1]),
    )
    own = read_certificates(country.identity(Role.RELAY, "650198") / "certificate.pem")[0]
    async with running_relay(mine) as here, running_relay(other) as there:

        async def look() -> list[Candidate]:
            found = await find_relays(cose.sha256(own).hex(), seconds=2, interfaces=[LOOPBACK])
            assert not [item for item in found if here in item.urls]
            return [item for item in found if there in item.urls]

        (found,) = await eventually(look)
    assert (found.scope, found.urls) == ("650197", (there,))


async def test_a_phone_and_a_relay_that_bring_one_photograph_do_not_spoil_each_others_half(
    country: Country, http: aiohttp.ClientSession, upstream: Party
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    listing, name = documents(officer, [photograph]), cose.sha256(photograph)
    config = country.relay_config()
    async with running_relay(config) as relay, at(http, relay, upstream) as sender:
        await sender.statements(listing.bare, chain=officer[1])
        assert (await create_upload(http, relay, photograph)).status == 201
        assert (await patch_upload(http, relay, name.hex(), 0, photograph[:5000])).status == 204
        assert problems_in(await sender.photograph(name, photograph, [2, 0])) == []
        assert (await patch_upload(http, relay, name.hex(), 5000, photograph[5000:])).status == 204
        (slip,) = slips_in(await sender.photograph(name, photograph, [1]))
        (page,) = (await where(http, relay, listing.id))["documents"]
        assert (page["state"], page["slip"]) == ("at-relay", text64(slip))
    async with running_relay(config) as relay:  # a start sweeps up the half that was left over
        assert list(config.node.data_directory.glob("incoming*/*")) == []


@pytest.mark.privileged
async def test_a_disk_filled_by_a_neighbour_still_takes_every_tally_and_the_phones_photographs(
    country: Country, http: aiohttp.ClientSession, upstream: Party, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("left out: mounting a small disk needs root")
    officer, data = country.world.officer(), os.urandom(2**20)
    neighbour = relay_process(
        tmp_path / "n",
        country.identity(Role.RELAY, KECAMATAN),
        centre_url=None,
        reserve_bytes=8 * 2**20,
        data=disk,
        wrap=["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=32m none "$0" && exec "$@"', str(disk)],
    )
    settings = tmp_path / "n" / "relay.toml"
    settings.write_text(settings.read_text() + f"\n[neighbour]\nreserve_bytes = {8 * 2**20}\n")
    try:
        await asyncio.to_thread(neighbour.start)
        async with at(http, neighbour.url, upstream) as sender:
            problems: list[tuple[bytes, str]] = []
            taken = 0
            while not problems:
                photograph = taken.to_bytes(4) + data
                await sender.statements(documents(officer, [photograph], revision=taken + 1).bare, chain=officer[1])
                problems = problems_in(
                    await sender.photograph(cose.sha256(photograph), photograph, range(0, 257, 8), 8)
                )
                taken += not problems
            assert {code for _, code in problems} == {"disk-full"}
            assert taken > 5
            for number in range(200):
                other = country.world.officer(f"6501082001{number:03d}")
                tallies = await sender.statements(tally(other, f"6501082001{number:03d}").bare, chain=other[1])
                assert len(slips_in(tallies)) == 1
        own = data + b"a phone's"
        assert (await post(http, neighbour.url, documents(officer, [own], revision=99).bare)).status == 201
        assert (await create_upload(http, neighbour.url, own)).status == 201
        assert (await patch_upload(http, neighbour.url, cose.sha256(own).hex(), 0, own)).status == 204
    finally:
        neighbour.kill()
