"""What the commands of an authority have in common at a terminal: passphrases, files, and how far something is."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from relay.authority import keys
from relay.authority.authority import Authority
from relay.errors import Code, Rejected

_LINE_EVERY = 1000


def open_authority(options: argparse.Namespace) -> Authority:
    """The authority that a command names, with its passphrase."""
    Authority.open(options.authority)  # what is wrong with the folder is said before anybody types a passphrase
    passphrase = keys.read_passphrase(options.passphrase_file, f"{options.authority}")
    return Authority.open(options.authority, passphrase)


def check_new_file(path: Path) -> None:
    """`Rejected(file-exists)` if it is there."""
    if path.exists():
        raise Rejected(Code.FILE_EXISTS, f"{path} exists already and is left as it is.")


def read(path: Path) -> bytes:
    """A file's bytes."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error


@contextmanager
def progress(total: int) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield lambda done, of: _say_line(done, of)
    elif total <= 1:
        yield None
    else:
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task("enrolling", total=total)
            yield lambda done, of: bar.update(task, completed=done, total=of)


def _say_line(done: int, of: int) -> None:
    if of > 1 and (done % _LINE_EVERY == 0 or done == of):
        sys.stderr.write(f"{done} of {of}\n")
        sys.stderr.flush()
