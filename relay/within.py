"""A stream within this process: what a stick brings goes into this relay's own exchange without a network."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relay import exchange
from relay.errors import RelayError, UplinkDown
from relay.uplink.port import Stream
from relay.verifier import Verifier

_QUEUED_MAX = 16


class OwnExchange:
    """An uplink that ends at a keeper of this process."""

    def __init__(self, keeper: exchange.Keeper, verifier: Verifier) -> None:
        self.name = "own exchange"
        self._keeper = keeper
        self._verifier = verifier

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        """One stream, served while it is open."""
        up: asyncio.Queue[bytes | RelayError] = asyncio.Queue(_QUEUED_MAX)
        down: asyncio.Queue[bytes | RelayError] = asyncio.Queue(_QUEUED_MAX)

        async def serve() -> None:
            try:
                await exchange.receive(_End(up, down), self._keeper, self._verifier, lambda _: None)
            except RelayError as error:
                await down.put(error)

        serving = asyncio.create_task(serve())  # does not outlive this call
        try:
            yield _End(down, up)
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


class _End:
    """One end of a stream."""

    def __init__(self, incoming: "asyncio.Queue[bytes | RelayError]", outgoing: "asyncio.Queue[bytes | RelayError]"):
        self._incoming = incoming
        self._outgoing = outgoing

    async def send(self, message: bytes) -> None:
        await self._outgoing.put(message)

    async def receive(self) -> bytes:
        message = await self._incoming.get()
        if isinstance(message, bytes):
            return message
        raise UplinkDown(f"{message.code}: {message.sentence}") from message
