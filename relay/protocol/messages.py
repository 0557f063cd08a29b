"""The conversation on an uplink: what relay and centre, or neighbour, say to each other on one stream; CBOR arrays.

relay  -> centre or neighbour: BATCH (a signed header), FRAME, ASK
centre or neighbour -> relay: KEPT (running count of frames), RECEIPT, HELD, PROBLEM, TRUST; a neighbour: SLIP
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose
from relay.protocol.parcels import FRAME_BYTES_MAX, SHORT_BYTES
from relay.protocol.statements import DocumentHash, byte_string, items, whole

MESSAGE_BYTES_MAX = FRAME_BYTES_MAX + 1024
ASKED_MAX = 1024
_CERTIFICATES_MAX = 64


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch header (COSE bytes; the first one of a stream carries the relay's chain)."""

    header: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a batch announced before."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """What of this do you have already? Statements by the first 8 bytes of their id, documents by their hash."""

    statements: tuple[bytes, ...]
    documents: tuple[DocumentHash, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """How many frames of this stream have been dealt with so far, in the order they came."""

    frames: int


@dataclass(frozen=True, slots=True)
class ReceiptGiven:
    """A receipt (COSE bytes, bare)."""

    receipt: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """The answer to ASK for documents: name and bitmap of cells (bit 0 of byte 0 is cell 0) of each one asked for.

    An empty bitmap: nothing held. Statements that are recorded are answered with their receipts; the others
    asked for are listed in `unknown`, to be sent again.
    """

    documents: tuple[tuple[DocumentHash, bytes], ...]
    unknown: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something sent was not taken, and why; `about` names a frame, or is empty."""

    about: bytes
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TrustNews:
    """Certificates and CRLs, DER, for the relay and its phones: the receiver's own chain first, then CAs.

    A neighbour's own chain is what its slips are checked with; the centre's certificate, for receipts, follows.
    """

    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SlipGiven:
    """A neighbour's custody slip (COSE bytes, bare). It settles nothing: only a receipt lets a copy be dropped."""

    slip: bytes


Message = Batch | Frame | Ask | Kept | ReceiptGiven | Held | Problem | TrustNews | SlipGiven


def encode(message: Message) -> bytes:
    """The CBOR array of a message."""
    match message:
        case Batch(header):
            return cbor.encode([1, header])
        case Frame(frame):
            return cbor.encode([2, frame])
        case Ask(statements, documents):
            return cbor.encode([3, b"".join(statements), b"".join(documents)])
        case Kept(frames):
            return cbor.encode([4, frames])
        case ReceiptGiven(receipt):
            return cbor.encode([5, receipt])
        case Held(documents, unknown):
            return cbor.encode([6, [[name, cells] for name, cells in documents], b"".join(unknown)])
        case Problem(about, code, sentence):
            return cbor.encode([7, about, code, sentence])
        case TrustNews(certificates, crls):
            return cbor.encode([8, list(certificates), list(crls)])
        case SlipGiven(slip):
            return cbor.encode([9, slip])


def decode(data: bytes) -> Message:
    """The message in `data`, or `Rejected(batch-malformed)`."""
    try:
        return _decode(data)
    except Rejected as error:
        raise Rejected(Code.BATCH_MALFORMED, f"A message on the uplink is malformed: {error.sentence}") from error


def _decode(data: bytes) -> Message:
    if len(data) > MESSAGE_BYTES_MAX:
        raise Rejected(Code.BATCH_MALFORMED, f"a message has at most {MESSAGE_BYTES_MAX} bytes.")
    parts = items(cbor.decode(data), 2, 4, "a message")
    whole(parts[0], 1, 9, "a message's kind")
    return _senders(parts) if parts[0] <= 3 else _receivers(parts)


