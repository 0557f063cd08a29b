"""The whole country for a simulation: 7,277 relays with their links, a centre with its costs, rules, and an outcome.

Values only; what happens to them is in `country_night`.
"""

import csv
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from relay.config import ExchangeConfig, UplinkConfig

SIZES = Path(__file__).with_name("kecamatan_sizes.csv")
KECAMATAN = 7277
NEVER = float("inf")

EXCHANGE, UPLINK = ExchangeConfig(), UplinkConfig()


@dataclass(frozen=True, slots=True)
class Centre:
    """What a centre can take, and what things cost it in CPU seconds, as `make bench` measures them.

    `share`: of the whole country that is simulated; a tenth of the relays meets a centre of a tenth of the strength.
    """

    share: float = 1.0
    streams_max: int = EXCHANGE.streams_max
    knock: float = 1.4e-3  # TCP, TLS and an answer, which may be 503
    introduction: float = 0.5e-3  # a relay's certificate, and what it is told of trust
    tally: float = 1.2e-3  # of an officer met for the first time
    listen_queue: int = 1024  # as relay.http listens

    @property
    def places(self) -> int:
        """Streams at once."""
        return max(1, round(self.streams_max * self.share))


@dataclass(frozen=True, slots=True)
class Outage:
    """How the centre was away, and what is behind it now. A tally travels with its officer's certificate."""

    seconds: float = 7200.0
    silent: bool = False  # packets vanish; else connections are refused at once
    tally_bytes: int = 600
    photographs_bytes: int = 3_600_000  # three pages a station; 0: none are waiting


@dataclass(frozen=True, slots=True)
class Rules:
    """How relays wait and how a centre lets them in.

    `wait`: seconds after failure number n (1, 2, …), given a chance in [0, 1) and what Retry-After said (0: nothing).
    `turn_seconds`: after which a stream with photographs or nothing makes room; 0: whoever is in stays in, and
    Retry-After does not know how many wait.
    """

    name: str
    wait: Callable[[int, float, float], float]
    turn_seconds: float = 0.0


@dataclass(slots=True, eq=False)
class Relay:
    """One relay: what it holds and what its link is like."""

    tallies: int
    bytes_per_second: float
    round_trip: float
    photographs_seconds: float  # of its link
    failures: int = 0
    stream: int = 0  # counts streams: what was meant for an earlier one is void
    resting_since: float = NEVER
    done_at: float = NEVER


@dataclass(slots=True)
class Outcome:
    """What one night was like. Times in seconds after the centre is back."""

    done_at: list[float] = field(default_factory=list)  # of each relay: its last tally is recorded
    knocks: int = 0
    knocks_in_vain: int = 0
    sent_away: int = 0
    arrivals: Counter[int] = field(default_factory=Counter)  # connection attempts in each second
    queue_seconds_peak: float = 0.0

    @property
    def all_in_at(self) -> float:
        """When the last tally of the country was recorded; infinite if it was not."""
        return max(self.done_at)

    @property
    def arrivals_peak(self) -> int:
        """Connection attempts in the worst second."""
        return max(self.arrivals.values())

    def share_in(self, seconds: float) -> float:
        """The share of relays that were rid of all tallies by then."""
        return sum(at <= seconds for at in self.done_at) / len(self.done_at)

    def quantile(self, share: float) -> float:
        """When that share of the relays was rid of all tallies."""
        return sorted(self.done_at)[int(share * (len(self.done_at) - 1))]


def country(relays: int, outage: Outage, chance: random.Random) -> list[Relay]:
    """So many kecamatan with the sizes of the real ones, each on a link drawn from the mix."""
    with SIZES.open(encoding="utf-8", newline="") as file:
        sizes = [int(row["tps"]) for row in csv.DictReader(file) for _ in range(int(row["kecamatan"]))]
    made = []
    for tallies in sizes if relays == len(sizes) else chance.sample(sizes, relays):
        rate, round_trip = _link(chance)
        made.append(Relay(tallies, rate, round_trip, tallies * outage.photographs_bytes / rate))
    return made


def _link(chance: random.Random) -> tuple[float, float]:
    """Bytes a second upwards and round trip: 70 % 4G, 20 % VSAT, 10 % LAN, which is assumed."""
    kind = chance.random()
    if kind < 0.7:
        return chance.uniform(125e3, 1e6), chance.uniform(0.05, 0.12)
    if kind < 0.9:
        return chance.uniform(8e3, 64e3), chance.uniform(0.6, 0.8)
    return chance.uniform(1e6, 5e6), chance.uniform(0.01, 0.04)
