"""A bad link without privileges: the demo's TCP proxy, driven by the same `Conditions` as the one at packet level.

What it cannot show is TCP's own share: there are no packets to lose, and in an outage bytes wait where packets would
be swallowed.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from relay.demo.link import LOOPBACK, Link
from tests.world.links import Counts
from tests.world.processes import free_port
from tests.world.schedule import Conditions, Event

Result = TypeVar("Result")


async def play(link: Link, conditions: Conditions, seed: int) -> None:
    """Opens a link and lets happen to it what the conditions say, for ever if they say anything."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    link.up(conditions.bytes_per_second, conditions.delay_seconds)
    for at, event in conditions.events(seed):
        await asyncio.sleep(begun + at - loop.time())
        match event:
            case Event.RESET:
                link.cut()
            case Event.OUTAGE:
                link.down(silently=True)
            case Event.BACK:
                link.up(conditions.bytes_per_second, conditions.delay_seconds)


class Here:
    """Both ends are this machine."""

    def words(self, *command: str) -> list[str]:
        """The command as it is."""
        return list(command)

    def call(self, function: Callable[[], Result]) -> Result:
        """Calls it."""
        return function()


class ProxyLink:
    """A `links.BadLink` on loopback. Made by `proxy_link`."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        self.conditions = conditions
        self.near = self.far = Here()
        self.listens = (LOOPBACK, free_port())
        self.reaches = (LOOPBACK, 0)
        self._seed = seed
        self._link = Link(self.listens[1])
        self._opened_at = float("inf")
        self._begun = threading.Event()
        self._playing: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()

    @property
    def seconds(self) -> float:
        """How long ago it was opened."""
        return max(0.0, time.monotonic() - self._opened_at)

    def open(self) -> None:
        """Connections are taken from now on."""
        self._opened_at = time.monotonic()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def counts(self) -> Counts:
        """Bytes of TCP's payload; what was lost is counted for both directions together."""
        lost, now = self._link.bytes_lost, self.seconds
        resets = sum(1 for _ in itertools.takewhile(lambda at: at <= now, self.conditions.resets(self._seed)))
        return Counts(self._link.bytes_up + lost, lost, 0, 0, self._link.bytes_down, resets)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listens, in a thread of its own."""
        thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()], daemon=True)
        thread.start()
        self._begun.wait()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._ending.set)
            thread.join()
            self._loop.close()

    async def _run(self) -> None:
        async with self._link.open() as port:
            self.reaches = (LOOPBACK, port)
            self._begun.set()
            await self._ending.wait()
            if self._playing is not None:
                self._playing.cancel()

    async def _open(self) -> None:
        self._playing = asyncio.create_task(play(self._link, self.conditions, self._seed))
        await asyncio.sleep(0)  # its first step opens the link


@contextmanager
def proxy_link(conditions: Conditions, seed: int) -> Iterator[ProxyLink]:
    """A link on loopback, closed still; gone when the block ends."""
    link = ProxyLink(conditions, seed)
    with link.running():
        yield link
