"""Requests for certificates that wait at a relay for an authority elsewhere, and the answers that came."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from relay.protocol.enrolment import Answer, State, read_answer, text64
from relay.store.changes import KeepAnswer, KeepRequest
from relay.store.database import Database, Row

_COLUMNS = "id, request, name, received_at, answer"


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request (PKCS#10, DER) by the id of its key; `received_at` in Unix seconds; answer None: it waits."""

    id: bytes
    request: bytes
    name: str
    received_at: int
    answer: Answer | None

    @property
    def told(self) -> Answer:
        """What its sender is told."""
        return self.answer or Answer(self.id, State.WAITING)


def requests_file(waiting: Iterable[HeldRequest]) -> dict[str, Any]:
    """What an authority elsewhere is given, as JSON."""
    rows = [
        {"id": item.id.hex(), "name": item.name, "received_at": item.received_at, "request": text64(item.request)}
        for item in waiting
    ]
    return {"requests": rows}


class Enrolments:
    """The questions; and, for the one writer, the two changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, identifier: bytes) -> HeldRequest | None:
        """The request of a key."""
        rows = await self._database.read(f"SELECT {_COLUMNS} FROM enrolment WHERE id = ?", (identifier,))
        return _held(rows[0]) if rows else None

    async def waiting(self) -> list[HeldRequest]:
        """Requests without an answer, oldest first."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM enrolment WHERE answer IS NULL ORDER BY received_at, id"
        )
        return [_held(row) for row in rows]

    async def waiting_count(self) -> int:
        """How many requests have no answer."""
        return int((await self._database.read("SELECT count(*) FROM enrolment WHERE answer IS NULL"))[0][0])

    # The writer's side: only from within its transaction.

    async def apply(self, change: KeepRequest | KeepAnswer) -> None:
        """Keeps a request, or its answer."""
        if isinstance(change, KeepRequest):
            await self._keep(change)
        else:
            await self._answer(change)

    async def _keep(self, change: KeepRequest) -> None:
        await self._database.writing.execute(
            "INSERT OR REPLACE INTO enrolment (id, request, name, received_at) VALUES (?, ?, ?, ?)",
            (change.id, change.request, change.name, change.received_at),
        )

    async def _answer(self, change: KeepAnswer) -> None:
        """A certificate is never overwritten by a refusal."""
        only_waiting = "" if change.answer.state is State.ISSUED else " AND answer IS NULL"
        await self._database.writing.execute(
            f"UPDATE enrolment SET answer = ? WHERE id = ?{only_waiting}",
            (json.dumps(change.answer.as_json()), change.answer.id),
        )


def _held(row: Row) -> HeldRequest:
    identifier, request, name, received_at, answer = row
    return HeldRequest(identifier, request, name, received_at, read_answer(json.loads(answer)) if answer else None)
