"""What travels between nodes, good and bad: frames and messages. zstd is written by hand, so that no library's
choices show in the bytes.
"""

from collections.abc import Iterator

from relay.errors import Code
from relay.protocol import cbor, messages, parcels
from relay.protocol.messages import Ask, Batch, Frame, Held, Kept, Message, Problem, ReceiptGiven, SlipGiven, TrustNews
from relay.protocol.parcels import ChunkParcel
from tests.vectors import country, signed
from tests.vectors.example import Example, bad, good

DOCUMENT = signed.pages()[0].document
_ZSTD_MAGIC = bytes.fromhex("28b52ffd")
_BLOCK_BYTES_MAX = 128 * 1024


def stored(data: bytes, claimed: int | None = None) -> bytes:
    """A zstd frame (RFC 8878) that says its size in four bytes and holds `data` in raw blocks."""
    size = len(data) if claimed is None else claimed
    blocks = [data[at : at + _BLOCK_BYTES_MAX] for at in range(0, len(data), _BLOCK_BYTES_MAX)] or [b""]
    body = b"".join(_block(0, len(block), block, last=block is blocks[-1]) for block in blocks)
    return _ZSTD_MAGIC + b"\xa0" + size.to_bytes(4, "little") + body


def bomb(size: int) -> bytes:
    """A zstd frame of a few dozen bytes that unpacks to `size` zero bytes."""
    sizes = [min(_BLOCK_BYTES_MAX, size - at) for at in range(0, size, _BLOCK_BYTES_MAX)]
    body = b"".join(_block(1, length, b"\x00", last=at == len(sizes) - 1) for at, length in enumerate(sizes))
    return _ZSTD_MAGIC + b"\xa0" + size.to_bytes(4, "little") + body


def _block(kind: int, size: int, content: bytes, *, last: bool) -> bytes:
    return (int(last) | kind << 1 | size << 3).to_bytes(3, "little") + content


def good_frames() -> list[Example]:
    """Frames that hold what they say."""
    statement = signed.sample().bare
    documents = signed.documents()[0].data
    listing = [[statement, *country.OFFICER.chain], [documents]]
    ok = {
        "statements": [
            {"statement": statement.hex(), "chain": [der.hex() for der in country.OFFICER.chain]},
            {"statement": documents.hex(), "chain": []},
        ]
    }
    photograph = signed.PHOTOGRAPHS[0]
    chunk = parcels.pack_chunk(ChunkParcel(DOCUMENT, 0, photograph))
    said = {"document": DOCUMENT.hex(), "first_cell": 0, "data": photograph.hex()}
    placed = parcels.pack_chunk(ChunkParcel(DOCUMENT, 0, photograph), 1)
    return [
        good(
            "frame-statements",
            "frame",
            "Two statements, the first with its signer's chain, not compressed.",
            cbor.encode([1, 0, cbor.encode(listing)]),
            ok,
        ),
        good(
            "frame-statements-zstd",
            "frame",
            "The same, packed with zstd (here in stored blocks).",
            cbor.encode([1, 1, stored(cbor.encode(listing))]),
            ok,
        ),
        good("frame-chunk", "frame", "A chunk: the whole of a small photograph, from cell 0.", chunk, {"chunk": said}),
        good(
            "frame-chunk-placed",
            "frame",
            "The same; its document is the second of those that the batch header names.",
            placed,
            {"chunk": said},
            documents=(bytes(32), DOCUMENT),
        ),
    ]


def bad_frames() -> Iterator[Example]:
    """Frames that are refused."""
    plain = cbor.encode([[b"statement"]])
    name = DOCUMENT
    limit = parcels.UNPACKED_BYTES_MAX
    unsized = _ZSTD_MAGIC + b"\x00\x58" + _block(0, len(plain), plain, last=True)
    for label, what, data, cddl in (
        ("frame-unknown-kind", "A frame of kind 3.", cbor.encode([3, 0, plain]), False),
        ("frame-kind-true", "A frame of kind true.", cbor.encode([True, 0, plain]), False),
        ("frame-unknown-packing", "Packing 3 does not exist.", cbor.encode([1, 3, stored(plain)]), False),
        (
            "frame-bomb",
            "zstd that unpacks to 1 MiB and one byte, and says so.",
            cbor.encode([1, 1, bomb(limit + 1)]),
            True,
        ),
        ("frame-bomb-larger", "zstd of 4 KB that unpacks to 128 MiB.", cbor.encode([1, 1, bomb(128 * 2**20)]), True),
        (
            "frame-bomb-lying",
            "zstd that says 10 bytes and unpacks to more.",
            cbor.encode([1, 1, bomb(4096).replace(b"\xa0\x00\x10\x00\x00", b"\xa0\x0a\x00\x00\x00")]),
            True,
        ),
        ("frame-unsized", "zstd that does not say its size.", cbor.encode([1, 1, unsized]), True),
        ("frame-zstd-broken", "zstd that ends in the middle.", cbor.encode([1, 1, stored(plain)[:-3]]), True),
        ("frame-not-zstd", "Packing 1, and no zstd.", cbor.encode([1, 1, plain]), True),
        ("frame-no-statements", "A frame of no statements.", cbor.encode([1, 0, cbor.encode([])]), False),
        ("frame-513-statements", "More than 512 statements.", cbor.encode([1, 0, cbor.encode([[b"x"]] * 513)]), False),
        ("frame-statement-text", "A statement as text.", cbor.encode([1, 0, cbor.encode([["x"]])]), False),
        ("frame-chain-of-four", "A chain of four certificates.", cbor.encode([1, 0, cbor.encode([[b"x"] * 5])]), False),
        (
            "frame-chunk-short-name",
            "A document is named by 8 bytes, not 7.",
            cbor.encode([2, name[:7], 0, b"x"]),
            False,
        ),
        ("frame-chunk-empty", "A chunk of no bytes.", cbor.encode([2, name, 0, b""]), False),
        ("frame-chunk-too-far", "A chunk that begins beyond 64 MiB.", cbor.encode([2, name, 16385, b"x"]), False),
        ("frame-chunk-negative", "A chunk that begins before the document.", cbor.encode([2, name, -1, b"x"]), False),
        ("frame-too-large", "A frame of more than 64 KiB.", cbor.encode([2, name, 0, bytes(65536)]), True),
        ("frame-truncated", "A frame without its last byte.", cbor.encode([2, name, 0, b"xyz"])[:-1], False),
        ("frame-map", "A frame that is a map.", cbor.encode({1: 2}), False),
    ):
        yield bad(label, "frame", what, data, Code.BATCH_MALFORMED, cddl=cddl)


