"""What a relay's database tells the PPK's board of some stations at a time: statements, pages, names."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from relay.protocol.lifecycle import EVENT_OF, Event, State, state_of
from relay.protocol.receipts import Verdict
from relay.protocol.statements import DocumentHash, Kind, StatementId
from relay.store.database import Database, Row, marks

_NAMED_MAX = 512


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page that a documents statement lists; `held_at` None: its photograph is not here yet."""

    page: int
    document: DocumentHash
    size_bytes: int
    held_at: int | None
    dropped_at: int | None


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """A statement in custody, without its slip and receipt. `is_elsewhere`: a neighbour has given its slip for it."""

    number: int
    id: StatementId
    kind: Kind
    tps: str
    form: int
    revision: int
    cose: bytes
    held_at: int
    verdict: Verdict | None
    reasons: tuple[str, ...]
    origin: str | None
    is_elsewhere: bool
    pages: tuple[ShownPage, ...]

    @property
    def state(self) -> State:
        """Where it is: at this relay, or what the newest receipt says."""
        return state_of([Event.SLIP] + ([EVENT_OF[self.verdict]] if self.verdict else []))


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
        for at in range(0, len(subjects), _NAMED_MAX):
            names = subjects[at : at + _NAMED_MAX]
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
            "SELECT s.number, s.id, s.kind, s.tps, s.form, s.revision, s.cose, s.held_at, s.verdict, s.notes, "
            "(SELECT name FROM neighbour WHERE neighbour.x5t = s.origin), "
            "s.verdict IS NULL AND EXISTS (SELECT 1 FROM handed_over h WHERE h.subject = s.id) "
            f"FROM statement s WHERE s.tps IN ({marks(stations)}) ORDER BY s.number",
            stations,
        )
        found: dict[str, list[ShownStatement]] = {}
        for row in rows:
            shown = _shown(row, tuple(pages.get(row[0], ())))
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


def _shown(row: Row, pages: tuple[ShownPage, ...]) -> ShownStatement:
    number, identifier, kind, tps, form, revision, cose, held_at, verdict, notes, origin, is_elsewhere = row
    return ShownStatement(
        number=number,
        id=StatementId(identifier),
        kind=Kind(kind),
        tps=tps,
        form=form,
        revision=revision,
        cose=cose,
        held_at=held_at,
        verdict=Verdict(verdict) if verdict else None,
        reasons=tuple(json.loads(notes)) if notes else (),
        origin=origin,
        is_elsewhere=bool(is_elsewhere),
        pages=pages,
    )
