"""What a bad link does and when: pure values, the same for the same seed. Times are seconds since the link opened."""

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_PACKET_BYTES = 1500
_QUEUE_LEAST, _QUEUE_MOST = 16, 64


class Event(StrEnum):
    """What happens to a link at one moment."""

    RESET = "reset"
    OUTAGE = "outage"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Conditions:
    """A link, the same both ways: rate, delay one way, a modem's queue that drops at its end, and what goes wrong."""

    bits_per_second: float
    delay_seconds: float
    loss: float = 0.0
    """The share of packets that are sent and do not arrive."""
    outage_seconds: float = 0.0
    """How long nothing arrives, at the end of every `period_seconds`."""
    period_seconds: float = 30.0
    reset_seconds_mean: float = 0.0
    """Time between two resets of all connections on average (exponential); 0: there are none."""
    queue_packets: int | None = None
    """Room in the queue; None: for a second, as many packets of 1,500 bytes, but from 16 to 64."""

    @property
    def bytes_per_second(self) -> float:
        """The rate in bytes."""
        return self.bits_per_second / 8

    @property
    def queue_packets_max(self) -> int:
        """How many packets may wait."""
        if self.queue_packets is not None:
            return self.queue_packets
        return min(max(int(self.bytes_per_second / _PACKET_BYTES), _QUEUE_LEAST), _QUEUE_MOST)

    def is_out(self, at: float) -> bool:
        """Whether what is sent at this time is swallowed."""
        return at % self.period_seconds >= self.period_seconds - self.outage_seconds

    def up_seconds(self, until: float) -> float:
        """How long it has been up by then."""
        periods, part = divmod(until, self.period_seconds)
        up = self.period_seconds - self.outage_seconds
        return periods * up + min(part, up)

    def resets(self, seed: int) -> Iterator[float]:
        """When all connections are reset, for ever; nothing if there are no resets."""
        if not self.reset_seconds_mean:
            return iter(())
        chance = random.Random(f"resets {seed}")
        return itertools.accumulate(chance.expovariate(1 / self.reset_seconds_mean) for _ in itertools.repeat(None))

    def events(self, seed: int) -> Iterator[tuple[float, Event]]:
        """Everything that happens, in order, for ever; nothing if all is well."""
        periods = itertools.count(1) if self.outage_seconds else iter(())
        ends, again = itertools.tee(self.period_seconds * period for period in periods)
        return heapq.merge(
            ((at, Event.RESET) for at in self.resets(seed)),
            ((at - self.outage_seconds, Event.OUTAGE) for at in ends),
            ((at, Event.BACK) for at in again),
        )
