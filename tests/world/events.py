"""A browser's EventSource, reduced to what tests ask of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    id: str
    data: Any


class Events:
    """A stream of events that is open."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Event | None:
        """The next event, comments passed over; None once the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := (await self.answer.content.readline()).decode():
                if line == "\n" and fields:
                    return Event(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
        return None

    async def until(self, name: str, holds: Callable[[Any], bool] = lambda _: True) -> Event:
        """The first event of this name whose data is as wanted."""
        while (event := await self.next()) is not None:
            if event.name == name and holds(event.data):
                return event
        raise AssertionError(f"the stream ended before a fitting {name}")


@asynccontextmanager
async def following(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str], at: int | str = ""
) -> AsyncIterator[Events]:
    """Follows the board of a relay from change `at` on."""
    async with open_stream(http, f"{url}/v1/board/events?at={at}", headers) as events:
        yield events


@asynccontextmanager
async def open_stream(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str] | None = None
) -> AsyncIterator[Events]:
    """Any stream of events of a node."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with http.get(url, headers=headers, timeout=timeout) as answer:
        assert answer.status == 200, await answer.read()
        assert answer.content_type == "text/event-stream"
        yield Events(answer)
