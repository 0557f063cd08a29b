"""The emulated links themselves: rate, delay, queue, loss, outages and resets are what the conditions say."""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.demo.link import LOOPBACK, Link
from tests.world import namespaces
from tests.world.echo import echo
from tests.world.packet_link import Lane, PacketLink, packet_link
from tests.world.packets import segment
from tests.world.proxy_link import play, proxy_link
from tests.world.schedule import Conditions, Event
from tests.world.waiting import eventually

privileged = [
    pytest.mark.privileged,
    pytest.mark.skipif(bool(namespaces.can_make()), reason=namespaces.can_make()),
]
PACKET = bytes(1000)


def lane(conditions: Conditions, seed: int = 1) -> Lane:
    return Lane(conditions, random.Random(seed))


def test_a_lane_sends_at_its_rate_and_delivers_after_its_delay() -> None:
    way = lane(Conditions(8_000, 0.3))  # a packet a second
    for _ in range(3):
        way.offer(PACKET, 0.0)
    arrivals = []
    while way.next_event_at < float("inf"):
        now = way.next_event_at
        arrivals += [pytest.approx(now)] * len(way.advance(now))
    assert arrivals == [1.3, 2.3, 3.3]
    way.offer(PACKET, 10.0)  # what was not used is not made up for
    assert way.advance(11.2) == []
    assert way.advance(11.31) == [PACKET]
    assert way.bytes_sent == way.bytes_delivered == 4000


def test_a_full_queue_drops_what_comes_last() -> None:
    way = lane(Conditions(8_000, 0.0, queue_packets=2))
    packets = [bytes([at]) * 1000 for at in range(4)]
    for packet in packets:
        way.offer(packet, 0.0)
    assert way.advance(60.0) == packets[:2]
    assert way.bytes_dropped == 2000


def test_a_modem_keeps_a_second_of_packets_within_limits() -> None:
    rooms = [Conditions(rate, 0.3).queue_packets_max for rate in (9_600, 64_000, 256_000, 1_000_000)]
    assert rooms == [16, 16, 21, 64]


def test_an_outage_swallows_what_is_sent_in_it() -> None:
    conditions = Conditions(8_000_000, 0.0, outage_seconds=10)
    way = lane(conditions)
    through = []
    for at in range(60):
        way.offer(PACKET, float(at))
        through += [at] * len(way.advance(at + 0.5))
    assert through == [*range(20), *range(30, 50)]
    assert way.bytes_lost == 20_000
    assert [conditions.up_seconds(at) for at in (5, 20, 25, 30, 65)] == [5, 20, 20, 20, 45]


def test_loss_is_by_chance_and_the_same_for_the_same_seed() -> None:
    def lost(seed: int) -> int:
        way = lane(Conditions(8_000_000, 0.0, loss=0.02, queue_packets=10_000), seed)
        for _ in range(10_000):
            way.offer(PACKET, 0.0)
        way.advance(60.0)
        return way.bytes_lost

    assert lost(1) == lost(1)
    assert lost(1) != lost(2)
    assert 0.015 < lost(1) / 10_000_000 < 0.025


def test_the_same_seed_brings_the_same_events_in_order() -> None:
    conditions = Conditions(1e6, 0.1, outage_seconds=10, reset_seconds_mean=5)

    def story(seed: int) -> list[tuple[float, Event]]:
        return list(itertools.islice(conditions.events(seed), 500))

    assert story(1) == story(1) != story(2)
    times = [at for at, _ in story(1)]
    assert times == sorted(times)
    resets = [at for at, event in story(1) if event is Event.RESET]
    assert 4 < resets[-1] / len(resets) < 6
    assert [item for item in story(1) if item[1] is not Event.RESET][:4] == [
        (20, Event.OUTAGE), (30, Event.BACK), (50, Event.OUTAGE), (60, Event.BACK),
    ]  # fmt: skip
    assert list(Conditions(1e6, 0.1).events(1)) == []


