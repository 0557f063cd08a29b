"""cards.pdf: a card for everybody who may enrol, with the one-time code as text and as a QR code, to cut and hand out.

The libraries that draw are loaded when a file is made, and nowhere else.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from relay.authority.enrolment_codes import CodeEntry
from relay.protocol import codes
from relay.protocol.enrolment import QR_PREFIX, grouped
from relay.protocol.roles import Role

if TYPE_CHECKING:
    from fpdf import FPDF

_COLUMNS, _ROWS = 2, 5
_WIDTH, _HEIGHT = 95.0, 55.4  # millimetres, of an A4 page with margins of 10
_MARGIN = 10.0
_QR = 30.0
_PIXELS_A_MODULE = 4
_QUIET = 4  # modules of white around a QR code (ISO/IEC 18004)
_NAME_LENGTH_MAX = 40
_HOW_TO_ENROL = {  # broken here: a library that breaks ten thousand cards' lines takes its time
    Role.KPPS: (
        "Buka halaman relai di ponsel, lalu pindai atau ketik kode ini.",
        "Berlaku untuk satu ponsel, satu kali. Jangan diperlihatkan kepada orang lain.",
        "Open the relay's page on the phone, then scan or type this code.",
        "Good for one phone, once. Show it to nobody else.",
    ),
    Role.PPK: (
        "Buka alamat relai dengan /ppk/ di belakangnya, pilih Masuk, ketik kode ini.",
        "Berlaku untuk satu peramban, satu kali. Jangan diperlihatkan kepada orang lain.",
        "Open the relay's address with /ppk/ behind it, choose Log in, type this code.",
        "Good for one browser, once. Show it to nobody else.",
    ),
}


def make(entries: Sequence[CodeEntry], root: bytes, progress: Callable[[int, int], None] | None = None) -> bytes:
    """A PDF of cards, ten on a page of A4, in the order of `entries`; `root` (DER) is shown by its SHA-256."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_title("One-time codes")
    pdf.set_draw_color(180)
    fingerprint = _spaced(hashlib.sha256(root).hexdigest().upper())
    for at, entry in enumerate(entries):
        place = at % (_COLUMNS * _ROWS)
        if place == 0:
            pdf.add_page()
        left, top = _MARGIN + place % _COLUMNS * _WIDTH, _MARGIN + place // _COLUMNS * _HEIGHT
        _card(pdf, entry, fingerprint, left, top)
        if progress and ((at + 1) % 250 == 0 or at + 1 == len(entries)):
            progress(at + 1, len(entries))
    return bytes(pdf.output())


def _card(pdf: "FPDF", entry: CodeEntry, fingerprint: str, left: float, top: float) -> None:
    pdf.rect(left, top, _WIDTH, _HEIGHT)
    _qr(pdf, QR_PREFIX + entry.code, left + _WIDTH - _QR - 2, top + 2)
    who = "Operator PPK" if entry.role is Role.PPK else "KPPS"
    _line(pdf, left + 3, top + 4, 9, f"{who}, {codes.level(entry.scope)}", "B")
    _line(pdf, left + 3, top + 9, 13, entry.scope or "nasional", "B")
    _line(pdf, left + 3, top + 15, 8, entry.name[:_NAME_LENGTH_MAX])
    pdf.set_font("Courier", "B", 15)
    pdf.text(left + 3, top + 28, grouped(entry.code))
    pdf.set_font("Helvetica", "", 6.5)
    for at, sentence in enumerate(_HOW_TO_ENROL[entry.role]):
        pdf.text(left + 3, top + 36 + 2.8 * at, sentence)
    pdf.set_font("Courier", "", 5.2)
    for at, half in enumerate((fingerprint[:39], fingerprint[40:])):
        pdf.text(left + 3, top + 49.5 + 2.4 * at, ("Root SHA-256 " if at == 0 else " " * 13) + half)


def _line(pdf: "FPDF", left: float, top: float, size: float, text: str, style: str = "") -> None:
    pdf.set_font("Helvetica", style, size)
    pdf.text(left, top + 3, text.encode("latin-1", "replace").decode("latin-1"))  # what the built-in fonts have


def _qr(pdf: "FPDF", text: str, left: float, top: float) -> None:
    """As a small picture: drawn module by module, ten thousand of them would take minutes."""
    import segno

    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=_PIXELS_A_MODULE, border=_QUIET)
    pdf.image(picture, left, top, _QR, _QR)


def _spaced(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
