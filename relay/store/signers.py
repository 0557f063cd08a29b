"""The certificates of officers met before, so that what they sign may come without them: at relay and centre."""

from collections.abc import Iterable, Sequence

from relay.protocol import cbor
from relay.protocol.cose import X5t
from relay.store.database import Database


class Signers:
    """The question; and, for the one writer, the change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chain(self, x5t: X5t) -> tuple[bytes, ...] | None:
        """The certificates of a signer met before, leaf first."""
        rows = await self._database.read("SELECT chain FROM signer WHERE x5t = ?", (x5t,))
        return tuple(cbor.decode(rows[0][0])) if rows else None

    # The writer's side: only from within its transaction.

    async def keep(self, chains: Iterable[tuple[X5t, Sequence[bytes]]]) -> None:
        """Keeps the first chain of each signer."""
        await self._database.writing.executemany(
            "INSERT OR IGNORE INTO signer (x5t, chain) VALUES (?, ?)",
            [(x5t, cbor.encode(list(chain))) for x5t, chain in chains],
        )
