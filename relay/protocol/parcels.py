"""What travels between nodes: parcels, packed into frames, announced by a batch's signed header.

The same frames go over a stream and onto a drive. A frame is accepted on its own as soon as it is whole and
its digest stands in a header that a certified relay signed; nothing waits for the end of a batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import zstandard

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose
from relay.protocol.statements import (
    DOCUMENT_BYTES_MAX,
    TIME_MAX,
    DocumentHash,
    Key,
    Kind,
    byte_string,
    items,
    payload_of,
    whole,
)

CELL_BYTES = 4096
"""The fixed grid on which documents are cut: a chunk is a run of whole cells (the last one may be short)."""
FRAME_BYTES_MAX = 64 * 1024
UNPACKED_BYTES_MAX = 1024 * 1024
STATEMENTS_IN_FRAME_MAX = 256
FRAMES_IN_BATCH_MAX = 256
SHORT_BYTES = 8
"""Frames are named by SHA-256/64: whoever names one has it. A document is claimed by its name, so that is never cut."""

_STATEMENTS = 1
_CHUNK = 2
_LEVEL = 9
_PLAIN = 0
_ZSTD = 1


@dataclass(frozen=True, slots=True)
class StatementParcel:
    """One statement (bare COSE bytes), with the signer's chain where the receiver may lack it."""

    statement: bytes
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkParcel:
    """A run of cells of one document: `data` begins at cell `first_cell`."""

    document: DocumentHash
    first_cell: int
    data: bytes


Parcel = StatementParcel | ChunkParcel


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """The relay's signed announcement of frames, named in the order in which they come."""

    made_at: int
    frames: tuple[bytes, ...]
    signed: cose.Sign1


def cells_in(size_bytes: int) -> int:
    """The number of cells of a document."""
    return -(-size_bytes // CELL_BYTES)


def frame_name(frame: bytes) -> bytes:
    """How a batch header names a frame: SHA-256/64, 8 bytes."""
    return hashlib.sha256(frame).digest()[:SHORT_BYTES]


def pack_statements(parcels: Sequence[StatementParcel]) -> bytes:
    """One frame with 1 to `STATEMENTS_IN_FRAME_MAX` statements, compressed together."""
    listing = [[parcel.statement, *parcel.chain] for parcel in parcels]
    plain = cbor.encode(listing)
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False).compress(plain)
    body = [_ZSTD, packed] if len(packed) < len(plain) else [_PLAIN, plain]
    return cbor.encode([_STATEMENTS, *body])


def pack_chunk(chunk: ChunkParcel) -> bytes:
    """One frame with one chunk; photographs are compressed already and are sent as they are."""
    return cbor.encode([_CHUNK, chunk.document, chunk.first_cell, chunk.data])


def unpack(frame: bytes) -> list[Parcel]:
    """The parcels in a frame, or `Rejected(batch-malformed)`; output is bounded whatever the input claims."""
    if len(frame) > FRAME_BYTES_MAX:
        raise Rejected(Code.BATCH_MALFORMED, f"A frame has at most {FRAME_BYTES_MAX} bytes.")
    try:
        parts = items(cbor.decode(frame), 3, 4, "a frame")
        whole(parts[0], _STATEMENTS, _CHUNK, "a frame's kind")
        if parts[0] == _STATEMENTS and len(parts) == 3:
            return [*_statements(parts[1], byte_string(parts[2], 1, FRAME_BYTES_MAX, "statements"))]
        if parts[0] == _CHUNK and len(parts) == 4:
            return [_chunk(*parts[1:])]
    except Rejected as error:
        raise Rejected(Code.BATCH_MALFORMED, f"A frame is malformed: {error.sentence}") from error
    raise Rejected(Code.BATCH_MALFORMED, "A frame holds either statements (1) or a chunk (2).")


def header_payload(made_at: int, frames: Sequence[bytes]) -> bytes:
    """The payload of a batch header for up to `FRAMES_IN_BATCH_MAX` frames, named by `frame_name`."""
    return cbor.encode({int(Key.KIND): int(Kind.BATCH), int(Key.TIME): made_at, int(Key.FRAMES): b"".join(frames)})


def read_header(signed: cose.Sign1) -> BatchHeader:
    """The batch header in a parsed COSE_Sign1 (signature not checked here), or `Rejected`."""
    fields = payload_of(signed)
    if fields.get(Key.KIND) != Kind.BATCH:
        raise Rejected(Code.KIND_UNEXPECTED, "This is not a batch header (kind 5).")
    if fields.keys() != {Key.KIND, Key.TIME, Key.FRAMES}:
        raise Rejected(Code.BATCH_MALFORMED, "The batch header does not have exactly the keys of one.")
    names = byte_string(fields[Key.FRAMES], 0, FRAMES_IN_BATCH_MAX * SHORT_BYTES, "frames")
    if len(names) % SHORT_BYTES:
        raise Rejected(Code.BATCH_MALFORMED, f"A batch header names each frame with {SHORT_BYTES} bytes.")
    frames = tuple(names[at : at + SHORT_BYTES] for at in range(0, len(names), SHORT_BYTES))
    return BatchHeader(whole(fields[Key.TIME], 0, TIME_MAX, "time"), frames, signed)


def _statements(packing: object, body: bytes) -> Iterator[StatementParcel]:
    plain = body if whole(packing, _PLAIN, _ZSTD, "packing") == _PLAIN else _decompress(body)
    for item in items(cbor.decode(plain), 1, STATEMENTS_IN_FRAME_MAX, "statements"):
        statement, *chain = items(item, 1, 4, "a statement parcel")
        byte_string(statement, 1, cose.BARE_BYTES_MAX, "a statement")
        for der in chain:
            byte_string(der, 1, cose.CHAIN_BYTES_MAX, "a certificate")
        yield StatementParcel(statement, tuple(chain))


def _chunk(document: Any, first_cell: Any, data: Any) -> ChunkParcel:
    return ChunkParcel(
        DocumentHash(byte_string(document, 32, 32, "a chunk's document")),
        whole(first_cell, 0, cells_in(DOCUMENT_BYTES_MAX), "a chunk's first cell"),
        byte_string(data, 1, FRAME_BYTES_MAX, "a chunk's data"),
    )


def _decompress(body: bytes) -> bytes:
    try:
        # one call, bounded: a frame that claims or needs more than the limit is refused, not expanded
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= UNPACKED_BYTES_MAX:
            raise Rejected(Code.BATCH_MALFORMED, f"A frame unpacks to at most {UNPACKED_BYTES_MAX} bytes, and says so.")
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=UNPACKED_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise Rejected(Code.BATCH_MALFORMED, "A frame does not unpack (zstd).") from error
