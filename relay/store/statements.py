"""What both databases keep of every statement, and how a row becomes a value. The questions are elsewhere."""

import json
from dataclasses import dataclass
from typing import Any

from relay.protocol.lifecycle import EVENT_OF, Event, State, state_of
from relay.protocol.receipts import Verdict
from relay.protocol.statements import Kind, StatementId
from relay.store.database import Row

COLUMNS = "s.number, s.id, s.kind, s.tps, s.form, s.revision, s.cose, s.verdict, s.notes"
"""The fields of a `KeptStatement`, of `statement s`."""


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A statement by its running number; `cose` is what was signed, `verdict` and `notes` the newest of the centre."""

    number: int
    id: StatementId
    kind: Kind
    tps: str
    form: int
    revision: int
    cose: bytes
    verdict: Verdict | None
    notes: tuple[str, ...]

    @property
    def state(self) -> State:
        """Where it is: at a relay, or what the newest receipt says."""
        return state_of([Event.SLIP] + ([EVENT_OF[self.verdict]] if self.verdict else []))


def values(row: Row) -> tuple[Any, ...]:
    """A row that begins with `COLUMNS`, as a `KeptStatement` takes them; what follows stays as it is."""
    number, identifier, kind, tps, form, revision, cose, verdict, notes, *others = row
    return (
        number,
        StatementId(identifier),
        Kind(kind),
        tps,
        form,
        revision,
        cose,
        Verdict(verdict) if verdict else None,
        tuple(json.loads(notes)) if notes else (),
        *others,
    )
