"""The demo's photographs: three pages a station, filled in by hand, photographed by a phone in poor light.

Drawn, not taken: the same station and page give the same bytes wherever the same Pillow is installed.
"""

import io
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from relay.demo import paper
from relay.demo.figures import KABUPATEN_NAME, Station
from relay.demo.handwriting import Pen
from relay.demo.paper import PAGES, Boxes, Sheet

__all__ = ["PAGES", "photograph"]

WIDTH, HEIGHT = 1200, 1600
_QUALITY = 82
_COARSE = 8
_INKS = ((22, 38, 120), (28, 30, 40), (18, 60, 140))
_TABLES = ((96, 72, 52), (70, 78, 74), (122, 104, 84))
_ONES = ("NOL", "SATU", "DUA", "TIGA", "EMPAT", "LIMA", "ENAM", "TUJUH", "DELAPAN", "SEMBILAN", "SEPULUH", "SEBELAS")


def photograph(station: Station, page: int) -> bytes:
    """The JPEG of one page (1 to `PAGES`) of a station's form."""
    chance = random.Random(f"{station.tps}/{page}")
    sheet = paper.blank(page)
    image = sheet.image.copy()
    _fill_in(image, sheet, station, random.Random(station.tps), chance)
    shot = _noisy(_lit(_on_table(_creased(image, chance), chance), chance), chance)
    out = io.BytesIO()
    shot.save(out, "JPEG", quality=_QUALITY, subsampling=2)
    return out.getvalue()


def in_words(number: int) -> str:
    """0 to 999 as the form wants them written out."""
    if number < len(_ONES):
        return _ONES[number]
    if number < 20:
        return f"{_ONES[number - 10]} BELAS"
    tens, rest = divmod(number, 10)
    if number < 100:
        return f"{_ONES[tens]} PULUH" + (f" {_ONES[rest]}" if rest else "")
    hundreds, rest = divmod(number, 100)
    start = "SERATUS" if hundreds == 1 else f"{_ONES[hundreds]} RATUS"
    return start + (f" {in_words(rest)}" if rest else "")


def _fill_in(image: Image.Image, sheet: Sheet, station: Station, hand: random.Random, chance: random.Random) -> None:
    """`hand` is the same on all pages of a station: one person with one pen."""
    ink = hand.choice(_INKS)
    pen = Pen(ImageDraw.Draw(image), chance, ink)
    head = {
        "Provinsi": "KALIMANTAN UTARA",
        "Kabupaten": KABUPATEN_NAME,
        "Kecamatan": station.kecamatan_name,
        "Desa": station.village,
        "Nomor TPS": station.number,
    }
    for label, words in head.items():
        pen.write(words, *sheet.spots[label][:2], sheet.spots[label][2] * 0.86)
    fill = hand.choice("0X")
    for name, boxes in sheet.boxes.items():
        _figure(pen, sheet, name, boxes, station.figure(name), fill)
    for left, top, width, height in sheet.signatures:
        pen.signature(left, top, width, height)


