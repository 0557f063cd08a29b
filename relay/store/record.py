"""What the centre has recorded: statements once each, side by side where they disagree, with their receipts.

All of the centre's SQL is here. Verdict and receipt are written in the transaction that records the statement.
"""

import functools
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from relay.protocol import cbor, cose
from relay.protocol.cose import X5t
from relay.protocol.receipts import NOTES_MAX, OUTCOMES_MAX, Outcome, Verdict
from relay.protocol.statements import DocumentHash, Kind, Statement, StatementId
from relay.store.changes import LearnTrust
from relay.store.conflicts import Conflicts
from relay.store.database import Database, GroupCommit, Row, marks, open_database
from relay.store.progress import Counted, Progress
from relay.store.registry import Registry
from relay.store.trust_items import TrustItems

SignReceipt = Callable[[Sequence[Outcome]], tuple[bytes, int]]
"""Outcomes -> the receipt's bytes and its time."""

_NOTES_IN_RECEIPT_MAX = 80  # of all outcomes together, so that a receipt keeps below the size of a message


@dataclass(frozen=True, slots=True)
class Record:
    """A statement to record; `refused` holds the reason's code if it is only kept as evidence."""

    statement: Statement
    sender: str
    flags: tuple[str, ...]
    refused: str | None
    new_chain: tuple[bytes, ...] | None
    received_at: int


@dataclass(frozen=True, slots=True)
class CompleteDocument:
    """A photograph whose verified file is on disk."""

    document: DocumentHash
    size_bytes: int
    sender: str
    held_at: int


Change = Record | CompleteDocument | Counted | LearnTrust
Recorded = tuple[bytes, ...]
"""The receipts that a change led to, or that were given before."""


@dataclass(frozen=True, slots=True)
class RecordedStatement:
    """One recorded statement; verdict None: photographs that it lists are still on their way."""

    number: int
    id: StatementId
    kind: Kind
    tps: str
    form: int
    revision: int
    signed_at: int
    sender: str
    cose: bytes
    received_at: int
    notes: tuple[str, ...]
    verdict: Verdict | None
    receipt: bytes | None


@dataclass(slots=True)
class _Pending:
    """An outcome to sign for, and to whom the receipt goes."""

    number: int
    outcome: Outcome
    sender: str
    change: int  # index of the change whose submitter gets the receipt


_COLUMNS = (
    "s.number, s.id, s.kind, s.tps, s.form, s.revision, s.signed_at, s.sender, s.cose, s.received_at, s.notes, "
    "s.verdict, (SELECT cose FROM receipt WHERE receipt.number = s.receipt)"
)


