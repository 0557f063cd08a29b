"""One stream's life on an uplink: plan what goes next, send it, record what comes back.

Nothing here outlives the stream but what `Delivered` remembers to say how much crossed twice. What is in
flight is a local variable: after a cut, the centre is asked what it has.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from relay.clock import Clock
from relay.config import UplinkConfig
from relay.errors import Code, Rejected
from relay.protocol import cose, forms, messages, parcels, planning
from relay.protocol.messages import Ask, Batch, Frame, Held, Kept, Problem, ReceiptGiven, TrustNews
from relay.protocol.parcels import CELL_BYTES, ChunkParcel, StatementParcel, cells_in
from relay.protocol.statements import DocumentHash
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.store.holdings import HeldStatement, PendingDocument
from relay.uplink.port import Stream

log = logging.getLogger(__name__)

_STATEMENTS_IN_FRAME = 64
_FRAME_BYTES = 48 * 1024
_CHUNK_BYTES_MAX = 32 * 1024
_CHUNK_SECONDS = 0.25
_FRAMES_IN_BATCH = 8
_DOCUMENTS_ASKED = 32
_DOCUMENTS_READ = 256


@dataclass(slots=True)
class Delivered:
    """What this process has put on uplinks so far, to tell what crosses twice and what must be asked about."""

    newest_statement: int
    """The newest slip number that may have been sent before; the centre is asked about these and older ones."""
    bytes_sent: int = 0
    bytes_again: int = 0
    _cells: dict[bytes, int] = field(default_factory=dict)  # of each document, a bit for each cell
    _statements: set[int] = field(default_factory=set)

    def statement(self, number: int, size_bytes: int) -> None:
        """A statement went out (once more)."""
        if number in self._statements:
            self.bytes_again += size_bytes
        self._statements.add(number)
        self.newest_statement = max(self.newest_statement, number)

    def cells(self, document: bytes, first: int, data_bytes: int) -> None:
        """A chunk went out."""
        sent = self._cells.get(document, 0)
        cells = ((1 << cells_in(data_bytes)) - 1) << first
        self.bytes_again += min(data_bytes, CELL_BYTES * (sent & cells).bit_count())
        self._cells[document] = sent | cells


@dataclass(slots=True)
class _Sending:
    """A document whose missing cells are on their way."""

    pending: PendingDocument
    runs: deque[tuple[int, int]] | None = None  # (first cell, count) still to be sent; None: not answered yet


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A frame with one chunk, announced and not sent yet."""

    frame: bytes
    document: DocumentHash
    first_cell: int
    data_bytes: int


