"""Conflicts that a relay could not hear of: it brought the one statement, and another relay brought the other one.

The receipt that says so was given to the other. It is said to this one whenever it has a stream, and on each new
stream again: nobody acknowledges receipts, twice is once, and conflicts are few.
"""

import asyncio

from relay.store.database import Database

_READ_AT_ONCE = 64


class Conflicts:
    """Reads them, and tells when there is a new one. The writer sets `is_found` and calls `committed`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found = asyncio.Event()
        self.is_found = False  # in the group that is being written

    @property
    def found(self) -> asyncio.Event:
        """Is set once another conflict is on disk; take it before looking at those that there are."""
        return self._found

    def committed(self) -> None:
        """The group is on disk."""
        if self.is_found:
            self._found.set()
            self._found = asyncio.Event()

    async def receipts_for(self, sender: str, after: int) -> list[tuple[int, bytes]]:
        """The next receipts, by number, that made a conflict of what `sender` brought, and were given to another."""
        rows = await self._database.read(
            "SELECT DISTINCT r.number, r.cose FROM statement s JOIN receipt r ON r.number = s.receipt "
            "WHERE s.sender = ? AND s.verdict = 2 AND r.given_to != s.sender AND r.number > ? "
            "ORDER BY r.number LIMIT ?",
            (sender, after, _READ_AT_ONCE),
        )
        return [(int(number), receipt) for number, receipt in rows]
