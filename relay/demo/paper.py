"""The printed form that the demo's photographs show: three blank pages of our own drawing, after C.HASIL-PPWP.

Like the official form in what is asked for and in what order, so that the figures have their boxes; unlike it in its
face, and marked as an example, so that nobody takes it for one.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1080, 1500
PAGES = 3
_BOX, _GAP, _MARGIN = 40, 8, 60
_INK, _FAINT, _WHITE = (24, 24, 28), (176, 176, 180), (250, 249, 246)
_HALF_TEXT = 300
TALLY_COLUMNS, TALLY_ROWS = 12, 5

Box = tuple[float, float, float, float]
Boxes = tuple[Box, Box, Box]
Spot = tuple[float, float, float]
"""Where handwriting begins: x, y, height."""


@dataclass
class Sheet:
    """One blank page, and where on it things are filled in, by name."""

    image: Image.Image
    boxes: dict[str, Boxes] = field(default_factory=dict)
    spots: dict[str, Spot] = field(default_factory=dict)
    grids: dict[str, Box] = field(default_factory=dict)
    signatures: list[Box] = field(default_factory=list)

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """For drawing on the page itself."""
        return ImageDraw.Draw(self.image)


@functools.cache
def blank(page: int) -> Sheet:
    """Page 1, 2 or 3; copy its image before writing on it."""
    sheet = Sheet(Image.new("RGB", (WIDTH, HEIGHT), _WHITE))
    _head(sheet, page)
    {1: _voters_page, 2: _votes_page, 3: _totals_page}[page](sheet)
    _signature_rows(sheet)
    _text(sheet, (_MARGIN, HEIGHT - 40), "CONTOH UNTUK PERAGAAN RELAY. BUKAN FORMULIR RESMI.", 17)
    _text(sheet, (WIDTH - 250, HEIGHT - 40), f"halaman {page} dari {PAGES}", 15, _FAINT)
    return sheet


def _head(sheet: Sheet, page: int) -> None:
    draw = sheet.draw
    for x in (20, WIDTH - 52):
        for y in (20, HEIGHT - 52):
            draw.rectangle((x, y, x + 15, y + 15), fill=_INK)
            draw.rectangle((x + 16, y + 16, x + 31, y + 31), fill=_INK)
    _text(sheet, (_MARGIN, 62), "HASIL PENGHITUNGAN SUARA DI TPS", 28, bold=True)
    _text(sheet, (_MARGIN, 98), "PEMILIHAN UMUM PRESIDEN DAN WAKIL PRESIDEN 2024", 19, bold=True)
    draw.rectangle((WIDTH - 260, 62, WIDTH - 60, 118), outline=_INK, width=2)
    _text(sheet, (WIDTH - 246, 68), "C.HASIL-PPWP", 24, bold=True)
    _text(sheet, (WIDTH - 246, 96), f"Halaman {page} dari {PAGES}", 16)
    for row, (left, right) in enumerate((("Provinsi", "Kecamatan"), ("Kabupaten", "Desa"), ("", "Nomor TPS"))):
        y = 148 + row * 44
        for x, label in ((_MARGIN, left), (_MARGIN + 480, right)):
            if label:
                _text(sheet, (x, y), f"{label} :", 18, bold=True)
                _dots(sheet, x + 130, x + 450, y + 22)
                sheet.spots[label] = (x + 138, y - 6, 26)


def _voters_page(sheet: Sheet) -> None:
    y = _title(sheet, 290, "I.  DATA PEMILIH DAN PENGGUNA HAK PILIH")
    for column, label in enumerate(("LAKI-LAKI (L)", "PEREMPUAN (P)", "JUMLAH (L+P)")):
        _text(sheet, (WIDTH - 512 + column * 156, y + 6), label, 16, bold=True)
    y += 34
    rows = (
        ("dpt", "A.  Pemilih dalam Daftar Pemilih Tetap (DPT)"),
        ("users_dpt", "B.1 Pengguna hak pilih dalam DPT"),
        ("users_dptb", "B.2 Pengguna hak pilih dalam DPTb"),
        ("users_dpk", "B.3 Pengguna hak pilih dalam DPK"),
        ("users", "B.4 Jumlah pengguna hak pilih"),
    )
    for name, label in rows:
        y = _people_row(sheet, y, name, label)
    y = _title(sheet, y + 26, "II.  DATA PENGGUNAAN SURAT SUARA")
    ballots = (
        ("ballots_received", "1.  Surat suara diterima, termasuk cadangan 2 %"),
        ("ballots_used", "2.  Surat suara digunakan"),
        ("ballots_spoilt", "3.  Surat suara rusak atau keliru coblos"),
        ("ballots_unused", "4.  Surat suara tidak digunakan"),
    )
    for name, label in ballots:
        y = _row(sheet, y, label, ((name, WIDTH - 60 - 150),))
    y = _title(sheet, y + 26, "III.  DATA PEMILIH DISABILITAS")
    _people_row(sheet, y, "disabled", "Pemilih disabilitas yang menggunakan hak pilih")


def _votes_page(sheet: Sheet) -> None:
    y = _title(sheet, 290, "IV.  RINCIAN PEROLEHAN SUARA PASANGAN CALON")
    for pair in (1, 2, 3):
        _tally_block(sheet, y, f"votes.{pair}", f"PASANGAN CALON {pair}", str(pair))
        y += 290


def _totals_page(sheet: Sheet) -> None:
    y = _title(sheet, 290, "V.  DATA SUARA SAH DAN SUARA TIDAK SAH")
    for name, label in (("valid", "A.  JUMLAH SELURUH SUARA SAH"), ("total", "C.  JUMLAH SUARA SAH DAN TIDAK SAH")):
        top = y if name == "valid" else y + 430
        sheet.draw.rectangle((_MARGIN, top, WIDTH - _MARGIN, top + 110), outline=_INK, width=2)
        _text(sheet, (_MARGIN + 16, top + 12), label, 18, bold=True)
        _dots(sheet, _MARGIN + 16, WIDTH - 260, top + 86)
        sheet.spots[f"{name} in words"] = (_MARGIN + 24, top + 56, 26)
        sheet.boxes[name] = _three_boxes(sheet, WIDTH - 60 - 160, top + 34)
    _tally_block(sheet, y + 130, "invalid", "B.  JUMLAH SUARA TIDAK SAH", "")


def _tally_block(sheet: Sheet, top: float, name: str, label: str, number: str) -> None:
    """A block in which votes are counted by strokes, with their sum in boxes and in words."""
    draw, right = sheet.draw, WIDTH - _MARGIN
    draw.rectangle((_MARGIN, top, right, top + 270), outline=_INK, width=2)
    _text(sheet, (_MARGIN + 16, top + 10), label, 18, bold=True)
    _text(sheet, (_MARGIN + 60, top + 70), number, 72, bold=True)
    grid = (_MARGIN + 200.0, top + 42.0, right - 190.0, top + 200.0)
    for column in range(TALLY_COLUMNS + 1):
        x = grid[0] + (grid[2] - grid[0]) * column / TALLY_COLUMNS
        draw.line((x, grid[1], x, grid[3]), fill=_FAINT, width=2)
    for row in range(TALLY_ROWS + 1):
        y = grid[1] + (grid[3] - grid[1]) * row / TALLY_ROWS
        draw.line((grid[0], y, grid[2], y), fill=_FAINT, width=2)
    _text(sheet, (right - 166, top + 12), "JUMLAH", 18, bold=True)
    sheet.boxes[name] = _three_boxes(sheet, right - 166, top + 44)
    sheet.grids[name] = grid
    _dots(sheet, _MARGIN + 200, right - 190, top + 252)
    sheet.spots[f"{name} in words"] = (_MARGIN + 208, top + 220, 26)


def _people_row(sheet: Sheet, y: float, name: str, label: str) -> float:
    columns = tuple((f"{name}.{part}", WIDTH - 516.0 + at * 156) for at, part in enumerate("lpj"))
    return _row(sheet, y, label, columns)


def _row(sheet: Sheet, y: float, label: str, columns: Sequence[tuple[str, float]]) -> float:
    sheet.draw.rectangle((_MARGIN, y, WIDTH - 48, y + 58), outline=_INK, width=2)
    _text(sheet, (_MARGIN + 14, y + 20), label, 17)
    for name, x in columns:
        sheet.boxes[name] = _three_boxes(sheet, x, y + 9)
    return y + 58


def _three_boxes(sheet: Sheet, x: float, y: float) -> Boxes:
    boxes = [(x + at * (_BOX + _GAP), y, x + at * (_BOX + _GAP) + _BOX, y + _BOX) for at in range(3)]
    for box in boxes:
        sheet.draw.rectangle(box, outline=_INK, width=3)
    return boxes[0], boxes[1], boxes[2]


def _signature_rows(sheet: Sheet) -> None:
    top, wide = HEIGHT - 190.0, (WIDTH - 2 * _MARGIN) / 7
    _text(sheet, (_MARGIN, top - 26), "TANDA TANGAN KPPS", 16, bold=True)
    for at in range(7):
        left = _MARGIN + at * wide
        sheet.draw.rectangle((left, top, left + wide, top + 96), outline=_INK, width=2)
        _text(sheet, (left + 8, top + 6), f"{at + 1}.", 16)
        sheet.signatures.append((left + 22, top + 22, wide - 40, 56))


def _title(sheet: Sheet, y: float, words: str) -> float:
    _text(sheet, (_MARGIN, y), words, 20, bold=True)
    return y + 34


def _dots(sheet: Sheet, left: float, right: float, y: float) -> None:
    for x in range(int(left), int(right), 8):
        sheet.draw.point((x, y), fill=_INK)
        sheet.draw.point((x + 1, y), fill=_INK)


def _text(
    sheet: Sheet,
    at: tuple[float, float],
    words: str,
    size: int,
    ink: tuple[int, int, int] = _INK,
    *,
    bold: bool = False,
) -> None:
    sheet.draw.text(at, words, fill=ink, font=ImageFont.load_default(size), stroke_width=0.4 if bold else 0)
