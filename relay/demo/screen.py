"""Where the viewer sees what happens: a live screen on a terminal, or one plain line an event.

Bahasa Indonesia with the words of the forms first, English second. Every glyph has its word beside it, so that
nothing depends on colour. What a picture looks like, its drawing says.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

Told = tuple[float, str, str]
"""When (seconds since the start), in Bahasa Indonesia, in English."""

Shown = TypeVar("Shown")
Shown_contra = TypeVar("Shown_contra", contravariant=True)

_TOLD_MAX = 16


@dataclass(frozen=True, slots=True)
class Drawing(Generic[Shown]):
    """How pictures of one kind are shown: `drawn(picture, told, width, height)` fills a screen, `changes` are lines."""

    drawn: Callable[[Shown | None, Sequence[Told], int, int], Group]
    changes: Callable[[Shown, Shown], Iterable[str]]


class Screen(Protocol[Shown_contra]):
    """Where the demo tells what happens."""

    def show(self, picture: Shown_contra) -> None:
        """The newest picture."""

    def tell(self, words: str, english: str) -> None:
        """What happens now."""


class PlainScreen(Generic[Shown]):
    """One line an event, without escape codes: for logs, pipes and screen readers."""

    def __init__(self, console: Console, started: float, drawing: Drawing[Shown]) -> None:
        self._console = console
        self._started = started
        self._drawing = drawing
        self._picture: Shown | None = None

    def show(self, picture: Shown) -> None:
        """Says what has changed since the last picture, as far as it is worth a line."""
        before, self._picture = self._picture, picture
        for line in self._drawing.changes(before, picture) if before else ():
            self._say(line)

    def tell(self, words: str, english: str) -> None:
        """Says it, with the time."""
        self._say(f"{words} / {english}")

    def _say(self, line: str) -> None:
        self._console.out(f"[{time.monotonic() - self._started:5.1f} s] {line}", highlight=False)


class LiveScreen(Generic[Shown]):
    """One full screen, redrawn with every picture."""

    def __init__(self, live: Live, started: float, drawing: Drawing[Shown]) -> None:
        self._live = live
        self._started = started
        self._drawing = drawing
        self._picture: Shown | None = None
        self._told: deque[Told] = deque(maxlen=_TOLD_MAX)

    def show(self, picture: Shown) -> None:
        """Draws it."""
        self._picture = picture
        self._draw()

    def tell(self, words: str, english: str) -> None:
        """Puts it into the line for what happens now; what happened before stays below, as far as there is room."""
        self._told.append((time.monotonic() - self._started, words, english))
        self._draw()

    def _draw(self) -> None:
        size = self._live.console.size
        self._live.update(self._drawing.drawn(self._picture, list(self._told), size.width, size.height), refresh=True)


@contextmanager
def open_screen(console: Console, started: float, drawing: Drawing[Shown], *, plain: bool) -> Iterator[Screen[Shown]]:
    """A live screen, or a plain one; times are counted from `started` (monotonic seconds)."""
    if plain:
        yield PlainScreen(console, started, drawing)
        return
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        yield LiveScreen(live, started, drawing)


def earlier(told: Sequence[Told], room: int) -> list[Text]:
    """What was told before, newest first, as far as there is room."""
    newest_first = list(reversed(told))[: max(0, room)]
    return [line(f"{clock_text(elapsed)}  {words}", "dim") for elapsed, words, _ in newest_first]


def line(words: str, style: str) -> Text:
    """One line that is cut where the screen ends."""
    return Text(words, style=style, no_wrap=True, overflow="ellipsis")


def title(words: str, elapsed_seconds: float, width: int) -> Text:
    """The line at the top: what this is, and how long it has run."""
    clock = clock_text(elapsed_seconds)
    return Text(f" {words}{clock.rjust(max(1, width - len(words) - 2))} ", style="reverse bold", no_wrap=True)


def size_text(size_bytes: float) -> str:
    """A size for a person, with a decimal comma."""
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}".replace(".", ",")
    return f"{size_bytes:.0f} byte"


def clock_text(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
