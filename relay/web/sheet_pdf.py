"""The state of all stations on paper, for the wall: one A4 page wherever it can be read, more where it cannot.

States are shapes first and colours second: it is printed in black and white, and read by people who see no red.
"""

from fpdf import FPDF

from relay.protocol import forms
from relay.web.sheet_layout import POINT, Layout, Place, layout
from relay.web.sheet_rows import Mark, Row, Sheet
from relay.web.wording import Words

_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 10.0
_HEAD_LINE = 4.6
_FOOT = 13.0
_SMALLER = 0.72  # at most, where a name is too long
_FONT = "helvetica"
_BLACK, _GREY, _PALE = (0, 0, 0), (105, 105, 105), (226, 226, 226)
_COLOURS = {
    "missing": _GREY,
    "at-relay": (150, 100, 0),
    "on-its-way": (150, 100, 0),
    "at-centre": (0, 95, 45),
    "resolved": (0, 95, 45),
    "in-conflict": (170, 0, 0),
}
_LEGEND = ("missing", "at-relay", "at-centre", "in-conflict", "resolved")


def stations(sheet: Sheet, words: Words) -> bytes:
    """The sheet as PDF 1.3 or later, A4 upright."""
    return _Wall(sheet, words).made()


class _Wall:
    """One sheet while it is drawn."""

    def __init__(self, sheet: Sheet, words: Words) -> None:
        self._sheet = sheet
        self._words = words
        self._forms = [forms.catalogue()[code] for code in sheet.forms]
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(_MARGIN)
        self._pdf.set_title(words.say("sheet.stations"))
        self._pdf.set_creator("relay")
        self._top = _MARGIN + 14 + _HEAD_LINE * len(self._forms) + 2

    def made(self) -> bytes:
        """Draws every page."""
        height = _HEIGHT - _MARGIN - _FOOT - self._top
        laid = layout(self._sheet.rows, len(self._forms), _WIDTH - 2 * _MARGIN, height)
        for page in range(laid.pages):
            self._pdf.add_page()
            self._head()
            columns = laid.columns[page * laid.columns_on_page : (page + 1) * laid.columns_on_page]
            for at, column in enumerate(columns):
                self._column(_MARGIN + at * (_WIDTH - 2 * _MARGIN + 4) / laid.columns_on_page, column, laid)
            self._foot(page + 1, laid.pages)
        return bytes(self._pdf.output())

    def _head(self) -> None:
        sheet, words = self._sheet, self._words
        region = f"{sheet.name} ({sheet.scope})" if sheet.name else sheet.scope or words.say("sheet.country")
        self._text(_MARGIN, _MARGIN + 5, f"{words.say('sheet.stations')}: {region}", 15, bold=True)
        made = words.say("sheet.printed", time=words.moment(sheet.made_at), node=sheet.node)
        made = made if sheet.clock_sure else f"{made} ({words.say('sheet.clock-unsure')})"
        self._text(_MARGIN, _MARGIN + 10, f"{made}. {words.say('sheet.state-why', node=sheet.node)}", 8.5)
        for at, form in enumerate(self._forms):
            marks = [row.marks[at] for row in sheet.rows]
            self._text(_MARGIN, _MARGIN + 15 + at * _HEAD_LINE, f"{form.name}: {self._counts(marks)}", 9.5, bold=True)
        self._pdf.set_draw_color(*_BLACK)
        self._pdf.set_line_width(0.3)
        self._pdf.line(_MARGIN, self._top - 3, _WIDTH - _MARGIN, self._top - 3)

    def _counts(self, marks: list[Mark]) -> str:
        words = self._words
        there = sum(mark.with_tally for mark in marks)
        key = "sheet.coverage" if self._sheet.tps else "sheet.coverage-unlisted"
        found = [words.say(key, with_tally=words.number(there), tps=words.number(len(marks)))]
        for key, count in (
            ("missing-count", len(marks) - there if self._sheet.tps else 0),
            ("flagged", sum(mark.flagged for mark in marks)),
            ("conflict-count", sum(mark.tally == "in-conflict" for mark in marks)),
            ("complete-count", sum(mark.complete for mark in marks)),
        ):
            if count:
                found.append(words.say(f"sheet.{key}", count=words.number(count)))
        return ", ".join(found)

    def _column(self, left: float, column: tuple[Place, ...], laid: Layout) -> None:
        for at, place in enumerate(column):
            base = self._top + at * laid.line + laid.line * 0.72
            if place.row is None:
                self._pdf.set_fill_color(*_PALE)
                self._pdf.rect(left, base - laid.line * 0.72, laid.width, laid.line * 0.96, style="F")
                name = self._sheet.village(place.village) + (" ..." if place.again else "")
                self._text(left + 0.6, base, name, laid.size, bold=True, width=laid.width - 1)
            else:
                self._station(left, base, place.row, laid)

    def _station(self, left: float, base: float, row: Row, laid: Layout) -> None:
        em = laid.size * POINT
        self._text(left + 0.6, base, row.number, laid.size, bold=any(not mark.with_tally for mark in row.marks))
        x = left + 2.4 * em
        for mark in row.marks:
            self._mark(x, base, em, mark)
            if mark.flagged:
                self._text(x + em * 1.02, base, "!", laid.size, bold=True)
            if len(row.marks) > 1:
                self._bar(x, base, em, mark)
            x += 1.7 * em
        if len(row.marks) == 1:
            mark = row.marks[0]
            pages = f"{mark.pages_held}/{mark.pages_total}"
            self._text(x, base, pages, laid.size, bold=mark.with_tally and not mark.complete)
            self._said(x + 2.2 * em, base, row, laid)

    def _said(self, x: float, base: float, row: Row, laid: Layout) -> None:
        """In words, where there is room for them."""
        em, mark = laid.size * POINT, row.marks[0]
        if laid.words:
            said = self._words.say(f"tally.{mark.tally}")
            said += f", {self._words.say('tally.flagged')}" if mark.flagged else ""
            self._text(x, base, said, laid.size, width=12.6 * em)
        if laid.contact and row.last_contact is not None:
            self._text(x + 13 * em, base, self._words.day_and_time(row.last_contact), laid.size * 0.85, width=6 * em)

    def _mark(self, x: float, base: float, em: float, mark: Mark) -> None:
        """A square: empty, half, full, crossed, or full with a hole."""
        pdf, side = self._pdf, em * 0.86
        y = base - side + em * 0.06
        pdf.set_draw_color(*_COLOURS[mark.tally])
        pdf.set_fill_color(*_COLOURS[mark.tally])
        pdf.set_line_width(max(0.15, em * 0.07))
        pdf.rect(x, y, side, side, style="DF" if mark.tally in ("at-centre", "resolved") else "D")
        if mark.tally in ("at-relay", "on-its-way"):
            pdf.polygon([(x, y), (x, y + side), (x + side, y + side)], style="DF")
        elif mark.tally == "in-conflict":
            pdf.set_line_width(max(0.25, em * 0.14))
            pdf.line(x, y, x + side, y + side)
            pdf.line(x, y + side, x + side, y)
        elif mark.tally == "resolved":
            pdf.set_fill_color(255, 255, 255)
            pdf.ellipse(x + side * 0.28, y + side * 0.28, side * 0.44, side * 0.44, style="F")

    def _bar(self, x: float, base: float, em: float, mark: Mark) -> None:
        """How many of the pages are here, below the mark."""
        share = mark.pages_held / mark.pages_total if mark.pages_total else 0
        self._pdf.set_fill_color(*_BLACK)
        if share:
            self._pdf.rect(x, base + em * 0.14, em * 0.86 * share, em * 0.16, style="F")

    def _foot(self, page: int, pages: int) -> None:
        words, y, em = self._words, _HEIGHT - _MARGIN - 5, 9 * POINT
        x = _MARGIN
        for state in _LEGEND:
            said = words.say(f"tally.{state}")
            if state == "at-relay":
                said = f"{said}, {words.say('tally.on-its-way')}"
            self._mark(x, y, em, Mark(0, state))
            x += em * 1.3 + self._text(x + em * 1.3, y, said, 9) + em
        x += self._text(x, y, f"! {words.say('tally.flagged')}", 9) + em
        names = ", ".join(form.name for form in self._forms)
        said = words.say("sheet.forms", forms=names) if len(self._forms) > 1 else words.say("sheet.form", forms=names)
        said += f"; {words.say('sheet.bar')}" if len(self._forms) > 1 else ""
        self._text(_MARGIN, y + 4.6, said, 9)
        if pages > 1:
            self._text(_WIDTH - _MARGIN - 30, y + 4.6, words.say("sheet.page", page=page, pages=pages), 9)

    def _text(
        self, x: float, base: float, text: str, size: float, *, bold: bool = False, width: float | None = None
    ) -> float:
        """Writes on the line at `base`, smaller if it is wider than `width`, and then cut; how wide it is."""
        pdf = self._pdf
        # the fonts that every reader has know Latin-1, which has all letters of both languages
        text = text.encode("latin-1", "replace").decode("latin-1")
        pdf.set_font(_FONT, "B" if bold else "", size)
        taken = pdf.get_string_width(text)
        if width is not None and taken > width:
            pdf.set_font_size(size * max(_SMALLER, width / taken))
            whole = len(text)
            while whole and pdf.get_string_width(text) > width:
                whole -= 1
                text = text[:whole].rstrip() + "."
            taken = pdf.get_string_width(text)
        pdf.set_text_color(*_BLACK)
        pdf.text(x, base, text)
        return taken
