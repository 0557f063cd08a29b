"""A bad link between two networks, at the level of packets: rate, delay, queue, loss, outages and forged resets.

A pair of TUN devices with a user-space queue between them, in a thread of its own. `Lane` is the model, without clock.
"""

import contextlib
import os
import random
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.world.links import Counts
from tests.world.namespaces import Namespace
from tests.world.packets import Connections
from tests.world.schedule import Conditions

NEAR, FAR = "10.77.0.1", "10.77.0.2"
_PORT = 8443
_DEVICE = "link0"
_PACKET_BYTES_MAX = 2048
_READ_AT_ONCE = 64
_FOREVER = float("inf")


@dataclass(slots=True)
class Lane:
    """One direction: a queue, a transmitter behind it, and the air. Times are seconds since the link opened."""

    conditions: Conditions
    chance: random.Random
    packets_sent: int = 0
    bytes_sent: int = 0
    """What went through the transmitter, lost or not: IP packets with their headers."""
    bytes_delivered: int = 0
    bytes_lost: int = 0
    """Sent in an outage, or lost by chance."""
    bytes_dropped: int = 0
    """Not sent, for the queue was full or all connections were reset."""
    _queue: deque[bytes] = field(default_factory=deque, repr=False)
    _queue_head_sent_at: float = 0.0
    _in_air: deque[tuple[float, bytes]] = field(default_factory=deque, repr=False)

    @property
    def queued_packets(self) -> int:
        """What waits to be sent now."""
        return len(self._queue)

    @property
    def next_event_at(self) -> float:
        """When `advance` has something to do again."""
        sent = self._queue_head_sent_at if self._queue else _FOREVER
        return min(sent, self._in_air[0][0] if self._in_air else _FOREVER)

    def offer(self, packet: bytes, now: float) -> None:
        """A packet goes into the queue, or is dropped there."""
        if len(self._queue) >= self.conditions.queue_packets_max:
            self.bytes_dropped += len(packet)
            return
        if not self._queue:
            self._queue_head_sent_at = max(now, self._queue_head_sent_at) + self._seconds(packet)
        self._queue.append(packet)

    def advance(self, now: float) -> list[bytes]:
        """What arrives at the far side by `now`, in order."""
        while self._queue and self._queue_head_sent_at <= now:
            self._send(self._queue.popleft(), self._queue_head_sent_at)
            if self._queue:
                self._queue_head_sent_at += self._seconds(self._queue[0])
        arrived = []
        while self._in_air and self._in_air[0][0] <= now:
            arrived.append(self._in_air.popleft()[1])
            self.bytes_delivered += len(arrived[-1])
        return arrived

    def cut(self) -> None:
        """Drops all that is under way."""
        self.bytes_dropped += sum(map(len, self._queue))
        self.bytes_lost += sum(len(packet) for _, packet in self._in_air)
        self._queue.clear()
        self._in_air.clear()

    def _send(self, packet: bytes, at: float) -> None:
        self.packets_sent += 1
        self.bytes_sent += len(packet)
        if self.conditions.is_out(at) or self.chance.random() < self.conditions.loss:
            self.bytes_lost += len(packet)
        else:
            self._in_air.append((at + self.conditions.delay_seconds, packet))

    def _seconds(self, packet: bytes) -> float:
        return len(packet) / self.conditions.bytes_per_second


class PacketLink:
    """The link from `near` (the sender's side) to `far`; closed until `open`. Made by `packet_link`."""

    def __init__(
        self, conditions: Conditions, seed: int, near: Namespace, far: Namespace, congestion: str = ""
    ) -> None:
        self.conditions = conditions
        self.near, self.far = near, far
        self.up = Lane(conditions, random.Random(f"up {seed}"))
        self.down = Lane(conditions, random.Random(f"down {seed}"))
        self.resets = 0
        self.reaches = self.listens = (FAR, _PORT)
        self._congestion = ("congctl", congestion) if congestion else ()
        self._connections = Connections()
        self._resets = conditions.resets(seed)
        self._next_reset_at = next(self._resets, _FOREVER)
        self._opened_at = _FOREVER
        self._ending = threading.Event()
        self._tuns: tuple[int, int] | None = None

    @property
    def seconds(self) -> float:
        """How long ago it was opened."""
        return max(0.0, time.monotonic() - self._opened_at)

    def open(self) -> None:
        """The interfaces come up, and the clock begins."""
        self._come_up(self.far, NEAR)
        self._opened_at = time.monotonic()
        self._come_up(self.near, FAR)

    def reset(self) -> None:
        """Resets all connections now, beside the resets that come by chance."""
        self._next_reset_at = self.seconds

    def counts(self) -> Counts:
        """IP packets with their headers."""
        up = self.up
        return Counts(
            up.bytes_sent, up.bytes_lost, up.bytes_dropped, up.queued_packets, self.down.bytes_sent, self.resets
        )

    def _come_up(self, namespace: Namespace, other: str) -> None:
        """With a route that says which congestion control a connection begins with; it may choose another."""
        namespace.ip("link", "set", _DEVICE, "up")
        namespace.ip("route", "replace", other, "dev", _DEVICE, *self._congestion)

    @contextmanager
    def _running(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            ends = []
            for namespace, own in ((self.near, NEAR), (self.far, FAR)):
                ends.append(namespace.tun(_DEVICE, own))
                stack.callback(os.close, ends[-1])
            thread = threading.Thread(target=self._carry, args=ends, daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._ending.set()
                thread.join()

    def _carry(self, near: int, far: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, (self.up, near))
            selector.register(far, selectors.EVENT_READ, (self.down, far))
            while not self._ending.is_set():
                due = min(self.up.next_event_at, self.down.next_event_at, self._next_reset_at) - self.seconds
                for key, _ in selector.select(max(0.0, min(due, 0.2))):
                    self._take(*key.data)
                now = self.seconds
                if now >= self._next_reset_at:
                    self._reset(near, far)
                for lane, target in ((self.up, far), (self.down, near)):
                    for packet in lane.advance(now):
                        self._connections.delivered(packet)
                        _put(target, packet)

    def _take(self, lane: Lane, source: int) -> None:
        """Packets that an end sends go into its lane; those of connections that were reset are answered with a RST."""
        for _ in range(_READ_AT_ONCE):
            try:
                packet = os.read(source, _PACKET_BYTES_MAX)
            except OSError:  # nothing more now, or the device is down
                return
            answer = self._connections.sent(packet)
            if answer is None:
                lane.offer(packet, self.seconds)
            elif answer:
                _put(source, answer)

    def _reset(self, near: int, far: int) -> None:
        self._next_reset_at = next(self._resets, _FOREVER)
        self.resets += 1
        self.up.cut()
        self.down.cut()
        for (address, _), packet in self._connections.reset_all():
            _put(near if address == _NEAR_BYTES else far, packet)


@contextmanager
def packet_link(conditions: Conditions, seed: int, congestion: str = "") -> Iterator[PacketLink]:
    """Two networks and the link between them, closed still; all gone when the block ends.

    `congestion`: the congestion control with which connections begin, such as cubic; empty is the kernel's own.
    """
    with contextlib.closing(Namespace()) as near, contextlib.closing(Namespace()) as far:
        link = PacketLink(conditions, seed, near, far, congestion)
        with link._running():
            yield link


_NEAR_BYTES = bytes(map(int, NEAR.split(".")))


def _put(descriptor: int, packet: bytes) -> None:
    with contextlib.suppress(OSError):  # the device is down: so is the packet
        os.write(descriptor, packet)
