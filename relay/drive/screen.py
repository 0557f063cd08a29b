"""How far the work on a stick is, in a terminal: a bar with speed and time left; plain lines where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from relay.drive.progress import WORKING, Progress, StickState


@contextmanager
def shown(console: Console) -> Iterator[Progress]:
    """A `Progress` that is shown while it is worked on."""
    if not console.is_terminal:
        yield Progress(_Lines(console))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bar(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("")

        def on_change(progress: Progress) -> None:
            total, done = progress.bytes_total, progress.bytes_done
            bar.update(task, description=progress.state, total=total, completed=min(done, total))

        yield Progress(on_change)


class _Lines:
    """One line whenever something else is begun."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: StickState | None = None

    def __call__(self, progress: Progress) -> None:
        if progress.state is self._last or progress.state not in WORKING:
            return
        self._last = progress.state
        if not progress.bytes_done:
            self._console.out(progress.state)
            return
        done = f"{progress.bytes_done / 1e6:.1f} of {progress.bytes_total / 1e6:.1f} MB"
        self._console.out(f"{progress.state}: {done}, {progress.bytes_per_second / 1e6:.1f} MB/s")


def console() -> Console:
    """Where the commands write: lines are left as long as they are."""
    return Console(highlight=False, soft_wrap=True)
