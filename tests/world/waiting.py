"""Waiting in tests: for a condition, within a bounded time, never for a fixed while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")


async def eventually(look: Callable[[], Awaitable[Found]], seconds: float = 30) -> Found:
    """The first true value that `look` gives; the test fails if there is none within `seconds`."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found
