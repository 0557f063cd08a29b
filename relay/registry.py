"""The registry of polling stations as CSV: which TPS there are, and what regions are called."""

import csv
from pathlib import Path

from relay.errors import Code, Rejected
from relay.protocol import codes

_CODE_COLUMNS = ("tps_code", "tps")
_REGION_CODE_COLUMNS = ("kpu_code", "scope", "code")
_REGION_NAME_COLUMNS = ("name_kpu_2024", "name")


def read_stations(path: Path) -> list[str]:
    """The TPS codes in a CSV file with a column `tps_code`; more columns are passed over. `Rejected(csv-invalid)`."""
    rows, column = _read(path, _CODE_COLUMNS)
    stations: dict[str, int] = {}
    for line, row in rows:
        try:
            code = codes.tps_code((row[column] or "").strip())
        except Rejected as error:
            raise Rejected(Code.CSV_INVALID, f"{path}, line {line}: {error.sentence} Nothing was imported.") from error
        if code in stations:
            raise Rejected(
                Code.CSV_INVALID,
                f"{path}, line {line}: {code} stands in line {stations[code]} too. Nothing was imported.",
            )
        stations[code] = line
    return list(stations)


def read_regions(path: Path) -> list[tuple[str, str]]:
    """(scope, name) pairs of a CSV file with columns `kpu_code` or `scope`, and `name_kpu_2024` or `name`."""
    rows, column = _read(path, _REGION_CODE_COLUMNS)
    regions = []
    for line, row in rows:
        name_column = next((name for name in _REGION_NAME_COLUMNS if name in row), None)
        if name_column is None:
            raise Rejected(Code.CSV_INVALID, f"{path} has no column {' or '.join(_REGION_NAME_COLUMNS)}.")
        try:
            regions.append((str(codes.scope((row[column] or "").strip())), (row[name_column] or "").strip()))
        except Rejected as error:
            raise Rejected(Code.CSV_INVALID, f"{path}, line {line}: {error.sentence} Nothing was imported.") from error
    return regions


def _read(path: Path, columns: tuple[str, ...]) -> tuple[list[tuple[int, dict[str, str | None]]], str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            column = next((name for name in columns if name in (reader.fieldnames or ())), None)
            if column is None:
                raise Rejected(Code.CSV_INVALID, f"{path} has no column {' or '.join(columns)} in its first line.")
            return [(reader.line_num, row) for row in reader], column
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Rejected(Code.CSV_INVALID, f"{path} cannot be read as CSV in UTF-8: {error}.") from error