def _figure(pen: Pen, sheet: Sheet, name: str, boxes: Boxes, figure: int | None, fill: str) -> None:
    if figure is None:
        return
    pen.figure(str(figure).rjust(3, fill), boxes)
    if f"{name} in words" in sheet.spots:
        x, y, height = sheet.spots[f"{name} in words"]
        pen.write(in_words(figure), x, y, height * 0.8)
    if name in sheet.grids:
        left, top, right, bottom = sheet.grids[name]
        wide, high = (right - left) / paper.TALLY_COLUMNS, (bottom - top) / paper.TALLY_ROWS
        for at in range(-(-figure // 5)):
            row, column = divmod(at, paper.TALLY_COLUMNS)
            pen.tally_mark(min(5, figure - 5 * at), left + column * wide, top + row * high, wide, high)


def _creased(image: Image.Image, chance: random.Random) -> Image.Image:
    """Paper that was folded once."""
    fold = image.height / 2 + chance.uniform(-40, 40)
    draw = ImageDraw.Draw(image, "RGBA")
    for offset in range(-5, 6):
        shade = 26 - 4 * abs(offset)
        colour = (255, 255, 255, shade) if offset < 0 else (0, 0, 0, shade)
        draw.line((0, fold + offset, image.width, fold + offset + 3), fill=colour)
    return image


def _on_table(sheet: Image.Image, chance: random.Random) -> Image.Image:
    """The sheet as a hand-held camera sees it: on a table, neither straight nor quite in its plane."""
    corners = [
        (x + chance.uniform(-22, 22), y + chance.uniform(-22, 22))
        for x, y in ((46, 40), (WIDTH - 46, 40), (WIDTH - 46, HEIGHT - 40), (46, HEIGHT - 40))
    ]
    whole = [(0.0, 0.0), (sheet.width, 0.0), (sheet.width, sheet.height), (0.0, sheet.height)]
    seen = _perspective(corners, whole)
    laid = sheet.transform((WIDTH, HEIGHT), Image.Transform.PERSPECTIVE, seen, Image.Resampling.BILINEAR)
    edge = Image.new("L", laid.size, 0)
    ImageDraw.Draw(edge).polygon(corners, fill=255)
    table = _table(corners, chance)
    table.paste(laid, mask=edge)
    return table.filter(ImageFilter.BoxBlur(chance.uniform(0.4, 0.8)))


def _table(corners: list[tuple[float, float]], chance: random.Random) -> Image.Image:
    """The table, with the sheet's shadow on it; made small, since nothing on it is sharp."""
    size = (WIDTH // _COARSE, HEIGHT // _COARSE)
    table = Image.new("RGB", size, chance.choice(_TABLES))
    shadow = Image.new("L", size, 255)
    ImageDraw.Draw(shadow).polygon([(x / _COARSE + 2, y / _COARSE + 3) for x, y in corners], fill=110)
    shade = ImageChops.multiply(shadow.filter(ImageFilter.BoxBlur(2)), _clouds(size, chance, 40, 190))
    table = ImageChops.multiply(table, Image.merge("RGB", (shade,) * 3))
    return table.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)


def _lit(image: Image.Image, chance: random.Random) -> Image.Image:
    """One lamp somewhere, paper that lay in a damp box, and the warmth of a bulb."""
    size = (WIDTH // _COARSE, HEIGHT // _COARSE)
    lamp = ImageChops.invert(Image.radial_gradient("L")).point(lambda value: 118 + value * 137 // 255)
    left, top = chance.randint(0, 60), chance.randint(0, 90)
    lamp = lamp.crop((left, top, left + 190, top + 160)).resize(size, Image.Resampling.BICUBIC)
    lamp = ImageChops.multiply(lamp, _clouds(size, chance, 12, 228))
    warm = chance.uniform(0.88, 0.97)
    green, blue = (1 + warm) / 2, warm * 0.94
    light = Image.merge(
        "RGB", (lamp, lamp.point(lambda value: int(value * green)), lamp.point(lambda value: int(value * blue)))
    )
    return ImageChops.multiply(image, light.resize(image.size, Image.Resampling.BILINEAR))


def _noisy(image: Image.Image, chance: random.Random) -> Image.Image:
    """The grain of a small sensor at dusk."""
    strength = chance.uniform(0.07, 0.11)
    size = image.width * image.height
    first, second = (Image.frombytes("L", image.size, chance.randbytes(size)) for _ in range(2))
    grain = Image.blend(first, second, 0.5).point(lambda value: int(128 + (value - 128) * strength * 2))
    return ImageChops.add(image, Image.merge("RGB", (grain,) * 3), 1, -128)


def _clouds(size: tuple[int, int], chance: random.Random, cells: int, least: int) -> Image.Image:
    """Unevenness from `least` to 255, about `cells` times across."""
    small = Image.frombytes("L", (cells, cells), chance.randbytes(cells * cells))
    return small.point(lambda value: least + value * (255 - least) // 255).resize(size, Image.Resampling.BICUBIC)


def _perspective(seen: list[tuple[float, float]], flat: list[tuple[float, float]]) -> tuple[float, ...]:
    """The eight coefficients that take points of the picture (`seen`) to points of the sheet (`flat`)."""
    rows: list[list[float]] = []
    for (x, y), (to_x, to_y) in zip(seen, flat, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -to_x * x, -to_x * y, to_x])
        rows.append([0, 0, 0, x, y, 1, -to_y * x, -to_y * y, to_y])
    for at in range(8):  # Gauss and Jordan, with the largest pivot
        best = max(range(at, 8), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        rows[at] = [value / rows[at][at] for value in rows[at]]
        for other in range(8):
            if other != at:
                factor = rows[other][at]
                rows[other] = [value - factor * pivot for value, pivot in zip(rows[other], rows[at], strict=True)]
    return tuple(row[8] for row in rows)
