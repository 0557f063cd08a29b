"""The centre's keeper of parcels: judges each statement strictly, records it, and signs what became of it.

A refusal is signed only for what its signer provably signed. Anything else that is wrong with a parcel is the
carrier's problem, is told to the carrier, and lets nobody drop a copy.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from relay.clock import Clock
from relay.errors import Code, NotNow, Rejected
from relay.exchange import Answers, about
from relay.metrics import Metrics
from relay.protocol import forms, statements
from relay.protocol.identities import Identity, check_signed_by
from relay.protocol.messages import Ask, Held, Problem, TrustNews
from relay.protocol.parcels import ChunkParcel, Parcel, StatementParcel
from relay.protocol.statements import DocumentHash, Kind, Statement
from relay.store.arriving import Arriving
from relay.store.changes import CompleteDocument, Record
from relay.store.documents import DocumentFiles
from relay.store.record import RecordStore
from relay.trust_book import TrustBook
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_REFUSED = frozenset(
    {
        Code.SIGNER_REVOKED,
        Code.CERTIFICATE_NOT_VALID_NOW,
        Code.ROLE_NOT_ALLOWED,
        Code.ROLE_UNKNOWN,
        Code.STATION_NOT_SIGNERS,
        Code.CA_OUTSIDE_SCOPE,
        Code.FORM_UNKNOWN,
        Code.FIGURES_MALFORMED,
    }
)
_NEEDS_KNOWN_CA = frozenset({Code.SIGNER_REVOKED, Code.CERTIFICATE_NOT_VALID_NOW, Code.CA_OUTSIDE_SCOPE})
"""Refusals that speak of the path: signed only if the path is the centre's own, not one that the carrier sent."""
_CLOCK_DOUBTFUL = "clock-doubtful"
_CLOCK_DOUBT_SECONDS = 14 * 86400


@dataclass(frozen=True, slots=True)
class _Judged:
    """A statement to be recorded, or to be kept as refused."""

    statement: Statement
    flags: tuple[str, ...]
    refused: Code | None
    new_chain: tuple[bytes, ...] | None


