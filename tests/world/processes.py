"""Real nodes as processes of their own, to be killed at any moment and started again on the same files."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from relay.http import authority_tls
from tests.world.nodes import LOOPBACK

_START_SECONDS_MAX = 60


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return int(taken.getsockname()[1])


class NodeProcess:
    """`relay run` or `relay central run` with a configuration file; always the same port and files."""

    def __init__(
        self,
        words: list[str],
        folder: Path,
        port: int,
        environment: dict[str, str] | None = None,
        wrap: Sequence[str] = (),
    ) -> None:
        self.url = f"https://{LOOPBACK}:{port}"
        self._words = words
        self._wrap = list(wrap)
        self._log = folder / f"{'-'.join(words[:-2])}.log"
        self._tls: ssl.SSLContext = authority_tls(folder / "root.pem")
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {**os.environ, **(environment or {})}

    @property
    def pid(self) -> int:
        """The process now running."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it and returns once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrap, sys.executable, "-m", "relay", *self._words],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()[-3000:]
            assert time.monotonic() < deadline, self._log.read_text()[-3000:]
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Asks it to end; its exit status."""
        return self._end(signal.SIGTERM)

    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text()

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(30)
        self._process = None
        return status

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2, context=self._tls) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def relay_process(
    folder: Path,
    identity: Path,
    *,
    centre_url: str | None,
    environment: dict[str, str] | None = None,
    reserve_bytes: int = 0,
    data: Path | None = None,
    wrap: Sequence[str] = (),
) -> NodeProcess:
    """A relay with quick retries, in `folder`."""
    port = free_port()
    uplink = f"""
[[uplink]]
url = "{centre_url}"
connect_seconds_max = 5
silence_seconds_max = 10
backoff_seconds_first = 0.05
backoff_seconds_max = 0.3
ask_again_seconds = 1
"""
    text = f"""
[node]
data_directory = "{data or folder / "relay-data"}"
identity_directory = "{identity}"
[listen]
hosts = ["{LOOPBACK}"]
port = {port}
[intake]
reserve_bytes = {reserve_bytes}
[announce]
enabled = false
{uplink if centre_url else ""}"""
    return _node(folder, identity, ["run"], "relay.toml", text, port, environment, wrap)


def centre_process(folder: Path, identity: Path, *, environment: dict[str, str] | None = None) -> NodeProcess:
    """A centre, in `folder`."""
    port = free_port()
    text = f"""
[node]
data_directory = "{folder / "centre-data"}"
identity_directory = "{identity}"
[listen]
hosts = ["{LOOPBACK}"]
port = {port}
[exchange]
reserve_bytes = 0
"""
    return _node(folder, identity, ["central", "run"], "central.toml", text, port, environment)


def _node(
    folder: Path,
    identity: Path,
    words: list[str],
    name: str,
    text: str,
    port: int,
    environment: dict[str, str] | None,
    wrap: Sequence[str] = (),
) -> NodeProcess:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / "root.pem").write_bytes((identity / "root.pem").read_bytes())
    return NodeProcess([*words, "--config", str(folder / name)], folder, port, environment, wrap)
