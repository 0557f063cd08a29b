"""The ledger of a CA: one JSON line for every certificate issued or revoked and every CRL numbered. Only appended to.

A line is on disk (fsync) before what it speaks of leaves the house, so that everything that exists can be
revoked. The other way round, a line may speak of a certificate that a crash kept from leaving: harmless.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from relay.errors import Code, Rejected, StoreBroken


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate: `serial` in upper-case hex as openssl prints it, `x5t` hex, times in ISO 8601 UTC."""

    serial: str
    urn: str
    name: str
    not_after: str
    x5t: str
    time: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """`serial` is revoked since `time`; `reason` is a word of RFC 5280 5.3.1."""

    serial: str
    reason: str
    time: str


@dataclass(frozen=True, slots=True)
class CrlNumbered:
    """CRL number `number` is given to the list signed at `time`."""

    number: int
    time: str


Entry = Issued | Revoked | CrlNumbered
_KINDS: dict[str, type[Issued | Revoked | CrlNumbered]] = {"issued": Issued, "revoked": Revoked, "crl": CrlNumbered}
_WORDS = {kind: word for word, kind in _KINDS.items()}


class Ledger:
    """What is in the file, read once and kept up with; several processes may append in turn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False
        """Whether the last line was cut short by a crash; it is dropped by the next `append`."""
        self.issued: dict[str, Issued] = {}  # by serial
        self.revoked: dict[str, Revoked] = {}  # by serial
        self.crl_number = 0
        self._read_bytes = 0
        self._read()

    def append(self, entries: Iterable[Entry]) -> None:
        """Returns when every line is on disk. A disk that is full leaves the ledger as it was."""
        lines = [json.dumps({"event": _WORDS[type(entry)], **asdict(entry)}, ensure_ascii=False) for entry in entries]
        with self._locked() as descriptor:
            self._read()
            end = self._repair(descriptor)
            try:
                _write_all(descriptor, "".join(line + "\n" for line in lines).encode())
                os.fsync(descriptor)  # from here on a crash forgets nothing that has been issued
            except OSError as error:
                os.ftruncate(descriptor, end)
                raise Rejected(
                    Code.DISK_FULL, f"{self.path} cannot be written: {error.strerror}. Nothing was issued; make room."
                ) from error
            self._read()

    def refresh(self) -> None:
        """Takes in what another process has appended."""
        self._read()

    def _read(self) -> None:
        """Takes in what was appended since the last time, by this process or another."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read_bytes)
                data = file.read()
        except OSError as error:
            raise Rejected(Code.FILE_UNREADABLE, f"{self.path} cannot be read: {error.strerror}.") from error
        lines = data.splitlines(keepends=True)
        parsed = [_parse(line) for line in lines]
        whole = next((number for number, entry in enumerate(parsed) if entry is None), len(parsed))
        if any(parsed[whole:]):
            raise StoreBroken(
                f"{self.path} is damaged: a line after byte {self._read_bytes + sum(map(len, lines[:whole]))} cannot "
                "be read, and good lines follow it. Restore the authority folder from its backup."
            )
        for entry in parsed[:whole]:
            self._take(entry)
        self._read_bytes += sum(map(len, lines[:whole]))
        self.torn = whole < len(lines)

    def _take(self, entry: Entry | None) -> None:
        match entry:
            case Issued():
                self.issued[entry.serial] = entry
            case Revoked():
                self.revoked.setdefault(entry.serial, entry)
            case CrlNumbered():
                self.crl_number = max(self.crl_number, entry.number)
            case None:
                pass

    def _repair(self, descriptor: int) -> int:
        """Cuts off a torn end: its fsync never returned, so what it spoke of never left the house."""
        os.ftruncate(descriptor, self._read_bytes)
        self.torn = False
        return os.lseek(descriptor, 0, os.SEEK_END)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def time_text(moment: datetime) -> str:
    """`moment` as the ledger writes it."""
    return moment.isoformat(timespec="seconds")


def _parse(line: bytes) -> Entry | None:
    """The entry in a whole line, or None: an end that was cut short, or never written, is no entry."""
    if not line.endswith(b"\n"):
        return None
    try:
        fields = json.loads(line)
        kind = _KINDS[fields.pop("event")]
        return kind(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
