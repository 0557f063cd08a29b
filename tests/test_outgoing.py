"""The ledgers of what waits for one destination, on a real store: each parcel on one stream, nothing twice, no loss."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from relay.forwarder.outgoing import Outgoing
from relay.forwarder.photographs import Chunk
from relay.protocol import cose, forms, receipts
from relay.protocol.parcels import CELL_BYTES
from relay.protocol.planning import bitmap_of
from relay.protocol.receipts import Verdict
from relay.protocol.statements import DocumentHash, Kind, StatementId
from relay.store.holdings import HeldStatement
from tests.authorities import TPS
from tests.world.destination import BOTH
from tests.world.nodes import Country, documents, tally
from tests.world.sticks import Custody, custody

ISSUED_AT = 1_763_700_000


@dataclass
class Relay:
    """A relay's custody, its ledger, and what a phone and the centre do to them."""

    country: Country
    kept: Custody
    outgoing: Outgoing

    async def tallies(self, count: int) -> list[cose.Sign1]:
        """So many tallies are taken."""
        officer = self.country.world.officer(TPS)
        taken = [tally(officer, revision=revision) for revision in range(1, count + 1)]
        for statement in taken:
            await self.kept.take(statement, officer[1])
        self.outgoing.wake()
        return taken

    async def listing(self, photographs: list[bytes], tps: str = TPS, *, revision: int = 1) -> cose.Sign1:
        """A list of photographs is taken, and is at the destination; the photographs are not even here."""
        officer = self.country.world.officer(tps)
        statement = documents(officer, photographs, tps, revision=revision)
        await self.kept.take(statement, officer[1])
        self.outgoing.wake()
        await self.outgoing.take_statements("list", Kind.DOCUMENTS, 99)
        self.outgoing.arrived([short(statement)])
        return statement

    async def photographs(self, *photographs: bytes) -> None:
        """They are taken."""
        for data in photographs:
            await self.kept.photograph(data)
        self.outgoing.wake()

    async def receipt(self, statement: cose.Sign1, verdict: Verdict = Verdict.RECORDED) -> None:
        """The centre's answer is filed."""
        outcome = receipts.Outcome(StatementId(statement.id), verdict)
        signed = self.country.world.centre()[0].sign(receipts.payload(ISSUED_AT, [outcome]))
        await self.kept.settle(signed.bare)
        self.outgoing.settled([statement.id])

    async def known(self, taker: str, *held: bytes) -> None:
        """A stream has asked about all that it may ask about, and the destination has none of it."""
        for document in await self.outgoing.ask_for_documents(taker):
            self.outgoing.missing(document, held[0] if held else b"")

    async def chunks(self, taker: str) -> list[DocumentHash]:
        """Everything there is to take is taken by a stream and arrives: the photographs in the order of their ends."""
        order: dict[DocumentHash, None] = {}
        while True:
            await self.known(taker)
            chunk = await self.outgoing.take_chunk(taker, 64)
            if chunk is None:
                return list(order)
            order[chunk.parcel.document] = None
            self.outgoing.kept(taker, chunk, arrived=True)


@asynccontextmanager
async def relay(country: Country) -> AsyncIterator[Relay]:
    async with custody(country) as kept:
        made = Relay(country, kept, Outgoing(kept.store, kept.files, kept.clock))
        await made.outgoing.start()
        yield made


def short(statement: cose.Sign1) -> bytes:
    return statement.id[:8]


def names(held: list[HeldStatement]) -> list[bytes]:
    return [item.id[:8] for item in held]


def of(data: bytes) -> DocumentHash:
    return DocumentHash(cose.sha256(data))


def photograph(cells: int) -> bytes:
    return os.urandom(cells * CELL_BYTES)


async def chunk_of(outgoing: Outgoing, taker: str, cells: int) -> Chunk:
    chunk = await outgoing.take_chunk(taker, cells)
    assert chunk is not None
    return chunk


# --- statements


