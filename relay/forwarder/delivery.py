"""One stream's life on an uplink: send what is most urgent, as much as the link carries, record what comes back.

Nothing here outlives the stream: what it had under way, `Outgoing` doubts once it has ended.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from relay.clock import Clock
from relay.errors import Code, Rejected
from relay.forwarder.outgoing import Outgoing
from relay.forwarder.photographs import Chunk
from relay.identity import NodeIdentity
from relay.protocol import messages, parcels, planning
from relay.protocol.messages import Ask, Batch, Frame, Held, Kept, Problem, ReceiptGiven, SlipGiven, TrustNews
from relay.protocol.parcels import CELL_BYTES, SHORT_BYTES, StatementParcel
from relay.protocol.statements import STATEMENT_KINDS, DocumentHash, Kind
from relay.protocol.window import Window
from relay.store.custody import CustodyStore
from relay.store.holdings import HeldStatement
from relay.uplink.port import Connection

log = logging.getLogger(__name__)

_STATEMENTS_IN_FRAME = 256
_STATEMENT_BYTES = 100  # about what one takes on the wire, among others
_STATEMENT_SECONDS = 0.75
_STATEMENTS_LEAST = 32
_FRAME_BYTES = 48 * 1024
_CHUNK_BYTES = 8 * 1024  # less, if that takes more than _CHUNK_SECONDS_MAX; more, if less than _CHUNK_SECONDS_LEAST
_CHUNK_SECONDS_LEAST = 0.0625
_CHUNK_SECONDS_MAX = 0.3
_CHUNK_BYTES_MAX = 32 * 1024
_AHEAD_BYTES = 128 * 1024
_AHEAD_FRAMES = 32
_ROOM_SECONDS = 0.05  # between two looks at the kernel, which tells nobody when there is room again


@dataclass(frozen=True, slots=True)
class Handlers:
    """What is done with what the other side says, beside what concerns the stream itself."""

    on_receipt: Callable[[bytes], Awaitable[None]]
    on_trust: Callable[[TrustNews], Awaitable[None]]
    on_problem: Callable[[Problem], None]
    on_slips: Callable[
        [Sequence[bytes], bytes], Awaitable[None]
    ]  # slips (COSE bytes), the certificate of who gave them
    on_sent: Callable[[int], None]  # bytes that went out, as messages
    carries: Callable[[], frozenset[Kind]]  # what this uplink may carry at this moment; nothing: it ends
    tells_trust: bool = True  # whether this uplink carries CAs and revocations


@dataclass(slots=True)
class _Frame:
    """A frame, what is in it, and whether the other side has said that it could not read it."""

    data: bytes
    statements: set[bytes] = field(default_factory=set)
    chunk: Chunk | None = None
    is_refused: bool = False
    name: bytes = b""

    def __post_init__(self) -> None:
        self.name = parcels.frame_name(self.data)

    def forget_bytes(self) -> None:
        """It is sent: until it is acknowledged, only what it was has to be known."""
        self.data = b""
        if self.chunk:
            self.chunk = replace(self.chunk, parcel=replace(self.chunk.parcel, data=b""))


class Delivery:
    """Delivers what waits in `outgoing` over one open stream."""

    def __init__(
        self,
        stream: Connection,
        outgoing: Outgoing,
        store: CustodyStore,
        node: NodeIdentity,
        clock: Clock,
        handlers: Handlers,
    ) -> None:
        self._stream = stream
        self._outgoing = outgoing
        self._store = store
        self._node = node
        self._clock = clock
        self._handlers = handlers
        self.window = Window(0, 0)
        self.now = ""  # what is being sent, for screens
        self.was_answered = False  # the other side has said something that only a centre or a relay says
        self._introduced = False
        self._ahead: deque[_Frame] = deque()  # chunks announced and not sent yet
        self._flying: deque[_Frame] = deque()
        self._frames_kept = 0
        self._asked: deque[Ask] = deque()
        self._chain_wanted: set[bytes] = set()  # statements that were refused for their signer's certificates
        self._whole_chain_wanted: set[bytes] = set()  # of these, where even what the other side said it has must come
        self._signers_given: set[bytes] = set()
        self._certificates_there: frozenset[bytes] = frozenset()
        self._has_heard_trust = False
        self._slips: list[bytes] = []
        self._takes_photographs = True
        self._waits_for_room = False

    async def introduce(self) -> None:
        """Says who we are, so that the other side keeps the stream though nothing comes yet."""
        if not self._introduced:
            await self._announce([])

    async def run(self, window: Window, idle_seconds_max: float, ask_again_seconds: float) -> None:
        """Until there has been nothing to do for a while, or the stream breaks (`UplinkDown`, `NotNow`).

        Receipts that are still missing are asked for again every `ask_again_seconds`.
        """
        self.window = window
        was_cut = True
        try:
            async with asyncio.TaskGroup() as tasks:  # two halves of one conversation; neither outlives this call
                listening = tasks.create_task(self._listen())
                try:
                    await self._send_all(idle_seconds_max, ask_again_seconds)
                finally:
                    listening.cancel()
            was_cut = False
        finally:
            self._outgoing.let_go(self, was_cut=was_cut)

    # sending

    async def _send_all(self, idle_seconds_max: float, ask_again_seconds: float) -> None:
        with self._outgoing.waiter() as changed:
            while True:
                changed.clear()
                carries = self._handlers.carries()
                self._outgoing.doubt_overdue(asyncio.get_running_loop().time(), ask_again_seconds)
                if carries and await self._send_next(carries):
                    continue
                if not carries and not self._flying:
                    return
                await self.introduce()  # whoever says nothing at all is sent away
                try:
                    async with asyncio.timeout(_ROOM_SECONDS if self._waits_for_room else idle_seconds_max):
                        await changed.wait()
                except TimeoutError:
                    if not self._flying:
                        return

    async def _send_next(self, carries: frozenset[Kind]) -> bool:
        """Sends the most urgent thing there is room for; False if there is nothing to do now."""
        self._waits_for_room = not self.window.has_room(self._stream.path())
        if self._waits_for_room:
            return False
        if names := self._outgoing.take_doubtful(self, carries, messages.ASKED_MAX):
            await self._ask(Ask(names, ()))
            return True
        for kind in STATEMENT_KINDS:
            if kind in carries and (held := await self._outgoing.take_statements(self, kind, self._statements_most())):
                await self._send_statements(held)
                return True
        if await self._tell_trust(carries):
            return True
        if Kind.DOCUMENTS not in carries or not self._takes_photographs:
            self._give_back()
            return False
        if self._ahead:
            await self._send_frame(self._ahead.popleft())
            return True
        documents = await self._outgoing.ask_for_documents(self)
        if documents:
            await self._ask(Ask((), documents))
        return await self._plan_chunks() or bool(documents)

    async def _tell_trust(self, carries: frozenset[Kind]) -> bool:
        """Says the CAs and revocations that the other side lacks; it begins by saying what it has.

        After all statements, and their answers, since one may have to be sent again with certificates, or be slower on
        another stream: what somebody signed and handed over before he was revoked arrives before that news.
        """
        if not (self._handlers.tells_trust and self._has_heard_trust and self._outgoing.telling.has_work):
            return False
        if self._asked or any(frame.statements for frame in self._flying) or self._outgoing.owes_statements(carries):
            return False
        news = self._outgoing.telling.take(self)
        for portion in messages.portions(news) if news else ():
            await self._say(portion)
        return news is not None

    def _statements_most(self) -> int:
        """As many as make a frame of less than a second; not too few, since they share what goes around them."""
        rate = self.window.rate_bytes_per_second
        wanted = int(rate * _STATEMENT_SECONDS / _STATEMENT_BYTES) if rate else 2 * _STATEMENTS_LEAST
        return max(_STATEMENTS_LEAST, min(_STATEMENTS_IN_FRAME, wanted))

    async def _send_statements(self, held: Sequence[HeldStatement]) -> None:
        group: dict[bytes, StatementParcel] = {}
        size = 0
        for item in held:
            parcel = StatementParcel(item.cose, await self._chain_for(item))
            parcel_bytes = len(item.cose) + sum(len(der) for der in parcel.chain)
            if group and size + parcel_bytes > _FRAME_BYTES:
                await self._send_statement_frame(group)
                group, size = {}, 0
            group[item.id[:SHORT_BYTES]] = parcel
            size += parcel_bytes
        if group:
            await self._send_statement_frame(group)

    async def _send_statement_frame(self, group: Mapping[bytes, StatementParcel]) -> None:
        frame = _Frame(parcels.pack_statements(list(group.values())), set(group))
        self.now = f"{len(group)} statements"
        self.window.queue_bytes = len(frame.data)
        for name in group:
            self._outgoing.crossed.statement(name, len(frame.data) // len(group))
        await self._announce([frame])
        await self._send_frame(frame)

    async def _chain_for(self, item: HeldStatement) -> tuple[bytes, ...]:
        """The signer's certificates, if the other side has shown that it lacks some; once a stream unless asked."""
        name = item.id[:SHORT_BYTES]
        is_new = not self._outgoing.knows_signers and item.signer not in self._signers_given
        if not is_new and name not in self._chain_wanted:
            return ()
        chain = await self._store.signers.chain(item.signer) or ()
        self._signers_given.add(item.signer)
        if name in self._whole_chain_wanted:
            return chain
        return chain[:1] + tuple(der for der in chain[1:] if der not in self._certificates_there)

    async def _plan_chunks(self) -> bool:
        """Announces the next few chunks, most wanted page first; whether there were any."""
        rate = self.window.rate_bytes_per_second
        most = min(_CHUNK_BYTES_MAX, max(_CHUNK_BYTES, int(rate * _CHUNK_SECONDS_LEAST)))
        cells = planning.cells_per_chunk(rate, seconds=_CHUNK_SECONDS_MAX, most_bytes=most)
        self.window.queue_bytes = cells * CELL_BYTES
        frames: list[_Frame] = []
        places: dict[DocumentHash, int] = {}
        for _ in range(max(1, min(_AHEAD_FRAMES, _AHEAD_BYTES // (cells * CELL_BYTES)))):
            chunk = await self._outgoing.take_chunk(self, cells)
            if chunk is None:
                break
            place = places.setdefault(chunk.parcel.document, len(places))
            frames.append(_Frame(parcels.pack_chunk(chunk.parcel, place), chunk=chunk))
        if frames:
            await self._announce(frames, tuple(places))
            self._ahead.extend(frames)
        return bool(frames)

    def _give_back(self) -> None:
        """Chunks that were announced and not sent may go on another stream."""
        for frame in self._ahead:
            if frame.chunk:
                self._outgoing.kept(self, frame.chunk, arrived=False)
        if self._ahead:
            self._ahead.clear()
            self._outgoing.changed()

    async def _ask(self, ask: Ask) -> None:
        await self.introduce()
        self._asked.append(ask)
        await self._say(ask)

    async def _announce(self, frames: Sequence[_Frame], documents: Sequence[DocumentHash] = ()) -> None:
        """Says, signed, which frames come. The first header of a stream carries our chain."""
        names = [frame.name for frame in frames]
        payload = parcels.header_payload(self._clock.now(), names, documents)
        header = self._node.signer.sign(payload)
        chain = () if self._introduced else self._node.identity.chain
        self._introduced = True
        await self._say(Batch(header.with_chain(chain)))

    async def _send_frame(self, frame: _Frame) -> None:
        if frame.chunk:
            self._outgoing.crossed.chunk(frame.chunk)
            self.now = frame.chunk.label
        self.window.sent(len(frame.data), asyncio.get_running_loop().time())
        self._flying.append(frame)
        message = Frame(frame.data)
        frame.forget_bytes()
        await self._say(message)

    async def _say(self, message: messages.Message) -> None:
        data = messages.encode(message)
        self._outgoing.crossed.bytes_sent += len(data)
        self._handlers.on_sent(len(data))
        await self._stream.send(data)

    # listening

    async def _listen(self) -> None:
        while True:
            message = messages.decode(await self._stream.receive())
            self.was_answered = True
            self.window.heard(asyncio.get_running_loop().time())
            match message:
                case Kept(frames):
                    await self._file_slips()
                    self._kept(frames - self._frames_kept)
                    self._frames_kept = frames
                case ReceiptGiven(receipt):
                    await self._handlers.on_receipt(receipt)
                case SlipGiven(slip):
                    self._slips.append(slip)
                case Held():
                    await self._file_slips()
                    self._held(message)
                case TrustNews():
                    self._certificates_there |= frozenset(message.certificates)
                    self._has_heard_trust = True
                    self._outgoing.telling.heard((*message.certificates, *message.crls))
                    await self._handlers.on_trust(message)
                case Problem():
                    self._heed(message)
                case Batch() | Frame() | Ask():
                    raise Rejected(Code.BATCH_MALFORMED, "The other side sent what only a sender sends.")
            self._outgoing.changed()

    def _kept(self, frames: int) -> None:
        self.window.kept(frames, asyncio.get_running_loop().time(), self._stream.path())
        for _ in range(min(frames, len(self._flying))):
            frame = self._flying.popleft()
            if frame.chunk:
                self._outgoing.kept(self, frame.chunk, arrived=not frame.is_refused)
            elif frame.is_refused:
                self._outgoing.lacking(frame.statements)
            else:
                self._outgoing.arrived(frame.statements)
        if not self._flying:
            self.now = ""

    async def _file_slips(self) -> None:
        """A neighbour says with one message after another what it has custody of; they are filed together."""
        slips, self._slips = self._slips, []
        if slips:
            await self._handlers.on_slips(slips, self._stream.peer)

    def _held(self, held: Held) -> None:
        """The answer to the oldest question."""
        if not self._asked:
            raise Rejected(Code.BATCH_MALFORMED, "The other side answers what nobody asked.")
        asked = self._asked.popleft()
        unknown = frozenset(held.unknown)
        self._outgoing.arrived(name for name in asked.statements if name not in unknown)
        self._outgoing.lacking(name for name in asked.statements if name in unknown)
        bitmaps = dict(held.documents)
        for document in asked.documents:
            self._outgoing.missing(DocumentHash(document), bitmaps.get(document, b""))

    def _heed(self, problem: Problem) -> None:
        """What the other side did not take: sent once more with what it lacked, and said."""
        log.info("%s was not taken: %s [%s]", problem.about.hex(), problem.sentence, problem.code)
        for frame in self._flying:
            if frame.name == problem.about:
                frame.is_refused = self._outgoing.may_try_again(problem.about)
                return
            frame.statements.discard(problem.about)
            if problem.code == Code.DISK_FULL and frame.chunk and frame.chunk.parcel.document.startswith(problem.about):
                frame.is_refused, self._takes_photographs = True, False
                return
        if self._outgoing.document_spoilt(problem.about):
            return
        if problem.code in (Code.SIGNER_UNKNOWN, Code.CHAIN_BROKEN):
            self._outgoing.knows_signers = False
            if problem.code == Code.CHAIN_BROKEN or problem.about in self._chain_wanted:
                self._whole_chain_wanted.add(problem.about)
            self._chain_wanted.add(problem.about)
            if self._outgoing.may_try_again(problem.about):
                self._outgoing.lacking([problem.about])
                return
        elif not self._outgoing.may_try_again(problem.about):
            self._outgoing.set_aside(problem.about)
        log.warning("%s stays here: %s [%s]", problem.about.hex(), problem.sentence, problem.code)
        self._handlers.on_problem(problem)
