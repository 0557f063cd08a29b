"""Recording at the centre: statements once each, side by side where they disagree, with their receipts.

Every change goes through one writer in groups. Verdict and receipt are written in the transaction that records the
statement. What is recorded is asked of the parts.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from relay.protocol import cose
from relay.protocol.receipts import NOTES_MAX, Outcome
from relay.protocol.statements import DocumentHash, Statement, StatementId
from relay.store.changes import CentreChange, CompleteDocument, LearnTrust, Record
from relay.store.conflicts import Conflicts
from relay.store.database import Database, GroupCommit, Row, marks, open_database
from relay.store.progress import Counted, Progress
from relay.store.recorded import Recorded
from relay.store.registry import Registry
from relay.store.signers import Signers
from relay.store.trust_items import TrustItems
from relay.store.verdicts import Pending, judged, notes_json, outcome_of, portions

SignReceipt = Callable[[Sequence[Outcome]], tuple[bytes, int]]
"""Outcomes -> the receipt's bytes and its time."""

Given = tuple[bytes, ...]
"""The receipts that a change led to, or that were given before."""


class RecordStore:
    """The centre's database. `run()` must be running for anything to be recorded."""

    def __init__(self, database: Database, sign_receipt: SignReceipt, queue_max: int) -> None:
        self.recorded = Recorded(database)
        self.progress = Progress(database)
        self.conflicts = Conflicts(database)
        self.registry = Registry(database)
        self.signers = Signers(database)
        self.trust = TrustItems(database)
        self._database = database
        self._sign_receipt = sign_receipt
        self._writer = GroupCommit[CentreChange, Given](
            database, self._apply, queue_max=queue_max, on_commit=lambda _: self.conflicts.committed()
        )

    async def run(self) -> None:
        """Commits for ever."""
        await self._writer.run()

    async def record(self, change: CentreChange) -> Given:
        """The receipts, once everything is on disk. Recording again gives the same receipt again."""
        return (await self._writer.submit(change))[0]

    async def record_all(self, changes: Sequence[CentreChange]) -> list[Given]:
        """As `record`, for changes that arrived together."""
        return await self._writer.submit(*changes)

    async def learn_trust(
        self, items: Iterable[tuple[str, bytes]], *, owed: bool = False, gone: Iterable[bytes] = ()
    ) -> None:
        """Keeps what relays have told of CAs and revocations: (kind, DER)."""
        await self._writer.submit(LearnTrust(tuple(items), owed, tuple(gone)))

    async def count(self, change: Counted) -> None:
        """Returns once new counts are on disk."""
        await self._writer.submit(change)

    # The writer's side.

    async def _apply(self, changes: list[CentreChange]) -> list[Given]:
        given: list[list[bytes]] = [[] for _ in changes]
        self.conflicts.is_found = False
        await self._record_statements(changes, given)
        if any(_documents(change) for change in changes):
            await self._complete_documents(changes, given)
        for change in changes:
            if isinstance(change, Counted):
                await self.progress.write(change)
            elif isinstance(change, LearnTrust):
                await self.trust.apply(change)
        first: dict[StatementId, list[bytes]] = {}
        for change, receipts in zip(changes, given, strict=True):
            if isinstance(change, Record):  # the same statement twice in one group: both senders get its receipt
                receipts += first.setdefault(change.statement.id, receipts)
        return [tuple(dict.fromkeys(receipts)) for receipts in given]

    async def _record_statements(self, changes: list[CentreChange], given: list[list[bytes]]) -> None:
        wanted = [(at, change) for at, change in enumerate(changes) if isinstance(change, Record)]
        if not wanted:
            return
        number, receipt_number, known = await self._known([change.statement.id for _, change in wanted])
        fresh: dict[StatementId, tuple[int, Record]] = {}
        for at, change in wanted:
            receipt = known.get(change.statement.id)
            if change.statement.id not in known:
                fresh.setdefault(change.statement.id, (at, change))
            elif receipt is not None:
                given[at].append(receipt)
        if not fresh:
            return
        rivals = await self._rivals([change.statement for _, change in fresh.values()])
        pending: list[Pending] = []
        records: dict[int, Record] = {}
        for at, change in fresh.values():
            number += 1
            records[number] = change
            pending += judged(change, rivals, number, at)
        settled = await self._sign(pending, given, receipt_number)
        await self._insert(records, settled)
        rivals_of_before = [(*verdict, of) for of, verdict in settled.items() if of not in records]
        await self._settle(rivals_of_before)
        self.conflicts.is_found = bool(rivals_of_before)

    async def _complete_documents(self, changes: list[CentreChange], given: list[list[bytes]]) -> None:
        """Statements whose last photograph is here now are answered for."""
        documents = [
            (change.document, change.size_bytes, change.held_at)
            for change in changes
            if isinstance(change, CompleteDocument)
        ]
        if documents:
            await self._database.writing.executemany("INSERT OR IGNORE INTO document VALUES (?, ?, ?)", documents)
        pending: dict[int, Pending] = {}
        for at, change in enumerate(changes):
            if isinstance(change, Counted | LearnTrust):
                continue
            for document in _documents(change):
                for answer in await self._answerable(document, change.sender, at):
                    pending.setdefault(answer.number, answer)
        if pending:
            _, receipt_number, _ = await self._known([])
            settled = await self._sign(list(pending.values()), given, receipt_number)
            await self._settle([(*verdict, of) for of, verdict in settled.items()])

    async def _answerable(self, document: DocumentHash, sender: str, at: int) -> list[Pending]:
        """Statements without a verdict that list `document` and miss no other."""
        rows = await self._database.writing.execute_fetchall(
            "SELECT DISTINCT s.number, s.id, s.notes, EXISTS (SELECT 1 FROM statement o WHERE o.tps = s.tps AND "
            "o.form = s.form AND o.kind = s.kind AND o.revision = s.revision AND o.content != s.content "
            "AND (o.verdict IS NULL OR o.verdict != 3)) FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = ? AND s.verdict IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM page q "
            "WHERE q.statement = s.number AND NOT EXISTS (SELECT 1 FROM document d WHERE d.sha256 = q.document))",
            (document,),
        )
        return [
            Pending(number, outcome_of(identifier, bool(conflict), notes), sender, at)
            for number, identifier, notes, conflict in rows
        ]

    async def _sign(
        self, pending: Sequence[Pending], given: list[list[bytes]], receipt_number: int
    ) -> dict[int, tuple[int, int]]:
        """Signs and writes receipts, each for several statements of one sender: number -> (verdict, receipt)."""
        newest = {item.number: item for item in pending}  # the last outcome of a statement counts
        ordered = sorted(newest.values(), key=lambda item: item.sender)
        receipts: list[Row] = []
        settled: dict[int, tuple[int, int]] = {}
        for sender, items in itertools.groupby(ordered, key=lambda item: item.sender):
            for group in portions(items):
                receipt_number += 1
                receipt, issued_at = self._sign_receipt([item.outcome for item in group])
                receipts.append((receipt_number, receipt, issued_at, sender))
                for item in group:
                    settled[item.number] = (int(item.outcome.verdict), receipt_number)
                    given[item.change].append(receipt)
        if receipts:
            await self._database.writing.executemany(
                "INSERT INTO receipt (number, cose, issued_at, given_to) VALUES (?, ?, ?, ?)", receipts
            )
        return settled

    async def _settle(self, rows: Sequence[Row]) -> None:
        if rows:
            await self._database.writing.executemany(
                "UPDATE statement SET verdict = ?, receipt = ? WHERE number = ?", rows
            )

    async def _insert(self, records: Mapping[int, Record], settled: Mapping[int, tuple[int, int]]) -> None:
        writing = self._database.writing
        await writing.executemany(
            "INSERT INTO statement (number, id, short_id, kind, tps, form, revision, signed_at, signer, sender, cose, "
            "content, received_at, notes, verdict, receipt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(number, record, *settled.get(number, (None, None))) for number, record in records.items()],
        )
        pages = [
            (number, page.number, page.document, page.size_bytes)
            for number, record in records.items()
            for page in record.statement.pages
        ]
        if pages:
            await writing.executemany("INSERT INTO page VALUES (?, ?, ?, ?)", pages)
        signers = [(record.statement.signed.x5t, record.new_chain) for record in records.values() if record.new_chain]
        if signers:
            await self.signers.keep(signers)

    async def _known(self, ids: Sequence[bytes]) -> tuple[int, int, dict[StatementId, bytes | None]]:
        """One question for a whole group: the newest numbers of statements and receipts, and receipts given before."""
        rows = await self._database.writing.execute_fetchall(
            "SELECT (SELECT coalesce(max(number), 0) FROM statement), (SELECT coalesce(max(number), 0) FROM receipt) "
            "UNION ALL SELECT s.id, (SELECT cose FROM receipt r WHERE r.number = s.receipt) FROM statement s "
            f"WHERE s.id IN ({marks(ids)})",
            ids,
        )
        (number, receipt), *known = rows
        return number, receipt, {StatementId(row[0]): row[1] for row in known}

    async def _rivals(self, statements: Sequence[Statement]) -> dict[Row, list[Row]]:
        """What is recorded for the same station, form, kind and revision: (number, id, content, verdict, notes)."""
        # by station, which the index answers, and revision; pairs that nobody asked for are passed over below
        stations = list({statement.tps for statement in statements})
        revisions = list({statement.revision for statement in statements})
        rows = await self._database.writing.execute_fetchall(
            "SELECT tps, form, kind, revision, number, id, content, verdict, notes FROM statement "
            f"WHERE tps IN ({marks(stations)}) AND revision IN ({marks(revisions)}) "
            "AND (verdict IS NULL OR verdict != 3)",
            [*stations, *revisions],
        )
        found: dict[Row, list[Row]] = {}
        for row in rows:
            found.setdefault(tuple(row[:4]), []).append(tuple(row[4:]))
        return found


@asynccontextmanager
async def open_record(path: Path, sign_receipt: SignReceipt, *, queue_max: int) -> AsyncIterator[RecordStore]:
    """The centre's store in the file `path`."""
    async with open_database(path, "centre") as database:
        yield RecordStore(database, sign_receipt, queue_max)


def _documents(change: CentreChange) -> list[DocumentHash]:
    """The photographs that a change brings, or lists."""
    match change:
        case CompleteDocument():
            return [change.document]
        case Record():
            return [page.document for page in change.statement.pages]
        case Counted() | LearnTrust():
            return []


def _row(number: int, record: Record, verdict: int | None, receipt: int | None) -> Row:
    statement = record.statement
    notes = (record.refused,) if record.refused else record.flags[:NOTES_MAX]
    return (
        number,
        statement.id,
        statement.id[:8],
        int(statement.kind),
        statement.tps,
        statement.form,
        statement.revision,
        statement.signed_at,
        statement.signed.x5t,
        record.sender,
        statement.signed.bare,
        cose.sha256(statement.content),
        record.received_at,
        notes_json(notes),
        verdict,
        receipt,
    )
