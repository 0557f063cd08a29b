"""What the centre has recorded: statements once each, side by side where they disagree, with their receipts.

All of the centre's SQL is here. Verdict and receipt are written in the transaction that records the statement.
"""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from relay.protocol import cbor, cose
from relay.protocol.cose import X5t
from relay.protocol.receipts import NOTES_MAX, OUTCOMES_MAX, Outcome, Verdict
from relay.protocol.statements import DocumentHash, Kind, Statement, StatementId
from relay.store.database import Database, GroupCommit, Row, open_database

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


Change = Record | CompleteDocument
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
        self._database = database
        self._sign_receipt = sign_receipt
        self._writer = GroupCommit[Change, Recorded](database, self._apply, queue_max=queue_max)

    async def run(self) -> None:
        """Commits for ever."""
        await self._writer.run()

    async def record(self, change: Change) -> Recorded:
        """The receipts, once everything is on disk. Recording again gives the same receipt again."""
        return await self._writer.submit(change)

    async def statement(self, statement: bytes) -> RecordedStatement | None:
        """One statement by its id."""
        rows = await self._database.read(f"SELECT {_COLUMNS} FROM statement s WHERE s.id = ?", (statement,))
        return _recorded(rows[0]) if rows else None

    async def statements_named(self, short_ids: Sequence[bytes]) -> list[RecordedStatement]:
        """Statements by the first 8 bytes of their ids."""
        marks = ",".join("?" * len(short_ids))
        rows = await self._database.read(f"SELECT {_COLUMNS} FROM statement s WHERE s.short_id IN ({marks})", short_ids)
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

    async def listed_document(self, name: bytes) -> tuple[DocumentHash, int] | None:
        """The document that chunks call `name` (8 bytes), with its size, if a recorded statement lists it."""
        rows = await self._database.read(
            "SELECT document, size_bytes FROM page WHERE substr(document, 1, 8) = ? LIMIT 1", (name,)
        )
        return (DocumentHash(rows[0][0]), int(rows[0][1])) if rows else None

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

    # The registry of polling stations, and the counts that are told from it.

    async def import_registry(self, stations: Iterable[str], regions: Iterable[tuple[str, str]]) -> None:
        """Adds stations and names of regions; importing again changes nothing. Not while the centre is writing."""
        writing = self._database.writing
        await writing.execute("BEGIN IMMEDIATE")
        await writing.executemany("INSERT OR IGNORE INTO registry_tps VALUES (?)", ((tps,) for tps in stations))
        await writing.executemany("INSERT OR REPLACE INTO registry_region VALUES (?, ?)", regions)
        await writing.execute("COMMIT")

    async def region_name(self, scope: str) -> str:
        """The name of a region, or empty."""
        rows = await self._database.read("SELECT name FROM registry_region WHERE scope = ?", (scope,))
        return str(rows[0][0]) if rows else ""

    async def progress(self, scope: str, digits: int, form: int | None) -> list[Row]:
        """How far each sub-region of `digits` digits within `scope` is.

        Rows of (code, name, TPS in the registry, TPS with a tally, TPS in conflict, TPS flagged, TPS with all
        photographs of a statement).
        """
        forms = "" if form is None else "AND s.form = ?"
        return await self._database.read(
            "WITH station AS (SELECT substr(s.tps, 1, ?1) AS region, s.tps, "
            "max(s.kind = 1 AND s.verdict IN (1, 2)) AS tally, max(s.verdict = 2) AS conflict, "
            "max(s.kind = 1 AND s.verdict IN (1, 2) AND s.notes != '[]') AS flagged, "
            "max(s.kind = 2 AND s.verdict IN (1, 2)) AS photographs FROM statement s "
            f"WHERE substr(s.tps, 1, length(?2)) = ?2 {forms.replace('?', '?3')} GROUP BY s.tps), "
            "listed AS (SELECT substr(tps, 1, ?1) AS region, count(*) AS stations FROM registry_tps "
            "WHERE substr(tps, 1, length(?2)) = ?2 GROUP BY 1), "
            "told AS (SELECT region, sum(tally) AS tally, sum(conflict) AS conflict, sum(flagged) AS flagged, "
            "sum(photographs) AS photographs FROM station GROUP BY region) "
            "SELECT region, coalesce((SELECT name FROM registry_region WHERE scope = region), ''), "
            "coalesce(listed.stations, 0), coalesce(told.tally, 0), coalesce(told.conflict, 0), "
            "coalesce(told.flagged, 0), coalesce(told.photographs, 0) "
            "FROM (SELECT region FROM listed UNION SELECT region FROM told) "
            "LEFT JOIN listed USING (region) LEFT JOIN told USING (region) ORDER BY region",
            (digits, scope) if form is None else (digits, scope, form),
        )

    async def stations_within(self, scope: str, after: str, limit: int) -> list[Row]:
        """Stations in order: (tps, in the registry, statements, newest verdict of a tally)."""
        return await self._database.read(
            "WITH all_tps AS (SELECT tps FROM registry_tps WHERE substr(tps, 1, length(?1)) = ?1 AND tps > ?2 "
            "UNION SELECT tps FROM statement WHERE substr(tps, 1, length(?1)) = ?1 AND tps > ?2 ORDER BY tps LIMIT ?3) "
            "SELECT tps, EXISTS (SELECT 1 FROM registry_tps r WHERE r.tps = all_tps.tps), "
            "(SELECT count(*) FROM statement s WHERE s.tps = all_tps.tps), "
            "(SELECT verdict FROM statement s WHERE s.tps = all_tps.tps AND s.kind = 1 AND s.verdict != 3 "
            "ORDER BY revision DESC, number DESC LIMIT 1) FROM all_tps ORDER BY tps",
            (scope, after, limit),
        )

    async def counts(self) -> dict[str, int]:
        """Totals."""
        rows = await self._database.read(
            "SELECT (SELECT count(*) FROM statement), (SELECT count(*) FROM statement WHERE verdict = 1), "
            "(SELECT count(*) FROM statement WHERE verdict = 2), (SELECT count(*) FROM statement WHERE verdict = 3), "
            "(SELECT count(*) FROM statement WHERE verdict IS NULL), (SELECT count(*) FROM document), "
            "(SELECT count(*) FROM receipt), (SELECT count(*) FROM registry_tps)"
        )
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
        return dict(zip(names, rows[0], strict=True))

    # The writer's side.

    async def _apply(self, changes: list[Change]) -> list[Recorded | Exception]:
        given: list[list[bytes]] = [[] for _ in changes]
        pending: list[_Pending] = []
        await self._record_statements(changes, given, pending)
        await self._complete_documents(changes, pending)
        await self._sign(pending, given)
        first: dict[StatementId, list[bytes]] = {}
        for change, receipts in zip(changes, given, strict=True):
            if isinstance(change, Record):  # the same statement twice in one group: both senders get its receipt
                receipts += first.setdefault(change.statement.id, receipts)
        return [tuple(dict.fromkeys(receipts)) for receipts in given]

    async def _record_statements(
        self, changes: list[Change], given: list[list[bytes]], pending: list[_Pending]
    ) -> None:
        wanted = [(at, change) for at, change in enumerate(changes) if isinstance(change, Record)]
        if not wanted:
            return
        known = await self._known([change.statement.id for _, change in wanted])
        fresh: dict[StatementId, tuple[int, Record]] = {}
        for at, change in wanted:
            before = known.get(change.statement.id)
            if change.statement.id not in known:
                fresh.setdefault(change.statement.id, (at, change))
            elif before is not None:
                given[at].append(before)
        if not fresh:
            return
        rivals = await self._rivals([change.statement for _, change in fresh.values()])
        number = await self._last_number()
        rows: list[Row] = []
        for at, change in fresh.values():
            number += 1
            statement = change.statement
            verdict = self._verdict(change, rivals, number, at, pending)
            rows.append(_row(number, change, verdict))
            notes = (change.refused,) if change.refused else change.flags
            if verdict is not None:
                pending.append(_Pending(number, Outcome(statement.id, verdict, notes), change.sender, at))
        await self._insert([change for _, change in fresh.values()], rows)

    def _verdict(
        self, change: Record, rivals: dict[Row, list[Row]], number: int, at: int, pending: list[_Pending]
    ) -> Verdict | None:
        """Refused, recorded or in conflict; None where photographs must come first. Rivals learn of a conflict."""
        statement = change.statement
        if change.refused:
            return Verdict.REFUSED
        content = cose.sha256(statement.content)
        others = rivals.setdefault(_place(statement), [])
        against = [other for other in others if other[2] != content]
        others.append((number, statement.id, content, int(Verdict.RECORDED), "[]"))
        for other_number, other_id, _, other_verdict, other_notes in against:
            if other_verdict == Verdict.RECORDED:
                outcome = Outcome(StatementId(other_id), Verdict.CONFLICT, tuple(json.loads(other_notes)))
                pending.append(_Pending(other_number, outcome, change.sender, at))
        if statement.kind is Kind.DOCUMENTS:
            return None
        return Verdict.CONFLICT if against else Verdict.RECORDED

    async def _complete_documents(self, changes: list[Change], pending: list[_Pending]) -> None:
        """Statements whose last photograph is here now are answered for."""
        writing = self._database.writing
        for at, change in enumerate(changes):
            if isinstance(change, CompleteDocument):
                await writing.execute(
                    "INSERT OR IGNORE INTO document VALUES (?, ?, ?)",
                    (change.document, change.size_bytes, change.held_at),
                )
                documents = [change.document]
            else:
                documents = [page.document for page in change.statement.pages]
            for document in documents:
                pending += await self._answerable(document, change.sender, at)

    async def _answerable(self, document: DocumentHash, sender: str, at: int) -> list[_Pending]:
        writing = self._database.writing
        rows = await writing.execute_fetchall(
            "SELECT DISTINCT s.number, s.id, s.notes, EXISTS (SELECT 1 FROM statement o WHERE o.tps = s.tps AND "
            "o.form = s.form AND o.kind = s.kind AND o.revision = s.revision AND o.content != s.content "
            "AND (o.verdict IS NULL OR o.verdict != 3)) FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = ? AND s.verdict IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM page q "
            "WHERE q.statement = s.number AND NOT EXISTS (SELECT 1 FROM document d WHERE d.sha256 = q.document))",
            (document,),
        )
        answered = []
        for number, identifier, notes, conflict in rows:
            verdict = Verdict.CONFLICT if conflict else Verdict.RECORDED
            await writing.execute("UPDATE statement SET verdict = ? WHERE number = ?", (int(verdict), number))
            outcome = Outcome(StatementId(identifier), verdict, tuple(json.loads(notes)))
            answered.append(_Pending(number, outcome, sender, at))
        return answered

    async def _sign(self, pending: list[_Pending], given: list[list[bytes]]) -> None:
        """Receipts, each for several statements of one sender; the last outcome of a statement counts."""
        newest = {item.number: item for item in pending}
        ordered = sorted(newest.values(), key=lambda item: item.sender)
        number = await self._last_receipt() if ordered else 0
        receipts: list[Row] = []
        settled: list[Row] = []
        for _, items in itertools.groupby(ordered, key=lambda item: item.sender):
            for group in _portions(items):
                number += 1
                receipt, issued_at = self._sign_receipt([item.outcome for item in group])
                receipts.append((number, receipt, issued_at))
                for item in group:
                    settled.append((int(item.outcome.verdict), number, item.number))
                    given[item.change].append(receipt)
        if receipts:
            await self._database.writing.executemany("INSERT INTO receipt VALUES (?, ?, ?)", receipts)
            await self._database.writing.executemany(
                "UPDATE statement SET verdict = ?, receipt = ? WHERE number = ?", settled
            )

    async def _insert(self, changes: Sequence[Record], rows: Sequence[Row]) -> None:
        writing = self._database.writing
        await writing.executemany(
            "INSERT INTO statement (number, id, short_id, kind, tps, form, revision, signed_at, signer, sender, cose, "
            "content, received_at, notes, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        pages = [
            (row[0], page.number, page.document, page.size_bytes)
            for row, change in zip(rows, changes, strict=True)
            for page in change.statement.pages
        ]
        if pages:
            await writing.executemany("INSERT INTO page VALUES (?, ?, ?, ?)", pages)
        signers = [
            (change.statement.signed.x5t, cbor.encode(list(change.new_chain))) for change in changes if change.new_chain
        ]
        if signers:
            await writing.executemany("INSERT OR IGNORE INTO signer VALUES (?, ?)", signers)

    async def _known(self, ids: Sequence[bytes]) -> dict[StatementId, bytes | None]:
        marks = ",".join("?" * len(ids))
        rows = await self._database.writing.execute_fetchall(
            f"SELECT s.id, r.cose FROM statement s LEFT JOIN receipt r ON r.number = s.receipt WHERE s.id IN ({marks})",
            ids,
        )
        return {StatementId(row[0]): row[1] for row in rows}

    async def _rivals(self, statements: Sequence[Statement]) -> dict[Row, list[Row]]:
        """What is recorded for the same station, form, kind and revision: (number, id, content, verdict, notes)."""
        places = list(dict.fromkeys(_place(statement) for statement in statements))
        marks = ",".join(["(?, ?, ?, ?)"] * len(places))
        rows = await self._database.writing.execute_fetchall(
            "SELECT tps, form, kind, revision, number, id, content, verdict, notes FROM statement "
            f"WHERE (tps, form, kind, revision) IN (VALUES {marks}) AND (verdict IS NULL OR verdict != 3)",
            [value for place in places for value in place],
        )
        found: dict[Row, list[Row]] = {}
        for row in rows:
            found.setdefault(tuple(row[:4]), []).append(tuple(row[4:]))
        return found

    async def _last_number(self) -> int:
        rows = await self._database.writing.execute_fetchall("SELECT coalesce(max(number), 0) FROM statement")
        return int(next(iter(rows))[0])

    async def _last_receipt(self) -> int:
        rows = await self._database.writing.execute_fetchall("SELECT coalesce(max(number), 0) FROM receipt")
        return int(next(iter(rows))[0])


@asynccontextmanager
async def open_record(path: Path, sign_receipt: SignReceipt, *, queue_max: int) -> AsyncIterator[RecordStore]:
    """The centre's store in the file `path`."""
    async with open_database(path, "centre") as database:
        yield RecordStore(database, sign_receipt, queue_max)


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


def _row(number: int, change: Record, verdict: Verdict | None) -> Row:
    statement = change.statement
    notes = (change.refused,) if change.refused else change.flags
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
        change.sender,
        statement.signed.bare,
        cose.sha256(statement.content),
        change.received_at,
        json.dumps(list(notes[:NOTES_MAX])),
        None if verdict is None else int(verdict),
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
