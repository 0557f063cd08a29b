"""The door at which other nodes' streams come in: `/v1/exchange` over WebSocket, at the centre and at a relay.

How many there are at once is bounded, and `Turns` decides whose turn it is; what is said on a stream is `exchange`'s
matter.
"""

import asyncio
import logging
import random
import time

import aiohttp
from aiohttp import web

from relay import exchange
from relay.config import ExchangeConfig, NeighbourConfig
from relay.errors import Code, NotNow, Rejected, RelayError, UplinkDown
from relay.protocol.messages import MESSAGE_BYTES_MAX
from relay.protocol.turns import Turns
from relay.verifier import Verifier

log = logging.getLogger(__name__)


class Streams:
    """Relays' streams: how many there are, and the handler that serves one."""

    def __init__(
        self,
        keeper: exchange.Keeper,
        verifier: Verifier,
        config: ExchangeConfig | NeighbourConfig,
        chance: random.Random,
    ) -> None:
        self._keeper = keeper
        self._verifier = verifier
        self._config = config
        self._chance = chance
        self._turns = Turns["_ServerStream"](
            config.streams_max, float(config.turn_seconds), float(config.retry_after_seconds)
        )
        self._open: set[web.WebSocketResponse] = set()

    @property
    def count(self) -> int:
        """Streams served now."""
        return self._turns.taken

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One relay's stream, until it ends or its turn is over. No room: 503 and a Retry-After, one after another."""
        if not self._turns.has_room(time.monotonic()):
            raise self._not_now("Many relays are here already; come back later.")
        socket = web.WebSocketResponse(
            max_msg_size=MESSAGE_BYTES_MAX, heartbeat=self._config.silence_seconds_max, compress=False
        )
        if not socket.can_prepare(request).ok:
            raise Rejected(Code.BAD_REQUEST, "This address is a WebSocket for relays.")
        stream = _ServerStream(socket)
        leaves = self._turns.enter(stream, time.monotonic())
        if leaves is not None:
            leaves.end(self._not_now("Others wait; come back later."))
        self._open.add(socket)
        try:
            await socket.prepare(request)
            await self._converse(stream, all_news=request.query.get("news") != "no")
        finally:
            self._turns.leave(stream)
            self._open.discard(socket)
        return socket

    async def close_all(self) -> None:
        """Ends every stream politely; relays come back when we do."""
        await asyncio.gather(*(socket.close(code=aiohttp.WSCloseCode.GOING_AWAY) for socket in list(self._open)))

    async def _converse(self, stream: "_ServerStream", *, all_news: bool) -> None:
        socket = stream.socket

        def resting(can_wait: bool) -> None:
            if can_wait:
                self._turns.rests(stream, time.monotonic())
            else:
                self._turns.works(stream)

        try:
            await exchange.receive(stream, self._keeper, self._verifier, resting, all_news=all_news)
        except UplinkDown as error:
            log.debug("a stream ended: %s", error.sentence)
        except NotNow as error:
            await socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER, message=_short(error))
        except Rejected as error:
            log.warning("a stream was ended: %s [%s]", error.sentence, error.code)
            await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION, message=_short(error))

    def _not_now(self, sentence: str) -> NotNow:
        return NotNow(Code.BUSY, sentence, self._turns.return_seconds(time.monotonic(), self._chance.random()))


class _ServerStream:
    """One stream; `end` ends it between two messages, so that what has arrived is kept."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._ended: NotNow | None = None
        self._receiving: asyncio.Timeout | None = None

    def end(self, error: NotNow) -> None:
        """What is received next is `error`; also if it is waited for already."""
        self._ended = error
        if self._receiving is not None:
            self._receiving.reschedule(asyncio.get_running_loop().time())

    async def send(self, message: bytes) -> None:
        try:
            await self.socket.send_bytes(message)
        except (aiohttp.ClientError, OSError) as error:
            raise UplinkDown(f"The stream broke: {error}.") from error

    async def receive(self) -> bytes:
        message = await self._next()
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.TEXT:
            raise Rejected(Code.BATCH_MALFORMED, "Messages on this stream are binary.")
        raise UplinkDown("The stream ended.")

    async def _next(self) -> aiohttp.WSMessage:
        if self._ended is not None:
            raise self._ended
        try:
            async with asyncio.timeout(None) as self._receiving:
                return await self.socket.receive()
        except TimeoutError:
            if self._ended is None:
                raise
            raise self._ended from None
        finally:
            self._receiving = None


def _short(error: RelayError) -> bytes:
    """A close reason (RFC 6455 5.5: at most 123 bytes); of `NotNow` it begins with the seconds, as Retry-After has."""
    seconds = f"Retry-After: {error.retry_after_seconds:.0f}; " if isinstance(error, NotNow) else ""
    return f"{seconds}{error.code}: {error.sentence}".encode()[:120]
