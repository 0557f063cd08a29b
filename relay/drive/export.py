"""Writes what has no receipt onto a stick: figures first, then lists, then photographs; "safe to remove" comes last.

What is on a stick already is found out by reading it, and is remembered nowhere else: a wiped stick is simply
written again, and nothing is ever dropped here because it is on a stick.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from relay.clock import Clock
from relay.drive import batches
from relay.drive.batches import BatchFile
from relay.drive.contents import Contents, Planned
from relay.drive.progress import Progress, StickState
from relay.drive.stick import Stick, StickFull
from relay.errors import Rejected
from relay.identity import NodeIdentity
from relay.protocol import cose, manifests, messages, parcels
from relay.protocol.messages import Batch, Frame
from relay.protocol.statements import DocumentHash, Kind
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles

log = logging.getLogger(__name__)

_GROUP_BYTES = 16 * 2**20
_GROUP_FILES = 64
_RESERVE_BYTES = 2**20  # for the manifest, and for the receipts that come back
_PHOTOGRAPHS = "3"
_MARKER_TEXT = (
    b"A relay is writing here, or this stick was pulled out while it did.\r\n"
    b"What is whole counts. Put the stick into the relay again to finish.\r\n"
)


@dataclass(frozen=True, slots=True)
class _Written:
    """A batch that is written and not yet known to be on the stick."""

    tmp: str
    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Kept:
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


class Exporter:
    """Writes for one relay onto one stick. `export` may be called again; what was read once is not read again."""

    def __init__(
        self, stick: Stick, store: CustodyStore, files: DocumentFiles, node: NodeIdentity, clock: Clock
    ) -> None:
        self._stick = stick
        self._store = store
        self._files = files
        self._node = node
        self._clock = clock
        self._folder = batches.relay_folder(node.identity.scope, node.signer.x5t)
        self._known: dict[str, _Kept] = {}  # by path
        self._numbers: dict[str, int] = {}  # the highest in use
        self._group: list[_Written] = []
        self._marked = False
        self._full = False

    async def export(self, progress: Progress) -> None:
        """Returns once it is safe to remove the stick. `UplinkDown`, `NotNow`: it failed; nothing is lost by that."""
        for folder in (batches.DRIVE, self._folder):
            await asyncio.to_thread(self._stick.make_folder, folder)
        with self._stick.held(self._folder):
            self._group, self._full = [], False
            self._marked = batches.MARKER in await asyncio.to_thread(self._stick.names, self._folder)
            progress.enter(StickState.READING)
            await self._look(progress)
            await self._remove_settled()
            await self._write_missing(progress)
            await self._finish()
            progress.enter(StickState.FULL if self._full else StickState.SAFE, self._told(progress))

    # what is there

    async def _look(self, progress: Progress) -> None:
        """Reads our batches on the stick; what is damaged or was never finished is removed, to be written again."""
        names = await asyncio.to_thread(self._stick.names, self._folder)
        for name in filter(batches.UNFINISHED.fullmatch, names):
            await self._remove(f"{self._folder}/{name}")
        paths = await asyncio.to_thread(batches.batch_paths, self._stick, self._folder)
        for path in paths:
            self._numbers[_prefix(path)] = max(self._numbers.get(_prefix(path), 0), _number(path))
        stamps = {path: await asyncio.to_thread(self._stick.stamp, path) for path in paths}
        self._known = {path: known for path, known in self._known.items() if stamps.get(path) == known.stamp}
        fresh = [path for path in paths if path not in self._known]
        progress.expect(len(fresh), sum(stamps[path][0] for path in fresh))
        for path in fresh:
            await self._look_at(path, stamps[path], progress)

    async def _look_at(self, path: str, stamp: tuple[int, int], progress: Progress) -> None:
        try:
            found = await asyncio.to_thread(batches.read_batch, self._stick, path, progress.advance, afresh=True)
            progress.advance(0, files=1)
            if found.header.signed.x5t != self._node.signer.x5t:
                return  # another relay's, put into the wrong folder: not ours to touch
            cose.check(found.header.signed, self._node.identity.public_key)
            damage = found.fault
        except Rejected as error:
            damage = error.sentence
        if damage:
            log.warning("%s is damaged (%s); what it held is written again", path, damage)
            await self._remove(path)
        else:
            self._known[path] = _kept(stamp, found)

    async def _remove_settled(self) -> None:
        """Batches of which everything has a receipt make room."""
        for path, found in list(self._known.items()):
            there = {*found.statements, *found.cells}
            if await self._store.settled_among(found.statements, list(found.cells)) >= there:
                await self._remove(path)

    async def _remove(self, path: str) -> None:
        await self._mark()
        await asyncio.to_thread(self._stick.remove, path)
        self._known.pop(path, None)

    # what is missing there

    async def _write_missing(self, progress: Progress) -> None:
        statements: set[bytes] = set()
        cells: dict[DocumentHash, int] = {}
        for found in self._known.values():
            statements.update(found.statements)
            for document, bits in found.cells.items():
                cells[document] = cells.get(document, 0) | bits
        others = await asyncio.to_thread(batches.other_authors, self._stick, self._folder)
        contents = Contents(self._store, self._files)
        await contents.pass_over(others)
        photographs = await contents.photographs(cells)
        progress.expect(len(photographs), 2 * sum(item.size_bytes for item in photographs))
        for kind in (Kind.TALLY, Kind.DOCUMENTS):
            async for planned in contents.statements(kind, statements):
                progress.expect(1, 2 * planned.size_bytes)
                await self._write_if_it_fits(planned, progress)
        await self._settle_group(progress)
        for planned in photographs:
            await self._write_if_it_fits(planned, progress)
        await self._settle_group(progress)

    async def _write_if_it_fits(self, planned: Planned, progress: Progress) -> None:
        try:
            await self._make_room(planned)
            await self._write(planned, progress)
        except StickFull:
            self._full = True
            progress.left_out += 1
        except Rejected as error:  # a photograph that our own disk has lost meanwhile
            log.error("not written to the stick: %s", error.sentence)
        if len(self._group) >= _GROUP_FILES or sum(item.size_bytes for item in self._group) >= _GROUP_BYTES:
            await self._settle_group(progress)

    async def _make_room(self, planned: Planned) -> None:
        """`StickFull` if a batch does not fit. Photographs give way to figures and lists: they are still here, too."""
        wanted = planned.size_bytes + planned.size_bytes // 64 + _RESERVE_BYTES
        while await asyncio.to_thread(self._stick.free_bytes) < wanted:
            photographs = [path for path in self._known if _prefix(path) == _PHOTOGRAPHS]
            if planned.prefix == _PHOTOGRAPHS or not photographs:
                raise self._stick.full()
            await self._remove(max(photographs))
            self._full = True

    async def _write(self, planned: Planned, progress: Progress) -> None:
        if planned.document and not await asyncio.to_thread(self._files.verify, planned.document):
            return  # said, and asked for again, where photographs are delivered
        await self._mark()
        progress.enter(StickState.WRITING)
        path = self._new_path(planned.prefix)
        written = _Written(f"{path}.tmp", f"{path}.seq", planned.size_bytes)
        try:
            await asyncio.to_thread(self._write_batch, written.tmp, planned, progress)
        except (StickFull, Rejected):
            await asyncio.to_thread(self._stick.remove, written.tmp)
            raise
        self._group.append(written)

    def _write_batch(self, path: str, planned: Planned, progress: Progress) -> None:
        payload = parcels.header_payload(self._clock.now(), list(map(parcels.frame_name, planned.frames())))
        header = self._node.signer.sign(payload).with_chain(self._node.identity.chain)

        def blocks() -> Iterator[bytes]:
            frames = (messages.encode(Frame(frame)) for frame in planned.frames())
            for block in itertools.chain([messages.encode(Batch(header))], frames):
                yield block
                progress.advance(len(block))

        self._stick.write(path, blocks())

    def _new_path(self, prefix: str) -> str:
        """A name without its ending; later ones come later when they are handed over."""
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{self._folder}/{prefix}-{self._numbers[prefix]:06d}"

    async def _settle_group(self, progress: Progress) -> None:
        """What was written is synced, read back from the stick, and only then gets its name."""
        if not self._group:
            return
        progress.enter(StickState.VERIFYING)
        for written in self._group:
            await asyncio.to_thread(self._stick.sync, written.tmp)
        for written in self._group:
            await self._read_back(written, progress)
        for written in self._group:
            await asyncio.to_thread(self._stick.rename, written.tmp, written.path)
        await asyncio.to_thread(self._stick.sync_folder, self._folder)
        self._group = []

    async def _read_back(self, written: _Written, progress: Progress) -> None:
        try:
            found = await asyncio.to_thread(batches.read_batch, self._stick, written.tmp, progress.advance, afresh=True)
            cose.check(found.header.signed, self._node.identity.public_key)
        except Rejected as error:
            raise self._stick.broken() from error
        if found.fault:
            raise self._stick.broken()
        stamp = await asyncio.to_thread(self._stick.stamp, written.tmp)
        self._known[written.path] = _kept(stamp, found)
        progress.advance(0, files=1)

    # the beginning and the end

    async def _mark(self) -> None:
        if not self._marked:
            await asyncio.to_thread(self._stick.put, f"{self._folder}/{batches.MARKER}", _MARKER_TEXT)
            self._marked = True

    async def _finish(self) -> None:
        """The manifest, once everything else is on the stick; then the marker goes."""
        found = [self._known[path] for path in sorted(self._known, key=str.lower)]
        totals = (
            len(found),
            sum(item.frames for item in found),
            sum(item.size_bytes for item in found),
            manifests.root_of(item.sha256 for item in found),
        )
        if not self._marked and await asyncio.to_thread(self._has_manifest, totals):
            return
        await self._mark()
        signed = self._node.signer.sign(manifests.payload(self._clock.now(), *totals))
        data = signed.with_chain(self._node.identity.chain)
        await asyncio.to_thread(self._stick.put, f"{self._folder}/{batches.MANIFEST}", data)
        await asyncio.to_thread(self._stick.remove, f"{self._folder}/{batches.MARKER}")
        await asyncio.to_thread(self._stick.sync_folder, self._folder)

    def _has_manifest(self, totals: tuple[int, int, int, bytes]) -> bool:
        try:
            manifest = batches.read_manifest(self._stick, self._folder)
            if manifest is None:
                return False
            cose.check(manifest.signed, self._node.identity.public_key)
        except Rejected:
            return False
        return (manifest.files, manifest.frames, manifest.size_bytes, manifest.root) == totals

    def _told(self, progress: Progress) -> str:
        size = sum(found.size_bytes for found in self._known.values())
        told = f"{len(self._known)} files, {size / 1e6:.1f} MB, written and read back"
        if progress.left_out:
            return f"{told}; {progress.left_out} more had no room: take another stick for them."
        return f"{told}."


def _kept(stamp: tuple[int, int], found: BatchFile) -> _Kept:
    return _Kept(stamp, found.sha256, len(found.whole), tuple(found.statements), found.cells)


def _prefix(path: str) -> str:
    return path.rpartition("/")[2][0]


def _number(path: str) -> int:
    return int(path.rpartition("-")[2].partition(".")[0])
