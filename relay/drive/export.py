"""Writes what has no receipt onto a stick: figures first, then lists, then photographs; "safe to remove" comes last.

What is on a stick already is found out by reading it, and is remembered nowhere else: a wiped stick is simply
written again, and nothing is ever dropped here because it is on a stick.
"""

import asyncio
import contextlib
import logging

from relay.clock import Clock
from relay.drive import batches
from relay.drive.contents import Contents, Planned
from relay.drive.progress import Progress, StickState
from relay.drive.stick import Stick, StickFull
from relay.drive.writer import BatchWriter, KeptBatch, kept, prefix_of
from relay.errors import Rejected
from relay.identity import NodeIdentity
from relay.protocol import cose, manifests, messages, parcels
from relay.protocol.messages import Batch, TrustNews
from relay.protocol.statements import STATEMENT_KINDS, DocumentHash
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles

log = logging.getLogger(__name__)

_RESERVE_BYTES = 2**20  # for the manifest, and for the receipts that come back
_PHOTOGRAPHS = "3"
_MARKER_TEXT = (
    b"A relay is writing here, or this stick was pulled out while it did.\r\n"
    b"What is whole counts. Put the stick into the relay again to finish.\r\n"
)


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
        self._known: dict[str, KeptBatch] = {}  # by path
        self._others: dict[str, KeptBatch] = {}  # what other relays have written, by path
        self._writer = BatchWriter(stick, node, clock, self._folder)
        self._marked = False
        self._full = False

    async def export(self, progress: Progress) -> tuple[StickState, str]:
        """Returns once it is safe to remove the stick, and what to say then: `SAFE` or `FULL`, and a sentence.

        `UplinkDown` or `NotNow`: it failed, and nothing is lost by that.
        """
        for folder in (batches.DRIVE, self._folder):
            await asyncio.to_thread(self._stick.make_folder, folder)
        with self._stick.held(self._folder):
            self._full = False
            self._marked = batches.MARKER in await asyncio.to_thread(self._stick.names, self._folder)
            progress.enter(StickState.READING)
            await self._look(progress)
            await self._remove_settled()
            await self._write_missing(progress)
            await self._write_owed()
            await self._finish()
        return StickState.FULL if self._full else StickState.SAFE, self._told(progress)

    # what is there

    async def _look(self, progress: Progress) -> None:
        """Reads our batches on the stick; what is damaged or was never finished is removed, to be written again."""
        names = await asyncio.to_thread(self._stick.names, self._folder)
        for name in filter(batches.UNFINISHED.fullmatch, names):
            await self._remove(f"{self._folder}/{name}")
        paths = await asyncio.to_thread(batches.batch_paths, self._stick, self._folder)
        self._writer.begin(paths)
        stamps = {path: await asyncio.to_thread(self._stick.stamp, path) for path in paths}
        self._known = {path: known for path, known in self._known.items() if stamps.get(path) == known.stamp}
        fresh = [path for path in paths if path not in self._known]
        progress.expect(len(fresh), sum(stamps[path][0] for path in fresh))
        for path in fresh:
            await self._look_at(path, stamps[path], progress)
        await self._look_at_others()

    async def _look_at_others(self) -> None:
        """Reads what other relays have written: what they handed over to us as well is not written once more."""
        paths = await asyncio.to_thread(batches.others_paths, self._stick, self._folder)
        stamps = {path: await asyncio.to_thread(self._stick.stamp, path) for path in paths}
        self._others = {path: known for path, known in self._others.items() if stamps.get(path) == known.stamp}
        for path in stamps.keys() - self._others.keys():
            with contextlib.suppress(Rejected):  # whoever hands it over will say what is wrong with it
                self._others[path] = kept(stamps[path], await asyncio.to_thread(batches.read_batch, self._stick, path))

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
            self._known[path] = kept(stamp, found)

    async def _remove_settled(self) -> None:
        """Batches of which everything has a receipt make room."""
        for path, found in list(self._known.items()):
            there = {*found.statements, *found.cells}
            if await self._store.receipts.settled_among(found.statements, list(found.cells)) >= there:
                await self._remove(path)

    async def _remove(self, path: str) -> None:
        await self._mark()
        await asyncio.to_thread(self._stick.remove, path)
        self._known.pop(path, None)

    # what is missing there

    async def _write_missing(self, progress: Progress) -> None:
        statements: set[bytes] = set()
        cells: dict[DocumentHash, int] = {}
        for found in (*self._known.values(), *self._others.values()):
            statements.update(found.statements)
            for document, bits in found.cells.items():
                cells[document] = cells.get(document, 0) | bits
        contents = Contents(self._store, self._files)
        photographs = await contents.photographs(cells)
        progress.expect(len(photographs), 2 * sum(item.size_bytes for item in photographs))
        for kind in STATEMENT_KINDS:
            async for planned in contents.statements(kind, statements):
                progress.expect(1, 2 * planned.size_bytes)
                await self._write_if_it_fits(planned, progress)
        await self._settle(progress)
        for planned in photographs:
            await self._write_if_it_fits(planned, progress)
        await self._settle(progress)

    async def _write_if_it_fits(self, planned: Planned, progress: Progress) -> None:
        try:
            await self._make_room(planned, progress)
            await self._write(planned, progress)
        except StickFull:
            self._full = True
            progress.left_out += 1
        except Rejected as error:  # a photograph that our own disk has lost meanwhile
            log.error("not written to the stick: %s", error.sentence)
        if self._writer.is_enough:
            await self._settle(progress)

    async def _make_room(self, planned: Planned, progress: Progress) -> None:
        """`StickFull` if a batch does not fit. Photographs give way to figures and lists: they are still here, too."""
        wanted = planned.size_bytes + planned.size_bytes // 64 + _RESERVE_BYTES
        while await asyncio.to_thread(self._stick.free_bytes) < wanted:
            photographs = [path for path in self._known if prefix_of(path) == _PHOTOGRAPHS]
            if planned.prefix == _PHOTOGRAPHS or not photographs:
                raise self._stick.full()
            await self._remove(max(photographs))
            self._full = True
            progress.left_out += 1

    async def _write(self, planned: Planned, progress: Progress) -> None:
        if planned.document and not await asyncio.to_thread(self._files.verify, planned.document):
            return  # said, and asked for again, where photographs are delivered
        await self._mark()
        progress.enter(StickState.WRITING)
        await self._writer.write(planned, progress)

    async def _settle(self, progress: Progress) -> None:
        if self._writer.is_waiting:
            progress.enter(StickState.VERIFYING)
            self._known |= await self._writer.settle(progress)

    async def _write_owed(self) -> None:
        """CAs and revocations of this side that the centre is not known to have; there may be no room even for them."""
        owed = await self._store.trust.owed()
        path = f"{self._folder}/{batches.OWED}"
        certificates = tuple(der for kind, der in owed if kind == "authority")
        news = messages.portions(TrustNews(certificates, tuple(der for kind, der in owed if kind == "crl")))
        is_there = batches.OWED in map(str.lower, await asyncio.to_thread(self._stick.names, self._folder))
        if not owed and is_there:
            await self._remove(path)
        if not owed or (is_there and await asyncio.to_thread(self._has_owed, news)):
            return
        await self._mark()
        header = self._node.signer.sign(parcels.header_payload(self._clock.now(), [], []))
        said = messages.encode(Batch(header.with_chain(self._node.identity.chain)))
        try:
            await asyncio.to_thread(self._stick.put, path, said + b"".join(messages.encode(item) for item in news))
        except StickFull:
            self._full = True

    def _has_owed(self, news: list[TrustNews]) -> bool:
        try:
            found = batches.read_owed(self._stick, self._folder)
        except Rejected:
            return False
        return found is not None and found[1] == news

    # the beginning and the end

    async def _mark(self) -> None:
        """Says on the stick that it is not finished; a manifest that is not there says so, too."""
        if self._marked:
            return
        marker = f"{self._folder}/{batches.MARKER}"
        try:
            await asyncio.to_thread(self._stick.put, marker, _MARKER_TEXT)
        except StickFull:
            await asyncio.to_thread(self._stick.remove, f"{self._folder}/{batches.MANIFEST}")
            await asyncio.to_thread(self._stick.put, marker, _MARKER_TEXT)
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