@contextlib.contextmanager
def connected(link: PacketLink, more: int = 0) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection through the link, to a port of its own: the near and the far end of it."""
    host, port = link.listens[0], link.listens[1] + more
    with link.far.call(lambda: socket.create_server((host, port))) as server:
        near = link.near.call(lambda: socket.create_connection((host, port), timeout=60))
        far, _ = server.accept()
        far.settimeout(60)
        with near, far:
            yield near, far


def hear(address: tuple[str, int]) -> bytes:
    """What somebody there says first."""
    with socket.create_connection(address, timeout=30) as connection:
        return connection.recv(1)


def received(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(65536)
        assert part
        data += part
    return data


def talk_for_ever(near: socket.socket, far: socket.socket) -> None:
    while True:
        near.sendall(bytes(5000))
        received(far, 5000)


def is_open(end: socket.socket) -> bool:
    """Whether its connection lives, as the kernel has it (tcp(7), TCP_INFO: the first byte is the state)."""
    state = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] == 1


class TestAtPacketLevel:
    pytestmark = privileged

    def test_tcp_crosses_at_the_rate_of_the_link(self) -> None:
        data = os.urandom(60_000)
        with packet_link(Conditions(400_000, 0.05), 1) as link:
            link.open()
            with connected(link) as (near, far):
                before, bytes_before = link.seconds, link.up.bytes_sent
                near.sendall(data)
                assert received(far, len(data)) == data
                sent, seconds = link.up.bytes_sent - bytes_before, link.seconds - before
        assert len(data) < sent < 1.1 * len(data)
        assert seconds >= len(data) / 50_000  # never faster than the link

    def test_nothing_crosses_before_it_opens(self) -> None:
        with packet_link(Conditions(1e6, 0.01), 1) as link:
            with pytest.raises(OSError, match="unreachable"):
                link.near.call(lambda: socket.create_connection(link.reaches, timeout=5))
            assert link.counts().up_bytes == 0

    def test_a_reset_ends_every_connection_at_both_ends(self) -> None:
        with packet_link(Conditions(1e6, 0.02), 1) as link:
            link.open()
            with connected(link) as (near, far), connected(link, 1) as (idle_near, idle_far):
                threading.Timer(0.5, link.reset).start()
                with pytest.raises(ConnectionResetError):
                    talk_for_ever(near, far)
                for end in (idle_near, idle_far):
                    with pytest.raises(ConnectionResetError):
                        end.recv(1)
                assert not is_open(near)
                assert not is_open(far)
            assert link.resets == 1
            with connected(link) as (near, far):  # and a new one is as good as any
                near.sendall(b"after")
                assert received(far, 5) == b"after"

    def test_resets_come_by_chance(self) -> None:
        with packet_link(Conditions(1e6, 0.02, reset_seconds_mean=0.2), 1) as link:
            link.open()
            until = time.monotonic() + 30
            while link.resets < 3:
                assert time.monotonic() < until
                time.sleep(0.05)

    def test_an_outage_is_survived_by_tcp_and_counted_as_lost(self) -> None:
        conditions = Conditions(200_000, 0.02, outage_seconds=0.4, period_seconds=1.5)
        data = os.urandom(60_000)  # what sockets take at once, and more than two seconds of the link
        with packet_link(conditions, 1) as link:
            link.open()
            with connected(link) as (near, far):
                near.sendall(data)
                assert received(far, len(data)) == data
            assert link.counts().up_bytes_lost > 0
            assert link.seconds > conditions.period_seconds

    def test_nothing_is_left_behind_however_it_ends(self, tmp_path: Path) -> None:
        """A process that holds a link, with a child in it, is killed: its networks and its child are gone."""
        script = (
            "import subprocess, sys, time\n"
            "from tests.bench.uplink.receivers import leashed\n"
            "from tests.world.packet_link import packet_link\n"
            "from tests.world.schedule import Conditions\n"
            "with packet_link(Conditions(1e6, 0.1), 1) as link:\n"
            "    child = subprocess.Popen(leashed(link.near, 'sleep', '600'))\n"
            "    time.sleep(0.5)\n"
            "    print(child.pid, link.near.inode, link.far.inode, flush=True)\n"
            "    time.sleep(600)\n"
        )
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            child, *inodes = map(int, holder.stdout.readline().split())
            assert set(inodes) <= networks()
            holder.send_signal(signal.SIGKILL)
        until = time.monotonic() + 30
        while Path(f"/proc/{child}").exists() or set(inodes) & networks():
            assert time.monotonic() < until
            time.sleep(0.05)


def networks() -> set[int]:
    """The network namespaces of all processes."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            found.add(path.stat().st_ino)
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(path.readlink()).startswith("net:["):
                found.add(path.stat().st_ino)
    return found


def test_what_is_no_tcp_is_no_segment() -> None:
    assert segment(b"") is None
    assert segment(bytes(60)) is None


async def test_the_proxy_plays_the_same_conditions() -> None:
    conditions = Conditions(8e6, 0.0, outage_seconds=1.0, period_seconds=2.0, reset_seconds_mean=3.0)
    async with echo() as far:
        link = Link(far)
        async with link.open() as port:
            playing = asyncio.create_task(play(link, conditions, 1))
            seen: set[str] = set()

            async def both_seen() -> bool:
                seen.add("up" if link.is_up else "out")
                with contextlib.suppress(ConnectionResetError, asyncio.IncompleteReadError, TimeoutError):
                    async with asyncio.timeout(0.2):
                        reader, writer = await asyncio.open_connection(LOOPBACK, port)
                        writer.write(b"x")
                        await reader.readexactly(1)
                        seen.add("crossed")
                        writer.close()
                return seen == {"up", "out", "crossed"}

            await eventually(both_seen)
            playing.cancel()


async def test_half_open_death_says_nothing_more() -> None:
    """What is connected stays connected, what connects is taken, and no byte crosses until the link is back."""
    async with echo() as far:
        link = Link(far)
        link.up()
        async with link.open() as port:
            first = await asyncio.open_connection(LOOPBACK, port)
            first[1].write(b"1")
            assert await first[0].readexactly(1) == b"1"
            link.down(silently=True)
            second = await asyncio.open_connection(LOOPBACK, port)
            for _, writer in (first, second):
                writer.write(b"2")
            before = link.bytes_up
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await first[0].readexactly(1)
            assert link.bytes_up == before
            link.up()
            for reader, writer in (first, second):
                assert await reader.readexactly(1) == b"2"
                writer.close()


def test_a_proxy_link_carries_between_processes() -> None:
    with proxy_link(Conditions(8e6, 0.01), 1) as link, socket.create_server(link.listens) as server:
        with pytest.raises(ConnectionResetError):  # while it connects, or a moment later
            hear(link.reaches)
        link.open()
        near = socket.create_connection(link.reaches, timeout=30)
        far, _ = server.accept()
        with near, far:
            near.sendall(b"carried")
            assert received(far, 7) == b"carried"
        until = time.monotonic() + 30  # it is counted a moment after it has crossed
        while link.counts().up_bytes < 7:
            assert time.monotonic() < until
            time.sleep(0.01)