class Delivery:
    """Delivers everything without a receipt over one open stream."""

    def __init__(
        self,
        stream: Stream,
        store: CustodyStore,
        files: DocumentFiles,
        signer: cose.Signer,
        chain: tuple[bytes, ...],
        clock: Clock,
        config: UplinkConfig,
        delivered: Delivered,
        *,
        on_receipt: Callable[[bytes], Awaitable[None]],
        on_trust: Callable[[TrustNews], Awaitable[None]],
        work: asyncio.Event,
    ) -> None:
        self._stream = stream
        self._store = store
        self._files = files
        self._signer = signer
        self._chain = chain
        self._clock = clock
        self._config = config
        self._delivered = delivered
        self._on_receipt = on_receipt
        self._on_trust = on_trust
        self._work = work
        self.window = planning.Window(config.in_flight_bytes_least, config.in_flight_bytes_max)
        self.was_answered = False  # the other side has said something that only a centre says
        self._introduced = False
        self._cursor = delivered.newest_statement  # statements up to here are asked about, later ones are sent
        self._document_cursor = 0
        self._waiting: list[tuple[tuple[int, int, int], PendingDocument]] = []  # a heap, most wanted first
        self._to_resend: set[bytes] = set()  # short ids that the centre says it does not have
        self._with_chain: set[bytes] = set()  # short ids whose signer's chain the centre lacks
        self._signers_given: set[bytes] = set()
        self._centre_knows: frozenset[bytes] = frozenset()
        self._sending: dict[DocumentHash, _Sending] = {}  # what the centre was asked about
        # every cell that the centre lacked is on its way; by the start of its hash, as problems name it
        self._sent: dict[bytes, PendingDocument] = {}
        self._frames: deque[_Chunk] = deque()  # chunk frames announced and not sent yet
        self._problems: dict[bytes, int] = {}
        self._frames_kept = 0

    async def run(self) -> None:
        """Until there has been nothing to do for a while, or the stream breaks (`UplinkDown`, `NotNow`)."""
        async with asyncio.TaskGroup() as tasks:  # two halves of one conversation; neither outlives this call
            listening = tasks.create_task(self._listen())
            try:
                await self._ask_about_earlier()
                await self._send_all()
            finally:
                listening.cancel()

    # sending

    async def _send_all(self) -> None:
        while True:
            self._work.clear()
            if await self._send_next():
                continue
            try:
                async with asyncio.timeout(self._config.idle_seconds_max):
                    await self._work.wait()
            except TimeoutError:
                if self.window.bytes_in_flight == 0:
                    return

    async def _send_next(self) -> bool:
        """Sends the most urgent thing there is room for; False if there is nothing to do now."""
        if not self.window.has_room:
            return False
        statements = await self._next_statements()
        if statements:
            await self._send_statements(statements)
            return True
        if self._frames:
            chunk = self._frames.popleft()
            self._delivered.cells(chunk.document, chunk.first_cell, chunk.data_bytes)
            await self._send_frame(chunk.frame)
            return True
        planned = await self._plan_chunks()
        asked = await self._ask_for_documents()
        return planned or asked

    async def _next_statements(self) -> list[HeldStatement]:
        """Figures before lists of photographs; what the centre lacks before what is new."""
        while self._to_resend:
            names = [self._to_resend.pop() for _ in range(min(_STATEMENTS_IN_FRAME, len(self._to_resend)))]
            again = await self._store.without_receipt_named(names)
            if again:
                return again
        fresh = await self._store.without_receipt(self._cursor, _STATEMENTS_IN_FRAME)
        if fresh:
            self._cursor = fresh[-1].number
        return sorted(fresh, key=lambda item: (item.kind, item.number))

    async def _send_statements(self, held: Sequence[HeldStatement]) -> None:
        group: list[StatementParcel] = []
        size = 0
        for item in held:
            chain = await self._chain_for(item)
            parcel = StatementParcel(item.cose, chain)
            parcel_bytes = len(item.cose) + sum(len(der) for der in chain)
            if group and size + parcel_bytes > _FRAME_BYTES:
                await self._send_statement_frame(group)
                group, size = [], 0
            group.append(parcel)
            size += parcel_bytes
            self._delivered.statement(item.number, parcel_bytes)
        await self._send_statement_frame(group)

    async def _send_statement_frame(self, group: Sequence[StatementParcel]) -> None:
        frame = parcels.pack_statements(group)
        await self._announce([frame])
        await self._send_frame(frame)

    async def _chain_for(self, item: HeldStatement) -> tuple[bytes, ...]:
        """The signer's certificates, once a stream, without those that the centre has said it knows."""
        wanted = item.id[:8] in self._with_chain
        if item.signer in self._signers_given and not wanted:
            return ()
        chain = await self._store.signer_chain(item.signer) or ()
        self._signers_given.add(item.signer)
        return chain if wanted else chain[:1] + tuple(der for der in chain[1:] if der not in self._centre_knows)

    async def _ask_about_earlier(self) -> None:
        """Statements that may have crossed before: the centre says which it has, before any is sent again."""
        after = 0
        while True:
            held = await self._store.without_receipt(after, messages.ASKED_MAX)
            held = [item for item in held if item.number <= self._cursor]
            if not held:
                return
            await self._introduce()
            await self._say(Ask(tuple(item.id[:8] for item in held), ()))
            after = held[-1].number

    async def _ask_for_documents(self) -> bool:
        """Asks what the centre has of the most wanted photographs, ahead of their turn; whether it did."""
        await self._gather_documents()
        names = []
        while self._waiting and len(self._sending) < _DOCUMENTS_ASKED:
            _, pending = heapq.heappop(self._waiting)
            if await asyncio.to_thread(self._files.verify, pending.document):
                self._sending[pending.document] = _Sending(pending)
                names.append(pending.document)
            else:
                await self._give_up(pending)
        if names:
            await self._introduce()
            await self._say(Ask((), tuple(names)))
        return bool(names)

    async def _give_up(self, pending: PendingDocument) -> None:
        """A photograph that the disk has lost is said to be gone, so that the phone, which has it, is asked again."""
        log.error("photograph %s is damaged on disk; it is asked for again", pending.document.hex()[:8])
        await self._store.mark_dropped([pending.document], self._clock.now())
        await asyncio.to_thread(self._files.drop, pending.document)

    async def _gather_documents(self) -> None:
        while fresh := await self._store.documents_without_receipt(self._document_cursor, _DOCUMENTS_READ):
            self._document_cursor = fresh[-1].number
            for pending in fresh:
                heapq.heappush(self._waiting, (_order(pending), pending))

    async def _plan_chunks(self) -> bool:
        """Announces the next few chunks, most wanted page first; whether there were any."""
        cells = planning.cells_per_chunk(
            self.window.rate_bytes_per_second, seconds=_CHUNK_SECONDS, most_bytes=_CHUNK_BYTES_MAX
        )
        frames: list[_Chunk] = []
        for name, sending in sorted(self._sending.items(), key=lambda item: _order(item[1].pending)):
            try:
                while sending.runs and len(frames) < _FRAMES_IN_BATCH:
                    frames.append(await self._chunk_frame(sending, sending.runs, cells))
            except Rejected:
                await self._give_up(self._sending.pop(name).pending)
                continue
            if sending.runs is not None and not sending.runs:
                self._sent[name[: parcels.SHORT_BYTES]] = self._sending.pop(name).pending
        if frames:
            await self._announce([chunk.frame for chunk in frames])
            self._frames.extend(frames)
        return bool(frames)

    async def _chunk_frame(self, sending: _Sending, runs: deque[tuple[int, int]], cells: int) -> _Chunk:
        first, count = runs.popleft()
        if count > cells:
            runs.appendleft((first + cells, count - cells))
            count = cells
        document = sending.pending.document
        data = await asyncio.to_thread(self._files.read, document, first * CELL_BYTES, count * CELL_BYTES)
        chunk = ChunkParcel(document, first, data)
        return _Chunk(parcels.pack_chunk(chunk), document, first, len(data))

    async def _announce(self, frames: Sequence[bytes]) -> None:
        """Says, signed, which frames come. The first header of a stream carries our chain."""
        payload = parcels.header_payload(self._clock.now(), [parcels.frame_name(frame) for frame in frames])
        header = self._signer.sign(payload)
        chain = () if self._introduced else self._chain
        self._introduced = True
        await self._say(Batch(header.with_chain(chain)))

    async def _introduce(self) -> None:
        if not self._introduced:
            await self._announce([])

    async def _send_frame(self, frame: bytes) -> None:
        message = messages.encode(Frame(frame))
        self.window.sent(len(message), asyncio.get_running_loop().time())
        self._delivered.bytes_sent += len(message)
        await self._stream.send(message)

    async def _say(self, message: messages.Message) -> None:
        data = messages.encode(message)
        self._delivered.bytes_sent += len(data)
        await self._stream.send(data)

    # listening

    async def _listen(self) -> None:
        while True:
            message = messages.decode(await self._stream.receive())
            self.was_answered = True
            match message:
                case Kept(frames):
                    self.window.kept(frames - self._frames_kept, asyncio.get_running_loop().time())
                    self._frames_kept = frames
                case ReceiptGiven(receipt):
                    await self._on_receipt(receipt)
                case Held():
                    self._plan_missing(message)
                case TrustNews():
                    self._centre_knows |= frozenset(message.certificates)
                    await self._on_trust(message)
                case Problem():
                    self._heed(message)
                case Batch() | Frame() | Ask():
                    raise Rejected(Code.BATCH_MALFORMED, "The centre sent what only a relay sends.")
            self._work.set()

    def _plan_missing(self, held: Held) -> None:
        self._to_resend.update(held.unknown)
        for name, bitmap in held.documents:
            sending = self._sending.get(name)
            if sending is not None:
                cells = cells_in(sending.pending.size_bytes)
                sending.runs = deque(planning.missing_runs(bitmap, cells, most=cells))

    def _heed(self, problem: Problem) -> None:
        """What the centre did not take: sent once more with what it lacked, and said in the log."""
        log.warning("the centre did not take %s: %s [%s]", problem.about.hex(), problem.sentence, problem.code)
        times = self._problems[problem.about] = self._problems.get(problem.about, 0) + 1
        if times > 3:
            return  # it stays here, without a receipt, and is tried on the next stream
        pending = self._sent.pop(problem.about, None)
        if pending is not None:
            heapq.heappush(self._waiting, (_order(pending), pending))  # asked about, and sent, anew
        elif problem.code in (Code.SIGNER_UNKNOWN, Code.CHAIN_BROKEN):
            self._with_chain.add(problem.about)
            self._to_resend.add(problem.about)


def _order(pending: PendingDocument) -> tuple[int, int, int]:
    form = forms.catalogue().get(pending.form)
    return planning.page_order(pending.page, form.votes_page if form else 1, pending.number)
