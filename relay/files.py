"""Durable files: tmp, fsync, rename, fsync of the folder. Whoever returns from here has the bytes on disk."""

import contextlib
import os
import tempfile
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


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
