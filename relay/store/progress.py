"""How far each region is: the SQL of the centre's running counts and sums. What they mean, `central/counting.py` knows.

All of it follows from what is recorded; it is written by the one writer, together with how far it has been counted.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from relay.protocol.statements import Kind
from relay.store.database import Database, Row, in_portions, marks

REGION_DIGITS = (0, 2, 4, 6)
"""The lengths of scopes that have running counts; of a village the few stations are added up when somebody asks."""
ANY_FORM = 0
COUNTS = ("with_tally", "flagged", "in_conflict", "resolved_by_note", "with_photographs")
_COUNT_COLUMNS = ", ".join(COUNTS)
AFTER_DIGITS = ":"
"""Sorts behind every digit: the codes within scope S are those from S up to S + ":"."""


@dataclass(frozen=True, slots=True)
class Region:
    """The counts of one region for one form, in the order of `COUNTS`.

    `sums`: big-endian, four bytes each, the sum of every field of the form, then how many stations have it blank.
    """

    form: int
    scope: str
    counts: tuple[int, ...]
    sums: bytes = b""


@dataclass(frozen=True, slots=True)
class Station:
    """What is in the counts about one station and form; `tally` is the number of the statement that is in the sums."""

    tps: str
    form: int
    counts: tuple[int, ...]
    tally: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A change for the writer: stations and regions as they are after everything up to `receipt`."""

    receipt: int
    stations: Sequence[Station] = field(default=())
    regions: Sequence[Region] = field(default=())