async def test_each_statement_is_on_one_of_several_streams(country: Country) -> None:
    async with relay(country) as it:
        taken = await it.tallies(40)
        on: dict[str, list[bytes]] = {"a": [], "b": [], "c": []}

        async def stream(taker: str) -> None:
            for _ in range(40):  # whoever is slower may find nothing, and more the next time
                on[taker] += names(await it.outgoing.take_statements(taker, Kind.TALLY, 3))

        await asyncio.gather(*map(stream, on))
        assert sorted(name for each in on.values() for name in each) == sorted(map(short, taken))


async def test_a_statement_is_owed_until_the_destination_has_said_something_of_it(country: Country) -> None:
    """For as long, revocations wait: the destination must not hear that its signer was revoked before it arrives."""
    only = frozenset({Kind.TALLY})
    async with relay(country) as here:
        (statement,) = await here.tallies(1)
        assert here.outgoing.owes_statements(only)
        assert not here.outgoing.owes_statements(frozenset[Kind]())
        await here.outgoing.take_statements("one", Kind.TALLY, 9)
        assert here.outgoing.owes_statements(only)  # on a stream, perhaps a slower one
        here.outgoing.may_try_again(short(statement))  # not taken: the signer is not known there
        here.outgoing.lacking([short(statement)])
        assert here.outgoing.owes_statements(only)  # to be sent again
        await here.outgoing.take_statements("one", Kind.TALLY, 9)
        here.outgoing.arrived([short(statement)])
        assert not here.outgoing.owes_statements(only)
        here.outgoing.let_go("one")  # cut: whether it arrived is asked
        assert here.outgoing.owes_statements(only)


async def test_what_was_under_way_on_a_stream_that_ended_is_asked_about_and_not_sent(country: Country) -> None:
    async with relay(country) as it:
        first, second = map(short, await it.tallies(2))
        assert names(await it.outgoing.take_statements("a", Kind.TALLY, 1)) == [first]
        assert names(await it.outgoing.take_statements("b", Kind.TALLY, 1)) == [second]
        it.outgoing.let_go("a")
        assert await it.outgoing.take_statements("b", Kind.TALLY, 9) == []
        assert it.outgoing.take_doubtful("b", {Kind.DOCUMENTS}, 9) == ()
        assert it.outgoing.take_doubtful("b", {Kind.TALLY}, 9) == (first,)
        assert it.outgoing.take_doubtful("c", BOTH, 9) == ()
        it.outgoing.let_go("b")  # the one that asked has ended as well, and what it had sent is doubtful too
        assert set(it.outgoing.take_doubtful("c", BOTH, 9)) == {first, second}
        it.outgoing.arrived([second])
        it.outgoing.lacking([first])
        assert names(await it.outgoing.take_statements("c", Kind.TALLY, 9)) == [first]


async def test_what_has_arrived_is_asked_about_when_its_receipt_is_overdue_and_not_sent(country: Country) -> None:
    async with relay(country) as it:
        overdue, died = map(short, await it.tallies(2))
        await it.outgoing.take_statements("a", Kind.TALLY, 1)
        await it.outgoing.take_statements("b", Kind.TALLY, 1)
        it.outgoing.arrived([overdue, died])
        assert not await it.outgoing.has_work(BOTH)
        assert it.outgoing.awaits_receipts
        it.outgoing.let_go("b")  # the receipt may have been on its way
        assert await it.outgoing.take_statements("c", Kind.TALLY, 9) == []
        assert it.outgoing.take_doubtful("c", BOTH, 9) == (died,)
        it.outgoing.doubt_all()
        assert it.outgoing.take_doubtful("c", BOTH, 9) == (overdue,)
        assert await it.outgoing.take_statements("c", Kind.TALLY, 9) == []


async def test_nothing_late_reopens_what_has_its_receipt(country: Country) -> None:
    data = photograph(3)
    async with relay(country) as it:
        listing = await it.listing([data])
        (statement,) = await it.tallies(1)
        await it.outgoing.take_statements("a", Kind.TALLY, 9)
        await it.photographs(data)
        await it.known("a")
        late, last = await chunk_of(it.outgoing, "a", 1), await chunk_of(it.outgoing, "b", 2)
        it.outgoing.kept("b", last, arrived=True)
        await it.receipt(statement)
        await it.receipt(listing)
        it.outgoing.lacking([short(statement), short(listing)])
        it.outgoing.arrived([short(statement), short(listing)])
        it.outgoing.kept("a", late, arrived=False)
        it.outgoing.missing(of(data), b"")
        it.outgoing.let_go("a")
        it.outgoing.doubt_all()
        it.outgoing.wake()
        assert not await it.outgoing.has_work(BOTH)
        assert not it.outgoing.awaits_receipts


