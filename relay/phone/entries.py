"""One statement of the outbox as its files say it is. Reading only; `outbox` writes."""

import os
from dataclasses import dataclass
from pathlib import Path

from relay.errors import Code, Rejected
from relay.identity import read_certificates
from relay.protocol import cose, forms, lifecycle, receipts, slips, statements
from relay.protocol.lifecycle import Event, State
from relay.protocol.receipts import Outcome, Receipt
from relay.protocol.slips import Slip
from relay.protocol.statements import DocumentHash, Kind, Statement

STATEMENT = "statement.cose"
SIGNER = "signer.pem"
PHOTOGRAPHS = "photographs"
SLIPS = "slips"
RECEIPT = "receipt.cose"


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement with every slip and the newest receipt that are on disk, each verified before it was written."""

    folder: Path
    statement: Statement
    signer_chain: tuple[bytes, ...]
    slips: tuple[Slip, ...]
    receipt: Receipt | None
    receipt_bytes: bytes | None
    photographs: frozenset[DocumentHash]
    """The originals that are still on this phone."""

    @property
    def state(self) -> State:
        """Where the statement is, as proven by what is on disk."""
        held = [Event.SLIP] if self.slips_of(self.statement.id) else []
        outcome = self.outcome
        return lifecycle.state_of(held + ([lifecycle.EVENT_OF[outcome.verdict]] if outcome else []))

    @property
    def outcome(self) -> Outcome | None:
        """What the centre said of it."""
        return self.receipt.outcome_for(self.statement.id) if self.receipt else None

    @property
    def settled(self) -> bool:
        """Whether the centre has answered."""
        return self.state in lifecycle.SETTLED

    @property
    def flags(self) -> tuple[str, ...]:
        """The arithmetic rules that a tally breaks."""
        form = forms.catalogue().get(self.statement.form)
        if form is None or self.statement.kind is not Kind.TALLY:
            return ()
        return form.flags(forms.unpack(form, self.statement.figures))

    @property
    def votes_page(self) -> int:
        """The number of the page with the votes."""
        form = forms.catalogue().get(self.statement.form)
        return form.votes_page if form else 1

    @property
    def pages_held(self) -> int:
        """How many of its pages some relay has given a slip for."""
        return sum(bool(self.slips_of(page.document)) for page in self.statement.pages)

    def photograph(self, document: bytes) -> Path:
        """Where the original is, or was."""
        return self.folder / PHOTOGRAPHS / document.hex()

    def slips_of(self, subject: bytes) -> list[Slip]:
        """Every relay's slip for this statement or photograph."""
        return [slip for slip in self.slips if slip.subject == subject]

    def slip_from(self, relay: cose.X5t, subject: bytes) -> Slip | None:
        """One relay's slip."""
        return next((slip for slip in self.slips_of(subject) if slip.signed.x5t == relay), None)


def read_entry(folder: Path) -> Entry:
    """The entry in `folder`; `Rejected` if its statement is damaged.

    A slip or receipt that is damaged counts as none: the next sending gets it again.
    """
    statement = statements.parse(_read(folder / STATEMENT))
    if folder.name != statement.id.hex():
        raise Rejected(Code.FILE_UNREADABLE, "The statement is not the one that its folder names.")
    held = (_slip(folder / SLIPS / name) for name in _names(folder / SLIPS))
    receipt = _receipt(folder / RECEIPT)
    return Entry(
        folder,
        statement,
        tuple(read_certificates(folder / SIGNER)),
        tuple(slip for slip in held if slip is not None),
        receipt,
        _read(folder / RECEIPT) if receipt else None,
        frozenset(DocumentHash(bytes.fromhex(name)) for name in _names(folder / PHOTOGRAPHS)),
    )


def _slip(path: Path) -> Slip | None:
    try:
        return slips.read(cose.parse(_read(path)))
    except Rejected:
        return None


def _receipt(path: Path) -> Receipt | None:
    try:
        return receipts.read(cose.parse(_read(path)))
    except Rejected:
        return None


def _names(folder: Path) -> list[str]:
    """The files of a folder, without those that a crash left half written."""
    return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