def _senders(parts: list[Any]) -> Message:
    match parts:
        case [1, header]:
            return Batch(byte_string(header, 1, MESSAGE_BYTES_MAX, "a batch header"))
        case [2, frame]:
            return Frame(byte_string(frame, 1, FRAME_BYTES_MAX, "a frame"))
        case [3, statements, documents]:
            return Ask(_names(statements, SHORT_BYTES), tuple(map(DocumentHash, _names(documents, 32))))
    raise Rejected(Code.BATCH_MALFORMED, "it has not the parts of its kind.")


def _receivers(parts: list[Any]) -> Message:
    match parts:
        case [4, frames]:
            return Kept(whole(frames, 0, 2**53, "frames"))
        case [5, receipt]:
            return ReceiptGiven(byte_string(receipt, 1, MESSAGE_BYTES_MAX, "a receipt"))
        case [6, list(documents), unknown]:
            return Held(
                tuple(_bitmap(item) for item in items(documents, 0, ASKED_MAX, "documents")),
                _names(unknown, SHORT_BYTES),
            )
        case [7, about, str(code), str(sentence)]:
            return Problem(byte_string(about, 0, SHORT_BYTES, "about"), code[:64], sentence[:500])
        case [8, list(certificates), list(crls)]:
            return TrustNews(_ders(certificates), _ders(crls))
        case [9, slip]:
            return SlipGiven(byte_string(slip, 1, cose.BARE_BYTES_MAX, "a slip"))
    raise Rejected(Code.BATCH_MALFORMED, "it has not the parts of its kind.")


def read_sequence(read: Callable[[int], bytes]) -> Iterator[Message]:
    """The messages of a CBOR sequence (RFC 8742), as they stand in a file; `read(n)` gives the next up to n bytes.

    `Rejected(batch-malformed)` where it is cut, or something else than a message begins.
    """
    buffer = read(MESSAGE_BYTES_MAX)
    while buffer:
        message = decode(buffer)
        data = encode(message)
        if not buffer.startswith(data):
            raise Rejected(Code.BATCH_MALFORMED, "A message in a file is not deterministically encoded.")
        yield message
        buffer = buffer[len(data) :] + read(len(data))


def portions(news: TrustNews) -> list[TrustNews]:
    """`news` as messages that fit, at least one, in the same order: a country has more CAs than one message holds.

    A CRL of more than `MESSAGE_BYTES_MAX` bytes fits none and is left out.
    """
    filled: list[TrustNews] = []
    certificates: list[bytes] = []
    crls: list[bytes] = []
    for is_crl, der in [(False, der) for der in news.certificates] + [(True, der) for der in news.crls]:
        (crls if is_crl else certificates).append(der)
        if len(certificates) + len(crls) > _CERTIFICATES_MAX or not _fits(certificates, crls):
            (crls if is_crl else certificates).pop()
            if certificates or crls:
                filled.append(TrustNews(tuple(certificates), tuple(crls)))
            alone = ([], [der]) if is_crl else ([der], [])
            certificates, crls = alone if _fits(*alone) else ([], [])
    if certificates or crls or not filled:
        filled.append(TrustNews(tuple(certificates), tuple(crls)))
    return filled


def _fits(certificates: Sequence[bytes], crls: Sequence[bytes]) -> bool:
    return len(encode(TrustNews(tuple(certificates), tuple(crls)))) <= MESSAGE_BYTES_MAX


def _names(value: object, size: int) -> tuple[bytes, ...]:
    joined = byte_string(value, 0, ASKED_MAX * size, "names")
    if len(joined) % size:
        raise Rejected(Code.BATCH_MALFORMED, f"names have {size} bytes each.")
    return tuple(joined[at : at + size] for at in range(0, len(joined), size))


def _bitmap(item: object) -> tuple[DocumentHash, bytes]:
    name, cells = items(item, 2, 2, "a bitmap")
    return DocumentHash(byte_string(name, 32, 32, "a name")), byte_string(cells, 0, 2048, "a bitmap")


def _ders(value: Sequence[object]) -> tuple[bytes, ...]:
    return tuple(byte_string(der, 1, MESSAGE_BYTES_MAX, "a certificate or CRL") for der in value[:_CERTIFICATES_MAX])
