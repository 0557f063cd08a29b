"""Documents that arrive in chunks, in any order and from anybody: at the centre, and at a relay from its neighbours.

Only what an accepted statement lists is written. Who lists it may lie about its size: each size that is said is
tried, and the hash tells which is true.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from relay.errors import Code, Rejected
from relay.protocol.parcels import ChunkParcel
from relay.protocol.statements import DocumentHash, Statement
from relay.store.documents import DocumentFiles

_REMEMBERED = 4096

ListedSizes = Callable[[DocumentHash], Awaitable[tuple[int, ...]]]
"""Every size, in bytes, that accepted statements give a document; none if no statement lists it."""


class Arriving:
    """Writes chunks, and turns a document whose last cell is here into a whole one."""

    def __init__(self, files: DocumentFiles, listed_sizes: ListedSizes) -> None:
        self._files = files
        self._listed_sizes = listed_sizes
        self._sizes: OrderedDict[DocumentHash, tuple[int, ...]] = OrderedDict()
        self._finishing: set[DocumentHash] = set()

    async def write(self, chunk: ChunkParcel) -> int | None:
        """The size of the document if it is whole now: verified and fsynced. None while cells are missing.

        `Rejected` if nobody lists it, if the chunk lies beside the grid, or if the whole is not what was signed;
        `NotNow` if there is no room.
        """
        sizes = await self.sizes(chunk.document)
        if not sizes:
            raise Rejected(Code.DOCUMENT_NOT_LISTED, "No statement that was accepted lists this photograph.")
        if not self._files.path(chunk.document).exists():
            await asyncio.to_thread(self._files.write_cells, chunk.document, sizes, chunk.first_cell, chunk.data)
        return await self.complete(chunk.document)

    async def complete(self, document: DocumentHash) -> int | None:
        """The size of a document whose last cell has arrived, as `write` gives it; None while cells are missing."""
        sizes = await self.sizes(document)
        if not sizes or document in self._finishing:
            return None
        whole = self._files.path(document)
        size = whole.stat().st_size if whole.exists() else self._files.complete_size(document, sizes)
        if size is None:
            return None
        self._finishing.add(document)
        try:
            await asyncio.to_thread(self._files.finish, document, size, keep_partial=size != max(sizes))
        except Rejected:
            if size == max(sizes):
                raise
            return None  # somebody listed it with too small a size; the rest of it is still to come
        finally:
            self._finishing.discard(document)
        return size

    async def cells(self, document: DocumentHash) -> bytes:
        """The bitmap of the cells that are here; empty if none is, or nobody lists the document."""
        sizes = await self.sizes(document)
        return await asyncio.to_thread(self._files.cells_held, document, max(sizes)) if sizes else b""

    async def sizes(self, document: DocumentHash) -> tuple[int, ...]:
        """Every size that statements give a document, from memory if it was asked lately."""
        sizes = self._sizes.get(document) or await self._listed_sizes(document)
        if sizes:
            self._sizes[document] = sizes
            if len(self._sizes) > _REMEMBERED:
                self._sizes.popitem(last=False)
        return sizes

    def is_listed_by(self, statement: Statement) -> None:
        """A statement is being accepted: what is remembered of its pages' sizes may lack those said there."""
        for page in statement.pages:
            self._sizes.pop(page.document, None)
