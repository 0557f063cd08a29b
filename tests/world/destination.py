"""Whoever keeps what a ledger gives out, and streams to it on which things are under way in both directions.

A model without sockets: what crosses, and when, is the test's choice. It notes whatever the ledger does wrong.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from relay.forwarder.outgoing import Outgoing
from relay.forwarder.photographs import Chunk
from relay.protocol.parcels import SHORT_BYTES
from relay.protocol.planning import bitmap_of
from relay.protocol.statements import DocumentHash, Kind

CELLS_MAX = 8
BOTH = frozenset({Kind.TALLY, Kind.DOCUMENTS})
Hear = Callable[[], None]
Arrive = Callable[[], Hear]


@dataclass
class Destination:
    """What is there, and what its answers have told the sender so far. Cells are bits of integers."""

    statements: set[bytes] = field(default_factory=set)
    cells: dict[DocumentHash, int] = field(default_factory=dict)
    told: set[bytes] = field(default_factory=set)
    told_cells: dict[DocumentHash, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def holds(self, document: DocumentHash) -> bytes:
        """The bitmap of the cells that are there."""
        there = self.cells.get(document, 0)
        return bitmap_of((cell for cell in range(CELLS_MAX) if there >> cell & 1), CELLS_MAX)


@dataclass(eq=False)
class Stream:
    """One stream of a ledger."""

    outgoing: Outgoing
    there: Destination
    _up: deque[Arrive] = field(default_factory=deque)
    _down: deque[Hear] = field(default_factory=deque)

    async def send(self, most: int) -> bool:
        """What a delivery would send now, in its order; False if there is nothing."""
        if names := self.outgoing.take_doubtful(self, BOTH, most):
            self._up.append(lambda: self._asked(names))
            return True
        for kind in (Kind.TALLY, Kind.DOCUMENTS):
            if held := await self.outgoing.take_statements(self, kind, most):
                self._send_statements([item.id[:SHORT_BYTES] for item in held])
                return True
        if documents := await self.outgoing.ask_for_documents(self):
            self._up.append(lambda: self._asked_documents(documents))
            return True
        chunk = await self.outgoing.take_chunk(self, most)
        if chunk is not None:
            self._send_chunk(chunk)
        return chunk is not None

    def arrive(self) -> None:
        """The oldest message, if there is one, reaches the other side, which answers it."""
        if self._up:
            self._down.append(self._up.popleft()())

    def hear(self) -> None:
        """The oldest answer, if there is one, reaches us."""
        if self._down:
            self._down.popleft()()

    def come_to_rest(self) -> bool:
        """All that is under way arrives; whether there was anything."""
        was_busy = bool(self._up or self._down)
        while self._up or self._down:
            self.arrive()
            self.hear()
        return was_busy

    def cut(self) -> None:
        """All that is under way is lost, both ways; the stream may be used like a new one."""
        self._up.clear()
        self._down.clear()
        self.outgoing.let_go(self)

    def _send_statements(self, names: list[bytes]) -> None:
        self.there.faults += [f"{name.hex()} sent again" for name in names if name in self.there.told]

        def arrive() -> Hear:
            self.there.statements.update(names)

            def kept() -> None:
                self.there.told.update(names)
                self.outgoing.arrived(names)

            return kept

        self._up.append(arrive)

    def _send_chunk(self, chunk: Chunk) -> None:
        document, there = chunk.parcel.document, self.there
        if chunk.cells & there.told_cells.get(document, 0):
            there.faults.append(f"cells {chunk.cells:b} of {document.hex()[:8]} sent again")

        def arrive() -> Hear:
            there.cells[document] = there.cells.get(document, 0) | chunk.cells

            def kept() -> None:
                there.told_cells[document] = there.told_cells.get(document, 0) | chunk.cells
                self.outgoing.kept(self, chunk, arrived=True)

            return kept

        self._up.append(arrive)

    def _asked(self, names: tuple[bytes, ...]) -> Hear:
        here = [name for name in names if name in self.there.statements]
        unknown = [name for name in names if name not in self.there.statements]

        def held() -> None:
            self.there.told.update(here)
            self.outgoing.arrived(here)
            self.outgoing.lacking(unknown)

        return held

    def _asked_documents(self, documents: tuple[DocumentHash, ...]) -> Hear:
        bitmaps = {document: self.there.holds(document) for document in documents}

        def held() -> None:
            for document, bitmap in bitmaps.items():
                known = self.there.told_cells.get(document, 0)
                self.there.told_cells[document] = known | int.from_bytes(bitmap, "little")
                self.outgoing.missing(document, bitmap)

        return held
