"""The centre's receipts at a relay, and what they settle. Only verified ones come here."""

import json
from collections.abc import Sequence

from relay.protocol.lifecycle import EVENT_OF, Event, state_of
from relay.protocol.receipts import Outcome, Verdict
from relay.store.changes import Settle
from relay.store.database import Database, Row, in_portions, marks


class Receipts:
    """The questions; and, for the one writer, the change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest_time(self) -> int:
        """The newest time that the centre has signed, 0 if none: a floor for the clock."""
        return int((await self._database.read("SELECT coalesce(max(settled_at), 0) FROM receipt"))[0][0])

    async def lacks(self, receipt: bytes, statements: Sequence[bytes]) -> bool:
        """Whether this receipt (bare COSE) is not filed yet and speaks of any statement that is here."""
        sql = (
            f"SELECT 1 FROM statement WHERE id IN ({marks(statements)}) "
            "AND NOT EXISTS (SELECT 1 FROM receipt WHERE cose = ?) LIMIT 1"
        )
        return bool(await self._database.read(sql, [*statements, receipt]))

    async def settled_among(self, statements: Sequence[bytes], documents: Sequence[bytes]) -> set[bytes]:
        """Of these, the statements that have a receipt, and the photographs listed by none that lacks one."""
        found = set()
        for names in in_portions(statements):
            sql = f"SELECT id FROM statement WHERE verdict IS NOT NULL AND id IN ({marks(names)})"
            found |= {row[0] for row in await self._database.read(sql, names)}
        for names in in_portions(documents):
            sql = (
                "SELECT p.document FROM page p JOIN statement s ON s.number = p.statement "
                f"WHERE p.document IN ({marks(names)}) GROUP BY p.document HAVING count(*) = count(s.verdict)"
            )
            found |= {row[0] for row in await self._database.read(sql, names)}
        return found

    # The writer's side: only from within its transaction.

    async def file(self, change: Settle) -> None:
        """Keeps a receipt, and what it newly says of statements that are here."""
        writing = self._database.writing
        rows = await writing.execute_fetchall(
            "INSERT INTO receipt (cose, settled_at) VALUES (?, ?) "
            "ON CONFLICT (cose) DO UPDATE SET settled_at = settled_at RETURNING number",
            (change.receipt.signed.bare, change.settled_at),
        )
        number = next(iter(rows))[0]
        for outcome in change.receipt.outcomes:
            held = await writing.execute_fetchall("SELECT verdict FROM statement WHERE id = ?", (outcome.statement,))
            if not _is_news(next(map(tuple, held), None), outcome):
                continue
            await writing.execute(
                "UPDATE statement SET verdict = ?, notes = ?, receipt = ? WHERE id = ?",
                (int(outcome.verdict), json.dumps(list(outcome.notes)), number, outcome.statement),
            )


def _is_news(row: Row | None, outcome: Outcome) -> bool:
    """Whether the outcome moves the statement to another state than the receipts before it."""
    if row is None:
        return False
    if row[0] is None:
        return True
    before = state_of([Event.SLIP, EVENT_OF[Verdict(row[0])]])
    return state_of([Event.SLIP, EVENT_OF[Verdict(row[0])], EVENT_OF[outcome.verdict]]) is not before
