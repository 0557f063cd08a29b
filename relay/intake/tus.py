"""Resumable uploads by tus 1.0 (core, creation): photographs that an accepted statement lists, and no others.

An upload's name is the document's SHA-256, so a phone that comes back needs no memory of this relay.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable

from aiohttp import web

from relay.clock import Clock
from relay.config import IntakeConfig
from relay.errors import Code, NotNow, Rejected
from relay.http import hex_name
from relay.intake.reception import Reception
from relay.protocol.statements import DocumentHash
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles

VERSION = "1.0.0"
_PATCH_TYPE = "application/offset+octet-stream"
_BLOCK_BYTES = 128 * 1024


class Tus:
    """The four requests of tus. One upload at a time a document: the newest connection wins.

    `on_arriving` is told, without waiting, of which photograph another part has come.
    """

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        reception: Reception,
        clock: Clock,
        config: IntakeConfig,
        on_arriving: Callable[[DocumentHash], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._files = files
        self._reception = reception
        self._clock = clock
        self._config = config
        self._on_arriving = on_arriving
        self._uploads: dict[bytes, asyncio.Task[object]] = {}

    async def options(self, _request: web.Request) -> web.Response:
        """What this server can do."""
        return web.Response(
            status=204,
            headers={
                "Tus-Resumable": VERSION,
                "Tus-Version": VERSION,
                "Tus-Extension": "creation",
                "Tus-Max-Size": str(self._config.document_bytes_max),
            },
        )

    async def create(self, request: web.Request) -> web.Response:
        """Begins an upload, or finds it where it was."""
        _check_version(request)
        document = _document_in(request.headers.get("Upload-Metadata", ""))
        size = await self._listed_size(document)
        if _number(request, "Upload-Length") != size:
            raise Rejected(
                Code.UPLOAD_LENGTH_MISMATCH,
                f"The signed statement says {size} bytes for this photograph; send that file.",
            )
        await self._reception.make_room(size - await self._offset(document, size), self._clock.now())
        headers = {"Tus-Resumable": VERSION, "Location": f"/v1/documents/{document.hex()}"}
        return web.Response(status=201, headers=headers)

    async def head(self, request: web.Request) -> web.Response:
        """How much has arrived."""
        _check_version(request)
        document = DocumentHash(hex_name(request, "document"))
        size = await self._listed_size(document)
        offset = await self._offset(document, size)
        return web.Response(
            headers={**_offset_headers(offset), "Upload-Length": str(size), "Cache-Control": "no-store"}
        )

    async def patch(self, request: web.Request) -> web.Response:
        """Appends the body; when the last byte is here, verifies and takes custody."""
        _check_version(request)
        if request.content_type != _PATCH_TYPE:
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, f"A PATCH here has content type {_PATCH_TYPE}.")
        document = DocumentHash(hex_name(request, "document"))
        size = await self._listed_size(document)
        await self._take_over(document)
        if len(self._uploads) >= self._config.uploads_max:
            raise NotNow(Code.BUSY, "Many photographs are arriving; this one is asked for again in a moment.", 5.0)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a handler runs in a task")
        self._uploads[document] = task
        try:
            offset = await self._receive(request, document, size)
        finally:
            if self._uploads.get(document) is task:
                del self._uploads[document]
        return web.Response(status=204, headers=_offset_headers(offset))

    async def _receive(self, request: web.Request, document: DocumentHash, size: int) -> int:
        offset = await self._offset(document, size)
        if _number(request, "Upload-Offset") != offset:
            raise Rejected(
                Code.UPLOAD_OFFSET_MISMATCH, f"The relay holds {offset} bytes of this; ask with HEAD and go on there."
            )
        if offset == size:
            if not await self._store.photographs.is_done(document):
                await self._reception.take_document(document, size)
            return size
        await self._reception.make_room(size - offset, self._clock.now())
        block = bytearray()
        while True:
            async with asyncio.timeout(60):
                piece = await request.content.readany()
            block += piece
            if offset + len(block) > size:
                raise Rejected(Code.UPLOAD_LENGTH_MISMATCH, f"More than the {size} bytes of this photograph were sent.")
            if block and (not piece or len(block) >= _BLOCK_BYTES):
                offset = await asyncio.to_thread(self._files.append, document, offset, bytes(block))
                block.clear()
                self._on_arriving(document)
            if not piece:
                break
        if offset == size:
            await self._reception.take_document(document, size)
        return offset

    async def _take_over(self, document: bytes) -> None:
        """A phone that lost its connection comes back before the old one has timed out: the old one ends."""
        old = self._uploads.pop(document, None)
        if old is not None and not old.done():
            old.cancel()
            await asyncio.wait([old])

    async def _listed_size(self, document: bytes) -> int:
        size = await self._store.photographs.listed_size(document)
        if size is None:
            raise Rejected(
                Code.DOCUMENT_NOT_LISTED,
                "No accepted statement lists this photograph; hand over the documents statement first.",
            )
        return size

    async def _offset(self, document: bytes, size: int) -> int:
        if await self._store.photographs.is_done(document):
            return size
        return min(size, await asyncio.to_thread(self._files.arrived_bytes, document))


def _check_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise Rejected(Code.TUS_VERSION_UNSUPPORTED, f"Send the header Tus-Resumable: {VERSION}.")


def _offset_headers(offset: int) -> dict[str, str]:
    return {"Tus-Resumable": VERSION, "Upload-Offset": str(offset)}


def _number(request: web.Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise Rejected(Code.BAD_REQUEST, f"The header {header} must be a whole number.")
    return int(text)


def _document_in(metadata: str) -> DocumentHash:
    """The `sha256` of Upload-Metadata: base64 of 64 hexadecimal digits."""
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "sha256":
            try:
                document = bytes.fromhex(base64.b64decode(value, validate=True).decode("ascii"))
            except (binascii.Error, ValueError):
                break
            if len(document) == 32:
                return DocumentHash(document)
    raise Rejected(Code.BAD_REQUEST, "Upload-Metadata must name the photograph: sha256, then base64 of its hex digits.")
