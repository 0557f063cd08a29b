"""What was measured: figures with their rounds and targets, and the one table they are shown in. Measures nothing."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cryptography
from cryptography.hazmat.backends.openssl import backend

_COLUMNS = ("what", "unit", "median", "min – max", "rounds", "target", "")


class Broken(Exception):
    """Something did not work, so there is no figure: said in a sentence, and the exit status is 1."""


class TooLong(Broken):
    """The time for the whole run is over."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: a value a round. `at_most` is the target that the median is held against, if there is one."""

    name: str
    unit: str
    values: tuple[float, ...]
    at_most: float | None = None
    remark: str = ""

    @property
    def median(self) -> float:
        """The figure itself."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """Whether the target is met, or the remark where there is none."""
        if self.at_most is None:
            return self.remark
        words = "met" if self.median <= self.at_most else "MISSED"
        return f"{words}; {self.remark}" if self.remark else words

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        target = "" if self.at_most is None else f"≤ {_number(self.at_most)}"
        spread = f"{_number(min(self.values))} – {_number(max(self.values))}" if len(self.values) > 1 else ""
        return (self.name, self.unit, _number(self.median), spread, str(len(self.values)), target, self.verdict)


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one measurement, under a sentence that says what was done; `figures` empty: left out."""

    title: str
    said: str
    figures: tuple[Figure, ...]


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """Round by round, so that whatever disturbed a round disturbed both sides of its ratio."""
    return tuple(one / other for one, other in zip(above, below, strict=True))


def text(sections: Iterable[Section], machine: str) -> str:
    """Everything, as Markdown that reads well as it is."""
    parts = ["# What relay and centre cost", machine]
    for section in sections:
        parts += [f"## {section.title}", section.said]
        if section.figures:
            parts.append(_table([figure.cells() for figure in section.figures]))
    return "\n\n".join(parts) + "\n"


def machine(folder: Path, how: str) -> str:
    """Where and with what it was measured; `folder` is where the data lies."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} × {_processor()}, {platform.system()} {platform.release()}, {_filesystem(folder)}; "
        f"Python {platform.python_version()}, cryptography {cryptography.__version__} "
        f"({backend.openssl_version_text()}), SQLite {sqlite3.sqlite_version}; load at the start {load}. {how}"
    )


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in (_COLUMNS, *rows)) for at in range(len(_COLUMNS))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        "| " + " | ".join(_aligned(cell, width, at) for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        + " |"
        for row in (_COLUMNS, rule, *rows)
    )  # fmt: skip


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if 2 <= column <= 5 else cell.ljust(width)


def _number(value: float) -> str:
    """At least three significant digits."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()


def _filesystem(folder: Path) -> str:
    mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    above = [(len(mount[1]), mount[2]) for mount in mounts if folder.is_relative_to(mount[1])]
    return max(above)[1] if above else "unknown filesystem"
