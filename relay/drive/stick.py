"""The door to the files of a stick: everything here may fail at any moment, since a stick can be pulled out.

All functions block: call them in a thread. Every operation goes through `Stick._do`, which turns the system's
errors into sentences. Paths are below the stick's own folder, with `/` between the parts.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

from relay.errors import Code, NotNow, Rejected, UplinkDown

P = ParamSpec("P")
T = TypeVar("T")

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe in disguise must not keep us waiting
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_RETRY_SECONDS = 60.0


class StickFull(NotNow):
    """No room is left on the stick."""


class StickFailed(UplinkDown):
    """The stick was pulled out, or does not work."""


class StickReadOnly(StickFailed):
    """The stick can be read and not be written."""


class Stick:
    """One mounted stick, or any folder that stands for one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._device = self._do(os.stat, folder).st_dev

    def free_bytes(self) -> int:
        """How much still fits."""
        state = self._do(os.statvfs, self.folder)
        return state.f_bavail * state.f_frsize

    def names(self, path: str) -> list[str]:
        """What is in a folder, in order; nothing if there is no such folder. A link to one is none."""
        return sorted(entry.name for entry in self._entries(path))

    def folders(self, path: str) -> list[str]:
        """The folders in a folder, in order."""
        return sorted(entry.name for entry in self._entries(path) if self._do(entry.is_dir, follow_symlinks=False))

    def stamp(self, path: str) -> tuple[int, int]:
        """Size in bytes and time of change (ns): a file that has the same as before is taken for the same."""
        told = self._do(os.lstat, self.folder / path)
        return told.st_size, told.st_mtime_ns

    def is_there(self) -> bool:
        """Whether the stick still answers: then what failed was one file of it."""
        try:
            self._check_here()
            self._do(_scan, self.folder)
        except StickFailed:
            return False
        return True

    def make_folder(self, path: str) -> None:
        """Makes a folder unless it is there, durably."""
        if self._is_folder(path):
            return
        self._check_here()
        self._do(os.mkdir, self.folder / path)
        self.sync_folder(path.rpartition("/")[0])

    @contextlib.contextmanager
    def opened(self, path: str, *, afresh: bool = False) -> Iterator[Callable[[int], bytes]]:
        """A file to be read: a function that gives the next up to n bytes, fewer only at the end.

        `afresh`: from the stick itself, as far as the system can be made to forget what it has in memory. `Rejected`
        if it is no file, or cannot be read while the rest of the stick can.
        """
        try:
            with self._open(path, _READ) as descriptor:
                if not stat.S_ISREG(self._do(os.fstat, descriptor).st_mode):
                    raise Rejected(Code.FILE_UNREADABLE, "it is no file")
                if afresh:
                    self._do(os.posix_fadvise, descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                yield lambda size: self._read(descriptor, size)
                if afresh:  # gigabytes that nobody needs in memory
                    self._do(os.posix_fadvise, descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        except StickFailed as error:
            if not self.is_there():
                raise
            raise Rejected(Code.FILE_UNREADABLE, f"it cannot be read ({error.__cause__})") from error

    def write(self, path: str, blocks: Iterable[bytes]) -> None:
        """Writes a file anew. It is not on the stick before `sync` has returned."""
        self._check_here()
        with self._open(path, _WRITE) as descriptor:
            for block in blocks:
                left = memoryview(block)
                while left:
                    left = left[self._do(os.write, descriptor, left) :]

    def sync(self, path: str) -> None:
        """Returns once a file's bytes are on the stick."""
        with self._open(path, _READ) as descriptor:
            self._do(os.fsync, descriptor)

    def rename(self, path: str, to: str) -> None:
        """Gives a file its final name; durable after `sync_folder`."""
        self._do(os.replace, self.folder / path, self.folder / to)

    def remove(self, path: str) -> None:
        """Removes a file if it is there."""
        if self._look(path) is not None:
            self._do(os.unlink, self.folder / path)

    def sync_folder(self, path: str) -> None:
        """Makes names in a folder durable."""
        with self._open(path, _FOLDER) as descriptor:
            try:
                self._do(os.fsync, descriptor)
            except StickFailed as error:  # some file systems know no such thing for folders
                if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EINVAL:
                    raise

    def put(self, path: str, data: bytes) -> None:
        """Puts a whole small file in place: tmp, fsync, read back, rename, fsync of the folder."""
        tmp = f"{path.partition('.')[0]}.tmp"
        self.write(tmp, [data])
        self.sync(tmp)
        with self.opened(tmp, afresh=True) as read:
            given_back = read(len(data) + 1)
        if given_back != data:
            raise self.broken()
        self.rename(tmp, path)
        self.sync_folder(path.rpartition("/")[0])

    def full(self) -> StickFull:
        """The error that says so."""
        return StickFull(Code.DISK_FULL, f"{self.folder} is full; take another stick for the rest.", _RETRY_SECONDS)

    def broken(self) -> StickFailed:
        """The error that says so."""
        return StickFailed(f"{self.folder} gives back other bytes than were written: it is broken. Take another one.")

    @contextlib.contextmanager
    def held(self, path: str) -> Iterator[None]:
        """Holds a folder of the stick for this process alone; leaves nothing behind."""
        with self._open(path, _FOLDER) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise NotNow(
                    Code.BUSY, f"Another process is using {self.folder} just now; wait for it.", _RETRY_SECONDS
                ) from error
            except OSError:  # a file system without locks
                pass
            yield

    def _read(self, descriptor: int, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self._do(os.read, descriptor, size - len(data))):
            data += more
        return data

    def _entries(self, path: str) -> list["os.DirEntry[str]"]:
        return self._do(_scan, self.folder / path) if self._is_folder(path) else []

    def _is_folder(self, path: str) -> bool:
        told = self._look(path)
        return told is not None and stat.S_ISDIR(told.st_mode)

    def _look(self, path: str) -> os.stat_result | None:
        try:
            return self._do(os.lstat, self.folder / path)
        except StickFailed as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _check_here(self) -> None:
        """Nothing is written where a stick was mounted and is no more: that would fill our own disk."""
        if self._do(os.stat, self.folder).st_dev != self._device:
            raise StickFailed(f"{self.folder} was pulled out. Put it in again, or take another one.")

    @contextlib.contextmanager
    def _open(self, path: str, flags: int) -> Iterator[int]:
        descriptor = self._do(os.open, self.folder / path, flags, 0o644)
        try:
            yield descriptor
        finally:
            try:
                os.close(descriptor)
            except OSError as error:  # what was written may be lost, says the system only now
                raise self._trouble(error) from error

    def _do(self, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """One operation of the system; its errors as a sentence that says what to do."""
        try:
            return operation(*arguments, **named)
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> StickFull | StickFailed:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return self.full()
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            return StickReadOnly(
                f"{self.folder} cannot be used ({error.strerror}): slide its lock, or take another stick."
            )
        return StickFailed(
            f"{self.folder} was pulled out or does not work ({error.strerror}). Put it in again, or take another one."
        )


def _scan(folder: Path) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.is_symlink()]  # a link leads off the stick
