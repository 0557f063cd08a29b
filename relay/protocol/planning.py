"""What goes next on an uplink, how much at once, and how long to wait: decisions without I/O.

Times are monotonic seconds handed in by the caller; randomness is a number in [0, 1) handed in likewise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from relay.protocol.parcels import CELL_BYTES


def backoff_seconds(attempt: int, *, first: float, most: float, chance: float) -> float:
    """How long to wait after failure number `attempt` (1, 2, …): doubling, with full jitter, never above `most`.

    `chance` in [0, 1) spreads the waits over [half, whole], so that relays cut off together do not return together.
    """
    ceiling = min(most, first * 2.0 ** min(attempt - 1, 32))
    return ceiling * (0.5 + 0.5 * chance)


@dataclass(slots=True)
class Window:
    """How many bytes may be on the way unacknowledged: about the link's measured rate times a short queue.

    Little enough that a tally written now is through within about a second, enough that the link never idles.
    Grows by what is acknowledged while answers come quickly, and falls to the measured rate when they queue up.
    """

    least_bytes: int
    most_bytes: int
    queue_seconds_max: float = 0.5
    bytes_allowed: int = 0
    rate_bytes_per_second: float = 0.0
    _round_trip_least: float = float("inf")
    _sent: list[tuple[float, int]] = field(default_factory=list)  # when, how many bytes; one entry a frame
    _in_flight: int = 0
    _last_kept_at: float | None = None

    def __post_init__(self) -> None:
        self.bytes_allowed = self.least_bytes

    @property
    def bytes_in_flight(self) -> int:
        """Bytes sent and not acknowledged."""
        return self._in_flight

    @property
    def has_room(self) -> bool:
        """Whether one more frame may be sent now. One is always allowed, however small the window."""
        return self._in_flight == 0 or self._in_flight < self.bytes_allowed

    def sent(self, size_bytes: int, now: float) -> None:
        """A frame went out."""
        if not self._sent:
            self._last_kept_at = now  # an idle link says nothing of its rate
        self._sent.append((now, size_bytes))
        self._in_flight += size_bytes

    def kept(self, frames: int, now: float) -> int:
        """The next `frames` frames, in order, are acknowledged: their bytes."""
        acknowledged, self._sent = self._sent[:frames], self._sent[frames:]
        if not acknowledged:
            return 0
        size = sum(size_bytes for _, size_bytes in acknowledged)
        self._in_flight -= size
        round_trip = max(1e-4, now - acknowledged[-1][0])
        self._round_trip_least = min(self._round_trip_least, round_trip)
        self._measure(size, now)
        if round_trip - self._round_trip_least < self.queue_seconds_max:
            self.bytes_allowed = min(self.most_bytes, self.bytes_allowed + size)
        else:
            wanted = self.rate_bytes_per_second * (self._round_trip_least + self.queue_seconds_max)
            self.bytes_allowed = int(min(self.most_bytes, max(self.least_bytes, wanted)))
        return size

    def _measure(self, size: int, now: float) -> None:
        elapsed = max(1e-4, now - (self._last_kept_at if self._last_kept_at is not None else now))
        self._last_kept_at = now
        weight = min(1.0, elapsed / 2.0)  # an average over about two seconds of link time
        rate = size / elapsed
        first = self.rate_bytes_per_second == 0.0
        self.rate_bytes_per_second = rate if first else (1 - weight) * self.rate_bytes_per_second + weight * rate


def cells_per_chunk(rate_bytes_per_second: float, *, seconds: float, most_bytes: int) -> int:
    """How many cells one frame should carry so that it takes about `seconds` of the link: at least one."""
    return max(1, min(int(rate_bytes_per_second * seconds), most_bytes) // CELL_BYTES)


def missing_runs(held: bytes, cells: int, *, most: int) -> Iterator[tuple[int, int]]:
    """The cells that are not in bitmap `held`, as (first, count) in order, `count` at most `most`."""
    first, count = 0, 0
    for cell in range(cells):
        if is_held(held, cell):
            if count:
                yield first, count
            count = 0
            continue
        if count == 0:
            first = cell
        count += 1
        if count == most:
            yield first, count
            count = 0
    if count:
        yield first, count


def is_held(bitmap: bytes, cell: int) -> bool:
    """Whether bit `cell` is set; bits beyond the end are not."""
    return cell // 8 < len(bitmap) and bool(bitmap[cell // 8] >> cell % 8 & 1)


def bitmap_of(cells: Iterable[int], count: int) -> bytes:
    """A bitmap of `count` bits with those of `cells` set."""
    bitmap = bytearray((count + 7) // 8)
    for cell in cells:
        bitmap[cell // 8] |= 1 << cell % 8
    return bytes(bitmap)


def page_order(page: int, votes_page: int, number: int) -> tuple[int, int, int]:
    """The order of photographs: every station's page with the votes, then all first pages, second, …; oldest first."""
    return (0 if page == votes_page else 1, page, number)
