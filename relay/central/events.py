"""What has changed at the centre, as server-sent events (WHATWG HTML 9.2): a few words, and the page asks again."""

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from relay.central.counting import Counting
from relay.errors import Code, NotNow
from relay.protocol import codes
from relay.store.record import RecordStore

_TELL_SECONDS = 2.0
_HEARTBEAT_SECONDS = 15.0
_WRITE_SECONDS_MAX = 30.0
_FULL_RETRY_SECONDS = 30.0
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Events:
    """`GET /v1/events`. Each listener has one flag here: a slow one is told less often, and holds nothing up."""

    def __init__(self, store: RecordStore, counting: Counting, listeners_max: int) -> None:
        self._store = store
        self._counting = counting
        self._listeners_max = listeners_max
        self._listeners: set[asyncio.Event] = set()
        self._closing = False

    def close(self) -> None:
        """Ends every stream of events; browsers come back by themselves."""
        self._closing = True
        for news in self._listeners:
            news.set()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """`changed` at once, and whenever something within `scope` has changed, at most each two seconds."""
        scope = codes.scope(request.query.get("scope", ""))
        if len(self._listeners) >= self._listeners_max:
            raise NotNow(
                Code.BUSY, "Many are looking already; ask /v1/status from time to time instead.", _FULL_RETRY_SECONDS
            )
        news = asyncio.Event()
        news.set()

        def changed(stations: frozenset[str]) -> None:
            if any(codes.covers(scope, tps) for tps in stations):
                news.set()

        self._listeners.add(news)
        ignore = self._counting.listen(changed)
        try:
            response = web.StreamResponse(headers=_HEADERS)
            await response.prepare(request)
            with suppress(ConnectionError, TimeoutError):
                await self._follow(request, response, news)
        finally:
            ignore()
            self._listeners.discard(news)
        return response

    async def _follow(self, request: web.Request, response: web.StreamResponse, news: asyncio.Event) -> None:
        while not self._closing and request.transport is not None:  # None: the browser has gone
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await news.wait()
            except TimeoutError:
                await _write(response, b": still here\n\n")
                continue
            news.clear()
            if self._closing:
                return
            told = json.dumps({"counts": await self._store.recorded.counts()}, separators=(",", ":"))
            await _write(response, f"event: changed\ndata: {told}\n\n".encode())
            await asyncio.sleep(_TELL_SECONDS)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Who does not read for so long is sent away, and may come back."""
    async with asyncio.timeout(_WRITE_SECONDS_MAX):
        await response.write(data)
