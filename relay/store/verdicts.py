"""What the centre says of the statements that it records: each one's verdict beside its rivals. No SQL, no disk."""

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from relay.protocol import cose
from relay.protocol.receipts import NOTES_MAX, OUTCOMES_MAX, Outcome, Verdict
from relay.protocol.statements import Kind, Statement, StatementId
from relay.store.changes import Record
from relay.store.database import Row

_NOTES_IN_RECEIPT_MAX = 80  # of all outcomes together, so that a receipt keeps below the size of a message


@dataclass(slots=True)
class Pending:
    """An outcome to sign for, and to whom the receipt goes."""

    number: int
    outcome: Outcome
    sender: str
    change: int  # index of the change whose submitter gets the receipt


def judged(change: Record, rivals: dict[Row, list[Row]], number: int, at: int) -> Iterator[Pending]:
    """Refused, recorded or in conflict; nothing where photographs must come first. Rivals learn of a conflict.

    `rivals`: by station, form, kind and revision (number, id, content, verdict, notes) of each; the statement joins
    them. `number` is to be its own, `at` the index of the change.
    """
    statement = change.statement
    if change.refused:
        yield Pending(number, Outcome(statement.id, Verdict.REFUSED, (change.refused,)), change.sender, at)
        return
    content = cose.sha256(statement.content)
    others = rivals.setdefault(_place(statement), [])
    against = [other for other in others if other[2] != content]
    at_once = statement.kind is not Kind.DOCUMENTS  # which is answered for when its last photograph is here
    answered = int(Verdict.RECORDED) if at_once else None
    others.append((number, statement.id, content, answered, notes_json(change.flags)))
    for other_number, other_id, _, other_verdict, other_notes in against:
        if other_verdict is not None:
            yield Pending(other_number, outcome_of(other_id, True, other_notes), change.sender, at)
    if at_once:
        verdict = Verdict.CONFLICT if against else Verdict.RECORDED
        yield Pending(number, Outcome(statement.id, verdict, change.flags[:NOTES_MAX]), change.sender, at)


def outcome_of(statement: bytes, conflict: bool, notes: str) -> Outcome:
    """Of a statement that is recorded, with its notes as the database keeps them."""
    verdict = Verdict.CONFLICT if conflict else Verdict.RECORDED
    return Outcome(StatementId(statement), verdict, tuple(json.loads(notes)))


def portions(items: Iterable[Pending]) -> Iterable[list[Pending]]:
    """Groups small enough for one receipt."""
    group: list[Pending] = []
    notes = 0
    for item in items:
        if group and (len(group) == OUTCOMES_MAX or notes + len(item.outcome.notes) > _NOTES_IN_RECEIPT_MAX):
            yield group
            group, notes = [], 0
        group.append(item)
        notes += len(item.outcome.notes)
    if group:
        yield group


@functools.lru_cache(1024)
def notes_json(notes: tuple[str, ...]) -> str:
    """Notes as the database keeps them; many statements have the same ones."""
    return json.dumps(notes)


def _place(statement: Statement) -> Row:
    return (statement.tps, statement.form, int(statement.kind), statement.revision)
