"""Load on a server that takes statements: wrk posts prepared requests over 64 kept TLS connections."""

import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Broken
from tests.bench.processes import Server, running

CONNECTIONS = 64
_SECONDS_MAX = 60
_SCRIPT = Path(__file__).with_name("post.lua")
_READY = re.compile(r"ready")
_ANSWERED = re.compile(r"answered (\d+) created (\d+)")
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of load cost the server, and what its clients saw. `busy_share`: of a core, by the generator."""

    statements: int
    server_cpu_seconds: float
    seconds: float
    p50_ms: float
    p99_ms: float
    busy_share: float

    @property
    def cpu_each(self) -> float:
        """The server's CPU seconds per statement."""
        return self.server_cpu_seconds / self.statements


def wrk() -> str | None:
    """Where wrk is, if it is installed."""
    return shutil.which("wrk")


def put(server: Server, requests: Path, count: int) -> Load:
    """Posts the `count` requests of a file, each once. `Broken` unless every one is answered with 201.

    Connections are made, and greeted by TLS, before the clock starts.
    """
    go, log = requests.with_suffix(".go"), requests.with_suffix(".log")
    go.unlink(missing_ok=True)
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{_SECONDS_MAX}s", "--timeout", "30s", "--latency"]
    words += ["-s", str(_SCRIPT), server.url, "--", str(requests), str(go), str(CONNECTIONS)]
    with running(words, log) as generator:
        generator.wait_for(_READY, 10)
        server.wait_until_quiet()
        cpu, own, begun = server.cpu_seconds, generator.cpu_seconds, time.monotonic()
        go.touch()
        answered = generator.wait_for(_ANSWERED, _SECONDS_MAX)
        seconds, cpu, own = time.monotonic() - begun, server.cpu_seconds - cpu, generator.cpu_seconds - own
        generator.process.send_signal(signal.SIGINT)  # wrk's way of being told to print what it has seen
        generator.process.wait(10)
    told = generator.log_text()
    if answered[1] != answered[2] or int(answered[1]) != count or "Socket errors" in told:
        raise Broken(f"Of {count} statements not all were answered with 201: {told}")
    return Load(count, cpu, seconds, _latency(told, "50"), _latency(told, "99"), own / seconds)


def _latency(told: str, percent: str) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", told, re.MULTILINE)
    if found is None:
        raise Broken(f"wrk told no latency: {told}")
    return float(found[1]) * _UNITS[found[2]]
