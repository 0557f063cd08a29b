"""What waits to go to one destination, and which stream has taken what of it: each parcel is on one stream.

Shared by all streams to that destination. Nothing here is on disk: what was under way when a stream or the
process died is doubtful, and the destination is asked about it before any of it is sent again.
"""

import asyncio
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from relay.clock import Clock
from relay.forwarder.photographs import Chunk, Photographs
from relay.forwarder.taker import Taker
from relay.forwarder.telling import Telling
from relay.protocol.cose import X5t
from relay.protocol.messages import TrustNews
from relay.protocol.parcels import CELL_BYTES, SHORT_BYTES
from relay.protocol.statements import STATEMENT_KINDS, DocumentHash, Kind
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.store.holdings import HeldStatement

_PROBLEMS_MAX = 3


@dataclass(slots=True)
class Crossed:
    """What has been put on links so far, to tell how much of it was sent twice."""

    bytes_sent: int = 0
    bytes_again: int = 0
    _statements: set[bytes] = field(default_factory=set)
    _cells: dict[bytes, int] = field(default_factory=dict)  # of each document, a bit for each cell

    def statement(self, name: bytes, size_bytes: int) -> None:
        """A statement, by the first bytes of its id, went out (once more)."""
        if name in self._statements:
            self.bytes_again += size_bytes
        self._statements.add(name)

    def chunk(self, chunk: Chunk) -> None:
        """A chunk went out."""
        document = chunk.parcel.document
        sent = self._cells.get(document, 0)
        self.bytes_again += min(len(chunk.parcel.data), CELL_BYTES * (sent & chunk.cells).bit_count())
        self._cells[document] = sent | chunk.cells

    def forget(self, statement: bytes, documents: Iterable[bytes]) -> None:
        """These are settled: nothing of them crosses any more."""
        self._statements.discard(statement)
        for document in documents:
            self._cells.pop(document, None)


