"""Taking custody at a relay: statements and photographs for slips, and whatever else changes in its database.

Every change goes through one writer in groups, and is on disk when it returns. What is held is asked of the parts.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from relay.errors import StoreBroken
from relay.protocol.cose import X5t
from relay.protocol.enrolment import Answer
from relay.protocol.identities import Identity
from relay.protocol.receipts import Receipt
from relay.protocol.slips import Slip, Subject
from relay.protocol.statements import DocumentHash, Statement
from relay.store.board import BoardRows
from relay.store.budgets import Budgets
from relay.store.changes import (
    Custody,
    FileSlip,
    KeepAnswer,
    KeepRequest,
    LearnTrust,
    MarkDropped,
    RelayChange,
    Settle,
    Spend,
    TakeDocument,
    TakeStatement,
    TellTrust,
)
from relay.store.database import Database, GroupCommit, Row, marks, open_database
from relay.store.enrolments import Enrolments
from relay.store.holdings import Holdings
from relay.store.neighbours import Neighbours
from relay.store.photographs import Photographs
from relay.store.receipts import Receipts
from relay.store.signers import Signers
from relay.store.trust_items import TrustItems
from relay.store.waiting import Waiting

log = logging.getLogger(__name__)

SignSlip = Callable[[Subject, bytes, int], tuple[bytes, int]]
"""(kind, subject, number) -> the slip's bytes and its time."""


