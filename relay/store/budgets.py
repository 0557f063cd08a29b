"""What each uplink with a daily budget has sent today, so that a restart begins no new day."""

from relay.store.changes import Spend
from relay.store.database import Database


class Budgets:
    """The question; and, for the one writer, the change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spent(self, uplink: str) -> tuple[int, int]:
        """What `spend` remembers: the day and the bytes; zeroes if nothing."""
        rows = await self._database.read("SELECT day, bytes FROM budget WHERE uplink = ?", (uplink,))
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    # The writer's side: only from within its transaction.

    async def spend(self, change: Spend) -> None:
        """Remembers the newest sum."""
        await self._database.writing.execute(
            "INSERT OR REPLACE INTO budget (uplink, day, bytes) VALUES (?, ?, ?)",
            (change.uplink, change.day, change.size_bytes),
        )
