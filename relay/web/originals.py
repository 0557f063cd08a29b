"""The exact bytes in a relay's custody, for operators: photographs, and statements as they were signed."""

from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from relay.errors import Code, Rejected
from relay.http import COSE_TYPE, hex_name
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.web.sessions import Session

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",  # whatever it is, it runs nothing here
    "Cache-Control": "private, max-age=3600, immutable",  # named by its content
}
_OTHER = "application/octet-stream"
_KINDS = ((b"\xff\xd8\xff", 0, "image/jpeg"), (b"\x89PNG\r\n\x1a\n", 0, "image/png"), (b"WEBP", 8, "image/webp"))
"""How a photograph that browsers show begins: these bytes, at this place."""


class Originals:
    """The handlers. `guard` is asked who may look."""

    def __init__(self, store: CustodyStore, files: DocumentFiles, guard: Callable[[web.Request], Session]) -> None:
        self._store = store
        self._files = files
        self._guard = guard

    async def document(self, request: web.Request) -> web.FileResponse:
        """A photograph, byte for byte."""
        self._guard(request)
        document = hex_name(request, "document")
        if not await self._store.is_held(document):
            raise Rejected(
                Code.NOT_FOUND, "This photograph is not here: not yet, or not any more since the centre has it."
            )
        path = self._files.path(document)
        return web.FileResponse(path, headers={**_HEADERS, "Content-Type": _kind_of(path)})

    async def statement(self, request: web.Request) -> web.Response:
        """A statement exactly as it was signed."""
        self._guard(request)
        held = await self._store.statement(hex_name(request, "statement"))
        if held is None:
            raise Rejected(Code.NOT_FOUND, "This relay has no statement of that id.")
        return web.Response(body=held.cose, headers={**_HEADERS, "Content-Type": COSE_TYPE})


def _kind_of(path: Path) -> str:
    """The media type of a photograph, by its first bytes; anything else is only bytes."""
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except OSError:
        return _OTHER
    return next((kind for mark, at, kind in _KINDS if begin[at:].startswith(mark)), _OTHER)
