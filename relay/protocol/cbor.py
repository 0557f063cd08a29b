"""The door to cbor2: deterministic CBOR (RFC 8949 4.2.1), bounded, and nothing else.

What is signed must have exactly one encoding, so decoding encodes again and compares. Our maps have unsigned
integer keys, of which ascending order is the order of RFC 8949 4.2.1, and no message has floats or maps inside
others: with keys put in order, cbor2's plain encoding is deterministic, at half the cost of its `canonical` one.
No item of ours is tagged (COSE's tag 18 is `cose`'s matter), and tags are refused while decoding: with shared
references (tags 28, 29) a few hundred bytes from a stranger would take for ever to encode again.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import cbor2

from relay.errors import Code, Rejected

UNSIGNED, BYTE_STRING = 0, 2
"""Major types (RFC 8949 3.1)."""
_DEPTH_MAX = 16


def encode(value: Any) -> bytes:
    """The deterministic encoding of `value`: unsigned integer keys, no floats."""
    if isinstance(value, dict):
        if not all(type(key) is int for key in value):
            return cbor2.dumps(value, canonical=True)
        if list(value) != sorted(value):
            value = dict(sorted(value.items()))
    return cbor2.dumps(value)


def head(major: int, number: int) -> bytes:
    """What an item of a major type begins with, in its shortest form (RFC 8949 3); all of it if that is `UNSIGNED`."""
    kind = major << 5
    if number < 24:
        return bytes((kind | number,))
    size = 1 if number < 2**8 else 2 if number < 2**16 else 4 if number < 2**32 else 8
    return bytes((kind | 23 + size.bit_length(),)) + number.to_bytes(size, "big")


def decode(data: bytes) -> Any:
    """The item that `data` begins with; `Rejected(malformed-cbor)` if that is not well-formed.

    Bytes behind the item are not noticed here: use `decode_deterministic` wherever that matters.
    """
    try:
        return cbor2.loads(
            data,
            max_depth=_DEPTH_MAX,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
        )
    except Exception as error:  # cbor2 raises its own errors and, on hostile input, some of Python's
        raise Rejected(Code.MALFORMED_CBOR, f"The bytes are not well-formed CBOR: {error}.") from error


def decode_deterministic(data: bytes) -> Any:
    """The one item that `data` is.

    `Rejected(malformed-cbor)` if it is none or more than one, `Rejected(cbor-not-deterministic)` if
    RFC 8949 4.2.1 encodes the same value otherwise.
    """
    value = decode(data)
    try:
        again = encode(value)
        if again != data:  # for what no message of ours has, such as floats
            again = cbor2.dumps(value, canonical=True)
    except Exception as error:
        raise Rejected(Code.MALFORMED_CBOR, "The CBOR holds a type that no message of ours has.") from error
    if again == data:
        return value
    if data.startswith(again):
        raise Rejected(Code.MALFORMED_CBOR, f"{len(data) - len(again)} bytes follow the CBOR item.")
    raise Rejected(
        Code.CBOR_NOT_DETERMINISTIC,
        "The CBOR is not deterministically encoded (RFC 8949 4.2.1); encode it so before signing.",
    )


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a tag, which no message of ours has inside")


class _NoTags(Mapping[int, Callable[..., NoReturn]]):
    """For every tag there is, the decoder that refuses it."""

    def __getitem__(self, _tag: int) -> Callable[..., NoReturn]:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 1


_NO_TAGS = _NoTags()
