"""The counter where things are handed over: judged by protocol's rules, put on disk, answered with a slip."""

import asyncio
import copy
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from relay.errors import Code, NotNow, Rejected, RelayError
from relay.metrics import Metrics
from relay.protocol import forms
from relay.protocol.cose import X5t
from relay.protocol.identities import Identity
from relay.protocol.statements import DocumentHash, Kind, Statement
from relay.store.changes import Custody, TakeDocument, TakeStatement
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.verifier import Verifier

log = logging.getLogger(__name__)


class Reception:
    """Takes custody. `on_custody` is called, without waiting, whenever there is something new to forward."""

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        verifier: Verifier,
        metrics: Metrics,
        on_custody: Callable[[], None],
        *,
        document_bytes_max: int,
        statements_per_signer_max: int,
    ) -> None:
        self._store = store
        self._files = files
        self._verifier = verifier
        self._metrics = metrics
        self._on_custody = on_custody
        self._document_bytes_max = document_bytes_max
        self._statements_per_signer_max = statements_per_signer_max
        self._taken_of: Counter[X5t] = Counter()  # statements from phones, by signer

    def with_files(self, files: DocumentFiles) -> "Reception":
        """The same counter, for those whose photographs come to other files."""
        other = copy.copy(self)
        other._files = files
        return other

    async def take_statement(self, data: bytes) -> tuple[Statement, Custody]:
        """Custody of a statement: verified, on disk, slip signed. `Rejected` says what is wrong with it."""
        # what came in one turn of the loop is read first and judged together, which keeps a processor's caches warm
        await asyncio.sleep(0)
        item = await self.judge(data)
        signer = item.statement.signed.x5t
        await self._check_not_too_many(item.statement)
        self._taken_of[signer] += 1  # before it is on disk, since others of this signer may come meanwhile
        try:
            (custody,) = await self.take([item])
        except RelayError:  # of who goes away meanwhile it stays counted: it is taken all the same
            self._taken_of[signer] -= 1
            raise
        if not custody.new:
            self._taken_of[signer] -= 1
        return item.statement, custody

    async def judge(self, data: bytes, chain: Sequence[bytes] = (), origin: Identity | None = None) -> TakeStatement:
        """A statement that may be taken into custody, from a phone or from another relay; otherwise `Rejected`."""
        verified = await self._verifier.verify(data, chain)
        statement = verified.statement
        check_figures(statement)
        for page in statement.pages:
            if page.size_bytes > self._document_bytes_max:
                raise Rejected(
                    Code.DOCUMENT_TOO_LARGE,
                    f"Page {page.number} has {page.size_bytes} bytes; this relay takes {self._document_bytes_max}. "
                    "Photograph it with a lower resolution.",
                )
        return TakeStatement(statement, verified.new_chain, origin)

    async def take(self, items: Sequence[TakeStatement]) -> list[Custody]:
        """Custody of statements that were judged: on disk together, a slip for each."""
        taken = await self._store.take_all(items)
        for item, custody in zip(items, taken, strict=True):
            self._verifier.stored(item.statement.signed.x5t)
            self._metrics.received_bytes.inc(len(item.statement.signed.bare))
            (self._metrics.statements if custody.new else self._metrics.repeats).inc()
        if any(custody.new for custody in taken):
            self._on_custody()
        return taken

    async def take_document(self, document: DocumentHash, size_bytes: int) -> Custody:
        """Custody of a photograph whose last byte has arrived: verified, on disk, slip signed."""
        await asyncio.to_thread(self._files.finish, document, size_bytes)
        return await self.file_document(document, size_bytes)

    async def file_document(self, document: DocumentHash, size_bytes: int) -> Custody:
        """Custody of a photograph that is whole, verified and on disk already: slip signed."""
        custody = await self._store.take_custody(TakeDocument(document, size_bytes))
        if custody.new:
            self._metrics.documents.inc()
            log.info("photograph %s taken, %d bytes", document.hex()[:8], size_bytes)
        self._on_custody()  # also of one that was damaged, and came again
        return custody

    async def make_room(self, size_bytes: int, now: int) -> None:
        """Drops photographs that the centre has given receipts for until `size_bytes` fit; else `NotNow`."""
        while self._files.free_for_documents() < size_bytes:
            settled = await self._store.photographs.droppable(16)
            if not settled:
                self._files.check_room(size_bytes)
                return
            await self._store.mark_dropped(settled, now)
            for document in settled:
                await asyncio.to_thread(self._files.drop, document)
                log.info("photograph %s dropped after its receipt, to make room", document.hex()[:8])

    async def recover(self) -> None:
        """After a start: photographs that were whole on disk but not yet answered for are taken like any other."""
        self._taken_of.update(await self._store.holdings.from_phones())
        unfinished = await self._store.photographs.unfinished()
        await asyncio.to_thread(self._files.sweep, [document for document, _ in unfinished])
        for document, size_bytes in unfinished:
            whole = self._files.path(document).exists() or self._files.arrived_bytes(document) == size_bytes
            if whole:
                try:
                    await self.take_document(document, size_bytes)
                except (Rejected, NotNow) as error:
                    log.warning("photograph %s: %s", document.hex()[:8], error.sentence)

    async def _check_not_too_many(self, statement: Statement) -> None:
        """No phone fills the disk that every tally needs. What is here already gets its slip all the same.

        What other relays bring is bounded by `[neighbour]`, and counts for nobody here.
        """
        most = self._statements_per_signer_max
        if self._taken_of[statement.signed.x5t] < most or await self._store.holdings.statement(statement.id):
            return
        raise Rejected(
            Code.TOO_MANY_STATEMENTS,
            f"This relay holds {most} statements of this signer, more than anybody has to sign. "
            "Show this phone to the PPK, who can replace its key.",
        )


def check_figures(statement: Statement) -> None:
    """`Rejected(figures-malformed)` if a tally of a form known here is not packed as that form is.

    A form that is not known here is no reason to refuse: the relay is trusted with custody, not with content.
    """
    form = forms.catalogue().get(statement.form)
    if statement.kind is Kind.TALLY and form is not None:
        forms.unpack(form, statement.figures)
