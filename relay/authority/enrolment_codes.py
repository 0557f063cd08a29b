"""enrolment-codes.csv: who may enrol, each with the one-time code that proves it. Rows are only added.

A row lets one key be certified for its scope. The file is read again when it has changed: codes may be added to it
while a relay answers from it.
"""

import csv
import io
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relay.authority import keys
from relay.errors import Code, Rejected
from relay.files import write_durably
from relay.protocol import codes
from relay.protocol.codes import Scope
from relay.protocol.enrolment import ALPHABET, CODE_LENGTH, EnrolmentCode, enrolment_code, grouped, proven
from relay.protocol.roles import Role

HEADER = ["code", "role", "scope", "name"]
_ROLES = (Role.KPPS, Role.PPK)


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """A code, and what it lets its holder be certified as; `name` is for people."""

    code: EnrolmentCode = field(repr=False)
    role: Role
    scope: Scope
    name: str


def new_code() -> EnrolmentCode:
    """A code of 60 bits that nobody can guess."""
    return EnrolmentCode("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)))


def new_entry(role: Role, scope: str, name: str) -> CodeEntry:
    """A new code for somebody; `Rejected` if nobody can have that role in that scope."""
    region = codes.scope(scope)
    if role not in _ROLES or (role is Role.KPPS and len(region) not in (10, 13)):
        raise Rejected(
            Code.BAD_REQUEST,
            "Codes are for the officers (kpps) of one TPS or one village, or for operators (ppk); give a scope of "
            f"10 or 13 digits for officers, not {scope!r}.",
        )
    return CodeEntry(new_code(), role, region, name)


def write(path: Path, entries: Iterable[CodeEntry]) -> None:
    """A new file, mode 0600; `Rejected(file-exists)` if there is one."""
    write_durably(path, _lines([HEADER]) + _lines(map(_row, entries)), mode=keys.PRIVATE)


class EnrolmentCodes:
    """The codes in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: tuple[CodeEntry, ...] = ()
        self._stamp = (0, 0)
        self._length = 0
        self.refresh()

    def refresh(self) -> None:
        """Reads the file if it has changed. `Rejected` names the line to mend; what was known stays."""
        keys.check_private(self.path, keys.PRIVATE)
        told = self.path.stat()
        if (told.st_size, told.st_mtime_ns) == self._stamp:
            return
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]  # a row that a crash cut short: nobody was given its code
        self.entries, self._length = _parse(whole, self.path), len(whole)
        self._stamp = (told.st_size, told.st_mtime_ns)

    def proven_by(self, public_key: bytes, proof: str) -> CodeEntry:
        """The entry whose code is proven for a key (SubjectPublicKeyInfo, DER); `Rejected(code-unknown)` if none is."""
        code = proven((entry.code for entry in self.entries), public_key, proof)
        if code is None:
            raise Rejected(
                Code.CODE_UNKNOWN,
                "This one-time code is not known here. Type it again as printed; if it stays unknown, ask the PPK.",
            )
        return next(entry for entry in self.entries if entry.code == code)

    def append(self, entry: CodeEntry) -> None:
        """Returns when the entry is on disk."""
        line = _lines([_row(entry)])
        descriptor = os.open(self.path, os.O_WRONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(self._length)
            file.seek(self._length)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._stamp = (0, 0)
        self.refresh()


def _parse(data: bytes, path: Path) -> tuple[CodeEntry, ...]:
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Rejected(Code.CSV_INVALID, f"{path} is not CSV in UTF-8: {error}.") from error
    if not rows or rows[0] != HEADER:
        raise Rejected(Code.CSV_INVALID, f"{path} does not begin with {','.join(HEADER)}; it is no list of codes.")
    return tuple(_entry(row, number, path) for number, row in enumerate(rows[1:], start=2) if row)


def _entry(row: Sequence[str], line: int, path: Path) -> CodeEntry:
    try:
        code, role, scope, name = row
        return CodeEntry(enrolment_code(code), Role(role), codes.scope(scope), name)
    except (ValueError, Rejected) as error:
        raise Rejected(
            Code.CSV_INVALID, f"{path} line {line} is not code, role, scope and name; put it back as it was."
        ) from error


def _row(entry: CodeEntry) -> list[str]:
    return [grouped(entry.code), entry.role, entry.scope, entry.name]


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
