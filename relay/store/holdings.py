"""What a relay holds: the statements in its custody, whatever their state, and the pages that they list."""

from dataclasses import dataclass

from relay.protocol.cose import X5t
from relay.protocol.statements import DocumentHash
from relay.store.database import Database, Row
from relay.store.statements import COLUMNS, KeptStatement, values

HELD_COLUMNS = (
    f"{COLUMNS}, s.signer, s.slip, s.held_at, (SELECT cose FROM receipt WHERE receipt.number = s.receipt), "
    "(SELECT name FROM neighbour WHERE neighbour.x5t = s.origin)"
)
"""The fields of a `HeldStatement`, of `statement s`."""


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
class HeldStatement(KeptStatement):
    """A statement in custody, with what the centre has said of it, if anything.

    `origin` is the name of the relay that was the first to hand it over; None: a phone was.
    """

    signer: X5t
    slip: bytes
    held_at: int
    receipt: bytes | None
    origin: str | None


class Holdings:
    """The questions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def statement(self, statement: bytes) -> HeldStatement | None:
        """One statement by its id."""
        rows = await self._database.read(f"SELECT {HELD_COLUMNS} FROM statement s WHERE s.id = ?", (statement,))
        return HeldStatement(*values(rows[0])) if rows else None

    async def statements_of(self, tps: str) -> list[HeldStatement]:
        """All statements of one station, in the order of their slips."""
        rows = await self._database.read(
            f"SELECT {HELD_COLUMNS} FROM statement s WHERE s.tps = ? ORDER BY s.number", (tps,)
        )
        return [HeldStatement(*values(row)) for row in rows]

    async def statements_after(self, number: int, limit: int) -> list[HeldStatement]:
        """The next statements by slip number, whatever their state."""
        rows = await self._database.read(
            f"SELECT {HELD_COLUMNS} FROM statement s WHERE s.number > ? ORDER BY s.number LIMIT ?",
            (number, limit),
        )
        return [HeldStatement(*values(row)) for row in rows]

    async def from_phones(self) -> dict[X5t, int]:
        """How many statements of each signer came from phones."""
        rows = await self._database.read("SELECT signer, count(*) FROM statement WHERE origin IS NULL GROUP BY signer")
        return {X5t(row[0]): row[1] for row in rows}

    async def newest_number(self) -> int:
        """The slip number of the newest statement, 0 if there is none."""
        return int((await self._database.read("SELECT coalesce(max(number), 0) FROM statement"))[0][0])

    async def pages_of(self, statement_number: int) -> list[HeldDocument]:
        """The pages that a documents statement lists."""
        rows = await self._database.read(
            "SELECT p.page, p.document, p.size_bytes, d.slip, d.held_at, d.dropped_at FROM page p "
            "LEFT JOIN document d ON d.sha256 = p.document WHERE p.statement = ? ORDER BY p.page",
            (statement_number,),
        )
        return [HeldDocument(*row) for row in rows]

    async def stations(self) -> list[Row]:
        """One row a statement for the PPK's overview, without its bytes."""
        return await self._database.read(
            "SELECT s.tps, s.id, s.kind, s.form, s.revision, s.held_at, s.verdict, s.number, "
            "(SELECT count(*) FROM page p WHERE p.statement = s.number), "
            "(SELECT count(*) FROM page p JOIN document d ON d.sha256 = p.document WHERE p.statement = s.number), "
            "(SELECT name FROM neighbour WHERE neighbour.x5t = s.origin), "
            "(SELECT json_group_array(n.name) FROM handed_over h JOIN neighbour n ON n.x5t = h.neighbour "
            "WHERE h.subject = s.id) "
            "FROM statement s ORDER BY s.tps, s.number"
        )

    async def counts(self) -> dict[str, int]:
        """How much is here and how much of it waits; times in Unix seconds, 0 for none."""
        rows = await self._database.read(
            "SELECT (SELECT count(*) FROM statement), (SELECT count(*) FROM statement WHERE verdict IS NULL), "
            "(SELECT count(*) FROM document), (SELECT count(DISTINCT tps) FROM statement WHERE kind IN (1, 2)), "
            "(SELECT coalesce(min(held_at), 0) FROM statement WHERE verdict IS NULL), "
            "(SELECT count(*) FROM statement WHERE verdict = 2), (SELECT count(*) FROM statement WHERE verdict = 3)"
        )
        names = (
            "statements",
            "without_receipt",
            "documents",
            "tps",
            "oldest_waiting_held_at",
            "in_conflict",
            "refused",
        )
        return dict(zip(names, rows[0], strict=True))
