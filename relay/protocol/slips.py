"""Custody slips: a relay's signed "these bytes are on my disk", each with the relay's next running number.

A slip is not a receipt: it lets nothing be dropped.
"""

from dataclasses import dataclass
from enum import IntEnum

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose
from relay.protocol.statements import TIME_MAX, Key, Kind, byte_string, payload_of, whole


class Subject(IntEnum):
    """What a slip is about: a statement (named by its id) or a document (named by its SHA-256)."""

    STATEMENT = 1
    DOCUMENT = 2


@dataclass(frozen=True, slots=True)
class Slip:
    """`held_at`: Unix seconds by the relay's clock, which is a guess unless `clock_sure`."""

    subject_kind: Subject
    subject: bytes
    number: int
    held_at: int
    clock_sure: bool
    signed: cose.Sign1


def payload(subject_kind: Subject, subject: bytes, number: int, held_at: int, clock_sure: bool) -> bytes:
    """The payload of a slip; `subject` has 32 bytes, `number` counts from 1 without gaps."""
    return cbor.encode(
        {
            int(Key.KIND): int(Kind.SLIP),
            int(Key.TIME): held_at,
            int(Key.SUBJECT_KIND): int(subject_kind),
            int(Key.SUBJECT): subject,
            int(Key.NUMBER): number,
            int(Key.CLOCK_SURE): clock_sure,
        }
    )


def read(signed: cose.Sign1) -> Slip:
    """The slip in a parsed COSE_Sign1 (signature not checked here), or `Rejected`."""
    fields = payload_of(signed)
    if fields.get(Key.KIND) != Kind.SLIP:
        raise Rejected(Code.KIND_UNEXPECTED, "This is not a custody slip (kind 3).")
    if fields.keys() != {Key.KIND, Key.TIME, Key.SUBJECT_KIND, Key.SUBJECT, Key.NUMBER, Key.CLOCK_SURE}:
        raise Rejected(Code.STATEMENT_MALFORMED, "The slip does not have exactly the keys of a slip.")
    if not isinstance(fields[Key.CLOCK_SURE], bool):
        raise Rejected(Code.STATEMENT_MALFORMED, "The slip does not say whether the relay's clock is sure.")
    return Slip(
        Subject(whole(fields[Key.SUBJECT_KIND], 1, 2, "subject kind")),
        byte_string(fields[Key.SUBJECT], 32, 32, "subject"),
        whole(fields[Key.NUMBER], 1, 2**53, "number"),
        whole(fields[Key.TIME], 0, TIME_MAX, "time"),
        fields[Key.CLOCK_SURE],
        signed,
    )
