"""codes.csv: the one-time code of every PKCS#12 file. Only appended to; a row is on disk before its file has a name."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from relay.authority import keys
from relay.errors import Code, Rejected


@dataclass(frozen=True, slots=True)
class CodeRow:
    """Which code opens which file; `serial` (hex) is its certificate's."""

    scope: str
    name: str
    file: str
    code: str
    serial: str


_HEADER = [field.name for field in fields(CodeRow)]


class CodeBook:
    """The rows of a codes.csv, by file name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, CodeRow] = {}
        self._length = 0
        if path.exists():
            keys.check_private(path, keys.PRIVATE)
            self._read()

    def append(self, rows: Sequence[CodeRow]) -> None:
        """Returns when every row is on disk."""
        text = _lines([_HEADER] if self._length == 0 else [], rows)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, keys.PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(self._length)  # a row cut short by a crash: its file never got its name
            file.seek(self._length)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._length += len(text)
        self.rows.update({row.file: row for row in rows})

    def _read(self) -> None:
        data = self.path.read_bytes()
        for number, line in enumerate(data.splitlines(keepends=True), start=1):
            values = _values(line)
            if values is None:
                if self._length + len(line) < len(data.rstrip(b"\0")):
                    raise Rejected(
                        Code.CSV_INVALID,
                        f"{self.path} line {number} cannot be read; put it right, or enrol into a new folder.",
                    )
                break
            self._length += len(line)
            if number > 1:
                row = CodeRow(*values)
                self.rows[row.file] = row


def _values(line: bytes) -> list[str] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        values = next(csv.reader([line.decode()], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        return None
    return values if len(values) == len(_HEADER) else None


def _lines(header: list[list[str]], rows: Sequence[CodeRow]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*header, *(astuple(row) for row in rows)])
    return text.getvalue().encode()
