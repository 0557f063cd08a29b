"""What the one writer of a node is asked to write, as values: no SQL, no disk."""

from dataclasses import dataclass

from relay.protocol.enrolment import Answer
from relay.protocol.identities import Identity
from relay.protocol.receipts import Receipt
from relay.protocol.slips import Slip
from relay.protocol.statements import DocumentHash, Statement
from relay.store.progress import Counted


@dataclass(frozen=True, slots=True)
class Custody:
    """The answer to taking something: its slip, and whether it came for the first time."""

    slip: bytes
    new: bool


@dataclass(frozen=True, slots=True)
class TakeStatement:
    """Take custody of a verified statement; `chain` (DER) is kept if its signer is new here, else None.

    `origin` is the relay that hands it over; None: a phone does.
    """

    statement: Statement
    chain: tuple[bytes, ...] | None
    origin: Identity | None = None


@dataclass(frozen=True, slots=True)
class TakeDocument:
    """Take custody of a photograph whose verified file is already on disk."""

    document: DocumentHash
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Settle:
    """File a verified receipt; what it speaks of and is not held here is passed over."""

    receipt: Receipt
    settled_at: int


@dataclass(frozen=True, slots=True)
class FileSlip:
    """Keep a neighbour's verified slip for something that is in custody here. It settles nothing."""

    slip: Slip
    neighbour: Identity


@dataclass(frozen=True, slots=True)
class LearnTrust:
    """Keep CA certificates, the centre's certificate and CRLs for the next start; `owed`: the centre must be told.

    `gone`: what does not count any more (DER).
    """

    items: tuple[tuple[str, bytes], ...]  # kind, DER
    owed: bool = False
    gone: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class TellTrust:
    """The centre is known to have these CA certificates and CRLs (DER)."""

    items: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """Keep a request (PKCS#10, DER) for an authority elsewhere, by the id of its key."""

    id: bytes
    request: bytes
    name: str
    received_at: int


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """Keep the checked answer to a request that waits; without such a request, nothing."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class MarkDropped:
    """The files of these documents were removed after the centre's receipt."""

    documents: tuple[DocumentHash, ...]
    dropped_at: int


@dataclass(frozen=True, slots=True)
class Spend:
    """An uplink has sent `size_bytes` in all on `day` (of UTC, counted from 1970)."""

    uplink: str
    day: int
    size_bytes: int


RelayChange = (
    TakeStatement
    | TakeDocument
    | Settle
    | FileSlip
    | LearnTrust
    | TellTrust
    | KeepRequest
    | KeepAnswer
    | MarkDropped
    | Spend
)


@dataclass(frozen=True, slots=True)
class Record:
    """A statement to record; `refused` holds the reason's code if it is only kept as evidence."""

    statement: Statement
    sender: str
    flags: tuple[str, ...]
    refused: str | None
    new_chain: tuple[bytes, ...] | None
    received_at: int


@dataclass(frozen=True, slots=True)
class CompleteDocument:
    """A photograph whose verified file is on disk."""

    document: DocumentHash
    size_bytes: int
    sender: str
    held_at: int


CentreChange = Record | CompleteDocument | Counted | LearnTrust
