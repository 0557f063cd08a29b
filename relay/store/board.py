"""What a relay's database tells the PPK's board of some stations at a time: statements, pages, names."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from relay.protocol.statements import DocumentHash
from relay.store.database import Database, in_portions, marks
from relay.store.statements import COLUMNS, KeptStatement, values


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page that a documents statement lists; `held_at` None: its photograph is not here yet."""

    page: int
    document: DocumentHash
    size_bytes: int
    held_at: int | None
    dropped_at: int | None


@dataclass(frozen=True, slots=True)
class ShownStatement(KeptStatement):
    """A statement in custody, without its slip and receipt. `is_elsewhere`: a neighbour has given its slip for it."""

    held_at: int
    origin: str | None
    _: KW_ONLY
    is_elsewhere: bool
    pages: tuple[ShownPage, ...]


class BoardRows:
    """The questions. Each reads a bounded number of rows, so that phones' questions get their turn in between."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stations_within(self, scope: str) -> list[str]:
        """The TPS codes within a scope of which there is any statement, in order."""
        rows = await self._database.read(
            "SELECT DISTINCT tps FROM statement WHERE tps BETWEEN ?1 AND ?1 || '~' ORDER BY tps", (scope,)
        )
        return [str(row[0]) for row in rows]

    async def stations_of(self, subjects: Sequence[bytes]) -> set[str]:
        """The TPS codes that statements (by their ids) and photographs (by their SHA-256) concern."""
        found: set[str] = set()
        for names in in_portions(subjects):
            rows = await self._database.read(
                f"SELECT tps FROM statement WHERE id IN ({marks(names)}) UNION SELECT s.tps FROM page p "
                f"JOIN statement s ON s.number = p.statement WHERE p.document IN ({marks(names)})",
                [*names, *names],
            )
            found |= {str(row[0]) for row in rows}
        return found

    async def statements_of(self, stations: Sequence[str]) -> dict[str, list[ShownStatement]]:
        """All statements of some stations, in the order of their slips; nothing of a station without any."""
        pages = await self._pages_of(stations)
        rows = await self._database.read(
            f"SELECT {COLUMNS}, s.held_at, (SELECT name FROM neighbour WHERE neighbour.x5t = s.origin), "
            "s.verdict IS NULL AND EXISTS (SELECT 1 FROM handed_over h WHERE h.subject = s.id) "
            f"FROM statement s WHERE s.tps IN ({marks(stations)}) ORDER BY s.number",
            stations,
        )
        found: dict[str, list[ShownStatement]] = {}
        for row in rows:
            *kept, is_elsewhere = values(row)
            shown = ShownStatement(*kept, is_elsewhere=bool(is_elsewhere), pages=tuple(pages.get(row[0], ())))
            found.setdefault(shown.tps, []).append(shown)
        return found

    async def _pages_of(self, stations: Sequence[str]) -> dict[int, list[ShownPage]]:
        rows = await self._database.read(
            "SELECT p.statement, p.page, p.document, p.size_bytes, d.held_at, d.dropped_at FROM statement s "
            "JOIN page p ON p.statement = s.number LEFT JOIN document d ON d.sha256 = p.document "
            f"WHERE s.tps IN ({marks(stations)}) ORDER BY p.statement, p.page",
            stations,
        )
        found: dict[int, list[ShownPage]] = {}
        for statement, *page in rows:
            found.setdefault(statement, []).append(ShownPage(*page))
        return found