async def test_what_was_given_to_another_carrier_is_asked_about_first(country: Country) -> None:
    async with relay(country) as it:
        sent, lacking, fresh = map(short, await it.tallies(3))
        await it.outgoing.take_statements("a", Kind.TALLY, 2)
        it.outgoing.lacking([lacking])
        it.outgoing.elsewhere([sent, lacking, fresh])
        assert await it.outgoing.take_statements("a", Kind.TALLY, 9) == []
        assert set(it.outgoing.take_doubtful("a", BOTH, 9)) == {lacking, fresh}  # what is under way is no matter
        it.outgoing.lacking([lacking, fresh])
        assert set(names(await it.outgoing.take_statements("a", Kind.TALLY, 9))) == {lacking, fresh}


async def test_after_a_start_all_that_has_no_receipt_is_asked_about(country: Country) -> None:
    async with relay(country) as it:
        taken = await it.tallies(3)
        await it.receipt(taken[0])
        again = Outgoing(it.kept.store, it.kept.files, it.kept.clock)
        await again.start()
        assert await again.take_statements("a", Kind.TALLY, 9) == []
        assert again.take_doubtful("a", BOTH, 9) == tuple(map(short, taken[1:]))


async def broken(work: Coroutine[Any, Any, object]) -> None:
    """The stream "a" breaks while this is under way."""
    task = asyncio.create_task(work)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def found_by_another(it: Relay) -> set[bytes]:
    """What another stream takes, once it has asked about what is doubtful and been told that nothing is there."""
    it.outgoing.let_go("a")
    it.outgoing.lacking(it.outgoing.take_doubtful("b", BOTH, 99))
    taken = [await it.outgoing.take_statements("b", Kind.TALLY, 99) for _ in range(2)]
    return {name for each in taken for name in names(each)}


async def test_a_stream_that_breaks_while_it_reads_what_is_new_takes_nothing_along(country: Country) -> None:
    async with relay(country) as it:
        taken = await it.tallies(3)
        await broken(it.outgoing.take_statements("a", Kind.TALLY, 9))
        assert await found_by_another(it) == set(map(short, taken))


async def test_a_stream_that_breaks_while_it_reads_what_is_lacking_takes_nothing_along(country: Country) -> None:
    async with relay(country) as it:
        taken = await it.tallies(3)
        await it.outgoing.take_statements("a", Kind.TALLY, 9)
        it.outgoing.lacking(map(short, taken))
        await broken(it.outgoing.take_statements("a", Kind.TALLY, 9))
        assert await found_by_another(it) == set(map(short, taken))


async def test_a_stream_that_breaks_while_it_looks_at_photographs_takes_none_along(country: Country) -> None:
    data = [photograph(2), photograph(2)]
    async with relay(country) as it:
        await it.listing(data)
        await it.photographs(*data)
        await broken(it.outgoing.ask_for_documents("a"))  # while the store is asked
        it.outgoing.let_go("a")
        assert await it.outgoing.has_work(BOTH)  # by now the store has told
        await broken(it.outgoing.ask_for_documents("a"))  # while a file is read
        it.outgoing.let_go("a")
        await it.known("a")
        await broken(it.outgoing.take_chunk("a", 9))
        it.outgoing.let_go("a")
        assert set(await it.chunks("b")) == set(map(of, data))


# --- photographs


async def test_each_cell_is_on_one_of_several_streams(country: Country) -> None:
    data = photograph(8)
    async with relay(country) as it:
        await it.listing([data])
        await it.photographs(data)
        await it.known("a", bitmap_of([0], 8))
        a, b = await chunk_of(it.outgoing, "a", 3), await chunk_of(it.outgoing, "b", 3)
        assert (a.cells, b.cells) == (0b1110, 0b1110000)
        assert (b.parcel.first_cell, b.parcel.data) == (4, data[4 * CELL_BYTES : 7 * CELL_BYTES])
        it.outgoing.let_go("a")
        assert (await chunk_of(it.outgoing, "b", 9)).cells == 0b10000000  # what is certain goes on meanwhile
        assert await it.outgoing.take_chunk("c", 9) is None
        assert await it.outgoing.ask_for_documents("c") == (of(data),)
        assert await it.outgoing.ask_for_documents("b") == ()
        it.outgoing.missing(of(data), bitmap_of([0, 1, 2], 8))
        assert (await chunk_of(it.outgoing, "c", 9)).cells == 0b1000


