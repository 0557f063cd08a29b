"""`python -m tests.bench.uplink`: the same job over the same bad links, and one table.

At packet level as root with iproute2; else through a TCP proxy.
"""

import argparse
import concurrent.futures
import math
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench import figures
from tests.bench.uplink import cases, job, table
from tests.bench.uplink.cases import LINKS, SYSTEMS, Case, Link, Outcome, Settings
from tests.bench.uplink.peers import missing_program
from tests.world import namespaces

_REPETITIONS = 3
_TIMES_IDEAL, _SECONDS_MORE, _SECONDS_LEAST = 3.0, 200.0, 90.0
_SECONDS_AROUND = 20.0
_DAY = 86400.0


def main(words: Sequence[str] | None = None) -> int:
    """Runs what is asked for, several at once, and prints the table."""
    options = _options(words)
    why = "it was asked for" if options.proxy else namespaces.can_make()
    if why:
        print(f"Through a TCP proxy, not at packet level, because {why}.", file=sys.stderr)
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory(prefix="relay-uplink-") as name:
        whole = job.make(Path(name), options.seed)
        machine = figures.machine(Path(name), "Medians, and the spread beside them where chance has a part.")
        wanted = list(_cases(options, packets=not why))
        print(
            f"{len(wanted)} cases, {options.jobs} at once: at most {_minutes(wanted, options.jobs)} minutes.",
            file=sys.stderr,
        )
        outcomes = dict(_run(wanted, whole, Path(name), options))
    told = table.text(outcomes, machine) if outcomes else ""
    print(told)
    if options.report:
        options.report.write_text(told, "utf-8")
    return 0 if len(outcomes) == len(wanted) else 1


def _cases(options: argparse.Namespace, *, packets: bool) -> Iterator[Case]:
    settings = Settings(packets, options.congestion, not options.no_fast_open, options.queue)
    systems = _systems(options)
    for link in [link for name, link in LINKS.items() if name in (options.only or LINKS)]:
        count = min(1, link.photographs) if options.quick else link.photographs
        seconds_max = _SECONDS_LEAST if options.quick else _seconds_max(link, count)
        if link.conditions.loss and not packets:
            continue
        for system in systems:
            for seed in range(options.seed, options.seed + (options.repeat or _repetitions(link, options.quick))):
                yield Case(link, system, seed, count, seconds_max, settings)
                if system == "relay" and count:
                    yield Case(link, system, seed, 0, _SECONDS_LEAST, settings)


def _systems(options: argparse.Namespace) -> list[str]:
    """What was asked for and is installed."""
    wanted = [name for name in SYSTEMS if name in (options.peer or SYSTEMS)]
    lacking = {name: program for name in wanted if (program := missing_program(name))}
    for name, program in lacking.items():
        print(f"{name} is left out: there is no {program}.", file=sys.stderr)
    return [name for name in wanted if name not in lacking]


def _repetitions(link: Link, quick: bool) -> int:
    return _REPETITIONS if link.is_chancy and not quick else 1


def _seconds_max(link: Link, photographs: int) -> float:
    """Long enough to tell slow from never, and not much longer than others need."""
    useful = job.TALLIES * cases.TALLY_BYTES + photographs * job.PHOTOGRAPH_BYTES
    conditions = link.conditions
    ideal = useful / conditions.bytes_per_second / (conditions.up_seconds(_DAY) / _DAY)
    return max(_SECONDS_LEAST, min(_TIMES_IDEAL * ideal, ideal + _SECONDS_MORE))


def _minutes(wanted: Sequence[Case], at_once: int) -> int:
    seconds = [case.seconds_max + _SECONDS_AROUND for case in wanted]
    return math.ceil((sum(seconds) / at_once + max(seconds)) / 60)


def _run(
    wanted: list[Case], whole: job.Job, folder: Path, options: argparse.Namespace
) -> Iterator[tuple[Case, Outcome]]:
    """Longest first, so that nothing long is left for the end."""
    wanted.sort(key=lambda case: -case.seconds_max)
    begun = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.jobs, context) as pool, _ended_at_once():
        running = {pool.submit(cases.run, case, whole, folder, options.keep): case for case in wanted}
        for at, done in enumerate(concurrent.futures.as_completed(running), 1):
            case, error = running[done], done.exception()
            said = f"BROKEN {case.link.name}, {case.system}: {error}" if error else table.line(case, done.result())
            print(f"[{at}/{len(running)}, {time.monotonic() - begun:.0f} s] {said}", file=sys.stderr, flush=True)
            if error is None:
                yield case, done.result()


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """Whoever stops this does not wait for what runs: a case that dies takes its networks and processes with it."""
    try:
        yield
    except BaseException:
        for child in multiprocessing.active_children():
            child.terminate()
        raise


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.bench.uplink", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one photograph, 90 s a case: says that it works")
    parser.add_argument("--only", action="append", choices=list(LINKS), help="this link; may be said repeatedly")
    parser.add_argument("--peer", action="append", choices=list(SYSTEMS), help="this system; may be said repeatedly")
    parser.add_argument("--seed", type=int, default=1, help="of losses, resets and figures; default: %(default)s")
    parser.add_argument("--repeat", type=int, help="how many seeds; default: 3 where resets come by chance, else 1")
    parser.add_argument("--jobs", type=int, default=8, help="how many are run at once; default: %(default)s")
    parser.add_argument("--queue", type=int, help="packets in a modem's queue; default: a second of them, 16 to 64")
    parser.add_argument("--congestion", default="cubic", help="the kernels' congestion control; default: %(default)s")
    parser.add_argument("--no-fast-open", action="store_true", help="the centre's kernel takes no TCP Fast Open")
    parser.add_argument("--proxy", action="store_true", help="through a TCP proxy even where there is root")
    parser.add_argument("--keep", type=Path, help="put logs and traces of every case into this folder")
    parser.add_argument("--report", type=Path, help="write the table to this file as well")
    return parser.parse_args(words)


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
