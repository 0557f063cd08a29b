"""What a relay has custody of: statements, photographs, slips, and the receipts that settle them.

All of a relay's SQL is here. Every change goes through one writer in groups, and is on disk when it returns.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from relay.errors import StoreBroken
from relay.protocol import cbor, receipts
from relay.protocol.cose import X5t
from relay.protocol.enrolment import Answer
from relay.protocol.identities import Identity
from relay.protocol.lifecycle import EVENT_OF, Event, state_of
from relay.protocol.receipts import Receipt, Verdict
from relay.protocol.slips import Slip, Subject
from relay.protocol.statements import DocumentHash, Kind, Statement, StatementId
from relay.store.board import BoardRows
from relay.store.database import Database, GroupCommit, Row, marks, open_database
from relay.store.enrolments import Enrolments
from relay.store.holdings import (
    Change,
    Custody,
    FileSlip,
    HeldDocument,
    HeldStatement,
    KeepAnswer,
    KeepRequest,
    LearnTrust,
    MarkDropped,
    PendingDocument,
    Settle,
    Spend,
    TakeDocument,
    TakeStatement,
    TellTrust,
)
from relay.store.neighbours import Neighbours
from relay.store.trust_items import TrustItems

log = logging.getLogger(__name__)

_NAMED_MAX = 512
SignSlip = Callable[[Subject, bytes, int], tuple[bytes, int]]
"""(kind, subject, number) -> the slip's bytes and its time."""


_NOBODY = b""
_STATEMENT_COLUMNS = (
    "s.number, s.id, s.kind, s.tps, s.form, s.revision, s.signer, s.cose, s.slip, s.held_at, s.verdict, s.notes, "
    "(SELECT cose FROM receipt WHERE receipt.number = s.receipt), "
    "(SELECT name FROM neighbour WHERE neighbour.x5t = s.origin)"
)


