"""Which cells of which photograph a destination still lacks, and which stream has taken what of them.

A photograph can follow only once the destination has a list that names it. What it holds of one, it is asked before
any of it is sent; what was under way on a stream that broke is doubtful, and asked about again.
"""

import asyncio
import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from relay.clock import Clock
from relay.errors import Rejected
from relay.forwarder.taker import Taker
from relay.protocol import forms, planning
from relay.protocol.cose import X5t
from relay.protocol.parcels import CELL_BYTES, SHORT_BYTES, ChunkParcel, cells_in
from relay.protocol.statements import DocumentHash, StatementId
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.store.waiting import PendingDocument

log = logging.getLogger(__name__)

_ACTIVE_MAX = 32
_READ_AT_ONCE = 256
_SPOILT_MAX = 3
_Order = tuple[tuple[int, int, int], StatementId]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of cells that one stream has taken; `cells` has a bit for each."""

    parcel: ChunkParcel
    cells: int
    label: str


@dataclass(slots=True)
class _Active:
    """A photograph that the destination has been asked about, or is about to be. Cells are bits of integers."""

    pending: PendingDocument
    asked_by: Taker | None = None
    missing: int | None = None  # what the destination lacks; None: it has never answered
    doubtful: int = 0  # of these, what was under way on a stream that broke, or may arrive by another way
    kept_since: int = 0  # what has been acknowledged since it was asked about last: the answer may be older
    flying: dict[Taker, int] = field(default_factory=dict)  # what each stream has taken

    @property
    def open_cells(self) -> int:
        """The cells that are missing for certain, and that nobody has taken yet."""
        cells = (self.missing or 0) & ~self.doubtful
        for taken in self.flying.values():
            cells &= ~taken
        return cells

    @property
    def is_to_be_asked(self) -> bool:
        """Whether the destination must be asked, and nobody has."""
        return self.asked_by is None and (self.missing is None or self.doubtful != 0)

    def ask(self, taker: Taker) -> None:
        """A stream asks about it."""
        self.asked_by, self.kept_since = taker, 0


class Photographs:
    """The ledger of photographs for one destination.

    `not_from`: that relay handed them over, and has them. `on_sent` is told of each that the destination has wholly.
    """

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        clock: Clock,
        not_from: X5t | None,
        on_sent: Callable[[DocumentHash], None],
    ) -> None:
        self._on_sent = on_sent
        self._store = store
        self._files = files
        self._clock = clock
        self._not_from = not_from
        self._cursor = 0
        self._lists: set[bytes] = set()  # names of the lists that the destination has
        self._unlisted: dict[bytes, list[PendingDocument]] = {}  # whose list it does not have yet
        self._waiting: list[tuple[_Order, PendingDocument]] = []  # a heap, most wanted first
        self._active: dict[DocumentHash, _Active] = {}
        self._sent: dict[DocumentHash, PendingDocument] = {}  # all of it has arrived; the receipt has not
        self._twins: dict[DocumentHash, list[PendingDocument]] = {}  # the same photograph in another list
        self._lost: dict[DocumentHash, PendingDocument] = {}  # damaged on disk: the phone is asked for it again
        self._verified: set[DocumentHash] = set()  # read from the disk and compared with their hash, once
        self._spoilt: dict[bytes, int] = {}

    @property
    def has_work(self) -> bool:
        """Whether something is to be asked about or sent."""
        return bool(self._waiting or self._active)

    @property
    def bytes_there(self) -> int:
        """Of the photographs without a receipt, the bytes that the destination has for certain."""
        whole = sum(pending.size_bytes for pending in self._sent.values())
        begun = (item for item in self._active.values() if item.missing is not None)
        return whole + sum(
            max(0, item.pending.size_bytes - CELL_BYTES * (item.missing or 0).bit_count()) for item in begun
        )

    @property
    def awaits_receipts(self) -> bool:
        """Whether something has arrived that no receipt speaks of."""
        return bool(self._sent)

    async def gather(self) -> None:
        """Takes in what is new in the store."""
        for document in list(self._lost):
            if await self._store.photographs.is_held(document) and (pending := self._lost.pop(document, None)):
                self._place(pending)
        while fresh := await self._store.waiting.documents_listed(self._cursor, _READ_AT_ONCE, self._not_from):
            for at, pending in fresh:
                if at > self._cursor:  # another stream may have been quicker
                    self._place(pending)
            self._cursor = max(self._cursor, fresh[-1][0])

    async def ask(self, taker: Taker) -> tuple[DocumentHash, ...]:
        """The most wanted photographs, ahead of their turn, of which this stream must ask what is missing."""
        unknown = [document for document, item in self._active.items() if item.is_to_be_asked]
        for document in unknown:
            self._active[document].ask(taker)
        while self._waiting and (len(self._active) < _ACTIVE_MAX or self._is_more_wanted(self._waiting[0][0])):
            _, pending = heapq.heappop(self._waiting)
            if _list(pending) not in self._lists:
                self._unlisted.setdefault(_list(pending), []).append(pending)
            elif pending.document in self._active or pending.document in self._sent:
                self._twins.setdefault(pending.document, []).append(pending)
            else:  # it is active from here on: if the stream ends now, the next one asks about it
                self._active[pending.document] = _Active(pending, asked_by=taker)
                if await self._is_intact(pending.document):
                    unknown.append(pending.document)
                else:
                    await self._give_up(pending)
        return tuple(unknown)

    def _is_more_wanted(self, order: _Order) -> bool:
        """Whether something goes before all that is active, and there is room for a few such."""
        first = min((_order(item.pending) for item in self._active.values()), default=order)
        return order < first and len(self._active) < 2 * _ACTIVE_MAX

    async def _is_intact(self, document: DocumentHash) -> bool:
        if document not in self._verified and await asyncio.to_thread(self._files.verify, document):
            self._verified.add(document)
        return document in self._verified

    def missing(self, document: DocumentHash, held: bytes) -> None:
        """The destination's answer: the bitmap of cells that it has."""
        if item := self._active.get(document):
            item.asked_by, item.doubtful = None, 0
            item.missing = planning.missing_cells(held, cells_in(item.pending.size_bytes)) & ~item.kept_since
            self._sort_out(document, item)

    async def take(self, taker: Taker, cells_most: int) -> Chunk | None:
        """The next run of cells of the most wanted photograph, now on this stream; None if there is none."""
        for document, item in sorted(self._active.items(), key=lambda pair: _order(pair[1].pending)):
            cells = planning.first_run(item.open_cells, cells_most)
            if not cells:
                continue
            item.flying[taker] = item.flying.get(taker, 0) | cells
            first, count = planning.run_of(cells)
            try:
                data = await asyncio.to_thread(self._files.read, document, first * CELL_BYTES, count * CELL_BYTES)
            except Rejected:
                await self._give_up(item.pending)
                continue
            done = 100 * first // cells_in(item.pending.size_bytes)
            label = f"page {item.pending.page} of TPS {item.pending.tps}, {done} %"
            return Chunk(ChunkParcel(document, first, data), cells, label)
        return None

    def kept(self, taker: Taker, chunk: Chunk, *, arrived: bool) -> None:
        """The destination has dealt with a chunk; it is there, or has to be sent again."""
        document = chunk.parcel.document
        if item := self._active.get(document):
            item.flying[taker] = item.flying.get(taker, 0) & ~chunk.cells
            if arrived:
                item.kept_since |= chunk.cells
                if item.missing is not None:
                    item.missing &= ~chunk.cells
            self._sort_out(document, item)

    def spoilt(self, name: bytes) -> bool:
        """The destination did not take a photograph, named by the first bytes of its hash; whether it is one of ours.

        It is asked about anew, unless that has happened too often.
        """
        for document in [key for key in (*self._active, *self._sent) if key.startswith(name)]:
            item = self._active.pop(document, None)
            pending = item.pending if item else self._sent.pop(document)
            self._verified.discard(document)
            times = self._spoilt[name] = self._spoilt.get(name, 0) + 1
            if times <= _SPOILT_MAX:
                self._place(pending)
            return True
        return False

    def list_arrived(self, name: bytes) -> None:
        """The destination has a list of photographs: what it names may follow."""
        self._lists.add(name)
        for pending in self._unlisted.pop(name, ()):
            self._place(pending)

    def list_doubtful(self, name: bytes) -> None:
        """Whether the destination has a list is not certain any more."""
        self._lists.discard(name)

    def list_settled(self, name: bytes) -> list[DocumentHash]:
        """A list has its receipt: its photographs, which nobody has to carry for its sake any more."""
        if name in self._lists:
            self._lists.discard(name)
            self._waiting = [entry for entry in self._waiting if _list(entry[1]) != name]
            heapq.heapify(self._waiting)
        self._unlisted.pop(name, None)
        documents = [document for document, item in self._active.items() if _list(item.pending) == name]
        documents += [document for document, pending in self._sent.items() if _list(pending) == name]
        for document in documents:
            self._active.pop(document, None)
            self._sent.pop(document, None)
            self._verified.discard(document)
            for twin in self._twins.pop(document, ()):
                self._place(twin)
        return documents

    def let_go(self, taker: Taker) -> None:
        """A stream has ended: what it had under way is doubtful."""
        for item in self._active.values():
            item.doubtful |= item.flying.pop(taker, 0)
            if item.asked_by is taker:
                item.asked_by = None

    def elsewhere(self, document: DocumentHash) -> None:
        """It may arrive by another way: it is asked about before more of it is sent."""
        if item := self._active.get(document):
            item.doubtful |= item.missing or 0

    def list_elsewhere(self, name: bytes) -> None:
        """All that a list names may arrive by another way."""
        for document, item in self._active.items():
            if _list(item.pending) == name:
                self.elsewhere(document)

    def doubt_all(self) -> None:
        """Receipts are overdue: what has arrived is asked about again."""
        for pending in self._sent.values():
            self._place(pending)
        self._sent.clear()

    def _place(self, pending: PendingDocument) -> None:
        if _list(pending) in self._lists:
            heapq.heappush(self._waiting, (_order(pending), pending))
        else:
            self._unlisted.setdefault(_list(pending), []).append(pending)

    def _sort_out(self, document: DocumentHash, item: _Active) -> None:
        if item.missing == 0:
            del self._active[document]
            self._sent[document] = item.pending
            self._on_sent(document)

    async def _give_up(self, pending: PendingDocument) -> None:
        """A photograph that the disk has lost is said to be gone, so that the phone, which has it, is asked again."""
        self._verified.discard(pending.document)
        log.error("photograph %s is damaged on disk; it is asked for again", pending.document.hex()[:8])
        self._active.pop(pending.document, None)
        self._lost[pending.document] = pending
        await asyncio.to_thread(self._files.drop, pending.document)
        await self._store.mark_dropped([pending.document], self._clock.now())


def _list(pending: PendingDocument) -> bytes:
    return pending.listed_in[:SHORT_BYTES]


def _order(pending: PendingDocument) -> _Order:
    form = forms.catalogue().get(pending.form)
    place = planning.page_order(pending.page, form.votes_page if form else 1, pending.number)
    return place, pending.listed_in  # one photograph may be the same page of two lists
