"""`relay demo`: the main job on real figures, from sixteen phones to the centre's receipts, in about 80 seconds."""

import argparse
import asyncio
import importlib.util
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from relay.demo.processes import Failed
from relay.errors import Code, Rejected, RelayError

_FOLDER_PREFIX = "relay-demo-"
_PLAIN_WIDTH = 120


def main(words: list[str]) -> int:
    """Runs the demo; 0 only if everything that it claims was checked and holds."""
    parser = argparse.ArgumentParser(
        "relay demo",
        description="Sixteen polling stations of Peso Hilir with real figures; real processes, sockets and TLS on "
        "127.0.0.1; an uplink that is down, narrow and cut; a centre that dies. In a temporary folder, in about 80 "
        "seconds.",
    )
    parser.add_argument(
        "--plain", action="store_true", help="one line an event, no live screen (as without a terminal)"
    )
    parser.add_argument("--fast", action="store_true", help="the same with shorter waits and a wider uplink, for tests")
    parser.add_argument("--keep", action="store_true", help="leave relay and centre running at the end, until Ctrl-C")
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


async def _run(options: argparse.Namespace, folder: Path, console: Console, plain: bool) -> int:
    from relay.demo.performance import Performance  # only now is it known that Pillow is there
    from relay.demo.scenario import FAST, SHOW
    from relay.demo.summary import print_summary

    stage = Performance(folder, FAST if options.fast else SHOW, time.monotonic())
    report = None
    async with _stoppable():
        try:
            async with stage.open():
                report = await stage.perform(console, plain=plain)
                print_summary(report, console)
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
