"""The drive as an uplink of a running relay: a stick is put in, and all happens by itself until it may be taken out.

Sticks are mounted in folders of one folder. What comes back on one is filed, what other relays wrote is handed over
to this relay, and what has no receipt yet is written.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relay.clock import Clock
from relay.drive import batches
from relay.drive.answers import Filing
from relay.drive.export import Exporter
from relay.drive.progress import Progress, StickState
from relay.drive.replay import Replay
from relay.drive.stick import Stick, StickFailed, StickReadOnly
from relay.errors import NotNow, Rejected, UplinkDown
from relay.identity import NodeIdentity
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.uplink.port import Uplink
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 30.0
"""How long a stick that stays in rests before what is new goes onto it, or before what failed is tried again."""
_HAND_OVER_AGAIN_SECONDS = 900.0  # receipts may have come meanwhile for what other relays wrote


@dataclass(slots=True)
class _Visit:
    """A stick that is in. Times are monotonic seconds."""

    stick: Stick
    exporter: Exporter
    is_current: bool = False
    rest_until: float = 0.0
    hand_over_at: float = 0.0


class DriveUplink:
    """Runs for ever; a missing stick stops nothing. `hand_over` leads to this relay's own exchange, if it has one."""

    def __init__(
        self,
        name: str,
        folder: Path,
        store: CustodyStore,
        files: DocumentFiles,
        node: NodeIdentity,
        verifier: Verifier,
        clock: Clock,
        *,
        filing: Filing,
        hand_over: Uplink | None = None,
        on_exported: Callable[[], Awaitable[None]] | None = None,
        open_stick: Callable[[Path], Stick] = Stick,
        again_seconds: float = _AGAIN_SECONDS,
    ) -> None:
        self.name = name
        self._folder = folder
        self._store = store
        self._files = files
        self._node = node
        self._verifier = verifier
        self._clock = clock
        self._filing = filing
        self._hand_over = hand_over
        self._on_exported = on_exported
        self._open_stick = open_stick
        self._again_seconds = again_seconds
        self._visited: dict[Path, _Visit] = {}  # the sticks that are in
        self._failed_until: dict[Path, float] = {}
        self._last_success = 0.0
        self.progress = Progress()

    def wake(self) -> None:
        """Something was taken into custody, or settled: sticks that are in are not up to date any more."""
        for visit in self._visited.values():
            visit.is_current = False

    def visit(self) -> None:
        """Serves the sticks that are in again at the next look, whatever became of them and however lately."""
        for visit in self._visited.values():
            visit.is_current, visit.rest_until, visit.hand_over_at = False, 0.0, 0.0
        self._failed_until.clear()

    def view(self) -> dict[str, Any]:
        """For the status API: the stick that is worked on, or was last."""
        return {"name": self.name, "last_success": int(self._last_success), **self.progress.view()}

    async def run(self) -> None:
        """Looks for sticks and serves them, one after the other; ends by cancellation or by `StoreBroken`."""
        while True:
            found = await asyncio.to_thread(sticks_in, self._folder)
            self._visited = {path: visit for path, visit in self._visited.items() if path in found}
            self._failed_until = {path: at for path, at in self._failed_until.items() if path in found}
            if not found and self.progress.state is not StickState.WAITING:
                self.progress.begin("")
                self.progress.enter(StickState.WAITING)
            for path in found:
                visit = self._visited.get(path)
                rest_until = visit.rest_until if visit else self._failed_until.get(path, 0.0)
                if (visit is None or not visit.is_current) and rest_until < time.monotonic():
                    await self._serve(path)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _serve(self, path: Path) -> None:
        """One stick; what goes wrong with it is said, and tried again while it is in."""
        self.progress.begin(path.name)
        try:
            visit = self._visited.get(path) or await self._meet(path)
            visit.is_current = True  # until something comes: while it is written, too
            await self._work(visit)
            visit.rest_until = time.monotonic() + self._again_seconds
            self._visited[path] = visit
            self._last_success = time.time()
        except (UplinkDown, NotNow, Rejected) as error:
            self._visited.pop(path, None)
            self._failed_until[path] = time.monotonic() + self._again_seconds
            state = StickState.READ_ONLY if isinstance(error, StickReadOnly) else StickState.FAILED
            self.progress.enter(state, error.sentence)
        log.info("stick %s: %s. %s", path.name, self.progress.state, self.progress.sentence)

    async def _meet(self, path: Path) -> _Visit:
        stick = await asyncio.to_thread(self._open_stick, path)
        visit = _Visit(stick, Exporter(stick, self._store, self._files, self._node, self._clock))
        self._visited[path] = visit
        return visit

    async def _work(self, visit: _Visit) -> None:
        self.progress.enter(StickState.READING)
        self.progress.receipts_filed = await self._filing.file_all(visit.stick)
        state, sentence = await visit.exporter.export(self.progress)
        if self._on_exported is not None:
            await self._on_exported()
        if self._hand_over is not None and visit.hand_over_at <= time.monotonic():
            await self._hand_others_over(visit.stick, self._hand_over)
            visit.hand_over_at = time.monotonic() + _HAND_OVER_AGAIN_SECONDS
        self.progress.enter(state, sentence)  # not before: somebody stands there with a hand on it

    async def _hand_others_over(self, stick: Stick, uplink: Uplink) -> None:
        """What other relays wrote goes to this relay, like any neighbour's; that it fails keeps nothing of ours off."""
        replay = Replay(stick, uplink, self._verifier, self.progress, but_not=self._node.signer.x5t)
        try:
            await replay.run()
        except StickFailed:
            raise
        except (UplinkDown, NotNow) as error:
            log.warning("what other relays wrote onto this stick was not taken: %s", error.sentence)
        for sentence in replay.told.sentences:
            log.warning("%s", sentence)


def sticks_in(folder: Path) -> list[Path]:
    """The sticks mounted in a folder: what is a mount of its own there, or has a folder for relays already."""
    try:
        return [path for path in sorted(folder.iterdir()) if _is_stick(path)]
    except OSError:  # not there, or not readable: nobody has put a stick in
        return []


def _is_stick(path: Path) -> bool:
    try:
        return not path.is_symlink() and path.is_dir() and (path.is_mount() or (path / batches.DRIVE).is_dir())
    except OSError:  # pulled out just now
        return False
