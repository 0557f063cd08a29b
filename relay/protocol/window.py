"""How many bytes may be on the way unacknowledged: what keeps the link full, and the queue before it short.

Pure: times are monotonic seconds handed in by the caller.
"""

from collections import deque
from dataclasses import dataclass, field

_RATE_SECONDS = 2.0  # the rate is that of the last two seconds, or two round trips where those are longer
_PEAK_HALF_LIFE_SECONDS = 10.0
_QUEUE_SECONDS = 0.1
_OUT_OF_ORDER = 4  # times the window may be at the other end already, behind something that was lost
_SILENT_SECONDS = 1.5
_LEAST_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Path:
    """What the kernel knows of a TCP connection's path: bytes handed over and not arrived, and round trips in seconds.

    Of what is out of order at the other end it knows that it has arrived, though nothing can be answered for it yet.
    """

    bytes_under_way: int
    round_trip: float
    round_trip_least: float


@dataclass(slots=True)
class Window:
    """About the link's measured rate times its round trip and a short queue, learned from acknowledgements.

    Little enough that a figure written now is through within about a second, enough that the link never idles while
    TCP repairs a loss. `queue_bytes` is the largest frame: one of these may always wait behind the one on the way.
    `least_bytes` are allowed at first, and later unless the link needs seconds for them.
    `rate_bytes_per_second` and `bytes_allowed` may be handed in from the stream before, to learn nothing again.
    Where the kernel tells of the path, that decides; but not if the path ends at a proxy and answers come from afar.
    """

    least_bytes: int
    most_bytes: int
    queue_bytes: int = 4096
    rate_bytes_per_second: float = 0.0
    bytes_allowed: int = 0
    _round_trip_least: float = float("inf")
    _sent: deque[tuple[float, int]] = field(default_factory=deque)  # when, how many bytes; one entry a frame
    _in_flight: int = 0
    _acknowledged: deque[tuple[float, int]] = field(default_factory=deque)  # when, how many bytes
    _busy_since: float = 0.0  # when the first byte went out on an idle link
    _heard_at: float = 0.0
    _peak: float = 0.0

    def __post_init__(self) -> None:
        self.bytes_allowed = min(self.most_bytes, max(self.least_bytes, self.bytes_allowed))
        self._peak = self.rate_bytes_per_second

    @property
    def bytes_in_flight(self) -> int:
        """Bytes sent and not acknowledged."""
        return self._in_flight

    def has_room(self, path: Path | None = None) -> bool:
        """Whether one more frame may be sent now. One is always allowed, however small the window."""
        allowed = self.bytes_allowed
        if self._in_flight == 0:
            return True
        if path is not None and self._is_whole(path):
            return path.bytes_under_way < allowed and self._in_flight < min(_OUT_OF_ORDER * allowed, self.most_bytes)
        return self._in_flight < allowed

    def sent(self, size_bytes: int, now: float) -> None:
        """A frame went out."""
        if not self._sent:  # an idle link says nothing of its rate
            self._busy_since = self._heard_at = now
            self._acknowledged.clear()
        self._sent.append((now, size_bytes))
        self._in_flight += size_bytes

    def heard(self, now: float) -> None:
        """Something came from the other side: it lives."""
        self._heard_at = now

    def silent_seconds(self, now: float) -> float:
        """How much longer than it should the other side has said nothing, while it owes an answer; 0 or less: alive."""
        if not self._sent:
            return 0.0
        round_trip = min(self._round_trip_least, 5.0) + self._in_flight / max(self._peak, 1.0)
        return now - self._heard_at - _SILENT_SECONDS - (1.5 * round_trip if self._acknowledged else 10.0)

    def kept(self, frames: int, now: float, path: Path | None = None) -> int:
        """The next `frames` frames, in order, are acknowledged: their bytes."""
        self.heard(now)
        acknowledged = [self._sent.popleft() for _ in range(min(frames, len(self._sent)))]
        if not acknowledged:
            return 0
        was_full = self._in_flight + self.queue_bytes >= self.bytes_allowed
        size = sum(size_bytes for _, size_bytes in acknowledged)
        self._in_flight -= size
        round_trip = max(1e-4, now - acknowledged[-1][0])
        self._round_trip_least = min(self._round_trip_least, round_trip)
        self._measure(size, now)
        if not was_full:  # it was not the window that limited what was sent
            return size
        least = self._round_trip_least
        if path is not None and self._is_whole(path):
            round_trip, least = path.round_trip, path.round_trip_least
        queue_seconds = max(_QUEUE_SECONDS, self.queue_bytes / max(self._peak, 1.0))
        wanted = int(self._peak * (least + queue_seconds))
        if round_trip - least < queue_seconds:
            is_idle = round_trip - least < queue_seconds / 2
            wanted = max(wanted, self.bytes_allowed + (size if is_idle else size // 2))
        at_least = min(self.least_bytes, int(self._peak * _LEAST_SECONDS_MAX))
        self.bytes_allowed = min(self.most_bytes, max(at_least, wanted))
        return size

    def _is_whole(self, path: Path) -> bool:
        """Whether the path leads to whoever answers, as far as can be told from how long that takes."""
        return path.round_trip_least > 0.5 * min(self._round_trip_least, 60.0) or not self._acknowledged

    def _measure(self, size: int, now: float) -> None:
        """The rate of the last while; its peak fades slowly, since TCP repairing a loss looks like a slow link."""
        span = max(_RATE_SECONDS, 2 * self._round_trip_least)
        before = self._acknowledged[-1][0] if self._acknowledged else self._busy_since
        self._acknowledged.append((now, size))
        while self._acknowledged[0][0] < now - span:
            self._acknowledged.popleft()
        elapsed = min(span, now - self._busy_since)
        rate = sum(size_bytes for _, size_bytes in self._acknowledged) / max(elapsed, 1e-3)
        self.rate_bytes_per_second = rate
        self._peak = max(rate, self._peak * 0.5 ** ((now - before) / _PEAK_HALF_LIFE_SECONDS))
