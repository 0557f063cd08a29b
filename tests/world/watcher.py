"""A process that watches the interfaces of its network as a relay does, and prints what is there at each change.

`python -m tests.world.watcher asyncio|uvloop [no-netlink]`: one line at the start and one a change, each a JSON list
of words as `ip` shows them.
"""

import asyncio
import json
import selectors
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
import uvloop

from relay.uplink import interfaces
from tests.world.namespaces import Namespace

SECONDS_MAX = 30


class Watcher:
    """That process, in a network."""

    def __init__(self, namespace: Namespace, *words: str) -> None:
        command = namespace.words(sys.executable, "-m", "tests.world.watcher", *words)
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)  # what is buffered, select misses

    def lines_until(self, holds: Callable[[list[str]], bool]) -> int:
        """Reads what it tells until something fits; how many lines that took. Fails if nothing comes that fits."""
        assert self._process.stdout is not None
        count = 0
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while ready.select(SECONDS_MAX):
                line = self._process.stdout.readline()
                count += 1
                if holds(json.loads(line)):
                    return count
        pytest.fail("the change was not noticed")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def show() -> None:
    """Prints the links, addresses and routes that are there now."""
    told = [subprocess.run(["ip", "-o", *what], capture_output=True, check=True, text=True).stdout for what in _SHOWN]
    print(json.dumps(" ".join(told).split()), flush=True)


_UNKNOWN_FAMILY = 99
_SHOWN = (["link"], ["address"], ["route", "show", "table", "all"], ["-6", "route", "show", "table", "all"])


async def _main() -> None:
    watching = asyncio.create_task(interfaces.watch(show))
    await asyncio.sleep(0)  # it has subscribed by now
    show()
    await watching


if __name__ == "__main__":
    if "no-netlink" in sys.argv:  # the kernel refuses it, as it does under a sandbox that leaves AF_NETLINK out
        socket.AF_NETLINK = _UNKNOWN_FAMILY  # type: ignore[misc, assignment]
    {"asyncio": asyncio.run, "uvloop": uvloop.run}[sys.argv[1]](_main())
