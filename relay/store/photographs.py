"""What a relay's database knows of photographs: listed, here, settled, dropped. Their files are in `documents.py`."""

from relay.protocol.statements import DocumentHash
from relay.store.changes import MarkDropped
from relay.store.database import Database


class Photographs:
    """The questions; and, for the one writer, the change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed_sizes(self, document: bytes) -> tuple[int, ...]:
        """Every size that accepted statements give a document; none if no statement lists it."""
        rows = await self._database.read("SELECT DISTINCT size_bytes FROM page WHERE document = ?", (document,))
        return tuple(row[0] for row in rows)

    async def listed_size(self, document: bytes) -> int | None:
        """The size of a document in the first accepted statement that lists it; None if none does."""
        rows = await self._database.read(
            "SELECT size_bytes FROM page WHERE document = ? ORDER BY statement LIMIT 1", (document,)
        )
        return int(rows[0][0]) if rows else None

    async def is_held(self, document: bytes) -> bool:
        """Whether a photograph is in custody, and has not been dropped since."""
        sql = "SELECT 1 FROM document WHERE sha256 = ? AND dropped_at IS NULL"
        return bool(await self._database.read(sql, (document,)))

    async def is_settled(self, document: bytes) -> bool:
        """Whether the centre has recorded a statement that lists this photograph, so that it must be there."""
        sql = (
            "SELECT 1 FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = ? AND s.verdict IN (1, 2) LIMIT 1"
        )
        return bool(await self._database.read(sql, (document,)))

    async def is_done(self, document: bytes) -> bool:
        """Whether it need not come any more: in custody, or at the centre. Dropped otherwise, it is to come again."""
        return await self.is_held(document) or await self.is_settled(document)

    async def droppable(self, limit: int) -> list[DocumentHash]:
        """Photographs that the centre has recorded and no statement without a receipt lists, oldest first."""
        rows = await self._database.read(
            "SELECT d.sha256 FROM document d WHERE d.dropped_at IS NULL AND NOT EXISTS (SELECT 1 FROM page p "
            "JOIN statement s ON s.number = p.statement WHERE p.document = d.sha256 AND s.verdict IS NULL) "
            "AND EXISTS (SELECT 1 FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = d.sha256 AND s.verdict IN (1, 2)) ORDER BY d.number LIMIT ?",
            (limit,),
        )
        return [DocumentHash(row[0]) for row in rows]

    async def unfinished(self) -> list[tuple[DocumentHash, int]]:
        """Documents that are listed and not in custody, with their size."""
        rows = await self._database.read(
            "SELECT DISTINCT p.document, p.size_bytes FROM page p WHERE NOT EXISTS "
            "(SELECT 1 FROM document d WHERE d.sha256 = p.document AND d.dropped_at IS NULL)"
        )
        return [(DocumentHash(row[0]), int(row[1])) for row in rows]

    # The writer's side: only from within its transaction.

    async def drop(self, change: MarkDropped) -> None:
        """Notes that these files are gone."""
        await self._database.writing.executemany(
            "UPDATE document SET dropped_at = ? WHERE sha256 = ?",
            [(change.dropped_at, document) for document in change.documents],
        )
