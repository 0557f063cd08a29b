"""The whole board as one answer: put together and compressed once for all who ask for the same state."""

import asyncio
import json
import zlib
from collections.abc import Callable, Sequence

from aiohttp import web

from relay.web.board import Board
from relay.web.sessions import Session

_GZIP = 31  # zlib's `wbits` for a gzip frame (RFC 1952) with the largest window
_LEVEL = 3


class Snapshot:
    """`GET /v1/board`. `guard` is asked who may look."""

    def __init__(self, board: Board, guard: Callable[[web.Request], Session]) -> None:
        self._board = board
        self._guard = guard
        self._lock = asyncio.Lock()
        self._compressed = b""
        self._compressed_at = -1

    async def get(self, request: web.Request) -> web.Response:
        """Every station; `at` is where to begin with what changes from now on."""
        self._guard(request)
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding", "Content-Type": "application/json"}
        await self._board.refresh()
        if web.ContentCoding.gzip.value not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=b"".join(self._pieces()), headers=headers)
        return web.Response(body=await self._gzipped(), headers={**headers, "Content-Encoding": "gzip"})

    async def _gzipped(self) -> bytes:
        async with self._lock:
            at = self._board.at
            if at != self._compressed_at:
                self._compressed = await asyncio.to_thread(_compress, self._pieces())
                self._compressed_at = at
            return self._compressed

    def _pieces(self) -> list[bytes]:
        """The JSON, station by station, so that all of it together is nowhere in memory but compressed."""
        head = json.dumps(self._board.head(), separators=(",", ":"), ensure_ascii=False).encode().removesuffix(b"}")
        listed = [piece for station in self._board.stations() for piece in (b",", station)][1:]
        return [head, b',"stations":[', *listed, b"]}"]


def _compress(pieces: Sequence[bytes]) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return b"".join([*map(compressor.compress, pieces), compressor.flush()])