class Recorder:
    """Keeps parcels at the centre; see `exchange.Keeper`."""

    def __init__(
        self,
        store: RecordStore,
        files: DocumentFiles,
        verifier: Verifier,
        clock: Clock,
        metrics: Metrics,
        centre_chain: tuple[bytes, ...],
        book: TrustBook,
    ) -> None:
        self._store = store
        self._book = book
        self._verifier = verifier
        self._clock = clock
        self._metrics = metrics
        self._centre_chain = centre_chain
        self._arriving = Arriving(files, store.recorded.listed_sizes)

    async def keep(self, received: Sequence[Parcel], sender: Identity) -> Answers:
        """Keeps each parcel, or says why not; returns once all is on disk."""
        problems: list[Problem] = []
        changes: list[Record | CompleteDocument] = []
        for parcel in received:
            try:
                match parcel:
                    case StatementParcel():
                        changes.append(await self._judge(parcel, sender))
                    case ChunkParcel():
                        changes += await self._keep_chunk(parcel, sender)
            except Rejected as error:
                self._metrics.problem(error.code)
                name = about(parcel)
                # of signers that are new here, relays send the certificates when they are told
                level = logging.INFO if error.code == Code.SIGNER_UNKNOWN else logging.WARNING
                log.log(level, "%s from %s not taken: %s [%s]", name.hex(), sender.name, error.sentence, error.code)
                problems.append(Problem(name, error.code, error.sentence))
        results = await self._store.record_all(changes) if changes else []
        for change in changes:
            if isinstance(change, Record) and not change.refused:
                self._verifier.stored(change.statement.signed.x5t)
        receipts = dict.fromkeys(receipt for result in results for receipt in result)
        return Answers(tuple(receipts), problems=tuple(problems))

    async def held(self, ask: Ask) -> tuple[Held, Answers]:
        """What of this is here: receipts of statements, cells of documents."""
        found = await self._store.recorded.statements_named(ask.statements) if ask.statements else []
        receipts = dict.fromkeys(item.receipt for item in found if item.receipt is not None)
        here = {item.id[:8] for item in found}
        unknown = tuple(name for name in ask.statements if name not in here)
        documents = []
        for document in ask.documents:
            receipts |= dict.fromkeys(await self._catch_up(document))
            documents.append((document, await self._arriving.cells(document)))
        return Held(tuple(documents), unknown), Answers(tuple(receipts))

    async def learn(self, news: TrustNews, sender: Identity) -> TrustNews:
        """Takes in the CAs and revocations that a relay tells of, as far as they hold under the root."""
        known = await self._book.learn(news)
        log.info("%s told of %d CAs and %d CRLs that hold", sender.name, len(known.certificates), len(known.crls))
        return known

    async def news(self, sender: Identity) -> TrustNews:
        """The centre's own certificates first, then the CAs and CRLs that concern the sender's kabupaten."""
        certificates, crls = self._verifier.trust.concerning(sender.scope)
        return TrustNews(tuple(dict.fromkeys([*self._centre_chain, *certificates])), crls)

    async def later(self, sender: Identity, /) -> AsyncGenerator[bytes]:
        """That what this relay brought is in conflict with what another one brought, before or during this stream."""
        newest = 0
        while True:
            found = self._store.conflicts.found
            while receipts := await self._store.conflicts.receipts_for(sender.name, newest):
                for number, receipt in receipts:
                    newest = number
                    yield receipt
            await found.wait()

    async def recover(self) -> None:
        """After a start: photographs whose last cell had arrived are recorded like any other."""
        for document, _ in await self._store.recorded.unfinished_documents():
            try:
                await self._catch_up(document)
            except NotNow as error:  # a full disk is no reason not to start: it is tried again when asked about
                log.warning("photograph %s: %s", document.hex()[:8], error.sentence)

    async def _catch_up(self, document: DocumentHash) -> Sequence[bytes]:
        """A photograph that is whole on disk and not recorded, since a commit failed, is recorded now: its receipts."""
        if await self._store.recorded.has_document(document):
            return ()
        try:
            size = await self._arriving.complete(document)
        except Rejected:
            return ()
        if size is None:
            return ()
        results = await self._store.record_all([self._completed(document, size, "recovery")])
        return [receipt for result in results for receipt in result]

    async def _judge(self, parcel: StatementParcel, sender: Identity) -> Record:
        judged = await self._verified(parcel)
        statement = judged.statement
        if judged.refused:
            log.info("%s refused: %s", statement.short_id, judged.refused)
            self._metrics.problem(judged.refused)
        else:
            self._metrics.statements.inc()
            self._arriving.is_listed_by(statement)
            log.debug("%s from %s", statement.short_id, sender.name)
        return Record(statement, sender.name, judged.flags, judged.refused, judged.new_chain, self._clock.now())

    async def _verified(self, parcel: StatementParcel) -> _Judged:
        try:
            verified = await self._verifier.verify(parcel.statement, parcel.chain)
            return _Judged(verified.statement, self._flags(verified.statement), None, verified.new_chain)
        except Rejected as error:
            if error.code not in _REFUSED:
                raise
            reason = error.code
        statement = statements.parse(parcel.statement)
        chain = parcel.chain or await self._store.signers.chain(statement.signed.x5t) or ()
        check_signed_by(statement.signed, chain)
        if reason in _NEEDS_KNOWN_CA and not self._verifier.trust.knows_issuer_of(chain[0]):
            raise Rejected(Code.CHAIN_BROKEN, f"The CA of this signer is not known to the centre ({reason}).")
        return _Judged(statement, (), reason, chain)

    def _flags(self, statement: Statement) -> tuple[str, ...]:
        """What is wrong with the paper or the phone's clock; an unknown form or broken packing is refused."""
        form = forms.catalogue().get(statement.form)
        if form is None:
            raise Rejected(Code.FORM_UNKNOWN, f"The centre knows no form {statement.form}.")
        doubtful = abs(statement.signed_at - self._clock.now()) > _CLOCK_DOUBT_SECONDS
        flags = (_CLOCK_DOUBTFUL,) if doubtful else ()
        return flags + form.flags(forms.unpack(form, statement.figures)) if statement.kind is Kind.TALLY else flags

    async def _keep_chunk(self, chunk: ChunkParcel, sender: Identity) -> list[CompleteDocument]:
        size = await self._arriving.write(chunk)
        self._metrics.received_bytes.inc(len(chunk.data))
        return [] if size is None else [self._completed(chunk.document, size, sender.name)]

    def _completed(self, document: DocumentHash, size: int, sender: str) -> CompleteDocument:
        self._metrics.documents.inc()
        return CompleteDocument(document, size, sender, self._clock.now())
