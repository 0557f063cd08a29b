"""Looking again at single things: receipts and slips on phones' disks, bytes at the centre. For the proofs."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from relay.demo.officers import Officer
from relay.demo.processes import Failed
from relay.errors import Rejected
from relay.phone.entries import Entry
from relay.protocol.lifecycle import State
from relay.protocol.slips import Subject


@dataclass(frozen=True, slots=True)
class Count:
    """So many of so many."""

    done: int
    wanted: int

    @property
    def holds(self) -> bool:
        """Whether it is all of them, and not all of none."""
        return self.done == self.wanted > 0


class AtCentre:
    """What the centre gives out to anybody."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base

    async def statement_equals(self, entry: Entry) -> bool:
        """Whether the centre has the very bytes that the phone signed."""
        given = await self._bytes(f"statements/{entry.statement.id.hex()}/cose")
        return given == await asyncio.to_thread((entry.folder / "statement.cose").read_bytes)

    async def photograph_equals(self, entry: Entry, document: bytes) -> bool:
        """Whether the centre has the very bytes that are on the phone."""
        given = await self._bytes(f"documents/{document.hex()}")
        return given == await asyncio.to_thread(entry.photograph(document).read_bytes)

    async def is_incomplete(self, officer: Officer) -> bool:
        """Whether the centre has flagged a tally for blank boxes."""
        if officer.tally is None:
            return False
        told = await get_json(self._session, f"{self._base}/statements/{officer.tally.statement.id.hex()}")
        return "incomplete" in told["notes"]

    async def _bytes(self, path: str) -> bytes | None:
        url = f"{self._base}/{path}"
        with _answering(url):
            async with self._session.get(url) as answer:
                return await answer.read() if answer.status == HTTPStatus.OK else None


def receipt_holds(officer: Officer, entry: Entry) -> bool:
    """Under the pinned root, from the bytes on the phone's disk."""
    if entry.receipt_bytes is None or entry.state is not State.AT_CENTRE:
        return False
    try:
        officer.outbox.proofs.receipt_for(entry.receipt_bytes, entry.statement.id)
    except Rejected:
        return False
    return True


def slips_hold(officer: Officer, entry: Entry) -> list[bool]:
    """One for the statement and one for each photograph."""
    subjects = [(Subject.STATEMENT, bytes(entry.statement.id))]
    subjects += [(Subject.DOCUMENT, bytes(page.document)) for page in entry.statement.pages]
    return [_slip_holds(officer, entry, kind, subject) for kind, subject in subjects]


def _slip_holds(officer: Officer, entry: Entry, kind: Subject, subject: bytes) -> bool:
    try:
        slips = entry.slips_of(subject)
        for slip in slips:
            cose_bytes = slip.signed.with_chain(slip.signed.chain)
            officer.outbox.proofs.slip_for(cose_bytes, kind, subject)
    except Rejected:
        return False
    return bool(slips)


def count(results: Iterable[bool]) -> Count:
    """How many of them hold."""
    listing = list(results)
    return Count(sum(listing), len(listing))


async def get_json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """What a node answers with; `Failed` if it does not."""
    with _answering(url):
        async with session.get(url) as answer:
            answer.raise_for_status()
            return dict(await answer.json())


async def is_there(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether a node has what is asked for; `Failed` if it does not answer."""
    with _answering(url):
        async with session.head(url) as answer:
            return answer.status == HTTPStatus.OK


@contextmanager
def _answering(url: str) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Failed(f"{url} does not answer: {error}") from error
