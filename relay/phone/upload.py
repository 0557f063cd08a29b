"""One photograph to one relay, by tus: goes on where the relay stands, whatever happened in between."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from relay.errors import Code, Rejected, UplinkDown
from relay.phone import photographs
from relay.phone.client import RelayConnection
from relay.phone.patience import Patience
from relay.protocol.statements import DocumentHash, Page, StatementId

Progress = Callable[[DocumentHash, int, int], None]
"""Told which photograph, how many bytes the relay has of it, and how many there are."""

_FAILURES_MAX = 6
_RESTARTS_MAX = 3
_PIECES_MORE_MAX = 64
_PIECE_LEAST, _PIECE_FIRST, _PIECE_MOST = 8 * 1024, 128 * 1024, 1024 * 1024
_SECONDS_SHORT, _SECONDS_LONG = 1.0, 8.0


@dataclass(slots=True)
class _Piece:
    """How much goes into one request: little on a bad link, where little is then lost."""

    size_bytes: int = _PIECE_FIRST

    def took(self, seconds: float) -> None:
        if seconds < _SECONDS_SHORT:
            self.size_bytes = min(_PIECE_MOST, self.size_bytes * 2)
        elif seconds > _SECONDS_LONG:
            self.failed()

    def failed(self) -> None:
        self.size_bytes = max(_PIECE_LEAST, self.size_bytes // 2)


async def upload(
    connection: RelayConnection,
    statement: StatementId,
    page: Page,
    path: Path,
    *,
    patience: Patience,
    progress: Progress | None = None,
) -> bytes:
    """Sends the photograph at `path`; the relay's slip for it, not verified.

    Raises `UplinkDown` after several failures without a byte of progress, `NotNow` when patience is at an end, and
    `Rejected` when the relay will not have it.
    """
    await asyncio.to_thread(photographs.check, path, page.document)
    return await _Upload(connection, statement, page, path, patience, progress or _nobody).run()


@dataclass(slots=True)
class _Upload:
    connection: RelayConnection
    statement: StatementId
    page: Page
    path: Path
    patience: Patience
    progress: Progress
    piece: _Piece = field(default_factory=_Piece)
    furthest: int = 0
    failures: int = 0  # since there was progress
    restarts: int = 0
    pieces: int = 0

    async def run(self) -> bytes:
        begun = False
        while True:
            try:
                if not begun:
                    await self.patience.of(
                        lambda: self.connection.begin_upload(self.page.document, self.page.size_bytes)
                    )
                    begun = True
                return await self._go_on()
            except UplinkDown:
                self.failures += 1
                if self.failures >= _FAILURES_MAX:
                    raise
                self.piece.failed()
                await self.patience.pause(self.failures)
            except Rejected as error:
                if not self._may_go_on(error):
                    raise

    def _may_go_on(self, error: Rejected) -> bool:
        if error.code is Code.UPLOAD_OFFSET_MISMATCH:  # ask with HEAD, and go on there
            self.failures += 1
        elif error.code is Code.DOCUMENT_ALTERED:  # it arrived spoilt, and the relay has dropped it
            self.restarts, self.furthest = self.restarts + 1, 0
        else:
            return False
        return self.failures < _FAILURES_MAX and self.restarts <= _RESTARTS_MAX

    async def _go_on(self) -> bytes:
        """From where the relay stands, piece after piece, to its slip."""
        offset = await self.patience.of(lambda: self.connection.offset(self.page.document))
        self._arrived(offset)
        while offset < self.page.size_bytes:
            offset = await self._send_piece(offset)
            self._arrived(offset)
        return await self._slip()

    async def _send_piece(self, offset: int) -> int:
        data = await asyncio.to_thread(_read, self.path, offset, self.piece.size_bytes)
        started = time.monotonic()
        arrived = await self.patience.of(lambda: self.connection.append(self.page.document, offset, data))
        self.piece.took(time.monotonic() - started)
        self.pieces += 1
        if self.pieces > self.page.size_bytes // _PIECE_LEAST + _PIECES_MORE_MAX:
            raise UplinkDown(f"{self.connection.url} takes crumbs only; another relay may be better.")
        if not offset < arrived <= offset + len(data):
            raise UplinkDown(f"{self.connection.url} says that it has {arrived} bytes, which cannot be.")
        return arrived

    def _arrived(self, offset: int) -> None:
        if offset > self.furthest:
            self.furthest, self.failures = offset, 0
        self.progress(self.page.document, offset, self.page.size_bytes)

    async def _slip(self) -> bytes:
        """The slip for what has arrived whole; a relay that crashed before it gave one is asked to finish."""
        end = self.page.size_bytes
        for attempt in range(2):
            view = await self.patience.of(lambda: self.connection.view(self.statement))
            document = view.documents.get(self.page.document) if view else None
            if document is not None and document.slip is not None:
                return document.slip
            if attempt == 0:
                await self.patience.of(lambda: self.connection.append(self.page.document, end, b""))
        raise UplinkDown(f"{self.connection.url} has the whole photograph and gives no slip for it.")


def _nobody(_document: DocumentHash, _arrived_bytes: int, _size_bytes: int) -> None:
    """Progress that nobody watches."""


def _read(path: Path, offset: int, size_bytes: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size_bytes)
