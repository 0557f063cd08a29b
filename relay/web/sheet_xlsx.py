"""Sheets as XLSX: opens alike everywhere, TPS codes stay text, and it prints as it stands."""

import io

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from relay.protocol import forms
from relay.web import sheet_csv
from relay.web.sheet_rows import Sheet
from relay.web.totals import Totals
from relay.web.wording import Words

_A4 = 9
_NUMBER = "#,##0"
_STATION_WIDTHS = (12, 24, 8, 16, 18, 10, 12, 9, 18, 12, 16)
_COLOURS = {"missing": "#FFFFFF", "in-conflict": "#F8D0C8", "at-centre": "#D5EBD8", "resolved": "#D5EBD8"}
_ON_ITS_WAY = "#FBEFC9"
_NAME_MAX = 28  # Excel allows 31
_CHART_FIELDS_MAX = 40


def stations(sheet: Sheet, words: Words) -> bytes:
    """One line a station and form, to filter and to sort; the tally's cell is coloured by its state."""
    out = io.BytesIO()
    with _workbook(out) as book:
        page = book.add_worksheet(words.say("sheet.stations")[:_NAME_MAX])
        top = _heading(book, page, sheet, words, words.say("sheet.stations"), "")
        _header(book, page, top, [words.say(f"column.{name}") for name in sheet_csv.STATION_COLUMNS])
        colours = {name: book.add_format({"bg_color": colour}) for name, colour in _COLOURS.items()}
        under_way = book.add_format({"bg_color": _ON_ITS_WAY})
        marks = [mark for row in sheet.rows for mark in row.marks]
        tally = sheet_csv.STATION_COLUMNS.index("tally")
        for at, (line, mark) in enumerate(zip(sheet_csv.station_lines(sheet, words), marks, strict=True), top + 1):
            page.write_row(at, 0, line)
            page.write_string(at, tally, str(line[tally]), colours.get(mark.tally, under_way))
        page.autofilter(top, 0, top + max(1, len(marks)), len(sheet_csv.STATION_COLUMNS) - 1)
        for column, width in enumerate(_STATION_WIDTHS):
            page.set_column(column, column, width)
        _print_setup(page, top, sheet, words, "")
    return out.getvalue()


def totals(sheet: Sheet, words: Words) -> bytes:
    """The sums with a chart of the votes; on a second page those of every part of the region."""
    out = io.BytesIO()
    with _workbook(out) as book:
        if sheet.totals is not None:
            _sums(book, sheet, sheet.totals, words)
            _parts(book, sheet, sheet.totals, words)
    return out.getvalue()


def coverage(sheet: Sheet, found: Totals, words: Words) -> str:
    """How much is in the totals: "14 of 16 TPS, 1 flagged"."""
    key = "sheet.coverage" if sheet.tps else "sheet.coverage-unlisted"
    said = [words.say(key, with_tally=words.number(found.with_tally), tps=words.number(sheet.tps))]
    for name, count in (
        ("flagged", found.flagged),
        ("in-conflict", found.in_conflict),
        ("resolved", found.resolved_by_note),
    ):
        if count:
            said.append(words.say(f"sheet.{name}", count=words.number(count)))
    return ", ".join(said)


def _sums(book: Workbook, sheet: Sheet, found: Totals, words: Words) -> None:
    page = book.add_worksheet(words.say("sheet.totals")[:_NAME_MAX])
    title = found.form.title if words.language == "id" else found.form.title_en
    top = _heading(book, page, sheet, words, f"{found.form.name}, {title}", coverage(sheet, found, words))
    _header(book, page, top, [words.say(f"column.{name}") for name in ("paper", "label", "sum", "blank")])
    number = book.add_format({"num_format": _NUMBER})
    for at, field in enumerate(found.form.fields):
        page.write_string(top + 1 + at, 0, field.paper)
        page.write_string(top + 1 + at, 1, sheet_csv.label(field, words))
        page.write_number(top + 1 + at, 2, found.figures[at], number)
        page.write_number(top + 1 + at, 3, found.blank[at], number)
    page.set_column(0, 0, 12)
    page.set_column(1, 1, 58)
    page.set_column(2, 3, 16)
    _chart(book, page, found.form, top, words)
    _print_setup(page, top, sheet, words, words.say("sheet.unofficial"))


