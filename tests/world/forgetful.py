"""A way to the centre on which one connection can die without a word while others go on, as when a NAT forgets it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from relay.demo.link import LOOPBACK

_BLOCK_BYTES = 4096


@dataclass(eq=False)
class Passage:
    """One connection through it."""

    bytes_up: int = 0
    is_closed: bool = False
    """By the side that opened it."""
    is_beside_another: bool = False
    """The one before it was still open when it began."""
    passable: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class ForgetfulWay:
    """`async with way.open() as port`. `passages` are those connections through which something was sent, in order."""

    target_port: int
    bytes_per_second: float = 200_000
    passages: list[Passage] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """A free port, which leads to the target."""
        server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for passage in self.passages:
                passage.passable.set()

    def forget(self, at: int) -> None:
        """From now on nothing passes through one of the connections, either way, and nobody is told."""
        self.passages[at].passable.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = Passage()
        passage.passable.set()
        far_reader, far = await asyncio.open_connection(LOOPBACK, self.target_port)
        carrying = [
            asyncio.create_task(self._up(reader, far, passage)),
            asyncio.create_task(_down(far_reader, writer, passage)),
        ]
        with contextlib.suppress(OSError):
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        for end in (writer, far):
            end.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, passage: Passage) -> None:
        try:
            while block := await reader.read(_BLOCK_BYTES):
                if not passage.bytes_up:
                    passage.is_beside_another = bool(self.passages) and not self.passages[-1].is_closed
                    self.passages.append(passage)
                passage.bytes_up += len(block)
                await asyncio.sleep(len(block) / self.bytes_per_second)
                if passage.passable.is_set():
                    far.write(block)
                    await far.drain()
        finally:
            passage.is_closed = True


async def _down(far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: Passage) -> None:
    while block := await far_reader.read(_BLOCK_BYTES):
        if passage.passable.is_set():
            writer.write(block)
            await writer.drain()
