"""Hands the batches on a stick over to a node, message by message, as the relays that wrote them would.

Whoever does this is a carrier, trusted with nothing: what is handed over is signed, and judged where it arrives. One
stream carries the batches of one relay; what comes back for it goes onto the stick again.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from relay.drive import answers, batches
from relay.drive.batches import BatchFile
from relay.drive.handing import Came, Handing
from relay.drive.progress import Progress, StickState
from relay.drive.stick import Stick, StickFailed
from relay.errors import NotNow, Rejected, RelayError, UplinkDown
from relay.protocol import manifests
from relay.protocol.cose import X5t
from relay.protocol.identities import Identity
from relay.protocol.messages import Batch, TrustNews
from relay.protocol.roles import Role
from relay.uplink.port import Uplink
from relay.verifier import Verifier

_UNSENT_MAX = 512  # of the 1,024 frames that may be announced on a stream and not come
_SENTENCES_MAX = 100
_ATTEMPTS_MAX = 10


@dataclass(slots=True)
class Told:
    """What came of a stick. `sentences` are for a person; `complete` is false if something was not handed over."""

    relays: int = 0
    files: int = 0
    statements: int = 0
    receipts: int = 0
    slips: int = 0
    complete: bool = True
    sentences: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Author:
    """A relay, its batches on this stick in whichever folder they lie, and what it has to tell of revocations."""

    relay: Identity
    files: list[BatchFile] = field(default_factory=list)
    owed: list[Batch | TrustNews] = field(default_factory=list)


class Replay:
    """Hands a whole stick over, but for what the relay `but_not` wrote. `run` may be called again: twice is once."""

    def __init__(
        self, stick: Stick, uplink: Uplink, verifier: Verifier, progress: Progress, *, but_not: X5t | None = None
    ) -> None:
        self._stick = stick
        self._uplink = uplink
        self._verifier = verifier
        self._progress = progress
        self._but_not = but_not
        self.told = Told()

    async def run(self) -> Told:
        """A batch that is no certified relay's, or is damaged, harms no other.

        Raises `UplinkDown` or `NotNow` if stick or node go away: what was handed over by then is there.
        """
        self._progress.enter(StickState.READING)
        authors = await self._sort()
        self._progress.expect(0, sum(item.size_bytes for author in authors.values() for item in author.files))
        for author in authors.values():
            await self._hand_over(author)
        await self._check_manifests(authors)
        return self.told

    async def _sort(self) -> dict[X5t, _Author]:
        """Every batch by the relay that signed it."""
        authors: dict[X5t, _Author] = {}
        for folder in await asyncio.to_thread(batches.relay_folders, self._stick):
            if self._but_not is not None and folder.lower().endswith(self._but_not.hex()):
                continue
            paths = await asyncio.to_thread(batches.batch_paths, self._stick, folder)
            sizes = [(await asyncio.to_thread(self._stick.stamp, path))[0] for path in paths]
            self._progress.expect(len(paths), sum(sizes))
            for path in paths:
                try:
                    found = await asyncio.to_thread(batches.read_batch, self._stick, path, self._progress.advance)
                    signed = found.header.signed
                    relay = await self._verifier.verify_signer(signed, signed.chain, Role.RELAY)
                except Rejected as error:
                    self._lacking(f"{path} is passed over: {error.sentence}")
                    continue
                if found.fault:
                    whole = f"{len(found.whole)} of its {len(found.header.frames)} frames are whole and count"
                    self._lacking(f"{path}: {found.fault}; {whole}.")
                if relay.x5t != self._but_not:
                    authors.setdefault(relay.x5t, _Author(relay)).files.append(found)
            await self._find_owed(folder, authors)
        return authors

    async def _find_owed(self, folder: str, authors: dict[X5t, _Author]) -> None:
        """CAs and revocations that a relay has written for the centre."""
        try:
            owed = await asyncio.to_thread(batches.read_owed, self._stick, folder)
            if owed is None:
                return
            signed = owed[0].signed
            relay = await self._verifier.verify_signer(signed, signed.chain, Role.RELAY)
        except Rejected as error:
            self._lacking(f"{folder}/{batches.OWED} is passed over: {error.sentence}")
            return
        if relay.x5t != self._but_not:
            header = Batch(signed.with_chain(signed.chain))
            authors.setdefault(relay.x5t, _Author(relay)).owed = [header, *owed[1]]

    async def _hand_over(self, author: _Author) -> None:
        came = Came()
        groups = list(_streams(author.files)) or [[]]
        try:
            for files in groups:
                await self._hand_over_files(author, files, came, author.owed if files is groups[-1] else ())
        finally:
            await self._write_answers(author, came)

    async def _hand_over_files(
        self, author: _Author, files: list[BatchFile], came: Came, owed: Sequence[Batch | TrustNews]
    ) -> None:
        """One stream; several only if the other side is busy and asks to come back."""
        for attempt in range(_ATTEMPTS_MAX):
            try:
                async with self._uplink.open() as stream:
                    try:
                        await Handing(stream, self._stick, self._progress, came).run(files, owed)
                        self.told.files += len(files)
                    except StickFailed:
                        raise
                    except (UplinkDown, Rejected) as error:  # that relay is not let in: others may be
                        self._lacking(f"{author.relay.name}: {error.sentence} What was taken by then is there.")
                    return
            except NotNow as error:
                if attempt + 1 == _ATTEMPTS_MAX:
                    raise
                self._progress.enter(self._progress.state, error.sentence)
                await asyncio.sleep(error.retry_after_seconds)

    async def _write_answers(self, author: _Author, came: Came) -> None:
        self.told.relays += 1
        self.told.statements += len({item for found in author.files for item in found.statements})
        self.told.receipts += len(came.receipts)
        self.told.slips += len(came.slips)
        for (code, sentence), times in came.problems.most_common(_SENTENCES_MAX):
            self._lacking(
                f"{author.relay.name}: not taken{f' ({times} times)' if times > 1 else ''}: {sentence} [{code}]"
            )
        try:
            await asyncio.to_thread(answers.write, self._stick, author.relay.x5t, came.receipts, came.news)
        except RelayError as error:
            self._say(f"The receipts could not be written onto the stick: {error.sentence}")

    async def _check_manifests(self, authors: dict[X5t, _Author]) -> None:
        """Says what is missing: each batch is believed by itself, so this changes nothing of what was taken."""
        for folder in await asyncio.to_thread(batches.relay_folders, self._stick):
            if self._but_not is not None and folder.lower().endswith(self._but_not.hex()):
                continue
            if batches.MARKER in await asyncio.to_thread(self._stick.names, folder):
                self._lacking(f"{folder}: the stick was pulled out while it was written. What is whole was taken.")
                continue
            try:
                manifest = await asyncio.to_thread(batches.read_manifest, self._stick, folder)
                if manifest is None:
                    self._lacking(f"{folder} has no manifest: not all of it was copied here.")
                    continue
                relay = await self._verifier.verify_signer(manifest.signed, manifest.signed.chain, Role.RELAY)
            except Rejected as error:
                self._lacking(f"The manifest of {folder} does not hold: {error.sentence}")
                continue
            there = authors[relay.x5t].files if relay.x5t in authors else []
            found = [item for item in there if item.path.startswith(f"{folder}/")]
            if manifests.root_of(item.sha256 for item in found) != manifest.root:
                count = f"{len(found)} files are there, {manifest.files} were written"
                self._lacking(f"{folder} is not as its manifest says ({count}). What is whole was taken.")

    def _lacking(self, sentence: str) -> None:
        """Something is not as it should be, and the relay has to be told: it still has everything."""
        self.told.complete = False
        self._say(sentence)

    def _say(self, sentence: str) -> None:
        if sentence not in self.told.sentences and len(self.told.sentences) < _SENTENCES_MAX:
            self.told.sentences.append(sentence)


def _streams(files: Sequence[BatchFile]) -> Iterator[list[BatchFile]]:
    """Files in their order, in as many streams as it takes: announcing frames that never come is bounded."""
    group: list[BatchFile] = []
    unsent = 0
    for item in files:
        lost = len(item.header.frames) - len(item.whole)
        if group and unsent + lost > _UNSENT_MAX:
            yield group
            group, unsent = [], 0
        group.append(item)
        unsent += lost
    if group:
        yield group
