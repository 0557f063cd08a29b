"""The board as it changes: server-sent events (WHATWG HTML 9.2) to whoever follows it, from one shared computation.

Each listener has nothing here but the number of the last change that it was told: a slow one gets fewer and newer
states, and holds nobody up.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from relay.errors import Code, NotNow, Rejected
from relay.web.board import Board
from relay.web.sessions import Sessions

_LOOK_SECONDS = 0.5
_STATUS_SECONDS = 2.0
_HEARTBEAT_SECONDS = 15.0
_STATUS_REST, _LOOK_REST = 10.0, 2.0
"""After a look, how many times as long as it took nothing is looked at: it leaves most of the machine to phones."""
_WRITE_SECONDS_MAX = 30.0
_UNSEEN_SECONDS = 600.0
_FULL_RETRY_SECONDS = 15.0
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Status = Callable[[], Awaitable[dict[str, Any]]]


class Live:
    """`GET /v1/board/events`, and the loop that looks for changes while somebody listens."""

    def __init__(self, board: Board, sessions: Sessions, status: Status, listeners_max: int) -> None:
        self._board = board
        self._sessions = sessions
        self._status = status
        self._listeners_max = listeners_max
        self._listeners = 0
        self._has_listener = asyncio.Event()
        self._news = asyncio.Event()  # set, and replaced by another, after each look
        self._status_json = b""
        self._status_compared: dict[str, Any] = {}
        self._status_number = 0
        self._writing: set[asyncio.Timeout] = set()
        self._closing = False

    async def run(self) -> None:
        """Looks for changes while anybody listens; ends by cancellation or by `StoreBroken`."""
        status_at = 0.0
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_listener.wait(), _UNSEEN_SECONDS)
            if not self._listeners:
                self._board.forget_unless_looked_at(_UNSEEN_SECONDS)
                continue
            looked = await _seconds(self._board.refresh())
            if time.monotonic() >= status_at:
                took = await _seconds(self._look_at_status())
                status_at = time.monotonic() + max(_STATUS_SECONDS, _STATUS_REST * took)
            self._tell()
            await asyncio.sleep(max(_LOOK_SECONDS, _LOOK_REST * looked))

    def close(self) -> None:
        """Ends every stream of events, also to who does not read; browsers come back by themselves."""
        self._closing = True
        now = asyncio.get_running_loop().time()
        for writing in self._writing:
            writing.reschedule(now)
        self._tell()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What changes from now on, or from `at` (or Last-Event-ID) on, until the listener goes or its session ends."""
        self._sessions.reader(request)
        at = _number(request.headers.get("Last-Event-ID") or request.query.get("at", ""))
        if self._listeners >= self._listeners_max:
            raise NotNow(Code.BUSY, "Many are looking already; try again in a moment.", _FULL_RETRY_SECONDS)
        self._listeners += 1
        self._has_listener.set()
        try:
            response = web.StreamResponse(headers=_HEADERS)
            await response.prepare(request)
            with suppress(ConnectionError):
                await self._follow(request, response, at)
        except TimeoutError:
            _cut(request)
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._has_listener.clear()
        return response

    async def _follow(self, request: web.Request, response: web.StreamResponse, at: int | None) -> None:
        await self._board.refresh()
        at = self._board.at if at is None else at
        status_told, spoken_at = 0, time.monotonic()
        await self._write(response, b": welcome\n\n")
        while not self._closing and request.transport is not None:  # None: the browser has gone
            news = self._news
            if not self._sessions.stands(request):
                await self._write(response, _event("end", b'{"code":"%s"}' % Code.SESSION_NEEDED.encode()))
                return
            told, at = self._changes(at)
            if self._status_number != status_told:
                status_told = self._status_number
                told.append(_event("status", self._status_json))
            if not told and time.monotonic() - spoken_at >= _HEARTBEAT_SECONDS:
                told = [b": still here\n\n"]
            for event in told:  # one by one: what a slow listener has not taken yet is no more than a few of them
                await self._write(response, event)
                spoken_at = time.monotonic()
            await news.wait()

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        """Raises TimeoutError if the listener does not read for so long."""
        async with asyncio.timeout(_WRITE_SECONDS_MAX) as writing:
            self._writing.add(writing)
            try:
                await response.write(data)
            finally:
                self._writing.discard(writing)

    def _changes(self, at: int) -> tuple[list[bytes], int]:
        """The events to tell of changes since `at`, and the number of the last change that they tell of."""
        changed = self._board.changed_since(at)
        if changed is None:
            return [_event("resync", b"{}", self._board.at)], self._board.at
        return [_event("station", entry.json, entry.at) for entry in changed], changed[-1].at if changed else at

    async def _look_at_status(self) -> None:
        """A status that differs in nothing but the passing of time is no news."""
        status = await self._status()
        compared = {**status, "clock": status["clock"]["sure"], "oldest_without_receipt_seconds": None}
        if compared != self._status_compared:
            self._status_compared = compared
            self._status_json = json.dumps(status, separators=(",", ":"), ensure_ascii=False).encode()
            self._status_number += 1

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


async def _seconds(work: Awaitable[None]) -> float:
    """How long it took."""
    begun = time.monotonic()
    await work
    return time.monotonic() - begun


def _cut(request: web.Request) -> None:
    """Ends a connection without a farewell, for which there is no room."""
    if request.transport is not None:
        request.transport.abort()


def _event(name: str, data: bytes, number: int | None = None) -> bytes:
    identifier = b"" if number is None else b"id: %d\n" % number
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), identifier, data)


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 16:
        raise Rejected(Code.BAD_REQUEST, "at must be the number that /v1/board gave.")
    return int(text)
