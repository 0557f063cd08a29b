"""The demo's relay and centre as processes of their own, with their logs in files."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from relay.demo import leash

_LISTENS = re.compile(r"(?:relay|centre) .* listens on port (\d+)")
_START_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 15.0


class Failed(Exception):
    """The demo cannot go on; says why, for a person."""


class Process:
    """`python -m relay WORD…`, which logs into `log` and says there on which port it listens."""

    def __init__(self, name: str, words: Sequence[str], log: Path) -> None:
        self.name = name
        self.words = tuple(words)
        self.log = log
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False

    @property
    def pid(self) -> int:
        """Its process number; 0 if it does not run."""
        return self._process.pid if self._process else 0

    async def start(self) -> int:
        """Starts it, and waits until it listens; the port. `Failed` if it ends instead."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                leash.__file__,
                str(os.getpid()),
                sys.executable,
                "-m",
                "relay",
                *self.words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C at the terminal is the demo's to answer
            )
        self._ending = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS_MAX):
                while self._process.returncode is None:
                    if found := _LISTENS.search(self._written_since(begin)):
                        self.port = int(found[1])
                        return self.port
                    await asyncio.sleep(0.05)
        await self.stop()
        raise Failed(f"{self.name} did not start")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, with kill -9 if it does not end when told to."""
        process, self._ending = self._process, True
        if process is None:
            return
        for each in (number, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(each)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS_MAX):
                    await process.wait()
                break
        self._process = None

    async def watch(self) -> None:
        """For ever; `Failed` if it ends without being told to."""
        while True:
            process = self._process
            if process is not None and process.returncode is not None and not self._ending:
                raise Failed(f"{self.name} ended unexpectedly, with status {process.returncode}")
            await asyncio.sleep(0.2)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self._written_since(0).splitlines()[-count:])

    def _written_since(self, begin: int) -> str:
        return self.log.read_bytes()[begin:].decode(errors="replace") if self.log.exists() else ""


async def watch_all(processes: Sequence[Process]) -> None:
    """For ever; `Failed` if one of them ends without being told to."""
    async with asyncio.TaskGroup() as tasks:
        for process in processes:
            tasks.create_task(process.watch())


def all_last_lines(processes: Sequence[Process]) -> str:
    """The ends of their logs, for when something failed."""
    return "\n".join(f"--- {process.name}:\n{process.last_lines()}" for process in processes)


async def run_relay_command(words: Sequence[str]) -> str:
    """What `python -m relay WORD…` prints; `Failed` with its last words if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "relay",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, problem = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise Failed(f"relay {' '.join(words)}: {problem.decode(errors='replace').strip()[-500:]}")
    return out.decode()