def good_messages() -> list[Example]:
    """Each of the nine messages."""
    header = signed.batch_headers()[0].data
    receipt = signed.given_receipts()[0].data
    slip = signed.custody_slips()[0].data
    statement = signed.sample().id[:8]
    trust = TrustNews(country.CENTRE.chain + country.KABUPATEN.chain, (country.CRLS["kpu-6501"],))
    frame = signed.PHOTOGRAPHS[0][:64]
    named: list[tuple[str, str, Message]] = [
        ("message-batch", "1 BATCH: a batch header.", Batch(header)),
        ("message-frame", "2 FRAME: one frame (here 64 bytes that are none).", Frame(frame)),
        (
            "message-ask",
            "3 ASK: do you have this statement, and what of this photograph?",
            Ask((statement,), (DOCUMENT,)),
        ),
        ("message-kept", "4 KEPT: seven frames of this stream have been dealt with.", Kept(7)),
        ("message-receipt", "5 RECEIPT.", ReceiptGiven(receipt)),
        (
            "message-held",
            "6 HELD: cells 0, 1 and 9 of a photograph are here; one statement is not.",
            Held(((DOCUMENT, b"\x03\x02"),), (statement,)),
        ),
        (
            "message-problem",
            "7 PROBLEM: a frame was altered on the way.",
            Problem(statement, Code.BATCH_ALTERED, "It was altered."),
        ),
        ("message-trust", "8 TRUST: the centre's certificate, a CA and its revocation list.", trust),
        ("message-slip", "9 SLIP: a neighbour has taken custody.", SlipGiven(slip)),
    ]
    return [
        good(name, "message", what, messages.encode(message), {"message": number})
        for number, (name, what, message) in enumerate(named, 1)
    ]


def bad_messages() -> Iterator[Example]:
    """Messages that end the stream."""
    for name, what, data, cddl in (
        ("message-unknown", "Message 10 does not exist.", cbor.encode([10, b""]), False),
        ("message-kind-float", "A message of kind 4.0.", bytes.fromhex("82f9440007"), False),
        ("message-kept-negative", "A negative count.", cbor.encode([4, -1]), False),
        ("message-ask-odd", "Names have 8 bytes each.", cbor.encode([3, bytes(9), b""]), True),
        ("message-ask-too-many", "More than 1,024 names.", cbor.encode([3, bytes(8 * 1025), b""]), False),
        ("message-held-short-name", "A document is named by 8 bytes.", cbor.encode([6, [[b"short", b""]], b""]), False),
        (
            "message-held-long-bitmap",
            "A bitmap of more cells than 64 MiB have.",
            cbor.encode([6, [[bytes(8), bytes(2049)]], b""]),
            False,
        ),
        ("message-problem-number", "A code as a number.", cbor.encode([7, b"", 1, "x"]), False),
        ("message-frame-empty", "A frame of no bytes.", cbor.encode([2, b""]), False),
        ("message-slip-empty", "A slip of no bytes.", cbor.encode([9, b""]), False),
        ("message-slip-too-large", "A slip of more than 4,096 bytes.", cbor.encode([9, bytes(4097)]), False),
        ("message-text", "Text where CBOR is wanted.", b"hello", False),
        ("message-too-large", "A message of more than 66,560 bytes.", cbor.encode([5, bytes(66_560)]), True),
    ):
        yield bad(name, "message", what, data, Code.BATCH_MALFORMED, cddl=cddl)


def all_framed() -> list[Example]:
    """Every frame and message."""
    return [*good_frames(), *bad_frames(), *good_messages(), *bad_messages()]