class Progress:
    """Reads and writes the counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def behind(self) -> tuple[int, int]:
        """The receipt up to which everything is counted, and the newest receipt."""
        rows = await self._database.read("SELECT receipt, (SELECT coalesce(max(number), 0) FROM receipt) FROM counted")
        return int(rows[0][0]), int(rows[0][1])

    async def settled_after(self, receipt: int, limit: int) -> list[tuple[int, str]]:
        """(receipt, station) of statements whose newest receipt is a later one, in order of receipts."""
        rows = await self._database.read(
            "SELECT receipt, tps FROM statement WHERE receipt > ? ORDER BY receipt LIMIT ?", (receipt, limit)
        )
        return [(row[0], row[1]) for row in rows]

    async def newest_of(self, stations: Collection[str]) -> list[Row]:
        """(tps, form, kind, revision, number, verdict, whether it has notes, COSE) of what may count there.

        That is the newest revision of each kind, and what is in the counts now, which may have to be taken out of them.
        Without the bytes of lists of photographs, which nobody counts; what was refused is left out.
        """
        within = marks(list(stations))
        columns = (
            "s.tps, s.form, s.kind, s.revision, s.number, s.verdict, s.notes != '[]', "
            f"CASE s.kind WHEN {int(Kind.DOCUMENTS)} THEN x'' ELSE s.cose END"
        )
        return await self._database.read(
            "WITH newest AS (SELECT tps, form, kind, max(revision) AS revision FROM statement "
            f"WHERE tps IN ({within}) AND verdict IN (1, 2) GROUP BY tps, form, kind) "
            f"SELECT {columns} FROM newest JOIN statement s USING (tps, form, kind, revision) "
            "WHERE s.verdict IN (1, 2) "
            f"UNION SELECT {columns} FROM station t JOIN statement s ON s.number = t.tally WHERE t.tps IN ({within})",
            [*stations, *stations],
        )

    async def stations(self, stations: Collection[str]) -> dict[tuple[str, int], Station]:
        """What is counted of these stations, by station and form."""
        rows = await self._database.read(
            f"SELECT tps, form, tally, {_COUNT_COLUMNS} FROM station WHERE tps IN ({marks(list(stations))})",
            list(stations),
        )
        return {(row[0], row[1]): Station(row[0], row[1], tuple(row[3:]), row[2]) for row in rows}

    async def regions(self, names: Collection[tuple[int, str]]) -> dict[tuple[int, str], Region]:
        """The counts of regions that are named by form and scope; what nothing is counted of is left out."""
        listed = [(form, len(scope), scope) for form, scope in names]
        found: dict[tuple[int, str], Region] = {}
        for part in in_portions(listed):
            rows = await self._database.read(
                f"SELECT form, scope, sums, {_COUNT_COLUMNS} FROM region "
                f"WHERE (form, digits, scope) IN (VALUES {','.join(['(?, ?, ?)'] * len(part))})",
                [value for name in part for value in name],
            )
            found |= {(row[0], row[1]): _region(row) for row in rows}
        return found

    async def region(self, form: int, scope: str) -> Region | None:
        """The counts of one region that has running counts."""
        return (await self.regions([(form, scope)])).get((form, scope))

    async def parts(self, form: int, scope: str, digits: int) -> list[Row]:
        """How far each region of `digits` digits within `scope` is: (scope, name, TPS in the registry, *COUNTS)."""
        if digits in REGION_DIGITS:
            within = "digits = ?2 AND scope >= ?3 AND scope < ?4"
            listed = f"SELECT scope, tps FROM registry_count WHERE {within}"
            told = f"SELECT scope, {_COUNT_COLUMNS} FROM region WHERE form = ?1 AND {within}"
        else:
            within = "tps >= ?3 AND tps < ?4 GROUP BY 1"
            listed = f"SELECT substr(tps, 1, ?2) AS scope, count(*) AS tps FROM registry_tps WHERE {within}"
            sums = ", ".join(f"sum({name}) AS {name}" for name in COUNTS)
            told = f"SELECT substr(tps, 1, ?2) AS scope, {sums} FROM station WHERE form = ?1 AND {within}"
        named = ", ".join(f"coalesce({name}, 0)" for name in ("tps", *COUNTS))
        return await self._database.read(
            f"WITH listed AS ({listed}), told AS ({told}) SELECT scope, coalesce(name, ''), {named} "
            "FROM (SELECT scope FROM listed UNION SELECT scope FROM told) LEFT JOIN registry_region USING (scope) "
            "LEFT JOIN listed USING (scope) LEFT JOIN told USING (scope) ORDER BY scope",
            (form, digits, scope, scope + AFTER_DIGITS),
        )

    async def tallies_within(self, form: int, scope: str) -> list[bytes]:
        """The tallies (COSE) whose figures count, of the stations of a village, or of one station."""
        rows = await self._database.read(
            "SELECT s.cose FROM station t JOIN statement s ON s.number = t.tally "
            "WHERE t.tps >= ?2 AND t.tps < ?3 AND t.form = ?1",
            (form, scope, scope + AFTER_DIGITS),
        )
        return [row[0] for row in rows]

    async def within(self, scope: str) -> list[Row]:
        """What is counted of every station within `scope`, by form: (tps, form, *COUNTS)."""
        return await self._database.read(
            f"SELECT tps, form, {_COUNT_COLUMNS} FROM station WHERE tps >= ? AND tps < ? AND form != {ANY_FORM}",
            (scope, scope + AFTER_DIGITS),
        )

    async def pages_within(self, scope: str) -> list[Row]:
        """How many different pages are here of every station within `scope`, by form: (tps, form, pages)."""
        return await self._database.read(
            "SELECT s.tps, s.form, count(DISTINCT p.page) FROM statement s JOIN page p ON p.statement = s.number "
            f"JOIN document d ON d.sha256 = p.document WHERE s.tps >= ? AND s.tps < ? "
            f"AND s.kind = {int(Kind.DOCUMENTS)} AND (s.verdict IS NULL OR s.verdict != 3) GROUP BY s.tps, s.form",
            (scope, scope + AFTER_DIGITS),
        )

    async def write(self, change: Counted) -> None:
        """The writer's side: puts the counts of `change` into its transaction."""
        writing = self._database.writing
        await writing.executemany(
            f"INSERT OR REPLACE INTO station (tps, form, tally, {_COUNT_COLUMNS}) VALUES (?, ?, ?, {marks(COUNTS)})",
            [(item.tps, item.form, item.tally, *item.counts) for item in change.stations],
        )
        await writing.executemany(
            f"INSERT OR REPLACE INTO region (form, digits, scope, sums, {_COUNT_COLUMNS}) "
            f"VALUES (?, ?, ?, ?, {marks(COUNTS)})",
            [(item.form, len(item.scope), item.scope, item.sums, *item.counts) for item in change.regions],
        )
        await writing.execute("UPDATE counted SET receipt = ?", (change.receipt,))


def parts_of(scope: str) -> Iterable[str]:
    """The regions in which a station is, from the country down to its village."""
    return (scope[:digits] for digits in REGION_DIGITS)


def _region(row: Row) -> Region:
    form, scope, sums, *counts = row
    return Region(form, scope, tuple(counts), sums)
