"""Statements: an officer's tally (the figures of one form) or documents (its photographs); an operator's note on them.

Reading checks shape only; who signed and whether they may is `trust`'s matter.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NewType

from relay.errors import Code, Rejected
from relay.protocol import cbor, codes, cose
from relay.protocol.codes import TpsCode

StatementId = NewType("StatementId", bytes)
"""SHA-256 of the COSE Sig_structure, 32 bytes."""
DocumentHash = NewType("DocumentHash", bytes)
"""SHA-256 of a photograph's bytes, 32 bytes."""


class Kind(IntEnum):
    """What a signed payload is (key 1 of every payload), so that none can be taken for another."""

    TALLY = 1
    DOCUMENTS = 2
    SLIP = 3
    RECEIPT = 4
    BATCH = 5
    MANIFEST = 6
    NOTE = 7
    LOGIN = 8


class Key(IntEnum):
    """The keys of payload maps; one number means one thing in every kind."""

    KIND = 1
    TPS = 2
    FORM = 3
    REVISION = 4
    TIME = 5
    FIGURES = 6
    PAGES = 7
    SUBJECT_KIND = 8
    SUBJECT = 9
    NUMBER = 10
    CLOCK_SURE = 11
    OUTCOMES = 12
    FRAMES = 13
    FILES = 14
    FRAME_COUNT = 15
    BYTES = 16
    ROOT = 17
    DOCUMENTS = 18
    ABOUT = 19
    FAVOURS = 20
    TEXT = 21
    CHALLENGE = 22
    ORIGIN = 23


STATEMENT_KINDS = (Kind.TALLY, Kind.NOTE, Kind.DOCUMENTS)
"""The kinds of statement, in the order in which they go out: lists of photographs last."""
_COMMON = frozenset({Key.KIND, Key.TPS, Key.FORM, Key.REVISION, Key.TIME})
_KEYS = {
    Kind.TALLY: _COMMON | {Key.FIGURES},
    Kind.DOCUMENTS: _COMMON | {Key.PAGES},
    Kind.NOTE: _COMMON | {Key.ABOUT, Key.FAVOURS, Key.TEXT},
}
TIME_MAX = 2**34
REVISION_MAX = 99
FORM_MAX = 2**16 - 1
FIGURES_BYTES_MAX = 1024
PAGES_MAX = 64
PAGE_NUMBER_MAX = 99
DOCUMENT_BYTES_MAX = 64 * 2**20
ABOUT_MAX = 16
TEXT_BYTES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """One photographed page: its number on the form, the SHA-256 of the file and its size in bytes."""

    number: int
    document: DocumentHash
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A well-formed statement; `signed` holds the exact bytes. Times are Unix seconds by the phone's clock.

    `figures` are a tally's, `pages` are of documents; a note is `about` statements, of which it may favour one.
    """

    id: StatementId
    kind: Kind
    tps: TpsCode
    form: int
    revision: int
    signed_at: int
    signed: cose.Sign1
    figures: bytes = b""
    pages: tuple[Page, ...] = ()
    about: tuple[StatementId, ...] = ()
    favours: StatementId | None = None
    text: str = ""

    @property
    def short_id(self) -> str:
        """The first 8 hex digits of the id, as every log line shows it."""
        return self.id.hex()[:8]

    @property
    def content(self) -> bytes:
        """What is claimed, without when and under which revision: equal contents are no conflict."""
        if self.kind is Kind.TALLY:
            return self.figures
        if self.kind is Kind.NOTE:
            return cbor.encode([list(self.about), self.favours, self.text])
        return b"".join(bytes((page.number,)) + page.document for page in self.pages)


def tally(*, tps: TpsCode, form: int, revision: int, signed_at: int, figures: bytes) -> bytes:
    """The payload of a tally; `figures` as `forms.pack` makes them."""
    return _payload(Kind.TALLY, tps, form, revision, signed_at, {Key.FIGURES: figures})


def documents(*, tps: TpsCode, form: int, revision: int, signed_at: int, pages: Sequence[Page]) -> bytes:
    """The payload of a documents statement; pages in ascending order of their number."""
    listing = [[page.number, page.document, page.size_bytes] for page in pages]
    return _payload(Kind.DOCUMENTS, tps, form, revision, signed_at, {Key.PAGES: listing})


def note(
    *,
    tps: TpsCode,
    form: int,
    revision: int,
    signed_at: int,
    about: Sequence[StatementId],
    favours: StatementId | None,
    text: str,
) -> bytes:
    """The payload of a note; `about` in ascending order, `favours` one of them or none."""
    body = {Key.ABOUT: list(about), Key.FAVOURS: favours, Key.TEXT: text}
    return _payload(Kind.NOTE, tps, form, revision, signed_at, body)


def parse(data: bytes) -> Statement:
    """The statement in a COSE_Sign1. Raises `Rejected` as `cose.parse` and `read` do."""
    return read(cose.parse(data))


def read(signed: cose.Sign1) -> Statement:
    """The statement in a parsed COSE_Sign1.

    Raises `Rejected` with malformed-cbor, cbor-not-deterministic, kind-unexpected, statement-malformed or
    tps-malformed.
    """
    payload = payload_of(signed)
    number = payload[Key.KIND]
    if number not in _KEYS:
        raise Rejected(
            Code.KIND_UNEXPECTED, f"A statement is a tally (1), documents (2) or a note (7); this has kind {number}."
        )
    kind = Kind(number)
    if payload.keys() != _KEYS[kind]:
        raise _malformed("it does not have exactly the keys of its kind")
    about, favours = _about(payload) if kind is Kind.NOTE else ((), None)
    return Statement(
        id=StatementId(signed.id),
        kind=kind,
        tps=_tps(payload[Key.TPS]),
        form=whole(payload[Key.FORM], 1, FORM_MAX, "form"),
        revision=whole(payload[Key.REVISION], 1, REVISION_MAX, "revision"),
        signed_at=whole(payload[Key.TIME], 0, TIME_MAX, "time"),
        signed=signed,
        figures=byte_string(payload[Key.FIGURES], 1, FIGURES_BYTES_MAX, "figures") if kind is Kind.TALLY else b"",
        pages=_pages(payload[Key.PAGES]) if kind is Kind.DOCUMENTS else (),
        about=about,
        favours=favours,
        text=text_string(payload[Key.TEXT], 1, TEXT_BYTES_MAX, "text") if kind is Kind.NOTE else "",
    )


def payload_of(signed: cose.Sign1) -> Mapping[int, Any]:
    """The payload as a map that says its kind, deterministically encoded, or `Rejected`."""
    payload = cbor.decode_deterministic(signed.payload)
    # `type`, because to Python `true` and 1.0 equal 1, and the same statement would have several encodings
    if not isinstance(payload, dict) or any(type(key) is not int for key in payload):
        raise _malformed("the payload is not a map with whole numbers as keys")
    if type(payload.get(Key.KIND)) is not int:
        raise Rejected(Code.KIND_UNEXPECTED, "The payload does not say with a whole number (key 1) what it is.")
    return payload


def whole(value: object, least: int, most: int, name: str) -> int:
    """`value` if it is a whole number within [least, most]; otherwise `Rejected(statement-malformed)`."""
    if type(value) is not int or not least <= value <= most:
        raise _malformed(f"{name} must be a whole number from {least} to {most}")
    return value


def byte_string(value: object, least: int, most: int, name: str) -> bytes:
    """`value` if it is a byte string of `least` to `most` bytes; otherwise `Rejected(statement-malformed)`."""
    if not isinstance(value, bytes) or not least <= len(value) <= most:
        raise _malformed(f"{name} must be a byte string of {least} to {most} bytes")
    return value


def text_string(value: object, least: int, most: int, name: str) -> str:
    """`value` if it is text of `least` to `most` bytes in UTF-8; otherwise `Rejected(statement-malformed)`."""
    if not isinstance(value, str) or not least <= len(value.encode()) <= most:
        raise _malformed(f"{name} must be text of {least} to {most} bytes in UTF-8")
    return value


def items(value: object, least: int, most: int, name: str) -> list[Any]:
    """`value` if it is an array of `least` to `most` items; otherwise `Rejected(statement-malformed)`."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise _malformed(f"{name} must be an array of {least} to {most} items")
    return value


