"""Writing by hand, for the demo's photographs: capitals and digits as pen strokes, never twice quite alike.

Every glyph is polylines in a box 10 wide and 14 high, y downwards, as one is taught to write block letters.
"""

import itertools
import math
import random
from collections.abc import Sequence

from PIL import ImageDraw

Ink = tuple[int, int, int]
_Stroke = tuple[tuple[float, float], ...]

_GLYPHS_TEXT = {
    "0": "5,0 2,1 0,5 0,10 3,14 7,14 10,10 10,4 8,1 5,0",
    "1": "2,4 6,0 6,14",
    "2": "0,3 2,0 7,0 9,3 8,6 0,14 10,14",
    "3": "1,1 6,0 9,3 7,6 4,7 8,8 10,11 7,14 3,14 0,12",
    "4": "6,0 0,9 10,9|7,5 7,14",
    "5": "9,0 2,0 1,6 6,5 9,8 9,11 6,14 2,14 0,12",
    "6": "8,0 3,4 0,9 2,13 6,14 9,11 8,8 4,8 1,10",
    "7": "0,0 10,0 4,14|3,7 8,7",
    "8": "8,2 5,0 2,2 3,5 8,9 9,12 5,14 1,12 2,9 7,5 8,2",
    "9": "9,4 6,7 2,6 1,3 4,0 8,1 9,5 8,10 6,14",
    "A": "0,14 5,0 10,14|2,9 8,9",
    "B": "1,0 1,14|1,0 7,0 9,3 6,7 1,7|6,7 10,10 7,14 1,14",
    "C": "9,2 6,0 2,1 0,6 1,12 5,14 9,12",
    "D": "1,0 1,14 6,14 10,10 10,4 6,0 1,0",
    "E": "9,0 1,0 1,14 9,14|1,7 7,7",
    "F": "9,0 1,0 1,14|1,7 7,7",
    "G": "9,2 6,0 2,1 0,6 1,12 5,14 9,12 9,8 6,8",
    "H": "1,0 1,14|9,0 9,14|1,7 9,7",
    "I": "1,0 1,14",
    "J": "7,0 7,11 5,14 1,13",
    "K": "1,0 1,14|9,0 1,8 9,14",
    "L": "1,0 1,14 9,14",
    "M": "0,14 1,0 5,9 9,0 10,14",
    "N": "1,14 1,0 9,14 9,0",
    "O": "5,0 1,2 0,8 3,14 7,14 10,8 8,2 5,0",
    "P": "1,14 1,0 7,0 9,3 7,7 1,7",
    "R": "1,14 1,0 7,0 9,3 7,7 1,7|5,7 9,14",
    "S": "9,1 4,0 1,3 3,6 8,8 9,11 6,14 1,13",
    "T": "0,0 10,0|5,0 5,14",
    "U": "1,0 1,11 4,14 8,13 9,10 9,0",
    "V": "0,0 5,14 10,0",
    "W": "0,0 2,14 5,5 8,14 10,0",
    "X": "0,0 10,14|10,0 0,14",
    "Y": "0,0 5,7 10,0|5,7 4,14",
    "Z": "0,0 10,0 0,14 10,14",
    "-": "2,7 8,7",
}
_BOX_WIDTH, _BOX_HEIGHT = 10.0, 14.0
_ADVANCE = {" ": 0.75, "I": 0.55, "L": 1.2}


