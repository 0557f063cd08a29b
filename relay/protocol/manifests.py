"""Manifests: a relay's signed "this is all that I put on this stick". Lets nothing be dropped.

Batches on a drive are believed by their own signed headers, one by one; a manifest only shows whether some of
them are missing.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose
from relay.protocol.statements import TIME_MAX, Key, Kind, byte_string, payload_of, whole

_COUNT_MAX = 2**53


@dataclass(frozen=True, slots=True)
class Manifest:
    """How many batch files, frames and bytes, and `root_of` the files; `made_at` by the relay's clock."""

    made_at: int
    files: int
    frames: int
    size_bytes: int
    root: bytes
    signed: cose.Sign1


def root_of(digests: Iterable[bytes]) -> bytes:
    """The root hash: SHA-256 over the SHA-256 of each file, in the order of their names."""
    return hashlib.sha256(b"".join(digests)).digest()


def payload(made_at: int, files: int, frames: int, size_bytes: int, root: bytes) -> bytes:
    """The payload of a manifest."""
    return cbor.encode(
        {
            int(Key.KIND): int(Kind.MANIFEST),
            int(Key.TIME): made_at,
            int(Key.FILES): files,
            int(Key.FRAME_COUNT): frames,
            int(Key.BYTES): size_bytes,
            int(Key.ROOT): root,
        }
    )


def read(signed: cose.Sign1) -> Manifest:
    """The manifest in a parsed COSE_Sign1 (signature not checked here), or `Rejected`."""
    fields = payload_of(signed)
    if fields.get(Key.KIND) != Kind.MANIFEST:
        raise Rejected(Code.KIND_UNEXPECTED, "This is not a manifest (kind 6).")
    if fields.keys() != {Key.KIND, Key.TIME, Key.FILES, Key.FRAME_COUNT, Key.BYTES, Key.ROOT}:
        raise Rejected(Code.BATCH_MALFORMED, "The manifest does not have exactly the keys of one.")
    return Manifest(
        whole(fields[Key.TIME], 0, TIME_MAX, "time"),
        whole(fields[Key.FILES], 0, _COUNT_MAX, "files"),
        whole(fields[Key.FRAME_COUNT], 0, _COUNT_MAX, "frame count"),
        whole(fields[Key.BYTES], 0, _COUNT_MAX, "bytes"),
        byte_string(fields[Key.ROOT], 32, 32, "root"),
        signed,
    )
