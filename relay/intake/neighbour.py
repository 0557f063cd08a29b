"""A relay as the neighbour of others: keeps the parcels that they hand over, and carries receipts back to them.

What comes from a relay is judged as if a phone had handed it over: a relay is trusted with custody, never with
content. It gets this relay's own slip, which settles nothing: the origin keeps its copy until the centre's receipt.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from relay.clock import Clock
from relay.config import NeighbourConfig
from relay.errors import Code, NotNow, Rejected, RelayError
from relay.exchange import Answers, about
from relay.intake.reception import Reception
from relay.metrics import Metrics
from relay.protocol.identities import Identity
from relay.protocol.messages import Ask, Held, Problem, TrustNews
from relay.protocol.parcels import SHORT_BYTES, ChunkParcel, Parcel, cells_in
from relay.protocol.planning import bitmap_of
from relay.protocol.statements import DocumentHash
from relay.store.arriving import Arriving
from relay.store.changes import TakeStatement
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.store.neighbours import Answer
from relay.trust_book import TrustBook
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_TAKEN_TOGETHER = 64
_LIMIT_RETRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A relay whose stream is open now; `since` in Unix seconds."""

    relay: Identity
    since: int


class Custodian:
    """Keeps parcels at a relay; see `exchange.Keeper`.

    `files` and `reception` are those for neighbours: they leave more of the disk free, for this relay's own phones.
    """

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        reception: Reception,
        verifier: Verifier,
        clock: Clock,
        metrics: Metrics,
        node: Identity,
        config: NeighbourConfig,
        book: TrustBook,
    ) -> None:
        self._store = store
        self._book = book
        self._files = files
        self._reception = reception
        self._verifier = verifier
        self._clock = clock
        self._metrics = metrics
        self._node = node
        self._config = config
        self._arriving = Arriving(files, store.photographs.listed_sizes)
        self._served: list[Served] = []

    async def keep(self, received: Sequence[Parcel], sender: Identity) -> Answers:
        """Takes each parcel into custody or says why not; returns once all is on disk."""
        problems: list[Problem] = []
        statements: list[TakeStatement] = []
        slips: list[bytes] = []
        for parcel in received:
            await asyncio.sleep(0)  # a frame holds hundreds of signatures: phones get their turn in between
            try:
                if isinstance(parcel, ChunkParcel):
                    slips += await self._keep_chunk(parcel)
                else:
                    statements.append(await self._reception.judge(parcel.statement, parcel.chain, self._origin(sender)))
            except (Rejected, NotNow) as error:
                problems.append(self._problem(parcel, error, sender))
        await self._take(statements, sender)
        found = await self._store.neighbours.answers([item.statement.id[:SHORT_BYTES] for item in statements])
        return _answers(found, slips, problems)

    async def held(self, ask: Ask) -> tuple[Held, Answers]:
        """What of this is here: receipts, or slips once more since they may have been lost; cells of documents."""
        found = await self._store.neighbours.answers(ask.statements)
        here = {answer.statement[:SHORT_BYTES] for answer in found}
        for document in ask.documents:
            await self._catch_up(document)
        cells = tuple([(document, await self._cells(document)) for document in ask.documents])
        unknown = tuple(name for name in ask.statements if name not in here)
        return Held(cells, unknown), _answers(found, await self._store.neighbours.slips_for(ask.documents))

    async def learn(self, news: TrustNews, _sender: Identity) -> TrustNews:
        """Takes in the CAs and revocations that another relay tells of; they are told to the centre as our own are."""
        return await self._book.learn(news, owed=True)

    async def news(self, sender: Identity) -> TrustNews:
        """This relay's chain, to check its slips; the centre's, to check receipts; CAs and CRLs for the sender."""
        centre = [der for kind, der in await self._store.trust.all() if kind == "centre"]
        certificates, crls = self._verifier.trust.concerning(sender.scope)
        _, own_crls = self._verifier.trust.concerning(self._node.scope)
        chain_and_others = dict.fromkeys([*self._node.chain, *centre, *certificates])
        return TrustNews(tuple(chain_and_others), tuple(dict.fromkeys([*crls, *own_crls])))

    async def later(self, sender: Identity, /) -> AsyncGenerator[bytes]:
        """Receipts that are filed while the stream is open, for what this relay was the first to hand over."""
        served = Served(sender, self._clock.now())
        self._served.append(served)
        try:
            newest = await self._store.neighbours.newest_receipt()
            while True:
                filed = self._store.receipt_filed
                while receipts := await self._store.neighbours.receipts_for(sender.x5t, newest):
                    for number, receipt in receipts:
                        newest = number
                        yield receipt
                await filed.wait()
        finally:
            self._served.remove(served)

    async def recover(self) -> None:
        """After a start: photographs whose last cell had arrived are taken like any other."""
        unfinished = {document for document, _ in await self._store.photographs.unfinished()}
        await asyncio.to_thread(self._files.sweep, unfinished)
        for document in unfinished:
            await self._catch_up(document)

    async def status(self) -> dict[str, Any]:
        """Who is served now and what is held for others, for the status API."""
        statements, without_receipt = await self._store.neighbours.held_for_others()
        return {
            "accepts": self._config.accept,
            "served_now": [
                {"relay": item.relay.name, "scope": item.relay.scope, "since": item.since} for item in self._served
            ],
            "statements": statements,
            "without_receipt": without_receipt,
        }

    def _origin(self, sender: Identity) -> Identity | None:
        """Who hands over; our own batches, come home on a drive, are our own."""
        return None if sender.x5t == self._node.x5t else sender

    async def _take(self, statements: Sequence[TakeStatement], sender: Identity) -> None:
        await self._check_limit(statements, sender)
        for first in range(0, len(statements), _TAKEN_TOGETHER):  # a phone's waits for one such group at most
            await self._reception.take(statements[first : first + _TAKEN_TOGETHER])
        for item in statements:
            self._arriving.is_listed_by(item.statement)

    async def _check_limit(self, statements: Sequence[TakeStatement], sender: Identity) -> None:
        room = self._config.statements_max - await self._store.neighbours.waiting_from(sender.x5t)
        if len(statements) <= room:
            return
        known = await self._store.neighbours.answers([item.statement.id[:SHORT_BYTES] for item in statements])
        if len(statements) - len(known) > max(0, room):
            raise NotNow(
                Code.BUSY,
                f"{self._config.statements_max} statements of {sender.name} wait for receipts here; no more for now.",
                _LIMIT_RETRY_SECONDS,
            )

    async def _keep_chunk(self, chunk: ChunkParcel) -> list[bytes]:
        """Writes a chunk; the document's slip if it is in custody now, or was."""
        document = chunk.document
        if await self._store.photographs.is_done(document):
            return await self._store.neighbours.slips_for([document])
        if await self._arriving.sizes(document):  # nothing is dropped for what nobody lists
            await self._reception.make_room(len(chunk.data), self._clock.now())
        size = await self._arriving.write(chunk)
        self._metrics.received_bytes.inc(len(chunk.data))
        return [] if size is None else [(await self._reception.file_document(document, size)).slip]

    async def _catch_up(self, document: DocumentHash) -> None:
        """A photograph that is whole on disk and not in custody, since a commit failed, is taken now if it can be."""
        if await self._store.photographs.is_done(document):
            return
        try:
            size = await self._arriving.complete(document)
            if size is not None:
                await self._reception.file_document(document, size)
        except (Rejected, NotNow) as error:  # a full disk keeps nobody from starting or asking: there is a next time
            log.warning("photograph %s: %s", document.hex()[:8], error.sentence)

    async def _cells(self, document: DocumentHash) -> bytes:
        """What is here of a document; all of it, once the centre has it, though the file may be gone."""
        if not await self._store.photographs.is_settled(document):
            return await self._arriving.cells(document)
        count = cells_in(max(await self._arriving.sizes(document)))
        return bitmap_of(range(count), count)

    def _problem(self, parcel: Parcel, error: RelayError, sender: Identity) -> Problem:
        """What was not taken. A photograph for which there is no room holds up nothing: figures go on."""
        if isinstance(error, NotNow) and not (isinstance(parcel, ChunkParcel) and error.code is Code.DISK_FULL):
            raise error
        self._metrics.problem(error.code)
        name = about(parcel)
        log.warning("%s from %s not taken: %s [%s]", name.hex(), sender.name, error.sentence, error.code)
        return Problem(name, error.code, error.sentence)


def _answers(found: Sequence[Answer], slips: Sequence[bytes], problems: Sequence[Problem] = ()) -> Answers:
    """For each statement its receipt, or this relay's slip until there is one; and the slips of documents."""
    receipts = dict.fromkeys(answer.receipt for answer in found if answer.receipt is not None)
    own = tuple(answer.slip for answer in found if answer.receipt is None)
    return Answers(tuple(receipts), (*own, *slips), tuple(problems))
