"""What goes onto a stick: everything without a receipt that is not there yet, as the frames of batches."""

from collections.abc import AsyncIterator, Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial

from relay.drive.batches import cell_bits
from relay.protocol import forms, parcels, planning
from relay.protocol.parcels import CELL_BYTES, ChunkParcel, StatementParcel, cells_in
from relay.protocol.statements import DocumentHash, Kind
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.store.holdings import HeldStatement
from relay.store.waiting import PendingDocument

_READ_AT_ONCE = 64
_DOCUMENTS_READ = 256
_STATEMENTS_IN_FRAME = 64
_FRAME_BYTES = 48 * 1024
_FRAME_CELLS = 15
_STATEMENT_FILE_BYTES = 2**20
_DOCUMENT_FILE_CELLS = 128 * _FRAME_CELLS  # under 8 MB


@dataclass(frozen=True, slots=True)
class Planned:
    """A batch to be written. `frames()` gives the same each time: they are named in the header, which comes first."""

    prefix: str
    frames: Callable[[], Iterator[bytes]]
    size_bytes: int
    document: DocumentHash | None = None


class Contents:
    """Reads what is in custody."""

    def __init__(self, store: CustodyStore, files: DocumentFiles) -> None:
        self._store = store
        self._files = files

    async def statements(self, kind: Kind, there: Container[bytes]) -> AsyncIterator[Planned]:
        """The tallies, the notes or the lists whose ids are not `there`."""
        prefix = "2" if kind is Kind.DOCUMENTS else "1"
        frames: list[bytes] = []
        async for group in self._groups(kind, there):
            frames.append(parcels.pack_statements(group))
            if len(frames) == parcels.FRAMES_IN_BATCH_MAX or sum(map(len, frames)) > _STATEMENT_FILE_BYTES:
                yield Planned(prefix, partial(iter, frames), sum(map(len, frames)))
                frames = []
        if frames:
            yield Planned(prefix, partial(iter, frames), sum(map(len, frames)))

    async def photographs(self, there: dict[DocumentHash, int]) -> list[Planned]:
        """The photographs, most wanted first, but for the cells that are `there`."""
        pending: list[PendingDocument] = []
        while fresh := await self._store.waiting.documents(pending[-1].number if pending else 0, _DOCUMENTS_READ):
            pending += fresh
        planned: list[Planned] = []
        for item in sorted(pending, key=_order):
            cells = cells_in(item.size_bytes)
            missing = cell_bits(0, cells) & ~there.get(item.document, 0)
            for first, count in planning.runs(missing, _DOCUMENT_FILE_CELLS):
                size = min(count * CELL_BYTES, item.size_bytes - first * CELL_BYTES)
                frames = partial(self._chunks, item.document, first, count)
                planned.append(Planned("3", frames, size, item.document))
        return planned

    async def _groups(self, kind: Kind, there: Container[bytes]) -> AsyncIterator[list[StatementParcel]]:
        """As many statements as go into one frame, again and again."""
        group: list[StatementParcel] = []
        size = 0
        async for item in self._without_receipt(kind):
            if item.id in there:
                continue
            # the whole chain each time: whoever receives this may be a relay that knows nobody here
            parcel = StatementParcel(item.cose, await self._store.signers.chain(item.signer) or ())
            parcel_bytes = len(item.cose) + sum(map(len, parcel.chain))
            if group and (size + parcel_bytes > _FRAME_BYTES or len(group) == _STATEMENTS_IN_FRAME):
                yield group
                group, size = [], 0
            group.append(parcel)
            size += parcel_bytes
        if group:
            yield group

    async def _without_receipt(self, kind: Kind) -> AsyncIterator[HeldStatement]:
        after = 0
        while held := await self._store.waiting.fresh(kind, after, _READ_AT_ONCE):
            for item in held:
                yield item
            after = held[-1].number

    def _chunks(self, document: DocumentHash, first: int, count: int) -> Iterator[bytes]:
        for cell in range(first, first + count, _FRAME_CELLS):
            cells = min(_FRAME_CELLS, first + count - cell)
            data = self._files.read(document, cell * CELL_BYTES, cells * CELL_BYTES)
            yield parcels.pack_chunk(ChunkParcel(document, cell, data))


def _order(pending: PendingDocument) -> tuple[int, int, int]:
    form = forms.catalogue().get(pending.form)
    return planning.page_order(pending.page, form.votes_page if form else 1, pending.number)
