"""The demo: its figures, its photographs, its bad link, and the whole of it as a newcomer runs it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relay.demo.link import LOOPBACK, Link


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_link_carries_every_byte_and_counts_it() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up()
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            sent = bytes(range(256)) * 4000
            writer.write(sent)
            assert await reader.readexactly(len(sent)) == sent
            assert (link.bytes_up, link.bytes_down, link.bytes_lost) == (len(sent), len(sent), 0)
            writer.close()


async def test_a_link_is_as_slow_and_as_far_as_it_is_told() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up(bytes_per_second=50_000, delay_seconds=0.1)
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            started = asyncio.get_running_loop().time()
            writer.write(b"x" * 25_000)
            await reader.readexactly(25_000)
            assert asyncio.get_running_loop().time() - started >= 0.5 + 2 * 0.1
            writer.close()


async def test_a_cut_resets_both_sides_and_what_was_on_the_way_is_lost() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up(bytes_per_second=1000)
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"x" * 10_000)
            while not link.bytes_up:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert link.cut() == 1
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(10_000)
            assert 0 < link.bytes_up < 10_000
            writer.close()
            again, other = await asyncio.open_connection(LOOPBACK, port)  # a cut is not an outage
            link.up()
            other.write(b"again")
            assert await again.readexactly(5) == b"again"
            other.close()


async def test_a_link_that_is_down_refuses_and_a_silent_one_says_nothing() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
            writer.close()
            link.down(silently=True)
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"hello")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(5), 0.3)
            assert (link.is_up, link.bytes_up) == (False, 0)
            link.up()
            assert await reader.readexactly(5) == b"hello"
            writer.close()