class RecordStore:
    """The centre's database. `run()` must be running for anything to be recorded."""

    def __init__(self, database: Database, sign_receipt: SignReceipt, queue_max: int) -> None:
        self.registry = Registry(database)
        self.progress = Progress(database)
        self.conflicts = Conflicts(database)
        self.trust = TrustItems(database)
        self._database = database
        self._sign_receipt = sign_receipt
        self._writer = GroupCommit[Change, Recorded](
            database, self._apply, queue_max=queue_max, on_commit=lambda _: self.conflicts.committed()
        )

    async def run(self) -> None:
        """Commits for ever."""
        await self._writer.run()

    async def record(self, change: Change) -> Recorded:
        """The receipts, once everything is on disk. Recording again gives the same receipt again."""
        return (await self._writer.submit(change))[0]

    async def record_all(self, changes: Sequence[Change]) -> list[Recorded]:
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

    async def statement(self, statement: bytes) -> RecordedStatement | None:
        """One statement by its id."""
        rows = await self._database.read(f"SELECT {_COLUMNS} FROM statement s WHERE s.id = ?", (statement,))
        return _recorded(rows[0]) if rows else None

    async def statements_named(self, short_ids: Sequence[bytes]) -> list[RecordedStatement]:
        """Statements by the first 8 bytes of their ids."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM statement s WHERE s.short_id IN ({marks(short_ids)})", short_ids
        )
        return [_recorded(row) for row in rows]

    async def statements_of(self, tps: str) -> list[RecordedStatement]:
        """All statements of one station, as they came."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM statement s WHERE s.tps = ? ORDER BY s.number", (tps,)
        )
        return [_recorded(row) for row in rows]

    async def pages_of(self, statement_number: int) -> list[tuple[int, DocumentHash, int, bool]]:
        """The pages that a documents statement lists: number, document, size, whether it is here."""
        rows = await self._database.read(
            "SELECT p.page, p.document, p.size_bytes, d.sha256 IS NOT NULL FROM page p "
            "LEFT JOIN document d ON d.sha256 = p.document WHERE p.statement = ? ORDER BY p.page",
            (statement_number,),
        )
        return [(row[0], DocumentHash(row[1]), row[2], bool(row[3])) for row in rows]

    async def listed_sizes(self, document: DocumentHash) -> tuple[int, ...]:
        """Every size that recorded statements give a document; none if no statement lists it."""
        rows = await self._database.read("SELECT DISTINCT size_bytes FROM page WHERE document = ?", (document,))
        return tuple(row[0] for row in rows)

    async def has_document(self, document: bytes) -> bool:
        """Whether a photograph is here, whole."""
        return bool(await self._database.read("SELECT 1 FROM document WHERE sha256 = ?", (document,)))

    async def unfinished_documents(self) -> list[tuple[DocumentHash, int]]:
        """Documents that are listed and not here, with their size."""
        rows = await self._database.read(
            "SELECT DISTINCT p.document, p.size_bytes FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE s.verdict IS NULL AND NOT EXISTS (SELECT 1 FROM document d WHERE d.sha256 = p.document)"
        )
        return [(DocumentHash(row[0]), int(row[1])) for row in rows]

    async def signer_chain(self, x5t: X5t) -> tuple[bytes, ...] | None:
        """The certificates of a signer met before, leaf first."""
        rows = await self._database.read("SELECT chain FROM signer WHERE x5t = ?", (x5t,))
        return tuple(cbor.decode(rows[0][0])) if rows else None

    async def counts(self) -> dict[str, int]:
        """Totals; nothing is ever taken out of the record, so that the newest number is how many there are."""
        rows = await self._database.read(
            "SELECT (SELECT coalesce(max(number), 0) FROM statement), "
            "(SELECT count(*) FROM statement WHERE verdict = 2), (SELECT count(*) FROM statement WHERE verdict = 3), "
            "(SELECT count(*) FROM statement WHERE verdict IS NULL), (SELECT documents FROM counted), "
            "(SELECT coalesce(max(number), 0) FROM receipt), "
            "(SELECT coalesce(sum(tps), 0) FROM registry_count WHERE digits = 0)"
        )
        statements, *answered = rows[0]
        recorded = statements - sum(answered[:3])
        names = (
            "statements",
            "recorded",
            "in_conflict",
            "refused",
            "awaiting_documents",
            "documents",
            "receipts",
            "tps",
        )
        return dict(zip(names, (statements, recorded, *answered), strict=True))

    # The writer's side.

    async def _apply(self, changes: list[Change]) -> list[Recorded]:
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

    async def _record_statements(self, changes: list[Change], given: list[list[bytes]]) -> None:
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
        pending: list[_Pending] = []
        records: dict[int, Record] = {}
        for at, change in fresh.values():
            number += 1
            records[number] = change
            pending += _judged(change, rivals, number, at)
        settled = await self._sign(pending, given, receipt_number)
        await self._insert(records, settled)
        rivals_of_before = [(*verdict, of) for of, verdict in settled.items() if of not in records]
        await self._settle(rivals_of_before)
        self.conflicts.is_found = bool(rivals_of_before)

    async def _complete_documents(self, changes: list[Change], given: list[list[bytes]]) -> None:
        """Statements whose last photograph is here now are answered for."""
        documents = [
            (change.document, change.size_bytes, change.held_at)
            for change in changes
            if isinstance(change, CompleteDocument)
        ]
        if documents:
            await self._database.writing.executemany("INSERT OR IGNORE INTO document VALUES (?, ?, ?)", documents)
        pending: dict[int, _Pending] = {}
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

    async def _answerable(self, document: DocumentHash, sender: str, at: int) -> list[_Pending]:
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
            _Pending(number, _outcome(identifier, bool(conflict), notes), sender, at)
            for number, identifier, notes, conflict in rows
        ]

    async def _sign(
        self, pending: Sequence[_Pending], given: list[list[bytes]], receipt_number: int
    ) -> dict[int, tuple[int, int]]:
        """Signs and writes receipts, each for several statements of one sender: number -> (verdict, receipt)."""
        newest = {item.number: item for item in pending}  # the last outcome of a statement counts
        ordered = sorted(newest.values(), key=lambda item: item.sender)
        receipts: list[Row] = []
        settled: dict[int, tuple[int, int]] = {}
        for sender, items in itertools.groupby(ordered, key=lambda item: item.sender):
            for group in _portions(items):
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
        signers = [
            (record.statement.signed.x5t, cbor.encode(list(record.new_chain)))
            for record in records.values()
            if record.new_chain
        ]
        if signers:
            await writing.executemany("INSERT OR IGNORE INTO signer VALUES (?, ?)", signers)

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


