"""spent.jsonl in an authority's folder: which one-time codes are spent, on whose key, and for which certificate.

A line is on disk (fsync) before its certificate leaves the house: so a code is spent once, and the same key gets the
same certificate however often it asks. Codes stand here as their SHA-256.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from relay.authority import keys
from relay.errors import Code, Rejected, StoreBroken
from relay.protocol.enrolment import EnrolmentCode


@dataclass(frozen=True, slots=True)
class Spent:
    """A code (SHA-256, hex), the key that it was spent on (id, hex) and its certificate (DER, hex); `time` ISO 8601.

    Without key and certificate: the code was replaced by a newer one before anybody used it.
    """

    code: str
    key: str
    certificate: str
    time: str


def digest_of(code: EnrolmentCode) -> str:
    """How a code stands in the file."""
    return hashlib.sha256(code.encode()).hexdigest()


class SpentCodes:
    """The file, read once and kept up with; several processes may spend in turn, each in `held`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_code: dict[str, Spent] = {}
        self._by_key: dict[str, Spent] = {}  # the newest
        self._read_bytes = 0
        self._descriptor = -1

    def of_code(self, code: EnrolmentCode) -> Spent | None:
        """What a code was spent on."""
        return self._by_code.get(digest_of(code))

    def of_key(self, identifier: bytes) -> Spent | None:
        """What was spent last on a key."""
        return self._by_key.get(identifier.hex())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else looks or spends meanwhile; the lock goes with the process, however it ends."""
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, keys.PRIVATE)
        except OSError as error:
            raise Rejected(Code.FILE_UNREADABLE, f"{self._path} cannot be opened: {error.strerror}.") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._catch_up()
            yield
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def spend(self, spent: Spent) -> None:
        """Within `held`. Returns when it is on disk; a disk that is full leaves the file as it was."""
        line = (json.dumps(asdict(spent)) + "\n").encode()
        try:
            os.lseek(self._descriptor, self._read_bytes, os.SEEK_SET)
            os.ftruncate(self._descriptor, self._read_bytes)  # what a crash cut short never left the house
            if os.write(self._descriptor, line) != len(line):
                raise OSError(0, "no room")
            os.fsync(self._descriptor)  # from here on a crash changes nothing
        except OSError as error:
            os.ftruncate(self._descriptor, self._read_bytes)
            raise Rejected(
                Code.DISK_FULL, f"{self._path} cannot be written: {error.strerror}. Nothing was issued; make room."
            ) from error
        self._read_bytes += len(line)
        self._take(spent)

    def _catch_up(self) -> None:
        """Takes in what was appended since the last time, by this process or another."""
        size = os.fstat(self._descriptor).st_size
        data = os.pread(self._descriptor, max(0, size - self._read_bytes), self._read_bytes)
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                self._take(Spent(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise StoreBroken(
                    f"{self._path} is damaged: the line after byte {self._read_bytes} cannot be read. Restore the "
                    "authority folder from its backup."
                ) from error
            self._read_bytes += len(line)

    def _take(self, spent: Spent) -> None:
        self._by_code[spent.code] = spent
        if spent.key:
            self._by_key[spent.key] = spent
