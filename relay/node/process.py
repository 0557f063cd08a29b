"""A node as a process: its loop, its log, and how it ends."""

import asyncio
import gc
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvloop

from relay.errors import RelayError

log = logging.getLogger(__name__)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a node on uvloop until SIGTERM or SIGINT, which end it in order.

    Raises the `RelayError` that ended it, if one did: a port that is taken, a disk that cannot be trusted.
    """
    ended_by: list[RelayError] = []
    try:
        uvloop.run(main)
    except* RelayError as group:
        ended_by = _errors(group)
    if ended_by:
        raise ended_by[0]


async def until_stopped(
    parts: AbstractAsyncContextManager[int], on_listening: Callable[[int], None] | None = None
) -> None:
    """A node's parts, until it is told to stop. `on_listening` gets the port once others can come."""
    async with parts as port:
        if on_listening is not None:
            on_listening(port)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()
        log.info("stopping")


def set_up_logging(level: str) -> None:
    """One line an event on standard error, for the journal."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.Formatter.converter = time.gmtime


def settle_memory() -> None:
    """What was made while starting stays for good: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def _errors(group: BaseExceptionGroup[RelayError]) -> list[RelayError]:
    """The errors in a group, however deep."""
    return [
        error
        for item in group.exceptions
        for error in (_errors(item) if isinstance(item, BaseExceptionGroup) else [item])
    ]
