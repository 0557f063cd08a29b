"""This relay as the bench runs it: a relay with everything in its custody, and a centre, as processes of their own."""

import asyncio
import json
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.nodes import unchecked_tls
from tests.bench.processes import Server, running
from tests.bench.uplink import job as jobs
from tests.bench.uplink.job import Job
from tests.bench.uplink.receivers import Account, Arrived, Receiver, leashed
from tests.world.links import BadLink, Side

_RECEIVED = "centre_received_bytes_total"


class _Centre:
    """A centre's record, read beside it; `status` gives what the relay's API tells, `received` the centre's count."""

    def __init__(self, job: Job, data: Path, status: Callable[[], dict[str, Any]], received: Callable[[], int]) -> None:
        self._received = received
        self._job = job
        self._data = data
        self._status = status
        self._database = sqlite3.connect(f"file:{data / 'centre.db'}?mode=ro", uri=True)

    def close(self) -> None:
        self._database.close()

    def arrived(self) -> Arrived:
        row = self._database.execute(
            "SELECT (SELECT count(*) FROM statement WHERE number > ? AND kind = 1 AND verdict = 1), "
            "(SELECT count(*) FROM document)",
            (len(self._job.earlier),),
        ).fetchone()
        return Arrived(*row)

    def account(self) -> Account:
        status = self._status()
        recorded = [row[0] for row in self._database.execute("SELECT cose FROM statement WHERE kind = 1")]
        wanted = {*self._job.tallies, *self._job.earlier}
        photographs = {path.read_bytes() for path in (self._data / "documents").rglob("*") if path.is_file()}
        missing = len(wanted - set(recorded)) + len(set(self._job.photographs) - photographs)
        doubled = len(recorded) - len(set(recorded))
        twice = self._received() - sum(map(len, photographs))
        return Account(missing, doubled, status["bytes_sent_again"], status["bytes_sent"], max(0, twice))


@contextmanager
def this_relay(link: BadLink, job: Job, folder: Path) -> Iterator[Receiver]:
    """`relay run` with all in its custody here, `relay central run` there; every limit is the default."""
    for name in ("relay-data", "centre-data"):
        (folder / name).mkdir()
    asyncio.run(jobs.fill_relay(job, folder / "relay-data"))
    asyncio.run(jobs.fill_centre(job, folder / "centre-data"))
    relay, central = folder / "relay.toml", folder / "central.toml"
    relay.write_text(
        f'[node]\ndata_directory = "relay-data"\nidentity_directory = "{job.relay_identity}"\n'
        f'[listen]\nhosts = ["127.0.0.1"]\nport = 0\n[announce]\nenabled = false\n'
        f'[[uplink]]\nurl = "https://{link.reaches[0]}:{link.reaches[1]}"\n'
    )
    central.write_text(
        f'[node]\ndata_directory = "centre-data"\nidentity_directory = "{job.centre_identity}"\n'
        f'[listen]\nhosts = ["{link.listens[0]}"]\nport = {link.listens[1]}\n'
    )
    with ExitStack() as stack:
        _start(stack, link.far, folder / "centre.log", "central", "run", "--config", str(central))
        port = _start(stack, link.near, folder / "relay.log", "run", "--config", str(relay)).port
        receiver = _Centre(
            job,
            folder / "centre-data",
            lambda: link.near.call(lambda: _status_at(port)),
            lambda: link.far.call(lambda: _received_at(*link.listens)),
        )
        yield stack.enter_context(closing(receiver))


def _start(stack: ExitStack, side: Side, log: Path, *words: str) -> Server:
    command = leashed(side, sys.executable, "-m", "relay", *words)
    child = stack.enter_context(running(command, log))
    return Server(child.process, log, time.monotonic())


def _received_at(host: str, port: int) -> int:
    """Bytes of photographs that a centre has received, by its metrics."""
    with urllib.request.urlopen(f"https://{host}:{port}/metrics", timeout=10, context=unchecked_tls()) as answer:
        told: str = answer.read().decode()
    return next(int(float(line.split()[1])) for line in told.splitlines() if line.startswith(_RECEIVED))


def _status_at(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/v1/status", timeout=10, context=unchecked_tls()) as answer:
        told: dict[str, Any] = json.load(answer)
    return told
