"""`python -m relay.web.sheet_maker`: makes one sheet. JSON on standard input, the file on standard output.

A process of its own, because what draws PDF and XLSX takes more memory than a relay does, and gives it back by ending.
"""

import json
import os
import sys

from relay.web import sheet_rows
from relay.web.wording import Words


def make(data: bytes) -> bytes:
    """The sheet that is asked for; see `sheet_rows.read`. Imports only what this format needs."""
    asked = json.loads(data)
    sheet, words = sheet_rows.read(asked), Words(asked["language"], "common", "sheets")
    name = asked["sheet"]
    match asked["format"]:
        case "csv":
            from relay.web import sheet_csv

            return sheet_csv.totals(sheet, words) if name == "totals" else sheet_csv.stations(sheet, words)
        case "xlsx":
            from relay.web import sheet_xlsx

            return sheet_xlsx.totals(sheet, words) if name == "totals" else sheet_xlsx.stations(sheet, words)
        case _:
            from relay.web import sheet_pdf

            return sheet_pdf.stations(sheet, words)


if __name__ == "__main__":
    os.nice(10)  # whoever hands over comes first
    sys.stdout.buffer.write(make(sys.stdin.buffer.read()))
