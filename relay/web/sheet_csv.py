"""Sheets as CSV, for whoever goes on calculating.

With a byte order mark, or Excel takes UTF-8 for Windows-1252. In Bahasa Indonesia with semicolons: Excel splits a file
by the list separator of Windows, which is the semicolon where the comma is the decimal sign, as in Indonesia; in
English with commas. Nothing in a cell begins a formula. Village code and number of a station stand in columns of their
own, since Excel shows a number of 13 digits as 6,50108E+12; its whole code is the last column.
"""

import csv
import datetime
import io
from collections.abc import Iterable, Iterator, Sequence

from relay.protocol import forms
from relay.web.sheet_rows import Sheet
from relay.web.wording import Words

_BYTE_ORDER_MARK = "\ufeff"
_SEPARATORS = {"id": ";", "en": ","}
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")

STATION_COLUMNS = (
    "village-code",
    "village",
    "tps-number",
    "form",
    "tally",
    "flagged",
    "pages-held",
    "pages-total",
    "last-contact",
    "listed",
    "tps-code",
)
TOTALS_COLUMNS = (
    "form-code",
    "form",
    "region",
    "paper",
    "label",
    "sum",
    "blank",
    "tps-with-tally",
    "tps-all",
    "in-conflict",
    "note",
)

Cell = str | int | None


def stations(sheet: Sheet, words: Words) -> bytes:
    """One line a station and form."""
    return _csv(words, STATION_COLUMNS, station_lines(sheet, words))


def totals(sheet: Sheet, words: Words) -> bytes:
    """One line a figure; each says that it is unofficial, so that no line loses that when it is copied."""
    return _csv(words, TOTALS_COLUMNS, _totals_lines(sheet, words))


def station_lines(sheet: Sheet, words: Words) -> Iterator[list[Cell]]:
    """The cells of `STATION_COLUMNS` for each station and form."""
    answers = {True: words.say("answer.yes"), False: words.say("answer.no")}
    for row in sheet.rows:
        contact = None
        if row.last_contact is not None:
            contact = f"{datetime.datetime.fromtimestamp(row.last_contact).astimezone():%Y-%m-%d %H:%M}"
        for mark in row.marks:
            yield [
                row.village,
                sheet.villages.get(row.village, ""),
                row.number,
                forms.catalogue()[mark.form].name,
                words.say(f"tally.{mark.tally}"),
                answers[mark.flagged],
                mark.pages_held,
                mark.pages_total,
                contact,
                answers[row.listed],
                row.tps,
            ]


def label(field: forms.Field, words: Words) -> str:
    """What a field is called in the language of the sheet."""
    return field.label if words.language == "id" else field.label_en


def _totals_lines(sheet: Sheet, words: Words) -> Iterator[list[Cell]]:
    found = sheet.totals
    if found is None:
        return
    made = words.say("sheet.printed", time=words.moment(sheet.made_at), node=sheet.node)
    note = f"{words.say('sheet.unofficial')}. {made}"
    for field, figure, blank in zip(found.form.fields, found.figures, found.blank, strict=True):
        yield [
            found.form.code,
            found.form.name,
            f"{sheet.scope} {sheet.name}".strip() or words.say("sheet.country"),
            field.paper,
            label(field, words),
            figure,
            blank,
            found.with_tally,
            sheet.tps or None,
            found.in_conflict,
            note,
        ]


def _csv(words: Words, columns: Sequence[str], lines: Iterable[Sequence[Cell]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=_SEPARATORS[words.language])
    writer.writerow([words.say(f"column.{name}") for name in columns])
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    return (_BYTE_ORDER_MARK + out.getvalue()).encode()


def _harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA) else cell
