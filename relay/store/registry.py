"""The registry of polling stations at the centre: which there are, and what regions are called."""

from collections.abc import Iterable

from relay.store.database import Database, Row
from relay.store.progress import AFTER_DIGITS, REGION_DIGITS


class Registry:
    """The centre's list of stations and names of regions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def import_registry(self, stations: Iterable[str], regions: Iterable[tuple[str, str]]) -> None:
        """Adds stations and names of regions; importing again changes nothing. Not while the centre is writing."""
        writing = self._database.writing
        await writing.executemany("INSERT OR IGNORE INTO registry_tps VALUES (?)", ((tps,) for tps in stations))
        await writing.executemany("INSERT OR REPLACE INTO registry_region VALUES (?, ?)", regions)
        await writing.execute("DELETE FROM registry_count")
        await writing.executemany(
            "INSERT INTO registry_count SELECT ?1, substr(tps, 1, ?1), count(*) FROM registry_tps GROUP BY 2",
            [(digits,) for digits in REGION_DIGITS],
        )
        await writing.commit()

    async def region_name(self, scope: str) -> str:
        """The name of a region, or empty."""
        rows = await self._database.read("SELECT name FROM registry_region WHERE scope = ?", (scope,))
        return str(rows[0][0]) if rows else ""

    async def names_within(self, scope: str) -> list[Row]:
        """(scope, name) of every region within `scope`, itself included."""
        return await self._database.read(
            "SELECT scope, name FROM registry_region WHERE scope >= ?1 AND scope < ?2 ORDER BY scope",
            (scope, scope + AFTER_DIGITS),
        )

    async def stations_within(self, scope: str, after: str, limit: int) -> list[Row]:
        """Stations in order: (tps, in the registry, statements, newest verdict of a tally)."""
        return await self._database.read(
            "WITH all_tps AS (SELECT tps FROM registry_tps WHERE tps >= ?1 AND tps < ?2 AND tps > ?3 "
            "UNION SELECT tps FROM statement WHERE tps >= ?1 AND tps < ?2 AND tps > ?3 ORDER BY tps LIMIT ?4) "
            "SELECT tps, EXISTS (SELECT 1 FROM registry_tps r WHERE r.tps = all_tps.tps), "
            "(SELECT count(*) FROM statement s WHERE s.tps = all_tps.tps), "
            "(SELECT verdict FROM statement s WHERE s.tps = all_tps.tps AND s.kind = 1 AND s.verdict != 3 "
            "ORDER BY revision DESC, number DESC LIMIT 1) FROM all_tps ORDER BY tps",
            (scope, scope + AFTER_DIGITS, after, limit),
        )
