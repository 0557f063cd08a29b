"""The registry of polling stations as CSV: which TPS there are, and what regions are called.

The centre imports it; a relay reads its own kecamatan's part of it when it starts. Read row by row: a list of the
whole country takes no memory where only a kecamatan is asked for.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from relay.errors import Code, Rejected
from relay.protocol import codes

_CODE_COLUMNS = ("tps_code", "tps")
_REGION_CODE_COLUMNS = ("kpu_code", "scope", "code")
_REGION_NAME_COLUMNS = ("name_kpu_2024", "name")


def read_stations(path: Path, within: str = codes.NATIONAL) -> list[str]:
    """The TPS codes within a scope in a CSV file with a column `tps_code`; more columns are passed over.

    `Rejected(csv-invalid)`, with the line.
    """
    stations: dict[str, int] = {}
    for line, row, column in _rows(path, _CODE_COLUMNS):
        try:
            code = codes.tps_code((row[column] or "").strip())
        except Rejected as error:
            raise Rejected(Code.CSV_INVALID, f"{path}, line {line}: {error.sentence} Nothing was imported.") from error
        if code in stations:
            raise Rejected(
                Code.CSV_INVALID,
                f"{path}, line {line}: {code} stands in line {stations[code]} too. Nothing was imported.",
            )
        if codes.covers(within, code):
            stations[code] = line
    return list(stations)


def read_regions(path: Path, within: str = codes.NATIONAL) -> list[tuple[str, str]]:
    """(scope, name) of `within` and what lies in it, from a CSV file.

    Columns: `kpu_code` or `scope`, and `name_kpu_2024` or `name`. `Rejected(csv-invalid)`, with the line.
    """
    regions = []
    for line, row, column in _rows(path, _REGION_CODE_COLUMNS):
        name_column = next((name for name in _REGION_NAME_COLUMNS if name in row), None)
        if name_column is None:
            raise Rejected(Code.CSV_INVALID, f"{path} has no column {' or '.join(_REGION_NAME_COLUMNS)}.")
        try:
            scope = codes.scope((row[column] or "").strip())
        except Rejected as error:
            raise Rejected(Code.CSV_INVALID, f"{path}, line {line}: {error.sentence} Nothing was imported.") from error
        if codes.covers(within, scope):
            regions.append((str(scope), (row[name_column] or "").strip()))
    return regions


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str | None], str]]:
    """(line, row, the one of `columns` that the file has), row by row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            column = next((name for name in columns if name in (reader.fieldnames or ())), None)
            if column is None:
                raise Rejected(Code.CSV_INVALID, f"{path} has no column {' or '.join(columns)} in its first line.")
            for row in reader:
                yield reader.line_num, row, column
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Rejected(Code.CSV_INVALID, f"{path} cannot be read as CSV in UTF-8: {error}.") from error
