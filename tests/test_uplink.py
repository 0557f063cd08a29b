"""The uplink over a link that is narrow, far and cut: tallies first, and what arrived does not cross again."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import random
import socket
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from relay.config import UplinkConfig
from relay.demo.link import LOOPBACK, Link
from relay.errors import UplinkDown
from relay.http import authority_tls
from relay.protocol import cose, slips
from relay.uplink.https import HttpsUplink
from tests.authorities import World
from tests.world.echo import echo
from tests.world.http import ask, post, settled, upload, where
from tests.world.nodes import Country, documents, running_centre, running_relay, tally
from tests.world.waiting import eventually

NARROW_BYTES_PER_SECOND = 8000  # 64 kbit/s
DELAY_SECONDS = 0.3  # each way


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_a_tally_overtakes_photographs_on_a_narrow_link(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    photographs = [os.urandom(600_000)]
    async with running_centre(country.centre_config()) as centre:
        link = Link(port_of(centre))
        link.up(NARROW_BYTES_PER_SECOND, DELAY_SECONDS)
        async with (
            link.open() as port,
            running_relay(country.relay_config(centre_url=f"https://127.0.0.1:{port}")) as relay,
        ):
            await post(http, relay, documents(officer, photographs).with_chain(officer[1]))
            await upload(http, relay, photographs[0])

            async def crawling() -> bool:
                return link.bytes_up > 60_000

            await eventually(crawling)
            statement = tally(officer)
            before = link.bytes_up
            await post(http, relay, statement.bare)
            await eventually(lambda: where(http, centre, statement.id))
            overtaken_by = link.bytes_up - before
        # what crossed before it is what the link carries in about a second, of the 500,000 bytes that waited
        assert overtaken_by < 2 * NARROW_BYTES_PER_SECOND


async def test_what_arrived_before_a_cut_does_not_cross_again(country: Country, http: aiohttp.ClientSession) -> None:
    officer, photograph = country.world.officer(), os.urandom(1_500_000)
    listing = documents(officer, [photograph])
    async with running_centre(country.centre_config()) as centre:
        link = Link(port_of(centre))
        link.up(200_000, 0.02)
        async with (
            link.open() as port,
            running_relay(country.relay_config(centre_url=f"https://127.0.0.1:{port}")) as relay,
        ):
            await post(http, relay, listing.with_chain(officer[1]))
            await upload(http, relay, photograph)
            for part in (1, 2, 3):

                async def reached(part: int = part) -> bool:
                    return link.bytes_up > part * 300_000

                await eventually(reached)
                assert link.cut() == 1
            assert (await settled(http, relay, listing.id))["state"] == "at-centre"
        # frames that were under way at a cut died with it; of what arrived, nothing crossed again
        assert link.connections >= 4
        assert link.bytes_up < 1.06 * len(photograph)


async def test_a_link_that_dies_in_silence_is_noticed(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    first, second = tally(officer), tally(officer, revision=2)
    async with running_centre(country.centre_config()) as centre:
        link = Link(port_of(centre))
        link.up()
        uplink: dict[str, Any] = {"silence_seconds_max": 2, "idle_seconds_max": 60, "connect_seconds_max": 2}
        async with (
            link.open() as port,
            running_relay(country.relay_config(centre_url=f"https://127.0.0.1:{port}", uplink=uplink)) as relay,
        ):
            await post(http, relay, first.with_chain(officer[1]))
            await settled(http, relay, first.id)
            link.down(silently=True)
            await post(http, relay, second.bare)

            async def noticed() -> bool:
                status = (await ask(http, "GET", f"{relay}/v1/status")).json
                return bool(status["uplinks"][0]["state"] == "down")

            await eventually(noticed)
            assert (await where(http, relay, second.id))["state"] == "at-relay"
            link.cut()
            link.up()
            assert (await settled(http, relay, second.id))["state"] == "at-centre"


async def test_clocks_that_are_years_off_keep_nobody_from_talking(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """Every certificate begins in five years, as on a Pi that woke up in the past: all works the same."""
    country.world = World(datetime.now(UTC) + timedelta(days=5 * 365))
    country.folder = country.folder / "future"
    officer = country.world.officer()
    statement = tally(officer)
    connector = aiohttp.TCPConnector(ssl=authority_tls(country.root_file))
    async with (
        running_relay(country.relay_config()) as relay,
        aiohttp.ClientSession(connector=connector) as phone,
    ):
        answer = await post(phone, relay, statement.with_chain(officer[1]))
        assert answer.status == 201
        told = await where(phone, relay, statement.id)
        status = (await ask(phone, "GET", f"{relay}/v1/status")).json
    # the relay cannot be earlier than its own certificate, and says that its clock is a guess
    assert status["clock"]["now"] > (country.world.now - timedelta(days=2)).timestamp()
    assert status["clock"]["sure"] is False
    assert told["held_at"] >= status["clock"]["now"] - 60
    assert slips.read(cose.parse(answer.body)).clock_sure is False


def test_failed_handshakes_leave_no_descriptor_open(country: Country, tmp_path: Path) -> None:
    """On uvloop, as the nodes run: whoever answers is not the centre, again and again; sockets let go of are closed."""
    stranger = Country(tmp_path / "elsewhere")
    stranger.folder.mkdir()

    async def attempts() -> tuple[int, int]:
        async with running_centre(stranger.centre_config()) as centre:
            uplink = HttpsUplink(UplinkConfig(url=centre), country.root_file)
            await attempt(uplink)
            before = descriptors()
            for at in range(20):
                files = [(tmp_path / f"{at}-{number}").open("wb") for number in range(8)]
                await attempt(uplink)
                for file in files:
                    file.write(b"still ours")
                    file.close()  # OSError if somebody else has closed it
            gc.collect()
            return before, descriptors()

    async def attempt(uplink: HttpsUplink) -> None:
        with pytest.raises(UplinkDown):
            async with uplink.open():
                pass
        gc.collect()

    before, after = uvloop.run(attempts())
    assert after <= before + 2


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def resetting(listener: socket.socket) -> None:
    """Accepts, and resets each connection a moment later, in the middle of its TLS handshake."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            time.sleep(random.choice((0, 0, 0.001, 0.003)))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


def be_reset_under_uvloop() -> None:
    """In a process of its own, since what it looks for ends with libuv's abort()."""

    async def others(far: int, over: asyncio.Event) -> None:
        while not over.is_set():
            reader, writer = await asyncio.open_connection(LOOPBACK, far)
            writer.write(b"x" * 10_000)
            assert await reader.readexactly(10_000) == b"x" * 10_000
            writer.close()
            await writer.wait_closed()

    async def story(port: int) -> None:
        over = asyncio.Event()
        uplink = HttpsUplink(UplinkConfig(url=f"https://{LOOPBACK}:{port}", tls="public"), Path("unused"))
        async with asyncio.timeout(60), echo() as far, asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(others(far, over))
            for _ in range(200):
                try:
                    async with uplink.open():
                        pytest.fail("nobody is there")
                except UplinkDown:
                    pass
            over.set()

    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=resetting, args=(listener,), daemon=True).start()
        uvloop.run(story(listener.getsockname()[1]))
        listener.shutdown(socket.SHUT_RDWR)


def test_an_uplink_that_is_reset_again_and_again_costs_no_file_descriptor_of_anybody() -> None:
    process = multiprocessing.get_context("spawn").Process(target=be_reset_under_uvloop)
    process.start()
    process.join(90)
    process.kill()
    process.join()
    assert process.exitcode == 0
    process.close()
