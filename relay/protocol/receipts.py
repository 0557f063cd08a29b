"""Receipts: the centre's signed "recorded" or "refused, because". Only a receipt lets a copy be dropped.

One receipt may speak of several statements that were recorded in one go: one signature serves them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose
from relay.protocol.statements import TIME_MAX, Key, Kind, StatementId, byte_string, items, payload_of, whole

OUTCOMES_MAX = 32
NOTES_MAX = 64
NOTE_LENGTH_MAX = 64


class Verdict(IntEnum):
    """What the centre did with a statement. All three are final for whoever carries it."""

    RECORDED = 1
    CONFLICT = 2  # recorded, beside another statement that says otherwise
    REFUSED = 3  # kept as evidence, not counted; the first note is the reason's code


@dataclass(frozen=True, slots=True)
class Outcome:
    """One statement's verdict; `notes` are codes: the reason of a refusal, or the flags of what was recorded."""

    statement: StatementId
    verdict: Verdict
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """`issued_at`: Unix seconds by the centre's clock."""

    issued_at: int
    outcomes: tuple[Outcome, ...]
    signed: cose.Sign1

    def outcome_for(self, statement: bytes) -> Outcome | None:
        """What this receipt says of one statement, if anything."""
        return next((outcome for outcome in self.outcomes if outcome.statement == statement), None)


def payload(issued_at: int, outcomes: Sequence[Outcome]) -> bytes:
    """The payload of a receipt for 1 to `OUTCOMES_MAX` statements."""
    listing = [[outcome.statement, int(outcome.verdict), list(outcome.notes)] for outcome in outcomes]
    return cbor.encode({int(Key.KIND): int(Kind.RECEIPT), int(Key.TIME): issued_at, int(Key.OUTCOMES): listing})


def read(signed: cose.Sign1) -> Receipt:
    """The receipt in a parsed COSE_Sign1 (signature not checked here), or `Rejected`."""
    fields = payload_of(signed)
    if fields.get(Key.KIND) != Kind.RECEIPT:
        raise Rejected(Code.KIND_UNEXPECTED, "This is not a receipt (kind 4).")
    if fields.keys() != {Key.KIND, Key.TIME, Key.OUTCOMES}:
        raise Rejected(Code.STATEMENT_MALFORMED, "The receipt does not have exactly the keys of a receipt.")
    outcomes = tuple(_outcome(item) for item in items(fields[Key.OUTCOMES], 1, OUTCOMES_MAX, "outcomes"))
    return Receipt(whole(fields[Key.TIME], 0, TIME_MAX, "time"), outcomes, signed)


def _outcome(item: object) -> Outcome:
    statement, verdict, notes = items(item, 3, 3, "an outcome")
    for note in items(notes, 0, NOTES_MAX, "notes"):
        if not isinstance(note, str) or len(note) > NOTE_LENGTH_MAX:
            raise Rejected(Code.STATEMENT_MALFORMED, "A note is a short text.")
    return Outcome(
        StatementId(byte_string(statement, 32, 32, "statement id")),
        Verdict(whole(verdict, 1, 3, "verdict")),
        tuple(notes),
    )
