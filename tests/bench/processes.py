"""Children that are measured: started in sessions of their own, asked what they cost, ended by their pid."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figures import Broken

_LISTENS = re.compile(r"listens on port (\d+)")
_START_SECONDS_MAX = 30.0
_END_SECONDS_MAX = 15.0
_POLL_SECONDS = 0.002
_QUIET_SECONDS = 0.05
_QUIET_CPU_SECONDS = 0.0005


class Child:
    """A running process; what it prints goes to a file."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far, in nanosecond steps (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    @property
    def peak_bytes(self) -> int:
        """The most memory it has had resident (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        if found is None:
            raise Broken("The kernel does not tell VmHWM.")
        return int(found[1]) * 1024

    def wait_until_quiet(self, seconds_max: float = 10.0) -> None:
        """Until it has used next to no CPU for a moment, so that nothing earlier is counted as what comes next."""
        until = time.monotonic() + seconds_max
        before, still = self.cpu_seconds, 0
        while still < 3:
            if time.monotonic() > until:
                raise Broken(f"{_shown(self.process)} does not come to rest.")
            time.sleep(_QUIET_SECONDS)
            now = self.cpu_seconds
            still = still + 1 if now - before < _QUIET_CPU_SECONDS else 0
            before = now

    def log_text(self) -> str:
        """What it has printed so far."""
        return self._log.read_text("utf-8", errors="replace")

    def wait_for(self, words: re.Pattern[str], seconds_max: float) -> re.Match[str]:
        """Until it has printed `words`; `Broken` if it ends, or has not within `seconds_max`."""
        until = time.monotonic() + seconds_max
        while (found := words.search(self.log_text())) is None:
            if self.process.poll() is not None or time.monotonic() > until:
                raise Broken(f"{_shown(self.process)} did not say {words.pattern!r}: {self.log_text()[-500:]}")
            time.sleep(_POLL_SECONDS)
        return found


class Server(Child):
    """A child that listens on `port`, and what it took to get there."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path, started: float) -> None:
        super().__init__(process, log)
        self.port = int(self.wait_for(_LISTENS, _START_SECONDS_MAX)[1])
        self.start_cpu_seconds = self.cpu_seconds
        self.start_seconds = time.monotonic() - started

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self.port}"

    def check_log(self) -> None:
        """`Broken` if it said that something went wrong."""
        wrong = [line for line in self.log_text().splitlines() if " ERROR " in line or line.startswith("Traceback")]
        if wrong:
            raise Broken(f"The server said: {wrong[0]}")


@contextmanager
def running(
    words: Sequence[str],
    log: Path,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """A child, until the block ends: then SIGTERM, and SIGKILL if that is not heard.

    Ctrl-C does not reach it directly: what is measured is not disturbed, and the block's end is its end.
    """
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=file if stdout is None else stdout,
            stderr=file,
            text=True,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield Child(process, log)
    finally:
        _end(process)


@contextmanager
def serving(words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A Python module of this checkout as a server, once it listens; its log goes to a file in `folder`."""
    log = folder / "server.log"
    started = time.monotonic()
    with running([sys.executable, *words], log, environment=environment) as child:
        server = Server(child.process, log, started)
        yield server
        server.check_log()
    if child.process.returncode not in (0, -signal.SIGTERM):
        raise Broken(f"{_shown(child.process)} ended with status {child.process.returncode}.")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _shown(process: "subprocess.Popen[str]") -> str:
    words = process.args if isinstance(process.args, list) else [process.args]
    return " ".join(map(str, words[:5]))
