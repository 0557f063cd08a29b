"""The registry of polling stations, and how far each region is: "231 of 713", told from what is recorded."""

from collections.abc import Iterable

from relay.store.database import Database, Row


class Registry:
    """The centre's list of stations and names of regions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def import_registry(self, stations: Iterable[str], regions: Iterable[tuple[str, str]]) -> None:
        """Adds stations and names of regions; importing again changes nothing. Not while the centre is writing."""
        writing = self._database.writing
        await writing.executemany("INSERT OR IGNORE INTO registry_tps VALUES (?)", ((tps,) for tps in stations))
        await writing.executemany("INSERT OR REPLACE INTO registry_region VALUES (?, ?)", regions)
        await writing.commit()

    async def region_name(self, scope: str) -> str:
        """The name of a region, or empty."""
        rows = await self._database.read("SELECT name FROM registry_region WHERE scope = ?", (scope,))
        return str(rows[0][0]) if rows else ""

    async def progress(self, scope: str, digits: int, form: int | None) -> list[Row]:
        """How far each sub-region of `digits` digits within `scope` is.

        Rows of (code, name, TPS in the registry, TPS with a tally, TPS in conflict, TPS flagged, TPS with all
        photographs of a statement).
        """
        forms = "" if form is None else "AND s.form = ?"
        return await self._database.read(
            "WITH station AS (SELECT substr(s.tps, 1, ?1) AS region, s.tps, "
            "max(s.kind = 1 AND s.verdict IN (1, 2)) AS tally, max(s.verdict = 2) AS conflict, "
            "max(s.kind = 1 AND s.verdict IN (1, 2) AND s.notes != '[]') AS flagged, "
            "max(s.kind = 2 AND s.verdict IN (1, 2)) AS photographs FROM statement s "
            f"WHERE substr(s.tps, 1, length(?2)) = ?2 {forms.replace('?', '?3')} GROUP BY s.tps), "
            "listed AS (SELECT substr(tps, 1, ?1) AS region, count(*) AS stations FROM registry_tps "
            "WHERE substr(tps, 1, length(?2)) = ?2 GROUP BY 1), "
            "told AS (SELECT region, sum(tally) AS tally, sum(conflict) AS conflict, sum(flagged) AS flagged, "
            "sum(photographs) AS photographs FROM station GROUP BY region) "
            "SELECT region, coalesce((SELECT name FROM registry_region WHERE scope = region), ''), "
            "coalesce(listed.stations, 0), coalesce(told.tally, 0), coalesce(told.conflict, 0), "
            "coalesce(told.flagged, 0), coalesce(told.photographs, 0) "
            "FROM (SELECT region FROM listed UNION SELECT region FROM told) "
            "LEFT JOIN listed USING (region) LEFT JOIN told USING (region) ORDER BY region",
            (digits, scope) if form is None else (digits, scope, form),
        )

    async def stations_within(self, scope: str, after: str, limit: int) -> list[Row]:
        """Stations in order: (tps, in the registry, statements, newest verdict of a tally)."""
        return await self._database.read(
            "WITH all_tps AS (SELECT tps FROM registry_tps WHERE substr(tps, 1, length(?1)) = ?1 AND tps > ?2 "
            "UNION SELECT tps FROM statement WHERE substr(tps, 1, length(?1)) = ?1 AND tps > ?2 ORDER BY tps LIMIT ?3) "
            "SELECT tps, EXISTS (SELECT 1 FROM registry_tps r WHERE r.tps = all_tps.tps), "
            "(SELECT count(*) FROM statement s WHERE s.tps = all_tps.tps), "
            "(SELECT verdict FROM statement s WHERE s.tps = all_tps.tps AND s.kind = 1 AND s.verdict != 3 "
            "ORDER BY revision DESC, number DESC LIMIT 1) FROM all_tps ORDER BY tps",
            (scope, after, limit),
        )
