"""The exact bytes in a relay's custody, for operators: photographs, and statements as they were signed."""

from collections.abc import Callable

from aiohttp import web

from relay.errors import Code, Rejected
from relay.http import COSE_TYPE, hex_name
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.web import pictures
from relay.web.sessions import Session

_CACHED = {"Cache-Control": "private, max-age=3600, immutable"}  # named by its content


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
        if not await self._store.photographs.is_held(document):
            raise Rejected(
                Code.NOT_FOUND, "This photograph is not here: not yet, or not any more since the centre has it."
            )
        path = self._files.path(document)
        return web.FileResponse(path, headers={**pictures.headers(path), **_CACHED})

    async def statement(self, request: web.Request) -> web.Response:
        """A statement exactly as it was signed."""
        self._guard(request)
        held = await self._store.holdings.statement(hex_name(request, "statement"))
        if held is None:
            raise Rejected(Code.NOT_FOUND, "This relay has no statement of that id.")
        return web.Response(body=held.cose, headers={**_CACHED, **pictures.BYTES_ONLY, "Content-Type": COSE_TYPE})