def _chart(book: Workbook, page: Worksheet, form: forms.Form, top: int, words: Words) -> None:
    """The votes as bars: of candidates, or of parties, whatever the form has."""
    ids = [field.id for field in form.fields]
    wanted = [at for at, name in enumerate(ids) if name.startswith("votes.") and name.count(".") == 1]
    wanted = wanted or [at for at, name in enumerate(ids) if name.startswith("votes.") and name.endswith(".total")]
    if not wanted or len(wanted) > _CHART_FIELDS_MAX or wanted[-1] - wanted[0] + 1 != len(wanted):
        return  # bars must be neighbours in the table
    chart = book.add_chart({"type": "bar"})
    first, last = top + 1 + wanted[0], top + 1 + wanted[-1]
    chart.add_series(
        {"categories": [page.name, first, 1, last, 1], "values": [page.name, first, 2, last, 2], "gap": 40}
    )
    chart.set_title({"name": f"{words.say('sheet.totals')} - {words.say('sheet.unofficial')}"})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    page.insert_chart(top, 5, chart)


def _parts(book: Workbook, sheet: Sheet, found: Totals, words: Words) -> None:
    form = found.form
    page = book.add_worksheet(words.say("column.region")[:_NAME_MAX])
    top = _heading(book, page, sheet, words, form.name, coverage(sheet, found, words))
    names = [name or sheet.villages.get(scope, "") for scope, name, _ in sheet.parts]
    columns = [words.say(f"column.{name}") for name in ("paper", "label")]
    _header(book, page, top, columns + [f"{s} {n}".strip() for (s, _, _), n in zip(sheet.parts, names, strict=True)])
    number = book.add_format({"num_format": _NUMBER})
    page.write_string(top + 1, 1, words.say("column.tps-with-tally"))
    page.write_row(top + 1, 2, [found.with_tally for _, _, found in sheet.parts], number)
    for at, field in enumerate(form.fields):
        page.write_string(top + 2 + at, 0, field.paper)
        page.write_string(top + 2 + at, 1, sheet_csv.label(field, words))
        page.write_row(top + 2 + at, 2, [found.figures[at] for _, _, found in sheet.parts], number)
    page.set_column(0, 0, 12)
    page.set_column(1, 1, 58)
    page.set_column(2, 1 + max(1, len(sheet.parts)), 14)
    page.freeze_panes(top + 1, 2)
    _print_setup(page, top, sheet, words, words.say("sheet.unofficial"))


def _workbook(out: io.BytesIO) -> Workbook:
    # a text stays a text, whatever it begins with
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    return xlsxwriter.Workbook(out, options)


def _heading(book: Workbook, page: Worksheet, sheet: Sheet, words: Words, title: str, covered: str) -> int:
    """Title, region, what it is and is not, and when it was made; the row at which the table begins."""
    region = f"{sheet.scope} {sheet.name}".strip() or words.say("sheet.country")
    why = words.say("sheet.unofficial-why") if covered else words.say("sheet.state-why", node=sheet.node)
    made = words.say("sheet.printed", time=words.moment(sheet.made_at), node=sheet.node)
    page.write_string(0, 0, f"{title} - {region}", book.add_format({"bold": True, "font_size": 14}))
    page.write_string(1, 0, f"{covered}. {why}" if covered else why, book.add_format({"bold": bool(covered)}))
    page.write_string(2, 0, made if sheet.clock_sure else f"{made} ({words.say('sheet.clock-unsure')})")
    return 4


def _header(book: Workbook, page: Worksheet, row: int, titles: list[str]) -> None:
    style: Format = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    page.write_row(row, 0, titles, style)
    page.freeze_panes(row + 1, 0)


def _print_setup(page: Worksheet, top: int, sheet: Sheet, words: Words, mark: str) -> None:
    page.set_paper(_A4)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(top)
    made = words.say("sheet.printed", time=words.moment(sheet.made_at), node=sheet.node).replace("&", "&&")
    page.set_footer(f"&L{made}&C{mark}&R&P / &N")
