"""What is recorded at the centre, and how much of it. How far each region is, `progress.py` knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from relay.protocol.statements import DocumentHash
from relay.store.database import Database, marks
from relay.store.statements import COLUMNS, KeptStatement, values

_COLUMNS = (
    f"{COLUMNS}, s.signed_at, s.sender, s.received_at, (SELECT cose FROM receipt WHERE receipt.number = s.receipt)"
)


@dataclass(frozen=True, slots=True)
class RecordedStatement(KeptStatement):
    """A recorded statement; verdict None: photographs that it lists are still on their way."""

    signed_at: int
    sender: str
    received_at: int
    receipt: bytes | None


class Recorded:
    """The questions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def statement(self, statement: bytes) -> RecordedStatement | None:
        """One statement by its id."""
        rows = await self._database.read(f"SELECT {_COLUMNS} FROM statement s WHERE s.id = ?", (statement,))
        return RecordedStatement(*values(rows[0])) if rows else None

    async def statements_named(self, short_ids: Sequence[bytes]) -> list[RecordedStatement]:
        """Statements by the first 8 bytes of their ids."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM statement s WHERE s.short_id IN ({marks(short_ids)})", short_ids
        )
        return [RecordedStatement(*values(row)) for row in rows]

    async def statements_of(self, tps: str) -> list[RecordedStatement]:
        """All statements of one station, as they came."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM statement s WHERE s.tps = ? ORDER BY s.number", (tps,)
        )
        return [RecordedStatement(*values(row)) for row in rows]

    async def pages_of(self, statement_number: int) -> list[tuple[int, DocumentHash, int, bool]]:
        """The pages that a documents statement lists: number, document, size, whether it is here."""
        rows = await self._database.read(
            "SELECT p.page, p.document, p.size_bytes, d.sha256 IS NOT NULL FROM page p "
            "LEFT JOIN document d ON d.sha256 = p.document WHERE p.statement = ? ORDER BY p.page",
            (statement_number,),
        )
        return [(row[0], DocumentHash(row[1]), row[2], bool(row[3])) for row in rows]

    async def listed_sizes(self, document: DocumentHash) -> tuple[int, ...]:
        """Every size that recorded statements give a document; none if no statement lists it."""
        rows = await self._database.read("SELECT DISTINCT size_bytes FROM page WHERE document = ?", (document,))
        return tuple(row[0] for row in rows)

    async def has_document(self, document: bytes) -> bool:
        """Whether a photograph is here, whole."""
        return bool(await self._database.read("SELECT 1 FROM document WHERE sha256 = ?", (document,)))

    async def unfinished_documents(self) -> list[tuple[DocumentHash, int]]:
        """Documents that are listed and not here, with their size."""
        rows = await self._database.read(
            "SELECT DISTINCT p.document, p.size_bytes FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE s.verdict IS NULL AND NOT EXISTS (SELECT 1 FROM document d WHERE d.sha256 = p.document)"
        )
        return [(DocumentHash(row[0]), int(row[1])) for row in rows]

    async def counts(self) -> dict[str, int]:
        """Totals; nothing is ever taken out of the record, so that the newest number is how many there are."""
        rows = await self._database.read(
            "SELECT (SELECT coalesce(max(number), 0) FROM statement), "
            "(SELECT count(*) FROM statement WHERE verdict = 2), (SELECT count(*) FROM statement WHERE verdict = 3), "
            "(SELECT count(*) FROM statement WHERE verdict IS NULL), (SELECT documents FROM counted), "
            "(SELECT coalesce(max(number), 0) FROM receipt), "
            "(SELECT coalesce(sum(tps), 0) FROM registry_count WHERE digits = 0)"
        )
        statements, *answered = rows[0]
        recorded = statements - sum(answered[:3])
        named = ("in_conflict", "refused", "awaiting_documents", "documents", "receipts", "tps")
        return {"statements": statements, "recorded": recorded} | dict(zip(named, answered, strict=True))
