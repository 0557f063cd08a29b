"""Puts batches onto a stick as files: written, synced and read back in groups, and only then given their names."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from relay.clock import Clock
from relay.drive import batches
from relay.drive.batches import BatchFile
from relay.drive.contents import Planned
from relay.drive.progress import Progress
from relay.drive.stick import Stick, StickFull
from relay.errors import Rejected
from relay.identity import NodeIdentity
from relay.protocol import cose, messages, parcels
from relay.protocol.messages import Batch, Frame
from relay.protocol.statements import DocumentHash

_GROUP_BYTES = 16 * 2**20
_GROUP_FILES = 64


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """A batch of ours that is on the stick, whole; as small as can be, since there may be thousands."""

    stamp: tuple[int, int]
    sha256: bytes
    frames: int
    statements: tuple[bytes, ...]
    cells: dict[DocumentHash, int]

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return self.stamp[0]


@dataclass(frozen=True, slots=True)
class _Written:
    """A batch that is written and not yet known to be on the stick."""

    tmp: str
    path: str
    size_bytes: int


class BatchWriter:
    """Writes into one relay's folder. What is not settled has no name and does not count."""

    def __init__(self, stick: Stick, node: NodeIdentity, clock: Clock, folder: str) -> None:
        self._stick = stick
        self._node = node
        self._clock = clock
        self._folder = folder
        self._numbers: dict[str, int] = {}  # the highest in use
        self._group: list[_Written] = []

    def begin(self, paths: Iterable[str]) -> None:
        """Begins anew, beside the batches that are there."""
        self._group = []
        for path in paths:
            number = int(path.rpartition("-")[2].partition(".")[0])
            self._numbers[prefix_of(path)] = max(self._numbers.get(prefix_of(path), 0), number)

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be settled."""
        return bool(self._group)

    @property
    def is_enough(self) -> bool:
        """Whether it is time to settle."""
        return len(self._group) >= _GROUP_FILES or sum(item.size_bytes for item in self._group) >= _GROUP_BYTES

    async def write(self, planned: Planned, progress: Progress) -> None:
        """Writes a batch; `StickFull` or `Rejected` (its photograph cannot be read) leave nothing of it."""
        number = self._numbers[planned.prefix] = self._numbers.get(planned.prefix, 0) + 1
        path = f"{self._folder}/{planned.prefix}-{number:06d}"
        written = _Written(f"{path}.tmp", f"{path}.seq", planned.size_bytes)
        try:
            await asyncio.to_thread(self._write, written.tmp, planned, progress)
        except (StickFull, Rejected):
            await asyncio.to_thread(self._stick.remove, written.tmp)
            raise
        self._group.append(written)

    async def settle(self, progress: Progress) -> dict[str, KeptBatch]:
        """What was written is on the stick now; each by its path. `StickFailed` if it gives back other bytes."""
        for written in self._group:
            await asyncio.to_thread(self._stick.sync, written.tmp)
        settled = {written.path: await self._read_back(written, progress) for written in self._group}
        for written in self._group:
            await asyncio.to_thread(self._stick.rename, written.tmp, written.path)
        await asyncio.to_thread(self._stick.sync_folder, self._folder)
        self._group = []
        return settled

    def _write(self, path: str, planned: Planned, progress: Progress) -> None:
        payload = parcels.header_payload(self._clock.now(), list(map(parcels.frame_name, planned.frames())))
        header = self._node.signer.sign(payload).with_chain(self._node.identity.chain)

        def blocks() -> Iterator[bytes]:
            frames = (messages.encode(Frame(frame)) for frame in planned.frames())
            for block in itertools.chain([messages.encode(Batch(header))], frames):
                yield block
                progress.advance(len(block))

        self._stick.write(path, blocks())

    async def _read_back(self, written: _Written, progress: Progress) -> KeptBatch:
        try:
            found = await asyncio.to_thread(batches.read_batch, self._stick, written.tmp, progress.advance, afresh=True)
            cose.check(found.header.signed, self._node.identity.public_key)
        except Rejected as error:
            raise self._stick.broken() from error
        if found.fault:
            raise self._stick.broken()
        progress.advance(0, files=1)
        return kept(await asyncio.to_thread(self._stick.stamp, written.tmp), found)


def kept(stamp: tuple[int, int], found: BatchFile) -> KeptBatch:
    """What is remembered of a batch file that was read whole."""
    return KeptBatch(stamp, found.sha256, len(found.whole), tuple(found.statements), found.cells)


def prefix_of(path: str) -> str:
    """What kind of batch a file holds, by its name."""
    return path.rpartition("/")[2][0]
