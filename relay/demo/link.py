"""A link that can be slow, far, cut and dead: a TCP proxy before the centre that counts what really crosses.

Everything that a bad uplink does to a relay, done to real sockets. Bytes count once they were handed to the far side;
what was on the way when the link was cut counts as lost.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"
_BLOCKS_PER_SECOND = 50
_BLOCK_BYTES_LEAST, _BLOCK_BYTES_MOST = 512, 32 * 1024
_BLOCKS_UNDER_WAY_MAX = 64
_KERNEL_BUFFER_BYTES = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER without waiting: closing sends RST


@dataclass(slots=True)
class _Lane:
    """One direction of the link, shared by all its connections."""

    link: "Link"
    bytes_crossed: int = 0
    bytes_lost: int = 0
    free_at: float = 0.0

    async def take(self, size: int) -> float:
        """Waits until `size` more bytes have gone into the link; when they come out (loop time)."""
        await self.link.passable.wait()
        now = asyncio.get_running_loop().time()
        seconds = size / self.link.bytes_per_second if self.link.bytes_per_second else 0.0
        self.free_at = max(now, self.free_at) + seconds
        await asyncio.sleep(self.free_at - now)
        return self.free_at + self.link.delay_seconds

    def block_bytes(self) -> int:
        """How much to take at once: little on a slow link, so that its rate is even."""
        rate = self.link.bytes_per_second or float("inf")
        return int(min(max(rate / _BLOCKS_PER_SECOND, _BLOCK_BYTES_LEAST), _BLOCK_BYTES_MOST))


@dataclass(slots=True)
class Link:
    """`async with Link(centre_port).open() as port`: who connects to `port` reaches `target_port`, or does not.

    It begins down. `target_port` may be changed when the far side comes back elsewhere.
    """

    target_port: int
    bytes_per_second: float | None = None
    delay_seconds: float = 0.0
    connections: int = 0
    passable: asyncio.Event = field(default_factory=asyncio.Event)
    _refusing: bool = True
    _pairs: set["_Pair"] = field(default_factory=set)
    _up: _Lane = field(init=False)
    _down: _Lane = field(init=False)

    def __post_init__(self) -> None:
        self._up, self._down = _Lane(self), _Lane(self)

    @property
    def bytes_up(self) -> int:
        """Bytes that reached the far side."""
        return self._up.bytes_crossed

    @property
    def bytes_down(self) -> int:
        """Bytes that came back."""
        return self._down.bytes_crossed

    @property
    def bytes_lost(self) -> int:
        """Bytes that went in, in either direction, and never came out."""
        return self._up.bytes_lost + self._down.bytes_lost

    @property
    def is_up(self) -> bool:
        """Whether anything gets through."""
        return self.passable.is_set()

    @asynccontextmanager
    async def open(self, host: str = LOOPBACK) -> AsyncIterator[int]:
        """Listens on a free port, which it yields; on leaving, all connections are reset."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER_BYTES)
        listener.bind((host, 0))
        server = await asyncio.start_server(self._serve, sock=listener, limit=_BLOCK_BYTES_MOST)
        try:
            yield listener.getsockname()[1]
        finally:
            server.close()
            self.down()
            while self._pairs:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def up(self, bytes_per_second: float | None = None, delay_seconds: float = 0.0) -> None:
        """Lets everything through, at a rate per direction (None: as fast as it goes) and with a delay each way."""
        self.bytes_per_second, self.delay_seconds = bytes_per_second, delay_seconds
        self._refusing = False
        self.passable.set()

    def down(self, *, silently: bool = False) -> None:
        """Lets nothing through. Connections are reset and new ones refused; `silently`, they just hear nothing more."""
        self.passable.clear()
        self._refusing = not silently
        if not silently:
            self.cut()

    def cut(self) -> int:
        """Resets every connection (RST) and goes on as before; how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()
        return len(pairs)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer, asyncio.current_task())
        self._pairs.add(pair)
        self.connections += 1
        try:
            if not self._refusing:
                await self.passable.wait()
                far_reader, pair.far = await asyncio.open_connection(
                    LOOPBACK, self.target_port, limit=_BLOCK_BYTES_MOST
                )
                await self._join(reader, pair.far, far_reader, writer)
                pair.close()
        except OSError:
            pass  # either side is gone, and so is the other in a moment
        except asyncio.CancelledError:
            if not pair.is_reset:
                raise
        finally:
            pair.reset()
            self._pairs.discard(pair)

    async def _join(
        self,
        near_reader: asyncio.StreamReader,
        far: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        near: asyncio.StreamWriter,
    ) -> None:
        """Carries both ways until either side ends."""
        both = (
            asyncio.create_task(_carry(near_reader, far, self._up)),
            asyncio.create_task(_carry(far_reader, near, self._down)),
        )
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


@dataclass(eq=False, slots=True)
class _Pair:
    """One connection through the link: the socket on either side, and the task that carries."""

    near: asyncio.StreamWriter
    task: "asyncio.Task[None] | None"
    far: asyncio.StreamWriter | None = None
    is_reset: bool = False
    is_closed: bool = False

    def close(self) -> None:
        """Ends politely."""
        self.is_closed = True
        for writer in (self.near, self.far):
            if writer is not None:
                writer.close()

    def reset(self) -> None:
        """Ends as a link does that dies."""
        if self.is_closed or self.is_reset:
            return
        self.is_reset = True
        for writer in (self.near, self.far):
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                writer.transport.abort()
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lane: _Lane) -> None:
    """Bytes from one side to the other until one of them ends."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_BLOCKS_UNDER_WAY_MAX)
    bringing = asyncio.create_task(_bring(under_way, writer, lane))
    try:
        while block := await reader.read(lane.block_bytes()):
            arrives_at = await lane.take(len(block))
            await under_way.put((arrives_at, block))
            if bringing.done():
                break
        await under_way.put((0.0, b""))
        await bringing
    finally:
        bringing.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await bringing
        while not under_way.empty():
            lane.bytes_lost += len(under_way.get_nowait()[1])


async def _bring(under_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter, lane: _Lane) -> None:
    """Hands over at the far side what has been on its way long enough, in order."""
    while True:
        arrives_at, block = await under_way.get()
        if not block:
            return
        await asyncio.sleep(arrives_at - asyncio.get_running_loop().time())
        await lane.link.passable.wait()
        writer.write(block)
        lane.bytes_crossed += len(block)
        await writer.drain()