class CustodyStore:
    """The relay's database. `run()` must be running for anything to be taken."""

    def __init__(self, database: Database, sign_slip: SignSlip, queue_max: int) -> None:
        self._database = database
        self._sign_slip = sign_slip
        self.neighbours = Neighbours(database)
        self.enrolments = Enrolments(database)
        self.trust = TrustItems(database)
        self.board = BoardRows(database)
        self._receipt_filed = asyncio.Event()
        self._watchers: list[Callable[[Sequence[Change]], None]] = []
        self._writer = GroupCommit[Change, Custody | None](
            database, self._apply, queue_max=queue_max, on_commit=self._committed
        )

    async def run(self) -> None:
        """Commits for ever."""
        await self._writer.run()

    def watch(self, watcher: Callable[[Sequence[Change]], None]) -> None:
        """From now on `watcher` is told, without waiting, what was submitted and is on disk, old or new."""
        self._watchers.append(watcher)

    def _committed(self, changes: Sequence[Change]) -> None:
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

    async def statement(self, statement: bytes) -> HeldStatement | None:
        """One statement by its id."""
        rows = await self._database.read(f"SELECT {_STATEMENT_COLUMNS} FROM statement s WHERE s.id = ?", (statement,))
        return _held(rows[0]) if rows else None

    async def statements_of(self, tps: str) -> list[HeldStatement]:
        """All statements of one station, in the order of their slips."""
        rows = await self._database.read(
            f"SELECT {_STATEMENT_COLUMNS} FROM statement s WHERE s.tps = ? ORDER BY s.number", (tps,)
        )
        return [_held(row) for row in rows]

    async def statements_after(self, number: int, limit: int) -> list[HeldStatement]:
        """The next statements by slip number, whatever their state."""
        rows = await self._database.read(
            f"SELECT {_STATEMENT_COLUMNS} FROM statement s WHERE s.number > ? ORDER BY s.number LIMIT ?",
            (number, limit),
        )
        return [_held(row) for row in rows]

    async def without_receipt(self, after: int, limit: int, not_from: X5t | None = None) -> list[HeldStatement]:
        """Statements that the centre has not answered for, oldest first, after slip number `after`.

        Here and below, `not_from` leaves out what that relay has handed over: it never gets its own back.
        """
        rows = await self._database.read(
            f"SELECT {_STATEMENT_COLUMNS} FROM statement s WHERE s.verdict IS NULL AND s.number > ? "
            "AND s.origin IS NOT ? ORDER BY s.number LIMIT ?",
            (after, not_from or _NOBODY, limit),
        )
        return [_held(row) for row in rows]

    async def fresh(self, kind: Kind, after: int, limit: int, not_from: X5t | None = None) -> list[HeldStatement]:
        """Statements of one kind that the centre has not answered for, oldest first, after slip number `after`."""
        rows = await self._database.read(
            f"SELECT {_STATEMENT_COLUMNS} FROM statement s WHERE s.verdict IS NULL AND s.kind = ? AND s.number > ? "
            "AND s.origin IS NOT ? ORDER BY s.number LIMIT ?",
            (int(kind), after, not_from or _NOBODY, limit),
        )
        return [_held(row) for row in rows]

    async def names_without_receipt(self, not_from: X5t | None = None) -> list[tuple[bytes, Kind]]:
        """The first 8 bytes of the id, and the kind, of every statement that the centre has not answered for."""
        rows = await self._database.read(
            "SELECT substr(id, 1, 8), kind FROM statement WHERE verdict IS NULL AND origin IS NOT ? ORDER BY number",
            (not_from or _NOBODY,),
        )
        return [(row[0], Kind(row[1])) for row in rows]

    async def without_receipt_named(self, names: Sequence[bytes]) -> list[HeldStatement]:
        """Of the statements without a receipt, those whose id begins with one of `names` (8 bytes each)."""
        rows = await self._database.read(
            f"SELECT {_STATEMENT_COLUMNS} FROM statement s WHERE s.verdict IS NULL "
            f"AND substr(s.id, 1, 8) IN ({marks(names)}) ORDER BY s.number",
            names,
        )
        return [_held(row) for row in rows]

    async def statements_by_signer(self) -> dict[X5t, int]:
        """How many statements of each signer are here."""
        rows = await self._database.read("SELECT signer, count(*) FROM statement GROUP BY signer")
        return {X5t(row[0]): row[1] for row in rows}

    async def newest_number(self) -> int:
        """The slip number of the newest statement, 0 if there is none."""
        return int((await self._database.read("SELECT coalesce(max(number), 0) FROM statement"))[0][0])

    async def pages_of(self, statement_number: int) -> list[HeldDocument]:
        """The pages that a documents statement lists."""
        rows = await self._database.read(
            "SELECT p.page, p.document, p.size_bytes, d.slip, d.held_at, d.dropped_at FROM page p "
            "LEFT JOIN document d ON d.sha256 = p.document WHERE p.statement = ? ORDER BY p.page",
            (statement_number,),
        )
        return [HeldDocument(*row) for row in rows]

    async def listed_sizes(self, document: bytes) -> tuple[int, ...]:
        """Every size that accepted statements give a document; none if no statement lists it."""
        rows = await self._database.read("SELECT DISTINCT size_bytes FROM page WHERE document = ?", (document,))
        return tuple(row[0] for row in rows)

    async def listed_size(self, document: bytes) -> int | None:
        """The size of a document in the first accepted statement that lists it; None if none does."""
        rows = await self._database.read(
            "SELECT size_bytes FROM page WHERE document = ? ORDER BY statement LIMIT 1", (document,)
        )
        return int(rows[0][0]) if rows else None

    async def is_held(self, document: bytes) -> bool:
        """Whether a photograph is in custody, and has not been dropped since."""
        sql = "SELECT 1 FROM document WHERE sha256 = ? AND dropped_at IS NULL"
        return bool(await self._database.read(sql, (document,)))

    async def is_settled(self, document: bytes) -> bool:
        """Whether the centre has recorded a statement that lists this photograph, so that it must be there."""
        sql = (
            "SELECT 1 FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = ? AND s.verdict IN (1, 2) LIMIT 1"
        )
        return bool(await self._database.read(sql, (document,)))

    async def documents_listed(
        self, after: int, limit: int, not_from: X5t | None = None
    ) -> list[tuple[int, PendingDocument]]:
        """Whole photographs, once for each statement without a receipt that lists one.

        In the order of the number of which the later of the two, photograph and statement, made it complete; about
        `limit` of them, and all of the last number.
        """
        sql = (
            "SELECT max(d.number, s.number) AS at, d.sha256, d.size_bytes, p.page, s.form, d.number, s.id, s.tps "
            "FROM statement s JOIN page p ON p.statement = s.number JOIN document d ON d.sha256 = p.document "
            "WHERE {}.number > ? AND s.verdict IS NULL AND s.origin IS NOT ? AND d.dropped_at IS NULL"
        )
        rows = await self._database.read(
            f"WITH found AS ({sql.format('d')} UNION {sql.format('s')}) SELECT * FROM found "
            "WHERE at <= (SELECT max(at) FROM (SELECT at FROM found ORDER BY at LIMIT ?)) ORDER BY at",
            (after, not_from or _NOBODY, after, not_from or _NOBODY, limit),
        )
        return [(row[0], PendingDocument(*row[1:])) for row in rows]

    async def documents_without_receipt(
        self, after: int, limit: int, not_from: X5t | None = None
    ) -> list[PendingDocument]:
        """Whole photographs of statements without a receipt, oldest first, after slip number `after`."""
        rows = await self._database.read(
            "SELECT d.sha256, d.size_bytes, min(p.page), s.form, d.number, s.id, s.tps FROM document d "
            "JOIN page p ON p.document = d.sha256 JOIN statement s ON s.number = p.statement "
            "WHERE d.number > ? AND s.verdict IS NULL AND s.origin IS NOT ? AND d.dropped_at IS NULL "
            "GROUP BY d.number ORDER BY d.number LIMIT ?",
            (after, not_from or _NOBODY, limit),
        )
        return [PendingDocument(*row) for row in rows]

    async def settled_among(self, statements: Sequence[bytes], documents: Sequence[bytes]) -> set[bytes]:
        """Of these, the statements that have a receipt, and the photographs listed by none that lacks one."""
        found = set()
        for at in range(0, len(statements), _NAMED_MAX):
            names = statements[at : at + _NAMED_MAX]
            sql = f"SELECT id FROM statement WHERE verdict IS NOT NULL AND id IN ({marks(names)})"
            found |= {row[0] for row in await self._database.read(sql, names)}
        for at in range(0, len(documents), _NAMED_MAX):
            names = documents[at : at + _NAMED_MAX]
            sql = (
                "SELECT p.document FROM page p JOIN statement s ON s.number = p.statement "
                f"WHERE p.document IN ({marks(names)}) GROUP BY p.document HAVING count(*) = count(s.verdict)"
            )
            found |= {row[0] for row in await self._database.read(sql, names)}
        return found

    async def lacks_receipt(self, receipt: bytes, statements: Sequence[bytes]) -> bool:
        """Whether this receipt (bare COSE) is not filed yet and speaks of any statement that is here."""
        sql = (
            f"SELECT 1 FROM statement WHERE id IN ({marks(statements)}) "
            "AND NOT EXISTS (SELECT 1 FROM receipt WHERE cose = ?) LIMIT 1"
        )
        return bool(await self._database.read(sql, [*statements, receipt]))

    async def droppable_documents(self, limit: int) -> list[DocumentHash]:
        """Photographs that the centre has recorded and no statement without a receipt lists, oldest first."""
        rows = await self._database.read(
            "SELECT d.sha256 FROM document d WHERE d.dropped_at IS NULL AND NOT EXISTS (SELECT 1 FROM page p "
            "JOIN statement s ON s.number = p.statement WHERE p.document = d.sha256 AND s.verdict IS NULL) "
            "AND EXISTS (SELECT 1 FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = d.sha256 AND s.verdict IN (1, 2)) ORDER BY d.number LIMIT ?",
            (limit,),
        )
        return [DocumentHash(row[0]) for row in rows]

    async def signer_chain(self, x5t: X5t) -> tuple[bytes, ...] | None:
        """The certificates of a signer met before, leaf first."""
        rows = await self._database.read("SELECT chain FROM signer WHERE x5t = ?", (x5t,))
        return tuple(cbor.decode(rows[0][0])) if rows else None

    async def newest_receipt_time(self) -> int:
        """The newest time that the centre has signed, 0 if none: a floor for the clock."""
        return int((await self._database.read("SELECT coalesce(max(settled_at), 0) FROM receipt"))[0][0])

    async def spend(self, uplink: str, day: int, size_bytes: int) -> None:
        """Remembers what an uplink has sent on a day of UTC, counted from 1970."""
        await self._writer.submit(Spend(uplink, day, size_bytes))

    async def spent(self, uplink: str) -> tuple[int, int]:
        """What `spend` remembers: the day and the bytes; zeroes if nothing."""
        rows = await self._database.read("SELECT day, bytes FROM budget WHERE uplink = ?", (uplink,))
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    async def waiting(self) -> dict[str, tuple[int, int]]:
        """What has no receipt, by class: how many, and bytes as they were handed over."""
        rows = await self._database.read(
            "SELECT kind, count(*), sum(length(cose)) FROM statement WHERE verdict IS NULL GROUP BY kind "
            "UNION ALL SELECT NULL, count(*), coalesce(sum(size_bytes), 0) FROM document d WHERE dropped_at IS NULL "
            "AND EXISTS (SELECT 1 FROM page p JOIN statement s ON s.number = p.statement "
            "WHERE p.document = d.sha256 AND s.verdict IS NULL)"
        )
        names = {int(Kind.TALLY): "tallies", int(Kind.NOTE): "notes", int(Kind.DOCUMENTS): "lists", None: "photographs"}
        found = {names[kind]: (int(count), int(size_bytes)) for kind, count, size_bytes in rows}
        return {name: found.get(name, (0, 0)) for name in names.values()}

    async def counts(self) -> dict[str, int]:
        """How much is here and how much of it waits; times in Unix seconds, 0 for none."""
        rows = await self._database.read(
            "SELECT (SELECT count(*) FROM statement), (SELECT count(*) FROM statement WHERE verdict IS NULL), "
            "(SELECT count(*) FROM document), (SELECT count(DISTINCT tps) FROM statement WHERE kind IN (1, 2)), "
            "(SELECT coalesce(min(held_at), 0) FROM statement WHERE verdict IS NULL), "
            "(SELECT count(*) FROM statement WHERE verdict = 2), (SELECT count(*) FROM statement WHERE verdict = 3)"
        )
        names = (
            "statements",
            "without_receipt",
            "documents",
            "tps",
            "oldest_waiting_held_at",
            "in_conflict",
            "refused",
        )
        return dict(zip(names, rows[0], strict=True))

    async def stations(self) -> list[Row]:
        """One row a statement for the PPK's overview, without its bytes."""
        return await self._database.read(
            "SELECT s.tps, s.id, s.kind, s.form, s.revision, s.held_at, s.verdict, s.number, "
            "(SELECT count(*) FROM page p WHERE p.statement = s.number), "
            "(SELECT count(*) FROM page p JOIN document d ON d.sha256 = p.document WHERE p.statement = s.number), "
            "(SELECT name FROM neighbour WHERE neighbour.x5t = s.origin), "
            "(SELECT json_group_array(n.name) FROM handed_over h JOIN neighbour n ON n.x5t = h.neighbour "
            "WHERE h.subject = s.id) "
            "FROM statement s ORDER BY s.tps, s.number"
        )

    async def unfinished_documents(self) -> list[tuple[DocumentHash, int]]:
        """Documents that are listed and not in custody, with their size."""
        rows = await self._database.read(
            "SELECT DISTINCT p.document, p.size_bytes FROM page p WHERE NOT EXISTS "
            "(SELECT 1 FROM document d WHERE d.sha256 = p.document AND d.dropped_at IS NULL)"
        )
        return [(DocumentHash(row[0]), int(row[1])) for row in rows]

    # The writer's side: one group, a handful of statements to SQLite however large the group is.

    async def _apply(self, changes: list[Change]) -> list[Custody | None]:
        results: list[Custody | None] = [None] * len(changes)
        if any(isinstance(change, TakeStatement | TakeDocument) for change in changes):
            await self._take(changes, results)
        for change in changes:
            match change:
                case Settle():
                    await self._settle(change)
                case FileSlip():
                    await self.neighbours.file(change)
                case LearnTrust() | TellTrust():
                    await self.trust.apply(change)
                case KeepRequest() | KeepAnswer():
                    await self.enrolments.apply(change)
                case Spend(uplink, day, size_bytes):
                    await self._database.writing.execute(
                        "INSERT OR REPLACE INTO budget (uplink, day, bytes) VALUES (?, ?, ?)", (uplink, day, size_bytes)
                    )
                case MarkDropped(documents, dropped_at):
                    await self._database.writing.executemany(
                        "UPDATE document SET dropped_at = ? WHERE sha256 = ?",
                        [(dropped_at, item) for item in documents],
                    )
                case TakeStatement() | TakeDocument():
                    pass
        return results

    async def _take(self, changes: list[Change], results: list[Custody | None]) -> None:
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
            await writing.executemany(
                "INSERT OR IGNORE INTO signer (x5t, chain) VALUES (?, ?)",
                [(x5t, cbor.encode(list(chain))) for x5t, chain in signers.items()],
            )
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

    async def _last_number_and_slips(self, changes: Sequence[Change]) -> tuple[int, dict[bytes, bytes]]:
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

    async def _settle(self, change: Settle) -> None:
        writing = self._database.writing
        rows = await writing.execute_fetchall(
            "INSERT INTO receipt (cose, settled_at) VALUES (?, ?) "
            "ON CONFLICT (cose) DO UPDATE SET settled_at = settled_at RETURNING number",
            (change.receipt.signed.bare, change.settled_at),
        )
        number = next(iter(rows))[0]
        for outcome in change.receipt.outcomes:
            held = await writing.execute_fetchall("SELECT verdict FROM statement WHERE id = ?", (outcome.statement,))
            if not _is_news(next(map(tuple, held), None), outcome):
                continue
            await writing.execute(
                "UPDATE statement SET verdict = ?, notes = ?, receipt = ? WHERE id = ?",
                (int(outcome.verdict), json.dumps(list(outcome.notes)), number, outcome.statement),
            )


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


def _is_news(row: Row | None, outcome: receipts.Outcome) -> bool:
    """Whether the outcome moves the statement to another state than the receipts before it."""
    if row is None:
        return False
    if row[0] is None:
        return True
    before = state_of([Event.SLIP, EVENT_OF[Verdict(row[0])]])
    return state_of([Event.SLIP, EVENT_OF[Verdict(row[0])], EVENT_OF[outcome.verdict]]) is not before


def _held(row: Row) -> HeldStatement:
    number, identifier, kind, tps, form, revision, signer, cose, slip, held_at, verdict, notes, receipt, origin = row
    return HeldStatement(
        number=number,
        id=StatementId(identifier),
        kind=Kind(kind),
        tps=tps,
        form=form,
        revision=revision,
        signer=X5t(signer),
        cose=cose,
        slip=slip,
        held_at=held_at,
        verdict=Verdict(verdict) if verdict else None,
        notes=tuple(json.loads(notes)) if notes else (),
        receipt=receipt,
        origin=origin,
    )
