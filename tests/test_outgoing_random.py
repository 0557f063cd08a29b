"""Whatever happens to a ledger's streams, all arrives, and nothing that the other side has said it keeps goes again.

Every example takes a random course through a model destination: sent, arrived, answered, cut, brought by somebody
else, settled by a receipt. Hypothesis prints the course that fails, cut to what is needed.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from relay.forwarder.outgoing import Outgoing
from relay.protocol import cose, receipts
from relay.protocol.parcels import CELL_BYTES, SHORT_BYTES, cells_in
from relay.protocol.receipts import Verdict
from relay.protocol.statements import DocumentHash, StatementId
from tests.authorities import TPS
from tests.world.destination import BOTH, Destination, Stream
from tests.world.nodes import Country, documents, tally
from tests.world.sticks import Custody, custody

STREAMS = 3
ISSUED_AT = 1_763_700_000
PHOTOGRAPHS = [bytes([at]) * (CELL_BYTES * at - 9) for at in (1, 2, 4, 5)]
LISTS = [PHOTOGRAPHS[:2], PHOTOGRAPHS[2:], PHOTOGRAPHS[1:3]]  # two photographs are in two lists

streams = st.integers(0, STREAMS - 1)
steps = st.one_of(
    st.tuples(st.just("send"), streams, st.integers(1, 3)),
    st.tuples(st.just("send"), streams, st.integers(1, 3)),
    st.tuples(st.just("arrive"), streams),
    st.tuples(st.just("arrive"), streams),
    st.tuples(st.just("hear"), streams),
    st.tuples(st.just("hear"), streams),
    st.tuples(st.just("cut"), streams),
    st.tuples(st.just("round"), streams, st.integers(1, 3)),
    st.tuples(st.just("round"), streams, st.integers(1, 3)),
    st.tuples(st.just("take"), st.integers(0, 7)),
    st.tuples(st.just("otherwise"), st.integers(0, 5)),
    st.tuples(st.just("overdue"), st.just(0)),
    st.tuples(st.just("receipt"), st.integers(0, 5)),
)


@cache
def country() -> Country:
    """Keys and statements are made once for all examples."""
    return Country(Path(_keep.name))


_keep = tempfile.TemporaryDirectory()


@cache
def statements() -> list[cose.Sign1]:
    officer = country().world.officer(TPS)
    lists = [documents(officer, photographs, revision=at) for at, photographs in enumerate(LISTS, 1)]
    return [tally(officer, revision=at) for at in (1, 2, 3)] + lists


class Course:
    """A ledger, its streams and the other side."""

    def __init__(self, kept: Custody) -> None:
        self.kept = kept
        self.outgoing = Outgoing(kept.store, kept.files, kept.clock)
        self.there = Destination()
        self.streams = [Stream(self.outgoing, self.there) for _ in range(STREAMS)]
        self.settled: set[bytes] = set()
        self.taken: set[int] = set()

    async def step(self, what: str, at: int, most: int = 1) -> None:
        match what:
            case "send":
                await self.streams[at].send(most)
            case "round":
                await self.streams[at].send(most)
                self.streams[at].arrive()
                self.streams[at].hear()
            case "arrive":
                self.streams[at].arrive()
            case "hear":
                self.streams[at].hear()
            case "cut":
                self.streams[at].cut()
            case "take":
                await self.take(at)
            case "otherwise":
                self.otherwise(statements()[at])
            case "overdue":
                self.outgoing.doubt_all()
            case "receipt":
                await self.receipt(statements()[at])
        assert self.there.faults == []

    async def take(self, at: int) -> None:
        """The relay takes something into custody; the same again changes nothing."""
        self.taken.add(at)
        if at < len(statements()):
            await self.kept.take(statements()[at], country().world.officer(TPS)[1])
        else:
            for photograph in PHOTOGRAPHS[(at - len(statements())) * 2 :][:2]:
                if not self.kept.files.path(cose.sha256(photograph)).exists():
                    await self.kept.photograph(photograph)
        self.outgoing.wake()

    def otherwise(self, statement: cose.Sign1) -> None:
        """Another carrier, who has been given it, brings it."""
        name = statement.id[:SHORT_BYTES]
        self.outgoing.elsewhere([name])
        self.there.statements.add(name)

    async def receipt(self, statement: cose.Sign1) -> None:
        """The other side has all of it, says so, and that is filed."""
        is_here = statements().index(statement) in self.taken
        if not is_here or not self.is_complete(statement) or statement.id in self.settled:
            return
        self.settled.add(statement.id)
        outcome = receipts.Outcome(StatementId(statement.id), Verdict.RECORDED)
        await self.kept.settle(centre().sign(receipts.payload(ISSUED_AT, [outcome])).bare)
        self.outgoing.settled([statement.id])

    def is_complete(self, statement: cose.Sign1) -> bool:
        if statement.id[:SHORT_BYTES] not in self.there.statements:
            return False
        return all(self.has(photograph) for photograph in listed(statement))

    def has(self, photograph: bytes) -> bool:
        there = self.there.cells.get(DocumentHash(cose.sha256(photograph)), 0)
        return there == (1 << cells_in(len(photograph))) - 1

    async def come_to_rest(self) -> None:
        """Nothing is cut any more, and whatever can go goes."""
        for at in range(8):
            await self.take(at)
        for _ in range(60):
            moved = [await stream.send(2) for stream in self.streams]
            moved += [stream.come_to_rest() for stream in self.streams]
            assert self.there.faults == []
            if not any(moved):
                return
        raise AssertionError("it never comes to rest")


@cache
def centre() -> cose.Signer:
    return country().world.centre()[0]


def listed(statement: cose.Sign1) -> list[bytes]:
    at = statements().index(statement) - 3
    return LISTS[at] if at >= 0 else []


@given(early=st.sets(st.integers(0, 7)), course=st.lists(steps, min_size=10, max_size=90))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_all_arrives_and_nothing_that_is_known_to_be_there_goes_again(
    early: set[int], course: list[tuple[str, int]]
) -> None:
    number = next(_numbers)

    async def run() -> None:
        async with custody(country(), f"relay-{number}") as kept:
            it = Course(kept)
            await it.outgoing.start()
            for at in sorted(early):
                await it.take(at)
            for step in course:
                await it.step(*step)
            await it.come_to_rest()
            assert all(map(it.is_complete, statements()))
            for statement in statements():
                await it.receipt(statement)
            assert not await it.outgoing.has_work(BOTH)
            assert not it.outgoing.awaits_receipts

    asyncio.run(run())


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield (number := number + 1)


_numbers = _count()
