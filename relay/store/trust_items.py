"""CA certificates, the centre's, and CRLs that were learned: kept for the next start, at relay and centre."""

from relay.protocol import cose
from relay.store.changes import LearnTrust, TellTrust
from relay.store.database import Database


class TrustItems:
    """The questions; and, for the one writer, the two changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[tuple[str, bytes]]:
        """Everything kept: kind ("authority", "centre", "crl") and DER."""
        return [(row[0], row[1]) for row in await self._database.read("SELECT kind, der FROM trust_item")]

    async def owed(self) -> list[tuple[str, bytes]]:
        """Of these, what the centre is not known to have."""
        rows = await self._database.read("SELECT kind, der FROM trust_item WHERE owed ORDER BY kind, sha256")
        return [(row[0], row[1]) for row in rows]

    # The writer's side: only from within its transaction.

    async def apply(self, change: LearnTrust | TellTrust) -> None:
        """Keeps what is new and drops what has gone, or notes that it is owed no more."""
        if isinstance(change, LearnTrust):
            await self._keep(change)
        else:
            await self._tell(change)

    async def _keep(self, change: LearnTrust) -> None:
        await self._database.writing.executemany(
            "INSERT OR IGNORE INTO trust_item (kind, sha256, der, owed) VALUES (?, ?, ?, ?)",
            [(kind, cose.sha256(der), der, int(change.owed)) for kind, der in change.items],
        )
        gone = [(cose.sha256(der),) for der in change.gone]
        await self._database.writing.executemany("DELETE FROM trust_item WHERE sha256 = ?", gone)

    async def _tell(self, change: TellTrust) -> None:
        names = [(cose.sha256(der),) for der in change.items]
        await self._database.writing.executemany("UPDATE trust_item SET owed = 0 WHERE sha256 = ?", names)
