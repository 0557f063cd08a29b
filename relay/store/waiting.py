"""What waits at a relay for the centre's receipt, and so has to be carried: statements, and whole photographs.

`not_from` leaves out what that relay has handed over: it never gets its own back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from relay.protocol.cose import X5t
from relay.protocol.statements import DocumentHash, Kind, StatementId
from relay.store.database import Database, marks
from relay.store.holdings import HELD_COLUMNS, HeldStatement
from relay.store.statements import values

_NOBODY = b""


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


class Waiting:
    """The questions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fresh(self, kind: Kind, after: int, limit: int, not_from: X5t | None = None) -> list[HeldStatement]:
        """Statements of one kind that the centre has not answered for, oldest first, after slip number `after`."""
        rows = await self._database.read(
            f"SELECT {HELD_COLUMNS} FROM statement s WHERE s.verdict IS NULL AND s.kind = ? AND s.number > ? "
            "AND s.origin IS NOT ? ORDER BY s.number LIMIT ?",
            (int(kind), after, not_from or _NOBODY, limit),
        )
        return [HeldStatement(*values(row)) for row in rows]

    async def names(self, not_from: X5t | None = None) -> list[tuple[bytes, Kind]]:
        """The first 8 bytes of the id, and the kind, of every statement that the centre has not answered for."""
        rows = await self._database.read(
            "SELECT substr(id, 1, 8), kind FROM statement WHERE verdict IS NULL AND origin IS NOT ? ORDER BY number",
            (not_from or _NOBODY,),
        )
        return [(row[0], Kind(row[1])) for row in rows]

    async def named(self, names: Sequence[bytes]) -> list[HeldStatement]:
        """Of the statements without a receipt, those whose id begins with one of `names` (8 bytes each)."""
        rows = await self._database.read(
            f"SELECT {HELD_COLUMNS} FROM statement s WHERE s.verdict IS NULL "
            f"AND substr(s.id, 1, 8) IN ({marks(names)}) ORDER BY s.number",
            names,
        )
        return [HeldStatement(*values(row)) for row in rows]

    async def documents_listed(
        self, after: int, limit: int, not_from: X5t | None = None
    ) -> list[tuple[int, PendingDocument]]:
        """Whole photographs, once for each statement without a receipt that lists one.

        In the order of the number of which the later of the two, photograph and statement, made it complete; about
        `limit` of them, and all of the last number.
        """
        sql = (
            "SELECT max(d.number, s.number) AS at, d.sha256, d.size_bytes, p.page, s.form, d.number, s.id, s.tps "
            "FROM statement s JOIN page p ON p.statement = s.number JOIN document d ON d.sha256 = p.document "
            "WHERE {}.number > ? AND s.verdict IS NULL AND s.origin IS NOT ? AND d.dropped_at IS NULL"
        )
        rows = await self._database.read(
            f"WITH found AS ({sql.format('d')} UNION {sql.format('s')}) SELECT * FROM found "
            "WHERE at <= (SELECT max(at) FROM (SELECT at FROM found ORDER BY at LIMIT ?)) ORDER BY at",
            (after, not_from or _NOBODY, after, not_from or _NOBODY, limit),
        )
        return [(row[0], PendingDocument(*row[1:])) for row in rows]

    async def documents(self, after: int, limit: int, not_from: X5t | None = None) -> list[PendingDocument]:
        """Whole photographs of statements without a receipt, oldest first, after slip number `after`."""
        rows = await self._database.read(
            "SELECT d.sha256, d.size_bytes, min(p.page), s.form, d.number, s.id, s.tps FROM document d "
            "JOIN page p ON p.document = d.sha256 JOIN statement s ON s.number = p.statement "
            "WHERE d.number > ? AND s.verdict IS NULL AND s.origin IS NOT ? AND d.dropped_at IS NULL "
            "GROUP BY d.number ORDER BY d.number LIMIT ?",
            (after, not_from or _NOBODY, limit),
        )
        return [PendingDocument(*row) for row in rows]

    async def totals(self) -> dict[str, tuple[int, int]]:
        """What has no receipt, by class: how many, and bytes as they were handed over."""
        rows = await self._database.read(
            "SELECT kind, count(*), sum(length(cose)) FROM statement WHERE verdict IS NULL GROUP BY kind "
            "UNION ALL SELECT NULL, count(*), coalesce(sum(size_bytes), 0) FROM document d WHERE dropped_at IS NULL "
            "AND EXISTS (SELECT 1 FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = d.sha256 AND s.verdict IS NULL)"
        )
        names = {int(Kind.TALLY): "tallies", int(Kind.NOTE): "notes", int(Kind.DOCUMENTS): "lists", None: "photographs"}
        found = {names[kind]: (int(count), int(size_bytes)) for kind, count, size_bytes in rows}
        return {name: found.get(name, (0, 0)) for name in names.values()}