async def test_what_is_acknowledged_while_another_stream_asks_is_not_sent_again(country: Country) -> None:
    data = photograph(4)
    async with relay(country) as it:
        await it.listing([data])
        await it.photographs(data)
        await it.known("a")
        lost, slow = await chunk_of(it.outgoing, "a", 1), await chunk_of(it.outgoing, "b", 1)
        it.outgoing.let_go("a")
        assert await it.outgoing.ask_for_documents("c") == (of(data),)  # and the answer is made now: nothing is there
        it.outgoing.kept("b", slow, arrived=True)
        it.outgoing.missing(of(data), b"")
        assert (await chunk_of(it.outgoing, "c", 1)).cells == lost.cells
        assert (await chunk_of(it.outgoing, "c", 9)).cells == 0b1100


async def test_a_photograph_that_another_relay_has_taken_meanwhile_is_asked_about(country: Country) -> None:
    data = [photograph(4), photograph(4), photograph(4)]
    async with relay(country) as it:
        listing = await it.listing(data)
        neighbour = Outgoing(it.kept.store, it.kept.files, it.kept.clock, others=it.outgoing)
        await neighbour.start()
        await it.photographs(*data)
        neighbour.wake()
        await it.known("a")
        it.outgoing.let_go("a")  # none of them was under way; for hours there is no way to the centre
        assert neighbour.take_doubtful("n", BOTH, 9) == (short(listing),)
        neighbour.arrived([short(listing)])
        await it.known("a")  # it was back for a moment
        it.outgoing.let_go("a")
        assert set(await neighbour.ask_for_documents("n")) == set(map(of, data))
        for document in map(of, data):
            neighbour.missing(document, b"")
        whole, part = await chunk_of(neighbour, "n", 4), await chunk_of(neighbour, "n", 2)
        for chunk in (whole, part):
            neighbour.kept("n", chunk, arrived=True)
        # what it has wholly it may have handed on; of the rest it hands on nothing
        assert await it.outgoing.ask_for_documents("b") == (whole.parcel.document,)
        assert (await chunk_of(it.outgoing, "b", 9)).parcel.document == part.parcel.document


async def test_photographs_that_lie_on_a_stick_as_well_are_asked_about(country: Country) -> None:
    data = photograph(4)
    async with relay(country) as it:
        listing = await it.listing([data])
        await it.photographs(data)
        await it.known("a")
        it.outgoing.let_go("a")
        it.outgoing.elsewhere([short(listing)])
        assert await it.outgoing.take_chunk("b", 9) is None
        assert await it.outgoing.ask_for_documents("b") == (of(data),)


async def test_photographs_go_in_the_promised_order(country: Country) -> None:
    """The page with the votes (2 of this form) of every station, then first pages, then third ones; oldest first."""
    votes_page = forms.catalogue()[2401].votes_page
    stations = [f"{TPS[:10]}{at:03d}" for at in range(1, 15)]
    pages = {tps: [photograph(1) for _ in range(3)] for tps in stations}
    async with relay(country) as it:
        for tps in stations:
            await it.listing(pages[tps], tps)
        for tps in reversed(stations):
            await it.photographs(*reversed(pages[tps]))
        order = [votes_page] + [page for page in (1, 2, 3) if page != votes_page]
        assert await it.chunks("a") == [of(pages[tps][page - 1]) for page in order for tps in reversed(stations)]


