"""Where things lie on a stick, and reading them with nothing taken for granted.

    relay-drive/
    ├── 650108-0123456789abcdef/    one folder a relay: its scope and the x5t of its certificate
    │   ├── writing                 while it is being written, and after it was pulled out in the middle
    │   ├── 1-000001.seq            one batch a file: 1 tallies, 2 lists of photographs, 3 photographs
    │   ├── trust.seq               CAs and revocations that the centre has to be told, behind a header
    │   └── manifest.cose           how much there is, signed last
    ├── receipts/0123456789abcdef.seq    what the centre said of this relay's statements
    └── trust/0123456789abcdef.seq       and what it said of CAs and revocations

A `.seq` file is a CBOR sequence (RFC 8742) of messages as a stream has them. Whose a batch is, the signature of its
header says, and not the folder in which it lies.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

from relay.drive.stick import Stick
from relay.errors import Code, Rejected
from relay.protocol import cose, manifests, messages, parcels
from relay.protocol.manifests import Manifest
from relay.protocol.messages import Batch, Frame, ReceiptGiven, TrustNews
from relay.protocol.parcels import ChunkParcel, Parcel, cells_in
from relay.protocol.statements import DocumentHash

DRIVE = "relay-drive"
RECEIPTS = f"{DRIVE}/receipts"
TRUST = f"{DRIVE}/trust"
MARKER = "writing"
MANIFEST = "manifest.cose"
OWED = "trust.seq"
BATCH = re.compile(r"[123]-\d{6,}\.seq", re.IGNORECASE)  # a FAT may give names back in capitals
UNFINISHED = re.compile(r"[123]-\d{6,}\.tmp", re.IGNORECASE)
RELAY = re.compile(r"\d{1,13}-[0-9a-f]{16}", re.IGNORECASE)
SEQUENCE = re.compile(r"[0-9a-f]{16}\.seq", re.IGNORECASE)
_ANSWERS_BYTES_MAX = 8 * 2**20


@dataclass(slots=True)
class BatchFile:
    """What one file holds, as far as it is whole. `fault` says what is wrong with the rest; empty: nothing."""

    path: str
    header: parcels.BatchHeader
    sha256: bytes = b""
    size_bytes: int = 0
    whole: list[bytes] = field(default_factory=list)  # the names of the frames that are as announced
    statements: list[bytes] = field(default_factory=list)
    cells: dict[DocumentHash, int] = field(default_factory=dict)  # of each document, a bit for each cell
    fault: str = ""


def relay_folder(scope: str, x5t: cose.X5t) -> str:
    """The folder of a relay on every stick."""
    return f"{DRIVE}/{scope or '0'}-{x5t.hex()}"


def relay_folders(stick: Stick) -> list[str]:
    """The folders of all relays that use this stick."""
    return [f"{DRIVE}/{name}" for name in stick.folders(DRIVE) if RELAY.fullmatch(name)]


def others_paths(stick: Stick, own: str) -> list[str]:
    """The batches in other relays' folders than `own`."""
    folders = [folder for folder in relay_folders(stick) if folder.lower() != own]
    return [path for folder in folders for path in batch_paths(stick, folder)]


def batch_paths(stick: Stick, folder: str) -> list[str]:
    """The batches in a relay's folder: tallies, then lists, then photographs, each in the order of writing."""
    return [f"{folder}/{name}" for name in sorted(stick.names(folder), key=str.lower) if BATCH.fullmatch(name)]


def read_batch(
    stick: Stick, path: str, on_bytes: Callable[[int], None] = lambda _: None, *, afresh: bool = False
) -> BatchFile:
    """What is in a batch file; signatures are not checked here. `Rejected` if it does not begin with a header."""
    digest, size = hashlib.sha256(), 0

    def read_on(count: int) -> bytes:
        nonlocal size
        data = read(count)
        digest.update(data)
        size += len(data)
        on_bytes(len(data))
        return data

    with stick.opened(path, afresh=afresh) as read:
        found = _read(path, messages.read_sequence(read_on))
        while read_on(messages.MESSAGE_BYTES_MAX):  # behind a fault, for the digest
            pass
    found.sha256, found.size_bytes = digest.digest(), size
    return found


