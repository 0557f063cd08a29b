"""Reads who is to be enrolled from a CSV file: all of it is checked before anybody gets a key."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from relay.authority.authority import Subject
from relay.errors import Code, Rejected
from relay.protocol import codes
from relay.protocol.roles import Role

CODE_COLUMN = "tps_code"
NAME_COLUMN = "name"
NAME_LENGTH_MAX = 64
_SHOWN_MAX = 10
_VILLAGE_DIGITS = 10


def station(tps: str, name: str | None = None) -> Subject:
    """The officers of one polling station; without a name they are called by their TPS code."""
    return officers(codes.tps_code(tps), name)


def officers(scope: str, name: str | None = None) -> Subject:
    """The officers of a station, or of all stations of a village."""
    return Subject(Role.KPPS, codes.scope(scope), name or f"KPPS {scope}")


def read_stations(path: Path, scope: codes.Scope, *, villages: bool = False) -> list[Subject]:
    """Every station in a CSV with a column `tps_code` and perhaps `name`; other columns are not looked at.

    With `villages` the column may also hold the 10 digits of a village, for a phone that speaks for all of it.
    Raises `Rejected(csv-invalid)` that names the lines to mend: no code, a code twice, a code outside `scope`.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Rejected(Code.CSV_INVALID, f"{path} is not UTF-8 text; save it as “CSV UTF-8”.") from error
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","  # spreadsheets set to Indonesian write ;
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if CODE_COLUMN not in (reader.fieldnames or ()):
        raise Rejected(
            Code.CSV_INVALID,
            f"The first line of {path} must name the columns, one of them {CODE_COLUMN} (and, if there is one, "
            f"{NAME_COLUMN}).",
        )
    try:
        found = _judge(((reader.line_num, row) for row in reader), scope, villages)
    except csv.Error as error:
        raise Rejected(Code.CSV_INVALID, f"{path} line {reader.line_num} is not CSV: {error}.") from error
    if not found:
        raise Rejected(Code.CSV_INVALID, f"{path} has no station below its first line.")
    return found


def _judge(rows: Iterable[tuple[int, Mapping[str, str | None]]], scope: codes.Scope, villages: bool) -> list[Subject]:
    found: dict[str, Subject] = {}
    first_line: dict[str, int] = {}
    wrong: list[str] = []
    for line, row in rows:
        code, name = (row[CODE_COLUMN] or "").strip(), (row.get(NAME_COLUMN) or "").strip()
        problem = _problem(code, name, scope, villages)
        if not problem and code in found:
            problem = f"TPS {code} is already in line {first_line[code]}; keep one of the two"
        if problem:
            wrong.append(f"line {line}: {problem}.")
        else:
            found[code], first_line[code] = officers(code, name), line
    if wrong:
        more = f"\n… and {len(wrong) - _SHOWN_MAX} lines more." if len(wrong) > _SHOWN_MAX else ""
        raise Rejected(
            Code.CSV_INVALID, "Nothing was issued; mend these lines first.\n" + "\n".join(wrong[:_SHOWN_MAX]) + more
        )
    return list(found.values())


def _problem(code: str, name: str, scope: codes.Scope, villages: bool) -> str:
    if "E+" in code.upper():
        return f"{code!r} was rounded by a spreadsheet; format the column as text and fill it in anew"
    try:
        if not (villages and len(codes.scope(code)) == _VILLAGE_DIGITS):
            codes.tps_code(code)
    except Rejected:
        return f"a TPS code has 13 digits{' (a village 10)' if villages else ''}, this is {code[:40]!r}"
    if not codes.covers(scope, code):
        return f"TPS {code} is outside {scope}, where this CA may certify; use the CA of its kabupaten"
    if len(name) > NAME_LENGTH_MAX or not name.isprintable():
        return f"a name has up to {NAME_LENGTH_MAX} printable characters"
    return ""
