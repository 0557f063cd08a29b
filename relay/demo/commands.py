"""`relay demo`: the main job on real figures, from sixteen phones to the centre's receipts, in about 80 seconds.

`relay demo peso`: the same where there is next to no network: two relays, a satellite for figures, a boat with a stick.
"""

import argparse
import asyncio
import importlib.util
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console

from relay.demo.processes import Failed
from relay.errors import Code, Rejected, RelayError

_FOLDER_PREFIX = "relay-demo-"
_PLAIN_WIDTH = 120


def main(words: list[str]) -> int:
    """Runs the demo; 0 only if everything that it claims was checked and holds."""
    parser = argparse.ArgumentParser(
        "relay demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="""\
Real figures, real processes, sockets and TLS on 127.0.0.1, in a temporary folder.

  relay demo        sixteen polling stations of Peso Hilir; an uplink that is down, narrow and cut; a centre that
                    dies; in about 80 seconds
  relay demo peso   two relays on the Kayan river: one with a satellite link for tallies only, one with nothing; a
                    boat carries a stick between them and the town; every thing with the way it took; in about 80
                    seconds""",
    )
    parser.add_argument("story", nargs="?", choices=("peso",), metavar="peso", help="the river instead of the main job")
    parser.add_argument(
        "--plain", action="store_true", help="one line an event, no live screen (as without a terminal)"
    )
    parser.add_argument("--fast", action="store_true", help="the same with shorter waits, for tests")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, until Ctrl-C")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args(words[1:])
    if importlib.util.find_spec("PIL") is None:
        raise Rejected(Code.CONFIG_INVALID, "The demo draws its photographs with Pillow: pip install 'relay[demo]'.")
    plain = options.plain or not sys.stdout.isatty()
    console = Console(width=_PLAIN_WIDTH, color_system=None, force_terminal=False) if plain else Console()
    try:
        with tempfile.TemporaryDirectory(prefix=_FOLDER_PREFIX) as folder:
            return asyncio.run(_run(options, Path(folder), console, plain))
    except KeyboardInterrupt:
        console.print("Dihentikan; tidak ada proses dan folder yang tertinggal / stopped; nothing is left behind.")
        return 130


class _Report(Protocol):
    """What came of a run."""

    @property
    def failures(self) -> tuple[str, ...]:
        """The names of what does not hold."""

    def as_json(self) -> str:
        """Every figure."""


class _Stage(Protocol):
    """A story that can be played."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Holds everything that must be taken down again."""

    async def perform(self, console: Console, *, plain: bool) -> _Report:
        """Plays it, examines what came of it, and tells."""

    async def rest(self) -> None:
        """Until it is told to stop."""

    def addresses(self) -> str:
        """Where everything is."""

    def last_lines(self) -> str:
        """The ends of the logs."""


def _stage(options: argparse.Namespace, folder: Path) -> _Stage:
    """The story that is asked for; only now is it known that Pillow is there."""
    started = time.monotonic()
    if options.story == "peso":
        from relay.demo.peso import performance as river
        from relay.demo.peso import scenario as trips

        return river.Performance(folder, trips.FAST if options.fast else trips.SHOW, started)
    from relay.demo import performance, scenario

    pace = scenario.FAST if options.fast else scenario.SHOW
    return performance.Performance(folder, pace, started, with_pages=options.keep)


async def _run(options: argparse.Namespace, folder: Path, console: Console, plain: bool) -> int:
    stage = _stage(options, folder)
    report = None
    async with _stoppable():
        try:
            async with stage.open():
                report = await stage.perform(console, plain=plain)
                if options.report:
                    options.report.write_text(report.as_json(), "utf-8")
                if options.keep:
                    console.print(stage.addresses(), markup=False, soft_wrap=True)
                    await stage.rest()
        except* (Failed, RelayError, OSError) as failures:
            report = None
            console.print(f"relay demo: {_first(failures)}", markup=False, soft_wrap=True)
            console.print(stage.last_lines(), markup=False, soft_wrap=True)
    return 0 if report is not None and not report.failures else 1


@asynccontextmanager
async def _stoppable() -> AsyncIterator[None]:
    """SIGINT, SIGTERM and SIGHUP end what is inside, once, so that a second one does not disturb the cleaning up."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if task is not None and not stopped:
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        yield
    except BaseException:
        if stopped:  # whatever came of stopping in the middle
            raise KeyboardInterrupt from None
        raise


def _first(group: BaseExceptionGroup[Exception]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
