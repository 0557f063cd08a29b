"""Another connection for when the one in use falls silent: a spare one, made before, or a fresh one.

A link that swallows packets leaves TCP waiting ever longer between attempts, also when it carries again. A spare
connection sent nothing during the outage and waits for nothing; only that the link lives again has to be found out.
"""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import NoReturn

from relay.errors import NotNow, UplinkDown
from relay.forwarder.delivery import Delivery
from relay.protocol import planning
from relay.uplink.port import Connection

_STAGGER_SECONDS = 0.4
_ATTEMPT_SECONDS = 5.0
_LOOK_SECONDS = 3.0
_AFTER_SECONDS = 8.0  # the figures that waited go first


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection with its delivery, and what closes it."""

    stack: AsyncExitStack
    connection: Connection
    delivery: Delivery

    async def drop(self) -> None:
        """Closes it without another byte."""
        self.connection.abandon()
        await self.stack.aclose()


class Replaced(Exception):
    """A silent connection has been replaced by another."""

    def __init__(self, by: Opened) -> None:
        super().__init__()
        self.by = by


class Reserve:
    """What stands beside the connection in use; `open_` makes one more."""

    def __init__(self, open_: Callable[[], Awaitable[Opened]], chance: random.Random) -> None:
        self.is_needed = False  # the link has fallen silent before
        self._open = open_
        self._chance = chance
        self._spare: Opened | None = None

    async def keep(self, is_wanted: Callable[[], bool]) -> NoReturn:
        """Holds a spare connection ready, introduced and idle, while it is needed or wanted."""
        if not self.is_needed:
            await asyncio.sleep(_AFTER_SECONDS)
        while True:
            if not self._has_spare and (self.is_needed or is_wanted()):
                await self.drop()
                with contextlib.suppress(UplinkDown, NotNow):
                    self._spare = await self._open()
                    await self._spare.delivery.introduce()
            await asyncio.sleep(_LOOK_SECONDS)

    def take(self) -> Opened | None:
        """The spare connection, if it can be used."""
        if not self._has_spare:
            return None
        spare, self._spare = self._spare, None
        return spare

    async def drop(self) -> None:
        """Closes the spare connection."""
        spare, self._spare = self._spare, None
        if spare is not None:
            await spare.drop()

    async def replace(self, silent: Opened) -> NoReturn:
        """Ends with `Replaced` as soon as another connection carries, or with `NotNow`; tries until it is cancelled."""
        self.is_needed = True
        if self._has_spare:
            await silent.connection.until_reachable()
            if spare := self.take():
                raise Replaced(spare)
        await self._try_fresh()

    async def _try_fresh(self) -> NoReturn:
        """One new connection after another, ever more slowly, until one of them is made."""
        attempts: set[asyncio.Task[Opened]] = set()
        try:
            for at in itertools.count(1):
                attempts.add(asyncio.create_task(self._open_soon()))
                stagger = planning.backoff_seconds(
                    at, first=_STAGGER_SECONDS, most=_ATTEMPT_SECONDS, chance=self._chance.random()
                )
                done, attempts = await asyncio.wait(attempts, timeout=stagger, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    error = task.exception()
                    if error is None:
                        attempts |= done - {task}  # another one made at the same moment is closed below
                        raise Replaced(task.result())
                    if isinstance(error, NotNow):  # it lives, and is busy: more connections would not help it
                        raise error
                if done:
                    await asyncio.sleep(stagger)
            raise AssertionError("it never stops counting")
        finally:
            for task in attempts:
                task.cancel()
            for result in await asyncio.gather(*attempts, return_exceptions=True):
                if isinstance(result, Opened):
                    await result.drop()

    @property
    def _has_spare(self) -> bool:
        """Whether there is one that nobody has closed, and that waits for no acknowledgement lost in an outage."""
        if self._spare is None or not self._spare.connection.is_alive:
            return False
        path = self._spare.connection.path()
        return path is None or path.bytes_under_way == 0

    async def _open_soon(self) -> Opened:
        """A connection, or an error within a few seconds."""
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            return await self._open()
