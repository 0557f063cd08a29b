"""What a relay holds and what can happen to it, as values: no SQL, no disk."""

from dataclasses import dataclass

from relay.protocol.cose import X5t
from relay.protocol.enrolment import Answer
from relay.protocol.identities import Identity
from relay.protocol.lifecycle import EVENT_OF, Event, State, state_of
from relay.protocol.receipts import Receipt, Verdict
from relay.protocol.slips import Slip
from relay.protocol.statements import DocumentHash, Kind, Statement, StatementId


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


Change = (
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
class HeldDocument:
    """A page that a statement lists, and its photograph: slip None means it is not here yet."""

    page: int
    document: DocumentHash
    size_bytes: int
    slip: bytes | None
    held_at: int | None
    dropped_at: int | None


@dataclass(frozen=True, slots=True)
class HeldStatement:
    """A statement in custody, with what the centre has said of it, if anything.

    `origin` is the name of the relay that was the first to hand it over; None: a phone was.
    """

    number: int
    id: StatementId
    kind: Kind
    tps: str
    form: int
    revision: int
    signer: X5t
    cose: bytes
    slip: bytes
    held_at: int
    verdict: Verdict | None
    notes: tuple[str, ...]
    receipt: bytes | None
    origin: str | None

    @property
    def state(self) -> State:
        """Where it is: at this relay, or what the newest receipt says."""
        return state_of([Event.SLIP] + ([EVENT_OF[self.verdict]] if self.verdict else []))


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A whole photograph that is not known to be at the centre, and what decides its place in the queue."""

    document: DocumentHash
    size_bytes: int
    page: int
    form: int
    number: int
    listed_in: StatementId
    tps: str
