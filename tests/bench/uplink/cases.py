"""One case: a link, a system, a seed. It is run in a process of its own, and gives an `Outcome`."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from tests.bench.uplink.job import PHOTOGRAPH_BYTES, PHOTOGRAPHS, TALLIES, Job
from tests.bench.uplink.nodes import this_relay
from tests.bench.uplink.peers import PEERS
from tests.bench.uplink.receivers import Account, Arrived, Receiver, System
from tests.world.links import BadLink, Counts
from tests.world.packet_link import packet_link
from tests.world.proxy_link import proxy_link
from tests.world.schedule import Conditions

TALLY_BYTES = 151
_UP_SECONDS = 300
_GOODPUT_HOPED = 0.9
_LOOK_SECONDS = 0.1
_WAITING_SECONDS = 3.0
"""How long all is running before the link opens."""


SYSTEMS: dict[str, System] = {"relay": this_relay, **PEERS}


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the table, and what is wanted on it."""

    name: str
    said: str
    conditions: Conditions
    goodput_least: float | None = None
    seconds_most: float | None = None
    is_chancy: bool = False
    photographs_most: int = PHOTOGRAPHS

    @property
    def photographs(self) -> int:
        """As many as can be expected to cross within five minutes of up-time."""
        room = self.conditions.bytes_per_second * _UP_SECONDS * _GOODPUT_HOPED - TALLIES * TALLY_BYTES
        return min(self.photographs_most, int(room / PHOTOGRAPH_BYTES))


LINKS = {
    link.name: link
    for link in (
        Link("64k", "64 kbit/s, 600 ms", Conditions(64_000, 0.3), 0.93),
        Link("64k-loss", "64 kbit/s, 600 ms, 2 % loss", Conditions(64_000, 0.3, loss=0.02), 0.90),
        Link(
            "256k-outages",
            "256 kbit/s, 600 ms, packets swallowed 10 s in every 30",
            Conditions(256_000, 0.3, outage_seconds=10),
            0.86,
        ),
        Link(
            "1m-resets",
            "1 Mbit/s, 200 ms, resets every 5 s on average",
            Conditions(1_000_000, 0.1, reset_seconds_mean=5),
            0.77,
            is_chancy=True,
        ),
        Link("9k6", "9.6 kbit/s, 1.5 s, tallies only", Conditions(9_600, 0.75), None, 75.0, photographs_most=0),
    )
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How the links are emulated, and what both networks' kernels do."""

    packets: bool = True
    """At packet level, which needs root; else by a proxy."""
    congestion: str = "cubic"
    fast_open: bool = True
    queue_packets: int | None = None
    """Of the modems; None: as the conditions say."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is run."""

    link: Link
    system: str
    seed: int
    photographs: int
    seconds_max: float
    settings: Settings = Settings()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured. Times in seconds since the link opened; None: not within the time there was."""

    last_tally_seconds: float | None
    all_seconds: float | None
    useful_bytes: int
    up_seconds: float
    rate_bytes_per_second: float
    counts: Counts
    account: Account

    @property
    def goodput(self) -> float:
        """Useful bytes that arrived, as a share of what the link could have carried meanwhile."""
        return self.useful_bytes / (self.rate_bytes_per_second * self.up_seconds)

    @property
    def wire_per_useful(self) -> float:
        """IP bytes sent upwards for each useful byte that arrived."""
        return self.counts.up_bytes / self.useful_bytes if self.useful_bytes else float("inf")

    @property
    def again_share(self) -> float | None:
        """Of all bytes that the sender handed to its uplinks, those that it says it sent again."""
        account = self.account
        if account.again_bytes is None or not account.sent_bytes:
            return None
        return account.again_bytes / account.sent_bytes

    @property
    def twice_share(self) -> float | None:
        """Of the useful bytes, those that arrived a second time."""
        twice = self.account.twice_bytes
        return None if twice is None or not self.useful_bytes else twice / self.useful_bytes


def run(case: Case, whole: Job, place: Path, kept: Path | None = None) -> Outcome:
    """Runs it in a folder below `place`, which is removed; logs and how it went are put into `kept`."""
    job = whole.with_photographs(case.photographs)
    conditions = replace(case.link.conditions, queue_packets=case.settings.queue_packets)
    folder = Path(tempfile.mkdtemp(prefix=f"{case.link.name}-{case.system}-", dir=place))
    try:
        with _link(conditions, case) as link, SYSTEMS[case.system](link, job, folder) as receiver:
            time.sleep(_WAITING_SECONDS)
            link.open()
            return _watched(link, case, job, receiver, folder / "trace.csv")
    finally:
        if kept is not None:
            _keep(folder, kept / f"{case.link.name}-{case.system}-{case.photographs}-{case.seed}")
        shutil.rmtree(folder)


@contextmanager
def _link(conditions: Conditions, case: Case) -> Iterator[BadLink]:
    if not case.settings.packets:
        with proxy_link(conditions, case.seed) as proxy:
            yield proxy
        return
    with packet_link(conditions, case.seed, case.settings.congestion) as link:
        if case.settings.fast_open:
            link.far.set("net.ipv4.tcp_fastopen", "3")
        yield link


def _keep(folder: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("*.log"), *folder.glob("*.csv")):
        shutil.copy(path, target)


def _watched(link: BadLink, case: Case, job: Job, receiver: Receiver, trace: Path) -> Outcome:
    """Until everything is there or the time is over; `trace` tells how it went."""
    last_tally = everything = None
    rows = ["seconds,tallies,photographs," + ",".join(field.name for field in fields(Counts))]
    while True:
        arrived, at, counts = receiver.arrived(), link.seconds, link.counts()
        rows.append(",".join(map(str, (f"{at:.2f}", *astuple(arrived), *astuple(counts)))))
        if last_tally is None and arrived.tallies == len(job.tallies):
            last_tally = at
        if arrived == Arrived(len(job.tallies), len(job.photographs)):
            everything = at
        if everything is not None or at > case.seconds_max:
            break
        time.sleep(_LOOK_SECONDS)
    trace.write_text("\n".join(rows) + "\n", "utf-8")
    return Outcome(
        last_tally,
        everything,
        arrived.tallies * TALLY_BYTES + arrived.photographs * PHOTOGRAPH_BYTES,
        case.link.conditions.up_seconds(at),
        case.link.conditions.bytes_per_second,
        counts,
        receiver.account(),
    )
