"""Waiting when a relay asks for it: obediently, and not for ever."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from relay.errors import NotNow
from relay.protocol import planning

Sleep = Callable[[float], Awaitable[None]]
Answer = TypeVar("Answer")

_PAUSE_FIRST, _PAUSE_MOST = 0.2, 5.0


class Patience:
    """A budget of seconds for everything that one sending waits at relays' request."""

    def __init__(self, seconds: float, sleep: Sleep) -> None:
        self._left = seconds
        self._sleep = sleep
        self._chance = random.Random()

    async def of(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Asks, and asks again after each Retry-After; raises `NotNow` once the budget does not reach that far."""
        while True:
            try:
                return await ask()
            except NotNow as error:
                if error.retry_after_seconds > self._left:
                    raise
                self._left -= error.retry_after_seconds
                await self._sleep(error.retry_after_seconds)

    async def pause(self, failures: int) -> None:
        """A short wait that doubles with each failure."""
        chance = self._chance.random()
        await self._sleep(planning.backoff_seconds(failures, first=_PAUSE_FIRST, most=_PAUSE_MOST, chance=chance))