class CustodyStore:
    """The relay's database. `run()` must be running for anything to be taken."""

    def __init__(self, database: Database, sign_slip: SignSlip, queue_max: int) -> None:
        self._database = database
        self._sign_slip = sign_slip
        self.holdings = Holdings(database)
        self.photographs = Photographs(database)
        self.waiting = Waiting(database)
        self.receipts = Receipts(database)
        self.board = BoardRows(database)
        self.neighbours = Neighbours(database)
        self.enrolments = Enrolments(database)
        self.signers = Signers(database)
        self.trust = TrustItems(database)
        self.budgets = Budgets(database)
        self._receipt_filed = asyncio.Event()
        self._watchers: list[Callable[[Sequence[RelayChange]], None]] = []
        self._writer = GroupCommit[RelayChange, Custody | None](
            database, self._apply, queue_max=queue_max, on_commit=self._committed
        )

    async def run(self) -> None:
        """Commits for ever."""
        await self._writer.run()

    def watch(self, watcher: Callable[[Sequence[RelayChange]], None]) -> None:
        """From now on `watcher` is told, without waiting, what was submitted and is on disk, old or new."""
        self._watchers.append(watcher)

    def _committed(self, changes: Sequence[RelayChange]) -> None:
        for watcher in self._watchers:
            watcher(changes)

    async def take_custody(self, item: TakeStatement | TakeDocument) -> Custody:
        """The slip, once the bytes are on disk; the same slip when the same thing comes again."""
        return (await self.take_all([item]))[0]

    async def take_all(self, items: Sequence[TakeStatement | TakeDocument]) -> list[Custody]:
        """The slips of several things that are put on disk together."""
        taken = [custody for custody in await self._writer.submit(*items) if custody is not None]
        if len(taken) != len(items):
            raise StoreBroken("The writer gave no slip.")
        return taken

    async def settle(self, receipt: Receipt, settled_at: int) -> None:
        """Files a verified receipt."""
        await self._writer.submit(Settle(receipt, settled_at))
        self._receipt_filed.set()
        self._receipt_filed = asyncio.Event()

    @property
    def receipt_filed(self) -> asyncio.Event:
        """Is set once another receipt has been filed; take it before looking at those that there are."""
        return self._receipt_filed

    async def file_slips(self, slips: Sequence[Slip], neighbour: Identity) -> None:
        """Keeps a neighbour's verified slips for what is in custody here; the same again changes nothing."""
        await self._writer.submit(*(FileSlip(slip, neighbour) for slip in slips))

    async def learn_trust(
        self, items: Iterable[tuple[str, bytes]], *, owed: bool = False, gone: Iterable[bytes] = ()
    ) -> None:
        """Keeps trust material: (kind, DER). `owed`: the centre is not known to have what is new of it."""
        await self._writer.submit(LearnTrust(tuple(items), owed, tuple(gone)))

    async def tell_trust(self, items: Iterable[bytes]) -> None:
        """The centre is known to have these (DER)."""
        await self._writer.submit(TellTrust(tuple(items)))

    async def keep_request(self, request: KeepRequest) -> None:
        """Keeps a request for a certificate until an authority elsewhere has answered it."""
        await self._writer.submit(request)

    async def keep_answer(self, answer: Answer) -> None:
        """Keeps an authority's answer, which was checked."""
        await self._writer.submit(KeepAnswer(answer))

    async def mark_dropped(self, documents: Sequence[DocumentHash], dropped_at: int) -> None:
        """Says that these files are gone, after their receipt."""
        await self._writer.submit(MarkDropped(tuple(documents), dropped_at))

    async def spend(self, uplink: str, day: int, size_bytes: int) -> None:
        """Remembers what an uplink has sent on a day of UTC, counted from 1970."""
        await self._writer.submit(Spend(uplink, day, size_bytes))

    # The writer's side: one group, a handful of statements to SQLite however large the group is.

    async def _apply(self, changes: list[RelayChange]) -> list[Custody | None]:
        results: list[Custody | None] = [None] * len(changes)
        if any(isinstance(change, TakeStatement | TakeDocument) for change in changes):
            await self._take(changes, results)
        for change in changes:
            match change:
                case Settle():
                    await self.receipts.file(change)
                case FileSlip():
                    await self.neighbours.file(change)
                case LearnTrust() | TellTrust():
                    await self.trust.apply(change)
                case KeepRequest() | KeepAnswer():
                    await self.enrolments.apply(change)
                case Spend():
                    await self.budgets.spend(change)
                case MarkDropped():
                    await self.photographs.drop(change)
                case TakeStatement() | TakeDocument():
                    pass
        return results

    async def _take(self, changes: list[RelayChange], results: list[Custody | None]) -> None:
        """Slips for what is new, the slips of before for what is not."""
        number, known = await self._last_number_and_slips(changes)
        statements: list[TakeStatement] = []
        again: list[Row] = []  # photographs that had been dropped, or were found damaged, and came once more
        signers: dict[X5t, tuple[bytes, ...]] = {}  # of what is not new as well: its chain may be
        rows: dict[str, list[Row]] = {"statement": [], "document": []}
        for at, change in enumerate(changes):
            if not isinstance(change, TakeStatement | TakeDocument):
                continue
            if isinstance(change, TakeStatement) and change.chain is not None:
                signers[change.statement.signed.x5t] = change.chain
            subject = change.statement.id if isinstance(change, TakeStatement) else change.document
            slip = known.get(subject)
            results[at] = Custody(slip, new=False) if slip else None
            if slip:
                if isinstance(change, TakeDocument):
                    again.append((change.document,))
                continue
            number += 1
            kind = Subject.STATEMENT if isinstance(change, TakeStatement) else Subject.DOCUMENT
            slip, held_at = self._sign_slip(kind, subject, number)
            known[subject] = slip
            results[at] = Custody(slip, new=True)
            if isinstance(change, TakeStatement):
                statements.append(change)
                origin = change.origin.x5t if change.origin else None
                rows["statement"].append((number, *_statement_values(change.statement), slip, held_at, origin))
            else:
                rows["document"].append((number, change.document, change.size_bytes, slip, held_at))
        await self._insert(statements, rows["statement"], rows["document"])
        writing = self._database.writing
        if signers:
            await self.signers.keep(signers.items())
        if again:
            await writing.executemany(
                "UPDATE document SET dropped_at = NULL WHERE sha256 = ? AND dropped_at IS NOT NULL", again
            )

    async def _insert(
        self, taken: Sequence[TakeStatement], statements: Sequence[Row], documents: Sequence[Row]
    ) -> None:
        writing = self._database.writing
        if origins := [item.origin for item in taken if item.origin]:
            await self.neighbours.meet(origins)
        if statements:
            log.info("custody of %s", ", ".join(f"{row[1].hex()[:8]} (TPS {row[3]})" for row in statements))
            await writing.executemany(
                "INSERT INTO statement (number, id, kind, tps, form, revision, signer, cose, slip, held_at, origin) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                statements,
            )
        pages = [
            (row[0], page.number, page.document, page.size_bytes)
            for row, item in zip(statements, taken, strict=True)
            for page in item.statement.pages
        ]
        if pages:
            await writing.executemany("INSERT INTO page VALUES (?, ?, ?, ?)", pages)
        if documents:
            await writing.executemany(
                "INSERT INTO document (number, sha256, size_bytes, slip, held_at) VALUES (?, ?, ?, ?, ?)", documents
            )

    async def _last_number_and_slips(self, changes: Sequence[RelayChange]) -> tuple[int, dict[bytes, bytes]]:
        """One question for a whole group: the newest running number on disk, and the slips given before.

        Asked anew for each group, so that a commit that failed leaves no gap in the numbers.
        """
        statements = [change.statement.id for change in changes if isinstance(change, TakeStatement)]
        documents = [change.document for change in changes if isinstance(change, TakeDocument)]
        rows = await self._database.writing.execute_fetchall(
            "SELECT max(coalesce((SELECT max(number) FROM statement), 0), "
            "coalesce((SELECT max(number) FROM document), 0)), NULL, NULL "
            f"UNION ALL SELECT NULL, id, slip FROM statement WHERE id IN ({marks(statements)}) "
            f"UNION ALL SELECT NULL, sha256, slip FROM document WHERE sha256 IN ({marks(documents)})",
            [*statements, *documents],
        )
        number, known = 0, {}
        for newest, subject, slip in rows:
            if subject is None:
                number = newest
            else:
                known[subject] = slip
        return number, known


@asynccontextmanager
async def open_custody(path: Path, sign_slip: SignSlip, *, queue_max: int) -> AsyncIterator[CustodyStore]:
    """The relay's store in the file `path`."""
    async with open_database(path, "relay") as database:
        yield CustodyStore(database, sign_slip, queue_max)


def _statement_values(statement: Statement) -> Row:
    return (
        statement.id,
        int(statement.kind),
        statement.tps,
        statement.form,
        statement.revision,
        statement.signed.x5t,
        statement.signed.bare,
    )