@functools.lru_cache(1024)
def _json(notes: tuple[str, ...]) -> str:
    """Notes as the database keeps them; many statements have the same ones."""
    return json.dumps(notes)


def _place(statement: Statement) -> Row:
    return (statement.tps, statement.form, int(statement.kind), statement.revision)


def _portions(items: Iterable[_Pending]) -> Iterable[list[_Pending]]:
    """Groups small enough for one receipt."""
    group: list[_Pending] = []
    notes = 0
    for item in items:
        if group and (len(group) == OUTCOMES_MAX or notes + len(item.outcome.notes) > _NOTES_IN_RECEIPT_MAX):
            yield group
            group, notes = [], 0
        group.append(item)
        notes += len(item.outcome.notes)
    if group:
        yield group


def _judged(change: Record, rivals: dict[Row, list[Row]], number: int, at: int) -> Iterator[_Pending]:
    """Refused, recorded or in conflict; nothing where photographs must come first. Rivals learn of a conflict."""
    statement = change.statement
    if change.refused:
        yield _Pending(number, Outcome(statement.id, Verdict.REFUSED, (change.refused,)), change.sender, at)
        return
    content = cose.sha256(statement.content)
    others = rivals.setdefault(_place(statement), [])
    against = [other for other in others if other[2] != content]
    at_once = statement.kind is not Kind.DOCUMENTS  # which is answered for when its last photograph is here
    answered = int(Verdict.RECORDED) if at_once else None
    others.append((number, statement.id, content, answered, _json(change.flags)))
    for other_number, other_id, _, other_verdict, other_notes in against:
        if other_verdict is not None:
            yield _Pending(other_number, _outcome(other_id, True, other_notes), change.sender, at)
    if at_once:
        verdict = Verdict.CONFLICT if against else Verdict.RECORDED
        yield _Pending(number, Outcome(statement.id, verdict, change.flags[:NOTES_MAX]), change.sender, at)


def _outcome(statement: bytes, conflict: bool, notes: str) -> Outcome:
    verdict = Verdict.CONFLICT if conflict else Verdict.RECORDED
    return Outcome(StatementId(statement), verdict, tuple(json.loads(notes)))


def _documents(change: Change) -> list[DocumentHash]:
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
        _json(notes),
        verdict,
        receipt,
    )


def _recorded(row: Row) -> RecordedStatement:
    (
        number,
        identifier,
        kind,
        tps,
        form,
        revision,
        signed_at,
        sender,
        cose_bytes,
        received_at,
        notes,
        verdict,
        receipt,
    ) = row
    return RecordedStatement(
        number=number,
        id=StatementId(identifier),
        kind=Kind(kind),
        tps=tps,
        form=form,
        revision=revision,
        signed_at=signed_at,
        sender=sender,
        cose=cose_bytes,
        received_at=received_at,
        notes=tuple(json.loads(notes)),
        verdict=Verdict(verdict) if verdict else None,
        receipt=receipt,
    )