async def test_no_photograph_goes_before_its_list_has_arrived(country: Country) -> None:
    data = photograph(2)
    async with relay(country) as it:
        officer = country.world.officer()
        listing = documents(officer, [data])
        await it.kept.take(listing, officer[1])
        await it.photographs(data)
        assert await it.outgoing.ask_for_documents("a") == ()
        await it.outgoing.take_statements("a", Kind.DOCUMENTS, 9)
        assert await it.outgoing.ask_for_documents("b") == ()
        it.outgoing.arrived([short(listing)])
        assert await it.outgoing.ask_for_documents("b") == (of(data),)


@pytest.mark.parametrize("done", [False, True], ids=["under way", "arrived"])
@pytest.mark.parametrize("refused", [1, 2])
async def test_a_photograph_of_two_lists_survives_the_refusal_of_one(
    country: Country, refused: int, done: bool
) -> None:
    data = photograph(4)
    async with relay(country) as it:
        lists = [await it.listing([data], revision=1), await it.listing([data, photograph(1)], revision=2)]
        await it.photographs(data)
        await it.known("a")
        chunk = await chunk_of(it.outgoing, "a", 4 if done else 2)
        it.outgoing.kept("a", chunk, arrived=True)
        await it.receipt(lists[refused - 1], Verdict.REFUSED)
        held = bitmap_of(range(4 if done else 2), 4)
        for document in await it.outgoing.ask_for_documents("a"):
            it.outgoing.missing(document, held)
        rest = await it.outgoing.take_chunk("a", 9)
        assert (rest.cells if rest else 0) == (0 if done else 0b1100)
        if rest:
            it.outgoing.kept("a", rest, arrived=True)
        assert await it.outgoing.take_chunk("a", 9) is None
        assert it.outgoing.awaits_receipts
        await it.receipt(lists[2 - refused])
        assert not await it.outgoing.has_work(BOTH)


async def test_more_photographs_with_one_list_than_are_read_at_once_are_all_found(country: Country) -> None:
    """Many were here before the list that counts; in the store they have become complete at one and the same moment."""
    first = [photograph(1)[:50] for _ in range(50)]
    relisted = [[os.urandom(40) for _ in range(64)] for _ in range(4)]
    async with relay(country) as it:
        old = [await it.listing(each, revision=at) for at, each in enumerate(relisted, 1)]
        for each in relisted:
            await it.photographs(*each)
        for listing in old:
            await it.receipt(listing, Verdict.REFUSED)
        await it.listing(first, revision=9)
        await it.photographs(*first)
        for at, each in enumerate(relisted, 10):
            await it.listing(each, revision=at)
        assert set(await it.chunks("a")) == {of(data) for each in (first, *relisted) for data in each}


async def test_a_photograph_that_the_disk_has_spoilt_goes_once_it_has_come_again(country: Country) -> None:
    data, other = photograph(3), photograph(3)
    async with relay(country) as it:
        await it.listing([data, other])
        await it.photographs(data, other)
        it.kept.files.path(of(data)).write_bytes(bytes(len(data)))
        assert await it.outgoing.ask_for_documents("a") == (of(other),)
        assert not await it.kept.store.photographs.is_held(of(data))
        it.outgoing.missing(of(other), b"")
        it.kept.files.path(of(other)).unlink()  # and this one is lost in the middle
        assert await it.outgoing.take_chunk("a", 1) is None
        assert not await it.kept.store.photographs.is_held(of(other))
        assert not await it.outgoing.has_work(BOTH)
        await it.photographs(data, other)
        assert set(await it.chunks("a")) == {of(data), of(other)}


async def test_a_photograph_that_is_never_taken_is_tried_a_few_times_only(country: Country) -> None:
    data = photograph(2)
    async with relay(country) as it:
        await it.listing([data])
        await it.photographs(data)
        times = 0
        while await it.chunks("a"):
            times += 1
            assert it.outgoing.document_spoilt(of(data)[:8])
            assert times < 20
        assert times == 4
        assert not it.outgoing.document_spoilt(b"another!")


async def test_nothing_is_read_before_it_is_needed(country: Country) -> None:
    """However many photographs wait, only some are asked about ahead of their turn."""
    data = [os.urandom(10) for _ in range(60)]
    async with relay(country) as it:
        await it.listing(data)
        await it.photographs(*data)
        asked = await it.outgoing.ask_for_documents("a")
        assert len(asked) == 32
        assert await it.outgoing.ask_for_documents("b") == ()
