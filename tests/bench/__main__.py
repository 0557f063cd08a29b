"""`python -m tests.bench`: measures, and prints one table. Exit status 1 only if something is broken.

A missed target is shown as missed; it is no error.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from relay.errors import RelayError
from tests.bench import board, centre, country, figures, intake, memory, pages, starting, wire
from tests.bench.figures import Broken, Section, TooLong
from tests.bench.intake import Size
from tests.bench.material import Material

_SECONDS_MAX = 360
_SECONDS_MAX_QUICK = 90

Bench = Callable[[Material, argparse.Namespace], Section]

_BENCHES: dict[str, Bench] = {
    "intake": lambda material, options: intake.known_officers(
        material, Size(2, 2000, 0.3) if options.quick else Size(7, 4000)
    ),
    "strangers": lambda material, options: intake.strangers(
        material, Size(2, 500, 0.3) if options.quick else Size(5, 1000)
    ),
    "slow-disk": lambda material, options: intake.slow_disk(
        material, Size(2, 1000, 0.3) if options.quick else Size(5, 2000)
    ),
    "centre": lambda material, options: centre.batches(
        material, centre.Size(2, 8, 0.3) if options.quick else centre.Size(7, 16)
    ),
    "wire": lambda material, options: wire.bytes_per_tally(material, 2 if options.quick else 7),
    "memory": lambda material, options: memory.relay_peak(
        material, memory.Size(200, 20) if options.quick else memory.Size(2000, 200)
    ),
    "board": lambda _material, options: (
        board.largest_kecamatan(77, 1) if options.quick else board.largest_kecamatan(board.STATIONS, 2)
    ),
    "start": lambda material, options: starting.until_listening(
        material, 2 if options.quick else 5, 5000, profile=options.profile
    ),
    "country": lambda material, options: (
        country.coming_back(material, 700) if options.quick else country.coming_back(material)
    ),
    "pages": lambda material, options: pages.first_loads(material, 2 if options.quick else 5),
}


def main(words: Sequence[str] | None = None) -> int:
    """Runs what is asked for, in a fixed order."""
    options = _options(words)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(_SECONDS_MAX_QUICK if options.quick else _SECONDS_MAX)
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        folder = Path(name)
        how = "Quick: too few rounds to rely on." if options.quick else "Medians; the spread beside them."
        machine = figures.machine(folder, how)
        sections, broken = _measure(Material(folder), options)
    signal.alarm(0)
    told = figures.text(sections, machine) + "".join(f"\nBROKEN: {line}\n" for line in broken)
    print(told)
    if options.report:
        options.report.write_text(told, "utf-8")
    return 1 if broken else 0


def _measure(material: Material, options: argparse.Namespace) -> tuple[list[Section], list[str]]:
    sections: list[Section] = []
    broken: list[str] = []
    for name in [name for name in _BENCHES if name in (options.only or _BENCHES)]:
        begun = time.monotonic()
        error = None
        try:
            sections.append(_BENCHES[name](material, options))
        except* (Broken, OSError, RelayError, subprocess.SubprocessError) as group:
            error = _first(group)
            broken.append(f"{name}: {str(error) or type(error).__name__}")
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
        if isinstance(error, TooLong):
            break
    return sections, broken


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.bench", description="Measures what relay and centre cost.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 90 s: says only that it works")
    parser.add_argument("--only", action="append", choices=list(_BENCHES), help="this one; may be said repeatedly")
    parser.add_argument("--profile", action="store_true", help="show the longest imports on standard error")
    parser.add_argument("--report", type=Path, help="write the table to this file as well")
    return parser.parse_args(words)


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _too_long(_number: int, _frame: object) -> None:
    raise TooLong("It took too long and was ended; what comes after it is left out.")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