class Pen:
    """A hand with its own slant and pressure, drawing onto a page."""

    def __init__(self, draw: ImageDraw.ImageDraw, chance: random.Random, ink: Ink) -> None:
        self._draw = draw
        self._chance = chance
        self._ink = ink
        self._slant = chance.uniform(-0.05, 0.22)
        self._width = chance.choice((3, 3, 4))

    def write(self, text: str, x: float, y: float, height: float) -> float:
        """Writes capitals and digits from (x, y), the top left; returns where the pen stops."""
        width = height * 0.56
        for letter in text.upper():
            if letter != " ":
                self._glyph(letter, x, y + self._chance.gauss(0, height * 0.035), width, height)
            x += width * (_ADVANCE.get(letter, 1.32) + self._chance.uniform(-0.06, 0.06))
        return x

    def figure(self, boxes: str, cells: tuple[tuple[float, float, float, float], ...]) -> None:
        """One character in each box (left, top, right, bottom), somewhat off its middle."""
        for letter, (left, top, right, bottom) in zip(boxes, cells, strict=True):
            height = (bottom - top) * self._chance.uniform(0.62, 0.8)
            width = height * self._chance.uniform(0.48, 0.6)
            x = (left + right - width) / 2 + self._chance.gauss(0, 1.6)
            y = (top + bottom - height) / 2 + self._chance.gauss(0, 1.6)
            self._glyph(letter, x, y, width, height)

    def tally_mark(self, count: int, left: float, top: float, width: float, height: float) -> None:
        """One to five strokes: the fifth lies across the four."""
        for at in range(min(count, 4)):
            x = left + width * (0.2 + 0.19 * at) + self._chance.gauss(0, 0.8)
            ends = top + height * 0.16 + self._chance.gauss(0, 1.2), top + height * 0.85 + self._chance.gauss(0, 1.2)
            self._line(((x + self._chance.gauss(0.6, 0.8), ends[0]), (x, ends[1])), 2)
        if count == 5:
            self._line(((left + width * 0.08, top + height * 0.72), (left + width * 0.92, top + height * 0.28)), 2)

    def signature(self, left: float, top: float, width: float, height: float) -> None:
        """A scrawl that is nobody's."""
        turns, tempo = self._chance.randint(2, 6), self._chance.uniform(1.3, 2.7)
        slope, narrowing = self._chance.uniform(-0.25, 0.1), self._chance.uniform(0.2, 0.9)
        points = []
        for step in range(60):
            at = step / 60
            angle = at * turns * math.tau
            x = left + width * (0.9 * at + 0.08 * math.cos(angle * tempo))
            swing = 0.3 * math.sin(angle) + 0.16 * math.sin(angle * tempo)
            points.append((x, top + height * (0.5 + slope * (at - 0.5) + swing * (1 - at * narrowing))))
        self._line(tuple(points), 2)

    def _glyph(self, letter: str, x: float, y: float, width: float, height: float) -> None:
        jitter = height * 0.025
        for stroke in _GLYPHS[letter]:
            points = []
            for glyph_x, glyph_y in stroke:
                across = glyph_x / _BOX_WIDTH * width + (1 - glyph_y / _BOX_HEIGHT) * self._slant * height
                down = glyph_y / _BOX_HEIGHT * height
                points.append((x + across + self._chance.gauss(0, jitter), y + down + self._chance.gauss(0, jitter)))
            self._line(_rounded(points), self._width)

    def _line(self, points: _Stroke, width: int) -> None:
        self._draw.line(points, fill=self._ink, width=width, joint="curve")


def _rounded(points: Sequence[tuple[float, float]]) -> _Stroke:
    """The same polyline with its corners cut twice (Chaikin), as a pen that does not stop takes them."""
    for _ in range(2 if len(points) > 2 else 0):
        cut = [points[0]]
        for (x, y), (to_x, to_y) in itertools.pairwise(points):
            cut += [(x * 0.75 + to_x * 0.25, y * 0.75 + to_y * 0.25), (x * 0.25 + to_x * 0.75, y * 0.25 + to_y * 0.75)]
        points = [*cut, points[-1]]
    return tuple(points)


def _strokes(text: str) -> tuple[_Stroke, ...]:
    return tuple(
        tuple((float(x), float(y)) for x, y in (point.split(",") for point in stroke.split()))
        for stroke in text.split("|")
    )


_GLYPHS = {letter: _strokes(text) for letter, text in _GLYPHS_TEXT.items()}