def _payload(kind: Kind, tps: TpsCode, form: int, revision: int, signed_at: int, body: dict[Key, Any]) -> bytes:
    head = {Key.KIND: kind, Key.TPS: int(tps), Key.FORM: form, Key.REVISION: revision, Key.TIME: signed_at}
    return cbor.encode(
        {int(key): int(value) if isinstance(value, int) else value for key, value in (head | body).items()}
    )


def _tps(value: object) -> TpsCode:
    return codes.tps_code(f"{whole(value, 0, 10**13 - 1, 'TPS code'):013d}")


def _pages(value: object) -> tuple[Page, ...]:
    pages = []
    for item in items(value, 1, PAGES_MAX, "pages"):
        number, document, size = items(item, 3, 3, "a page")
        pages.append(
            Page(
                whole(number, 1, PAGE_NUMBER_MAX, "page number"),
                DocumentHash(byte_string(document, 32, 32, "document")),
                whole(size, 1, DOCUMENT_BYTES_MAX, "document size"),
            )
        )
    if any(later.number <= earlier.number for earlier, later in itertools.pairwise(pages)):
        raise _malformed("page numbers must ascend, each once")
    sizes = {page.document: page.size_bytes for page in pages}
    if any(sizes[page.document] != page.size_bytes for page in pages):
        raise _malformed("one document cannot have two sizes")
    return tuple(pages)


def _about(payload: Mapping[int, Any]) -> tuple[tuple[StatementId, ...], StatementId | None]:
    """The statements that a note is about, and the one of them that it favours, if any."""
    listed = items(payload[Key.ABOUT], 1, ABOUT_MAX, "about")
    about = tuple(StatementId(byte_string(item, 32, 32, "statement id")) for item in listed)
    if any(later <= earlier for earlier, later in itertools.pairwise(about)):
        raise _malformed("the statements that a note is about must ascend, each once")
    favours = payload[Key.FAVOURS]
    if favours is not None and favours not in about:
        raise _malformed("a note favours one of the statements that it is about, or none (null)")
    return about, favours


def _malformed(why: str) -> Rejected:
    return Rejected(Code.STATEMENT_MALFORMED, f"The statement is malformed: {why}.")
