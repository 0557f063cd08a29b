"""Durable files: tmp, fsync, rename, fsync of the folder. Whoever returns from here has the bytes on disk."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from relay.errors import Code, Rejected


def write_durably(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = False) -> None:
    """Writes a whole file so that after a crash there is either all of it or none.

    Without `replace`, an existing file is never touched: `Rejected(file-exists)`.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(name).replace(path)
        else:
            os.link(name, path)  # unlike a rename, a link never replaces
    except FileExistsError as error:
        raise Rejected(Code.FILE_EXISTS, f"{path} exists already and is left as it is.") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
    sync_folder(path.parent)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Holds `folder` for this process alone; the lock ends with the process, however it ends."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Rejected(Code.BUSY, f"Another process is using {folder}; it must end first.") from error
        yield


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