class Outgoing:
    """The shared ledger. Statements are named by the first 8 bytes of their id, as ASK and HELD name them."""

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        clock: Clock,
        *,
        not_from: X5t | None = None,
        others: "Outgoing | None" = None,
        owed: Callable[[], TrustNews] = lambda: TrustNews((), ()),
    ) -> None:
        """`not_from`: what that relay handed over is left out. `others` is told what may now arrive by this way.

        `owed`: the CAs and revocations that the centre is not known to have.
        """
        self.telling = Telling(owed)
        self._others = others
        self.crossed = Crossed()
        self.knows_signers = True  # until it says that it lacks one: then certificates travel with statements
        self._store = store
        self._not_from = not_from
        self._photographs = Photographs(store, files, clock, not_from, self._document_arrived)
        self._waiters: set[asyncio.Event] = set()
        self._to_read: set[Kind] = set()  # the kinds of statement of which the store may have new ones
        self._to_gather = False  # whether it may have new photographs
        self._cursor = dict.fromkeys(STATEMENT_KINDS, 0)  # slip numbers up to which all were taken once
        self._doubtful: dict[bytes, Kind] = {}  # may have arrived: ask
        self._wanted: dict[bytes, Kind] = {}  # did not arrive: send again
        self._taken: dict[bytes, tuple[Kind, Taker | None]] = {}  # sent or asked about, and without a receipt
        self._arrived: set[bytes] = set()  # of these, the destination has said that it keeps them
        self._elsewhere: set[bytes] = set()  # may arrive by another way: asked about before it is sent
        self._problems: dict[bytes, int] = {}
        self._doubted_at = time.monotonic()

    async def start(self) -> None:
        """What an earlier process may have sent is asked about, not sent again."""
        newest = await self._store.holdings.newest_number()
        self._cursor = dict.fromkeys(self._cursor, newest)
        self._doubtful = dict(await self._store.waiting.names(self._not_from))
        self.wake()

    @property
    def awaits_receipts(self) -> bool:
        """Whether something was sent for which no receipt has come."""
        return bool(self._taken or self._doubtful or self._photographs.awaits_receipts)

    def has_taken(self, name: bytes) -> bool:
        """Whether a stream has this statement (first 8 bytes of its id) under way, or it may come by another way."""
        taken = self._taken.get(name)
        return name in self._elsewhere or name in self._arrived or (taken is not None and taken[1] is not None)

    @property
    def taken(self) -> set[bytes]:
        """All statements of which `has_taken` says so."""
        return self._elsewhere | self._arrived | {name for name, (_, taker) in self._taken.items() if taker is not None}

    @property
    def photograph_bytes_there(self) -> int:
        """Of the photographs without a receipt, the bytes that the destination has for certain."""
        return self._photographs.bytes_there

    async def has_work(self, kinds: Container[Kind]) -> bool:
        """Whether there is something to send or to ask for a stream that carries statements of `kinds`."""
        if any(kind in kinds for names in (self._doubtful, self._wanted) for kind in names.values()):
            return True
        for kind, after in self._cursor.items():
            if kind in kinds and kind in self._to_read and await self._fresh(kind, after, 1):
                return True
        if Kind.DOCUMENTS not in kinds:
            return False
        await self._gather()
        return self._photographs.has_work

    # statements

    async def take_statements(self, taker: Taker, kind: Kind, most: int) -> list[HeldStatement]:
        """Up to `most` statements that are now on this stream: what the destination lacks, before what is new."""
        names = [name for name, wanted in self._wanted.items() if wanted is kind][:most]
        if names:
            for name in names:
                self._taken[name] = (self._wanted.pop(name), taker)
            held = await self._store.waiting.named(names)
        elif kind in self._to_read:
            self._to_read.discard(kind)  # before reading: what comes meanwhile is news again
            fresh = await self._fresh(kind, self._cursor[kind], most)
            if len(fresh) == most:
                self._to_read.add(kind)
            held = [item for item in fresh if item.number > self._cursor[kind]]  # another stream may have been quicker
            if held:
                self._cursor[kind] = held[-1].number
            held = [item for item in held if not self._may_be_there(item)]
            self._taken |= {item.id[:SHORT_BYTES]: (kind, taker) for item in held}
        else:
            return []
        return held

    def elsewhere(self, names: Iterable[bytes]) -> None:
        """These statements were given to another carrier: unless sent already, they are asked about first."""
        for name in names:
            if (kind := self._wanted.pop(name, None)) is not None:
                self._doubtful[name] = kind
            elif name not in self._taken:
                self._elsewhere.add(name)
            self._photographs.list_elsewhere(name)
        self.changed()

    def take_doubtful(self, taker: Taker, kinds: Container[Kind], most: int) -> tuple[bytes, ...]:
        """Names of statements that this stream asks about now."""
        names = [name for name, kind in self._doubtful.items() if kind in kinds][:most]
        for name in names:
            self._taken[name] = (self._doubtful.pop(name), taker)
        return tuple(names)

    def arrived(self, names: Iterable[bytes]) -> None:
        """The destination keeps these statements; the photographs that they list may follow on any stream."""
        for name in (names := list(names)):
            if taken := self._taken.get(name):
                self._arrived.add(name)
                if taken[0] is Kind.DOCUMENTS:
                    self._photographs.list_arrived(name)
        if self._others is not None:
            self._others.elsewhere(names)

    def owes_statements(self, kinds: Container[Kind]) -> bool:
        """Whether a statement of `kinds` is to be sent, or is on any stream and nothing has been said of it yet."""
        waiting = (*self._to_read, *self._wanted.values(), *self._doubtful.values())
        unanswered = (
            kind
            for name, (kind, taker) in self._taken.items()
            if taker is not None and name not in self._arrived and name not in self._problems
        )
        return any(kind in kinds for kind in (*waiting, *unanswered))

    def lacking(self, names: Iterable[bytes]) -> None:
        """The destination does not have these statements after all."""
        for name in names:
            if taken := self._taken.pop(name, None):
                self._doubt(name)
                self._wanted[name] = taken[0]

    def set_aside(self, name: bytes) -> None:
        """The destination will not have this statement: it is left alone until the next start, or until its receipt."""
        if taken := self._taken.get(name):
            self._taken[name] = (taken[0], None)

    def settled(self, statements: Iterable[bytes]) -> None:
        """Receipts have come for these statement ids."""
        for statement in statements:
            name = statement[:SHORT_BYTES]
            for names in (self._doubtful, self._wanted, self._taken):
                names.pop(name, None)
            self._arrived.discard(name)
            self._elsewhere.discard(name)
            self.crossed.forget(name, self._photographs.list_settled(name))
        self.changed()

    def may_try_again(self, name: bytes) -> bool:
        """Counts a problem with one thing: whether it is worth another attempt before the next start."""
        times = self._problems[name] = self._problems.get(name, 0) + 1
        return times <= _PROBLEMS_MAX

    # photographs

    async def ask_for_documents(self, taker: Taker) -> tuple[DocumentHash, ...]:
        """The photographs of which this stream must ask what is missing."""
        await self._gather()
        return await self._photographs.ask(taker)

    def missing(self, document: DocumentHash, held: bytes) -> None:
        """The destination's answer: the bitmap of cells that it has."""
        self._photographs.missing(document, held)

    async def take_chunk(self, taker: Taker, cells_most: int) -> Chunk | None:
        """The next run of cells, now on this stream; None if there is none."""
        return await self._photographs.take(taker, cells_most)

    def kept(self, taker: Taker, chunk: Chunk, *, arrived: bool) -> None:
        """The destination has dealt with a chunk; it is there, or has to be sent again."""
        self._photographs.kept(taker, chunk, arrived=arrived)

    def document_spoilt(self, name: bytes) -> bool:
        """The destination did not take a photograph; whether the name is that of one."""
        return self._photographs.spoilt(name)

    # streams

    def let_go(self, taker: Taker, *, was_cut: bool = True) -> None:
        """A stream has ended: what it had under way is doubtful. If it was cut, receipts may have died with it."""
        for name, (kind, owner) in list(self._taken.items()):
            if owner is taker and (was_cut or name not in self._arrived):
                del self._taken[name]
                self._arrived.discard(name)
                self._doubtful[name] = kind
        self._photographs.let_go(taker)
        self.telling.let_go(taker, was_cut=was_cut)
        self.wake()  # it may have been about to take in what is new

    def doubt_overdue(self, now: float, seconds: float) -> None:
        """`doubt_all`, unless that was less than `seconds` ago; `now` in monotonic seconds."""
        if now - self._doubted_at > seconds and self.awaits_receipts:
            self.doubt_all()
            self._doubted_at = now

    def doubt_all(self) -> None:
        """Receipts are overdue: whatever arrived and has none is asked about again."""
        for name in list(self._arrived):
            self._doubt(name)
            if taken := self._taken.pop(name, None):
                self._doubtful[name] = taken[0]
        self._photographs.doubt_all()

    @contextmanager
    def waiter(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be something new to take."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            yield event
        finally:
            self._waiters.discard(event)

    def wake(self) -> None:
        """The store may have something new to take."""
        self._to_read.update(self._cursor)
        self._to_gather = True
        self.changed()

    def changed(self) -> None:
        """There may be something to take, or room for it."""
        for event in self._waiters:
            event.set()

    def _may_be_there(self, item: HeldStatement) -> bool:
        name = item.id[:SHORT_BYTES]
        if name in self._doubtful or name in self._taken:  # it came while this ledger began
            return True
        if name not in self._elsewhere:
            return False
        self._elsewhere.discard(name)
        self._doubtful[name] = item.kind
        self.changed()
        return True

    def _document_arrived(self, document: DocumentHash) -> None:
        if self._others is not None:
            self._others._photographs.elsewhere(document)

    def _doubt(self, name: bytes) -> None:
        self._arrived.discard(name)
        self._photographs.list_doubtful(name)

    async def _fresh(self, kind: Kind, after: int, most: int) -> list[HeldStatement]:
        return await self._store.waiting.fresh(kind, after, most, self._not_from)

    async def _gather(self) -> None:
        if self._to_gather:
            self._to_gather = False
            await self._photographs.gather()
