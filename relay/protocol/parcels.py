"""What travels between nodes: parcels, packed into frames, announced by a batch's signed header.

The same frames go over a stream and onto a drive. A frame is accepted on its own as soon as it is whole and
its digest stands in a header that a certified relay signed; nothing waits for the end of a batch.
"""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import zstandard

from relay.errors import Code, Rejected
from relay.protocol import cbor, columns, cose
from relay.protocol.columns import STATEMENTS_IN_FRAME_MAX
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
FRAMES_IN_BATCH_MAX = 256
SHORT_BYTES = 8
"""Frames are named by SHA-256/64: whoever names one has it. A document is claimed by its name, so that is never cut."""
DICTIONARY_FILE = "dictionary-1.bin"

_STATEMENTS = 1
_CHUNK = 2
_LEVEL = 9
_PLAIN = 0
_ZSTD = 1
_COLUMNS = 2


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
    """The relay's signed announcement of frames, named in the order in which they come.

    A chunk in one of them may name its document by its place in `documents`, instead of by its hash.
    """

    made_at: int
    frames: tuple[bytes, ...]
    documents: tuple[DocumentHash, ...]
    signed: cose.Sign1


def cells_in(size_bytes: int) -> int:
    """The number of cells of a document."""
    return -(-size_bytes // CELL_BYTES)


def frame_name(frame: bytes) -> bytes:
    """How a batch header names a frame: SHA-256/64, 8 bytes."""
    return hashlib.sha256(frame).digest()[:SHORT_BYTES]


def pack_statements(parcels: Sequence[StatementParcel]) -> bytes:
    """One frame with 1 to `STATEMENTS_IN_FRAME_MAX` statements, in columns and compressed together."""
    laid_out, tail = in_columns(parcels)
    frame = cbor.encode([_STATEMENTS, _COLUMNS, _compress(laid_out), tail])
    plain = cbor.encode([[parcel.statement, *parcel.chain] for parcel in parcels])
    if len(laid_out) > UNPACKED_BYTES_MAX or len(plain) < len(frame):
        return cbor.encode([_STATEMENTS, _PLAIN, plain])
    return frame


def in_columns(parcels: Sequence[StatementParcel]) -> tuple[bytes, bytes]:
    """What `pack_statements` compresses with the dictionary, and what it does not."""
    body, tail = columns.lay_out(parcel.statement for parcel in parcels)
    chains = [[at, *parcel.chain] for at, parcel in enumerate(parcels) if parcel.chain]
    return cbor.encode([*body, chains]), tail


def pack_chunk(chunk: ChunkParcel, place: int | None = None) -> bytes:
    """One frame with one chunk; photographs are compressed already and are sent as they are.

    `place` of the document in the batch's header takes 31 bytes less than its hash.
    """
    return cbor.encode([_CHUNK, chunk.document if place is None else place, chunk.first_cell, chunk.data])


def unpack(frame: bytes, documents: Sequence[DocumentHash] = ()) -> list[Parcel]:
    """The parcels in a frame, or `Rejected(batch-malformed)`; output is bounded whatever the input claims.

    `documents` are those of the header that announced it.
    """
    if len(frame) > FRAME_BYTES_MAX:
        raise Rejected(Code.BATCH_MALFORMED, f"A frame has at most {FRAME_BYTES_MAX} bytes.")
    try:
        parts = items(cbor.decode(frame), 3, 4, "a frame")
        whole(parts[0], _STATEMENTS, _CHUNK, "a frame's kind")
        if parts[0] == _STATEMENTS:
            return [*_statements(*parts[1:])]
        if parts[0] == _CHUNK and len(parts) == 4:
            return [_chunk(documents, *parts[1:])]
    except Rejected as error:
        raise Rejected(Code.BATCH_MALFORMED, f"A frame is malformed: {error.sentence}") from error
    raise Rejected(Code.BATCH_MALFORMED, "A frame holds either statements (1) or a chunk (2).")


def header_payload(made_at: int, frames: Sequence[bytes], documents: Sequence[DocumentHash] = ()) -> bytes:
    """The payload of a batch header for up to `FRAMES_IN_BATCH_MAX` frames, named by `frame_name`."""
    fields = {int(Key.KIND): int(Kind.BATCH), int(Key.TIME): made_at, int(Key.FRAMES): b"".join(frames)}
    return cbor.encode(fields | ({int(Key.DOCUMENTS): b"".join(documents)} if documents else {}))


def read_header(signed: cose.Sign1) -> BatchHeader:
    """The batch header in a parsed COSE_Sign1 (signature not checked here), or `Rejected`."""
    fields = payload_of(signed)
    if fields.get(Key.KIND) != Kind.BATCH:
        raise Rejected(Code.KIND_UNEXPECTED, "This is not a batch header (kind 5).")
    if fields.keys() - {Key.DOCUMENTS} != {Key.KIND, Key.TIME, Key.FRAMES}:
        raise Rejected(Code.BATCH_MALFORMED, "The batch header does not have exactly the keys of one.")
    frames = _names(fields[Key.FRAMES], SHORT_BYTES, "frames")
    documents = _names(fields[Key.DOCUMENTS], 32, "documents") if Key.DOCUMENTS in fields else ()
    if Key.DOCUMENTS in fields and not documents:
        raise Rejected(Code.BATCH_MALFORMED, "A batch header that names no documents has no key for them.")
    made_at = whole(fields[Key.TIME], 0, TIME_MAX, "time")
    return BatchHeader(made_at, frames, tuple(map(DocumentHash, documents)), signed)


def _names(value: object, size: int, what: str) -> tuple[bytes, ...]:
    joined = byte_string(value, 0, FRAMES_IN_BATCH_MAX * size, what)
    if len(joined) % size:
        raise Rejected(Code.BATCH_MALFORMED, f"A batch header names its {what} with {size} bytes each.")
    return tuple(joined[at : at + size] for at in range(0, len(joined), size))


def _statements(packing: object, packed: object, *tail: object) -> Iterator[StatementParcel]:
    if whole(packing, _PLAIN, 2**16, "packing") > _COLUMNS:
        raise Rejected(Code.BATCH_MALFORMED, f"Packing {packing} is not known here; update the receiver.")
    if len(tail) != (packing == _COLUMNS):
        raise Rejected(Code.BATCH_MALFORMED, "Statements in columns, and only these, are followed by signatures.")
    data = byte_string(packed, 1, FRAME_BYTES_MAX, "statements")
    unpacked = cbor.decode(data if packing == _PLAIN else _decompress(data, _dictionary() if tail else None))
    for item in items(_out_of_columns(unpacked, *tail) if tail else unpacked, 1, STATEMENTS_IN_FRAME_MAX, "statements"):
        statement, *chain = items(item, 1, 4, "a statement parcel")
        byte_string(statement, 1, cose.BARE_BYTES_MAX, "a statement")
        for der in chain:
            byte_string(der, 1, cose.CHAIN_BYTES_MAX, "a certificate")
        yield StatementParcel(statement, tuple(chain))


def _out_of_columns(unpacked: object, tail: object) -> list[list[Any]]:
    """Each statement with its chain, as the other packings have them."""
    *body, chains = items(unpacked, 5, 5, "statements in columns")
    listing: list[list[Any]] = [[statement] for statement in columns.put_back(body, tail)]
    for item in items(chains, 0, len(listing), "chains"):
        at, *chain = items(item, 2, 4, "a chain")
        listing[whole(at, 0, len(listing) - 1, "a statement's place")][1:] = chain
    return listing


def _chunk(documents: Sequence[DocumentHash], document: Any, first_cell: Any, data: Any) -> ChunkParcel:
    if not isinstance(document, bytes):
        if not documents:
            raise Rejected(Code.BATCH_MALFORMED, "its document has a place, and the batch's header names none.")
        document = documents[whole(document, 0, len(documents) - 1, "a document's place")]
    return ChunkParcel(
        DocumentHash(byte_string(document, 32, 32, "a chunk's document")),
        whole(first_cell, 0, cells_in(DOCUMENT_BYTES_MAX), "a chunk's first cell"),
        byte_string(data, 1, FRAME_BYTES_MAX, "a chunk's data"),
    )


def _compress(plain: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary(), write_checksum=False)
    return compressor.compress(plain)


def _decompress(packed: bytes, dictionary: zstandard.ZstdCompressionDict | None) -> bytes:
    try:
        # one call, bounded: a frame that claims or needs more than the limit is refused, not expanded
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= UNPACKED_BYTES_MAX:
            raise Rejected(Code.BATCH_MALFORMED, f"A frame unpacks to at most {UNPACKED_BYTES_MAX} bytes, and says so.")
        decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)
        return decompressor.decompress(packed, max_output_size=UNPACKED_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise Rejected(Code.BATCH_MALFORMED, "A frame does not unpack (zstd).") from error


@functools.cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    """What a frame in columns is expected to hold. It never changes: another one is another packing."""
    data = resources.files(__package__).joinpath(DICTIONARY_FILE).read_bytes()
    return zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
