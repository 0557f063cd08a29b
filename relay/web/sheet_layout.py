"""Where things stand on the sheet for the wall: as large as they fit on one page. Pure: no drawing.

Lengths in millimetres, sizes of type in points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from relay.web.sheet_rows import Row

POINT = 0.3528
_HEIGHT_OF_LINE = 1.42  # of its type's size
_SIZE_MAX = 15.0
_SIZE_WITH_WORDS_LEAST = 9.0
_SIZE_LEAST = 6.5
"""Of figures that are read from an arm's length; below it, more pages."""
_COLUMNS_MAX = 12
_GAP = 4.0
_EM_NUMBER, _EM_MARK, _EM_PAGES, _EM_WORDS, _EM_CONTACT = 2.4, 1.7, 2.2, 13.0, 5.6


@dataclass(frozen=True, slots=True)
class Place:
    """A line in a column: the heading of a village (`row` None), or a station."""

    village: str
    row: Row | None
    again: bool = False  # a heading that repeats the one of the column before


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of lines, `columns_on_page` side by side on each page."""

    columns: tuple[tuple[Place, ...], ...]
    columns_on_page: int
    width: float
    line: float
    size: float
    words: bool
    contact: bool

    @property
    def pages(self) -> int:
        """How many pages it takes."""
        return max(1, math.ceil(len(self.columns) / self.columns_on_page))


def layout(rows: Sequence[Row], marks: int, width: float, height: float) -> Layout:
    """Lays `rows`, in order, out on pages of `width` x `height`; `marks` is how many forms each shows.

    On one page: with words, if they can be read; else without. More pages only where even that is too small.
    """
    for words, contact in ((True, True), (True, False), (False, False)):
        if words and marks != 1:
            continue
        found = [_on_one_page(rows, count, marks, width, height, words, contact) for count in range(1, _COLUMNS_MAX)]
        best = max(found, key=lambda item: item.size)
        if best.size >= (_SIZE_WITH_WORDS_LEAST if words else _SIZE_LEAST):
            return best
    return _on_pages(rows, marks, width, height)


def ems(marks: int, words: bool, contact: bool) -> float:
    """How wide a station's line is, in sizes of its type."""
    pages = _EM_PAGES if marks == 1 else 0
    return _EM_NUMBER + marks * _EM_MARK + pages + _EM_WORDS * words + _EM_CONTACT * contact


def _on_one_page(
    rows: Sequence[Row], count: int, marks: int, width: float, height: float, words: bool, contact: bool
) -> Layout:
    lines = max(1, math.ceil(len(rows) / count))
    while len(columns := _flow(rows, lines)) > count:
        lines += 1
    column = (width - _GAP * (count - 1)) / count
    size = min(_SIZE_MAX, height / lines / _HEIGHT_OF_LINE / POINT, column / ems(marks, words, contact) / POINT)
    line = min(height / lines, size * POINT * _HEIGHT_OF_LINE * 1.3)
    return Layout(columns, count, column, line, size, words, contact)


def _on_pages(rows: Sequence[Row], marks: int, width: float, height: float) -> Layout:
    size = _SIZE_LEAST + 1
    line = size * POINT * _HEIGHT_OF_LINE
    count = max(1, int((width + _GAP) / (ems(marks, False, False) * size * POINT + _GAP)))
    column = (width - _GAP * (count - 1)) / count
    return Layout(_flow(rows, int(height / line)), count, column, line, size, False, False)


def _flow(rows: Sequence[Row], lines: int) -> tuple[tuple[Place, ...], ...]:
    """Rows in columns of at most `lines`; a village's name above its stations, again where they go on."""
    columns: list[list[Place]] = [[]]
    village = ""
    for row in rows:
        begins = row.village != village
        if len(columns[-1]) + 1 + begins > max(2, lines):
            columns.append([])
        if begins or not columns[-1]:
            columns[-1].append(Place(row.village, None, again=not begins))
        village = row.village
        columns[-1].append(Place(village, row))
    return tuple(map(tuple, columns))
