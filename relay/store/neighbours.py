"""What a relay's database knows of relays near by: what it holds for them, and what they hold for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from relay.protocol import cbor
from relay.protocol.cose import X5t
from relay.protocol.identities import Identity
from relay.protocol.parcels import SHORT_BYTES
from relay.protocol.statements import DocumentHash, StatementId
from relay.store.changes import FileSlip
from relay.store.database import Database, marks

_RECEIPTS_READ = 64
_LAST_OF_A_NAME = b"\xff" * (32 - SHORT_BYTES)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a statement in custody: its receipt if there is one, else this relay's slip."""

    statement: StatementId
    slip: bytes
    receipt: bytes | None


@dataclass(frozen=True, slots=True)
class Holder:
    """A neighbour that has given its slip for something; `held_at` is Unix seconds by its clock."""

    name: str
    scope: str
    slip: bytes
    held_at: int


class Neighbours:
    """The questions; and, for the one writer, the two changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answers(self, names: Sequence[bytes]) -> list[Answer]:
        """Of the statements in custody, those whose id begins with one of `names` (8 bytes each), by slip number."""
        if not names:
            return []
        asked = ",".join(["(?, ?)"] * len(names))
        rows = await self._database.read(
            f"WITH asked (first, last) AS (VALUES {asked}) SELECT DISTINCT s.number, s.id, s.slip, r.cose "
            "FROM asked JOIN statement s ON s.id BETWEEN asked.first AND asked.last "
            "LEFT JOIN receipt r ON r.number = s.receipt ORDER BY s.number",
            [bound for name in names for bound in (name, name + _LAST_OF_A_NAME)],
        )
        return [Answer(StatementId(row[1]), row[2], row[3]) for row in rows]

    async def slips_for(self, documents: Sequence[DocumentHash]) -> list[bytes]:
        """This relay's slips for those of the documents that are in custody."""
        rows = await self._database.read(
            f"SELECT slip FROM document WHERE dropped_at IS NULL AND sha256 IN ({marks(documents)}) ORDER BY number",
            documents,
        )
        return [row[0] for row in rows]

    async def waiting_from(self, origin: X5t) -> int:
        """How many statements that one relay handed over have no receipt yet."""
        sql = "SELECT count(*) FROM statement WHERE origin = ? AND receipt IS NULL"
        return int((await self._database.read(sql, (origin,)))[0][0])

    async def held_for_others(self) -> tuple[int, int]:
        """How many statements other relays have handed over, and how many of them have no receipt yet."""
        rows = await self._database.read(
            "SELECT count(*), coalesce(sum(receipt IS NULL), 0) FROM statement WHERE origin IS NOT NULL"
        )
        return int(rows[0][0]), int(rows[0][1])

    async def newest_receipt(self) -> int:
        """The number of the receipt that was filed last, 0 if there is none."""
        return int((await self._database.read("SELECT coalesce(max(number), 0) FROM receipt"))[0][0])

    async def receipts_for(self, origin: X5t, after: int) -> list[tuple[int, bytes]]:
        """The next receipts, by number, for statements that one relay handed over: (number, COSE bytes)."""
        rows = await self._database.read(
            "SELECT r.number, r.cose FROM receipt r WHERE r.number IN "
            "(SELECT DISTINCT s.receipt FROM statement s WHERE s.origin = ? AND s.receipt > ? "
            "ORDER BY s.receipt LIMIT ?) ORDER BY r.number",
            (origin, after, _RECEIPTS_READ),
        )
        return [(int(row[0]), row[1]) for row in rows]

    async def holders_of(self, subject: bytes) -> list[Holder]:
        """The neighbours that have given their slip for a statement (by its id) or a document (by its SHA-256)."""
        rows = await self._database.read(
            "SELECT n.name, n.scope, h.slip, h.held_at FROM handed_over h JOIN neighbour n ON n.x5t = h.neighbour "
            "WHERE h.subject = ? ORDER BY h.held_at, n.name",
            (subject,),
        )
        return [Holder(*row) for row in rows]

    # The writer's side: only from within its transaction.

    async def meet(self, relays: Iterable[Identity]) -> None:
        """Remembers who these relays are."""
        await self._database.writing.executemany(
            "INSERT OR IGNORE INTO neighbour (x5t, name, scope, chain) VALUES (?, ?, ?, ?)",
            [(relay.x5t, relay.name, relay.scope, cbor.encode(list(relay.chain))) for relay in relays],
        )

    async def file(self, change: FileSlip) -> None:
        """Keeps a neighbour's first slip for what is in custody here; others would only fill the disk."""
        await self.meet([change.neighbour])
        slip = change.slip
        await self._database.writing.execute(
            "INSERT OR IGNORE INTO handed_over (subject, neighbour, slip, held_at) SELECT ?1, ?2, ?3, ?4 "
            "WHERE EXISTS (SELECT 1 FROM statement WHERE id = ?1) OR EXISTS (SELECT 1 FROM document WHERE sha256 = ?1)",
            (slip.subject, change.neighbour.x5t, slip.signed.bare, slip.held_at),
        )
