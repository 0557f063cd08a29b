"""The receiving end of a stream of batches: keeps each parcel that arrived whole, acknowledges, answers.

Used by the centre, and made for a neighbour relay as well: whoever keeps parcels is a `Keeper`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from relay.errors import Code, NotNow, Rejected
from relay.protocol import cose, messages, parcels
from relay.protocol.cose import X5t
from relay.protocol.messages import Ask, Batch, Frame, Held, Kept, Message, Problem, ReceiptGiven, TrustNews
from relay.protocol.parcels import Parcel
from relay.protocol.trust import Identity, Role
from relay.uplink.port import Stream
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_ANNOUNCED_MAX = 4 * parcels.FRAMES_IN_BATCH_MAX
_INTRODUCTION_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_RETRY_TIMES = 10


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of some parcels: receipts (COSE bytes) and what was not taken."""

    receipts: tuple[bytes, ...] = ()
    problems: tuple[Problem, ...] = ()


class Keeper(Protocol):
    """Whoever keeps parcels for good."""

    async def keep(self, received: Sequence[Parcel], sender: Identity) -> Answers:
        """Keeps each parcel or says why not. Returns once what is kept is on disk."""

    async def held(self, ask: Ask) -> tuple[Held, tuple[bytes, ...]]:
        """What of this is here, and the receipts of what is recorded."""

    def news(self, sender: Identity) -> TrustNews:
        """The certificates and CRLs that this sender and its phones should know."""


async def receive(stream: Stream, keeper: Keeper, verifier: Verifier) -> None:
    """Serves one stream until it breaks. `Rejected` if the sender is no certified relay or talks nonsense."""
    conversation = _Conversation(stream, keeper, verifier)
    try:
        await conversation.run()
    except TimeoutError as error:
        raise Rejected(Code.BATCH_MALFORMED, "A stream begins with a signed batch header, soon.") from error


class _Conversation:
    def __init__(self, stream: Stream, keeper: Keeper, verifier: Verifier) -> None:
        self._stream = stream
        self._keeper = keeper
        self._verifier = verifier
        self._sender: Identity | None = None
        self._chains: dict[X5t, tuple[bytes, ...]] = {}
        self._announced: deque[bytes] = deque()
        self._frames = 0

    async def run(self) -> None:
        while True:
            async with asyncio.timeout(None if self._sender else _INTRODUCTION_SECONDS):
                data = await self._stream.receive()
            message = messages.decode(data)
            match message:
                case Batch(header):
                    await self._open(header)
                case Frame(frame):
                    await self._keep(frame)
                case Ask():
                    await self._answer(message)
                case _:
                    raise Rejected(Code.BATCH_MALFORMED, "A relay sends batches, frames and questions, nothing else.")

    async def _open(self, data: bytes) -> None:
        """A batch header: signed by a relay, the same one for the whole stream."""
        signed = cose.parse(data)
        chain = signed.chain or self._chains.get(signed.x5t, ())
        sender = await self._verifier.verify_signer(signed, chain, Role.RELAY)
        header = parcels.read_header(signed)
        if self._sender is None:
            self._sender = sender
            self._chains[signed.x5t] = sender.chain
            log.info("stream from %s (%s)", sender.name, sender.scope)
            for news in messages.portions(self._keeper.news(sender)):
                await self._say(news)
        elif self._sender.x5t != sender.x5t:
            raise Rejected(Code.ROLE_NOT_ALLOWED, "One stream carries the batches of one relay.")
        if len(self._announced) + len(header.frames) > _ANNOUNCED_MAX:
            raise Rejected(Code.BATCH_MALFORMED, f"At most {_ANNOUNCED_MAX} frames may be announced and not sent yet.")
        self._announced.extend(header.frames)

    async def _keep(self, frame: bytes) -> None:
        """One frame: if a signed header announced it, what it holds is kept, whatever becomes of the stream."""
        name = parcels.frame_name(frame)
        self._frames += 1
        if self._sender is None:
            raise Rejected(Code.BATCH_MALFORMED, "A stream begins with a signed batch header.")
        if name not in self._announced:
            sentence = "A frame came that no signed header announced, or that was altered on the way."
            answers = Answers(problems=(Problem(name, Code.BATCH_ALTERED, sentence),))
        else:
            self._announced.remove(name)
            answers = await self._kept(frame, name, self._sender)
        for problem in answers.problems:
            await self._say(problem)
        for receipt in answers.receipts:
            await self._say(ReceiptGiven(receipt))
        await self._say(Kept(self._frames))

    async def _kept(self, frame: bytes, name: bytes, sender: Identity) -> Answers:
        try:
            received = parcels.unpack(frame)
        except Rejected as error:
            return Answers(problems=(Problem(name, error.code, error.sentence),))
        for _ in range(_RETRY_TIMES):
            try:
                return await self._keeper.keep(received, sender)
            except NotNow as error:  # not reading on is what slows the sender down
                log.info("keeping waits: %s", error.sentence)
                await asyncio.sleep(_RETRY_SECONDS)
        raise NotNow(Code.BUSY, "Too much is arriving; come back later.", 30.0)

    async def _answer(self, ask: Ask) -> None:
        if self._sender is None:
            raise Rejected(Code.BATCH_MALFORMED, "A stream begins with a signed batch header.")
        held, receipts = await self._keeper.held(ask)
        for receipt in receipts:
            await self._say(ReceiptGiven(receipt))
        await self._say(held)

    async def _say(self, message: Message) -> None:
        await self._stream.send(messages.encode(message))