def frames_of(stick: Stick, batch: BatchFile) -> Generator[bytes]:
    """The whole frames of a batch, once more."""
    wanted = set(batch.whole)
    with contextlib.suppress(Rejected), stick.opened(batch.path) as read:
        for message in messages.read_sequence(read):
            if isinstance(message, Frame) and parcels.frame_name(message.frame) in wanted:
                yield message.frame


def read_manifest(stick: Stick, folder: str) -> Manifest | None:
    """The manifest in a relay's folder, signature not checked; None if there is none, `Rejected` if it is none."""
    if MANIFEST not in map(str.lower, stick.names(folder)):
        return None
    with stick.opened(f"{folder}/{MANIFEST}") as read:
        return manifests.read(cose.parse(read(cose.MESSAGE_BYTES_MAX + 1)))


def read_owed(stick: Stick, folder: str) -> tuple[parcels.BatchHeader, list[TrustNews]] | None:
    """The CAs and revocations in a relay's folder and the header that says whose they are, nothing checked.

    None if there are none; `Rejected` if the file is something else.
    """
    if OWED not in map(str.lower, stick.names(folder)):
        return None
    with stick.opened(f"{folder}/{OWED}") as read:
        found = list(messages.read_sequence(bounded(read)))
    if not found or not isinstance(found[0], Batch):
        raise Rejected(Code.BATCH_MALFORMED, f"{folder}/{OWED} does not begin with a signed batch header.")
    return parcels.read_header(cose.parse(found[0].header)), [item for item in found if isinstance(item, TrustNews)]


def bounded(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Reads on as `read` does, but no more than an answer may be long: a longer file is none of ours."""
    left = _ANSWERS_BYTES_MAX

    def read_on(count: int) -> bytes:
        nonlocal left
        data = read(min(count, left))
        left -= len(data)
        return data

    return read_on


def read_answers(stick: Stick, folder: str, name: str) -> Iterator[ReceiptGiven | TrustNews]:
    """Receipts, or trust news, as far as the file is whole; `Rejected` where it is not, or is too long to be ours."""
    with stick.opened(f"{folder}/{name}") as read:
        for message in messages.read_sequence(bounded(read)):
            if not isinstance(message, ReceiptGiven | TrustNews):
                raise Rejected(Code.BATCH_MALFORMED, f"{name} holds something else than answers of the centre.")
            yield message


def _read(path: str, sequence: Iterator[messages.Message]) -> BatchFile:
    first = next(sequence, None)
    if not isinstance(first, Batch):
        raise Rejected(Code.BATCH_MALFORMED, "it does not begin with a signed batch header")
    found = BatchFile(path, parcels.read_header(cose.parse(first.header)))
    try:
        for name in found.header.frames:
            message = next(sequence, None)
            if not isinstance(message, Frame):
                raise Rejected(Code.BATCH_MALFORMED, "it is cut")
            if parcels.frame_name(message.frame) == name:
                _note(found, parcels.unpack(message.frame, found.header.documents))
                found.whole.append(name)
            else:
                found.fault = "it was altered"
        if next(sequence, None) is not None:
            raise Rejected(Code.BATCH_MALFORMED, "something stands behind its last frame")
    except Rejected as error:
        found.fault = error.sentence
    return found


def _note(found: BatchFile, received: Iterable[Parcel]) -> None:
    for parcel in received:
        if isinstance(parcel, ChunkParcel):
            cells = cell_bits(parcel.first_cell, cells_in(len(parcel.data)))
            found.cells[parcel.document] = found.cells.get(parcel.document, 0) | cells
        else:
            with contextlib.suppress(Rejected):  # whoever gets it will say what is wrong with it
                found.statements.append(cose.parse(parcel.statement).id)


def cell_bits(first: int, count: int) -> int:
    """A run of cells as bits."""
    return ((1 << count) - 1) << first


def bits_of(bitmap: bytes) -> int:
    """A bitmap as HELD has it (bit 0 of byte 0 is cell 0), as bits."""
    return int.from_bytes(bitmap, "little")
