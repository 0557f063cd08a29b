"""The receiving end of a stream of batches: keeps each parcel that arrived whole, acknowledges, answers.

Used by the centre and by a relay that is another one's neighbour: whoever keeps parcels is a `Keeper`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from relay.errors import Code, NotNow, Rejected
from relay.protocol import cose, messages, parcels
from relay.protocol.identities import Identity
from relay.protocol.messages import (
    Ask,
    Batch,
    Frame,
    Held,
    Kept,
    Message,
    Problem,
    ReceiptGiven,
    SlipGiven,
    TrustNews,
)
from relay.protocol.parcels import ChunkParcel, Parcel
from relay.protocol.paths import path_among
from relay.protocol.roles import Role, role_of
from relay.protocol.statements import DocumentHash
from relay.uplink.port import Stream
from relay.verifier import Verifier

log = logging.getLogger(__name__)

_ANNOUNCED_MAX = 4 * parcels.FRAMES_IN_BATCH_MAX
_INTRODUCTION_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_RETRY_TIMES = 10
_COME_BACK_SECONDS = 30.0
_TRUST_REST_SECONDS = 0.2
"""After each message about CAs and revocations: every signer is judged anew, and others' statements come first."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of some parcels: receipts and slips (COSE bytes), and what was not taken."""

    receipts: tuple[bytes, ...] = ()
    slips: tuple[bytes, ...] = ()
    problems: tuple[Problem, ...] = ()


class Keeper(Protocol):
    """Whoever keeps parcels for good."""

    async def keep(self, received: Sequence[Parcel], sender: Identity) -> Answers:
        """Keeps each parcel or says why not. Returns once what is kept is on disk."""

    async def held(self, ask: Ask) -> tuple[Held, Answers]:
        """What of this is here; the receipts of what is recorded, a neighbour's slips for what it has in custody."""

    async def learn(self, news: TrustNews, sender: Identity) -> TrustNews:
        """Takes in what a sender tells of CAs and revocations, as far as it holds; what of it is known then."""

    async def news(self, sender: Identity) -> TrustNews:
        """The certificates and CRLs that this sender and its phones should know."""

    def later(self, sender: Identity, /) -> AsyncGenerator[bytes]:
        """Receipts for this sender that come while its stream is open, until the generator is closed."""


async def receive(
    stream: Stream, keeper: Keeper, verifier: Verifier, resting: Callable[[bool], None], *, all_news: bool = True
) -> None:
    """Serves one stream until it breaks. `Rejected` if the sender is no certified relay or talks nonsense.

    `resting` is told whether what the sender brings can wait: True for photographs or nothing, False for statements.
    Without `all_news` it is told the certificates that it needs to check what we sign, and no CAs or revocations.
    """
    conversation = _Conversation(stream, keeper, verifier, resting, all_news)
    sender = await conversation.begin()
    try:
        async with asyncio.TaskGroup() as tasks:  # two halves of one conversation; neither outlives this call
            tasks.create_task(conversation.carry_back(sender))
            await conversation.go_on(sender)
    except BaseExceptionGroup as group:
        raise _first(group) from None


def about(parcel: Parcel) -> bytes:
    """How PROBLEM names a parcel: the first 8 bytes of the statement's id or of the document's hash."""
    if isinstance(parcel, ChunkParcel):
        return parcel.document[: parcels.SHORT_BYTES]
    try:
        return cose.parse(parcel.statement).id[: parcels.SHORT_BYTES]
    except Rejected:
        return cose.sha256(parcel.statement)[: parcels.SHORT_BYTES]


def _signers_only(news: TrustNews) -> TrustNews:
    authorities = [der for der in news.certificates if role_of(der) is Role.CA]
    signers = [der for der in news.certificates if role_of(der) not in (None, Role.CA)]
    return TrustNews(tuple(dict.fromkeys(der for signer in signers for der in path_among(signer, authorities))), ())


class _Conversation:
    def __init__(
        self, stream: Stream, keeper: Keeper, verifier: Verifier, resting: Callable[[bool], None], all_news: bool
    ) -> None:
        self._stream = stream
        self._all_news = all_news
        self._told: set[bytes] = set()  # certificates and CRLs, by their SHA-256
        self._resting = resting
        self._brings_chunks = False  # the last frame was one: statements go first, so there are none left
        self._keeper = keeper
        self._verifier = verifier
        self._announced: dict[bytes, tuple[DocumentHash, ...]] = {}  # frames, and the documents of their header
        self._frames = 0

    async def begin(self) -> Identity:
        """Waits for the first message, which must be a batch header: whose stream this is."""
        try:
            async with asyncio.timeout(_INTRODUCTION_SECONDS):
                message = messages.decode(await self._stream.receive())
        except TimeoutError as error:
            raise Rejected(Code.BATCH_MALFORMED, "A stream begins with a signed batch header, soon.") from error
        if not isinstance(message, Batch):
            raise Rejected(Code.BATCH_MALFORMED, "A stream begins with a signed batch header.")
        return await self._open(message.header)

    async def go_on(self, sender: Identity) -> None:
        """Serves what follows until the stream breaks."""
        while True:
            message = messages.decode(await self._stream.receive())
            match message:
                case Batch(header):
                    await self._open(header, sender)
                case Frame(frame):
                    await self._keep(frame, sender)
                case Ask():
                    held, answers = await self._keeper.held(message)
                    await self._answer(answers)
                    await self._say(held)
                case TrustNews():
                    await self._learn(message, sender)
                case _:
                    raise Rejected(Code.BATCH_MALFORMED, "A relay sends batches, frames, questions and trust.")

    async def carry_back(self, sender: Identity) -> None:
        """Says receipts that come meanwhile."""
        async with aclosing(self._keeper.later(sender)) as receipts:
            async for receipt in receipts:
                await self._tell_news(sender)  # who signed it may have been met since the stream began
                await self._say(ReceiptGiven(receipt))

    async def _tell_news(self, sender: Identity) -> None:
        """Of what the sender should know, what has not been said on this stream."""
        news = await self._keeper.news(sender)
        if not self._all_news:
            news = _signers_only(news)
        certificates = tuple(der for der in news.certificates if cose.sha256(der) not in self._told)
        crls = tuple(der for der in news.crls if cose.sha256(der) not in self._told)
        self._told.update(map(cose.sha256, (*certificates, *crls)))
        if certificates or crls:
            for portion in messages.portions(TrustNews(certificates, crls)):
                await self._say(portion)

    async def _learn(self, news: TrustNews, sender: Identity) -> None:
        """What a relay tells is answered with what is known of it now: so it sees what was taken."""
        known = await self._keeper.learn(news, sender)
        self._told.update(map(cose.sha256, (*known.certificates, *known.crls)))
        for portion in messages.portions(known):
            await self._say(portion)
        await asyncio.sleep(_TRUST_REST_SECONDS)

    async def _open(self, data: bytes, known: Identity | None = None) -> Identity:
        """A batch header: signed by a relay, the same one for the whole stream."""
        signed = cose.parse(data)
        chain = signed.chain or (known.chain if known and known.x5t == signed.x5t else ())
        sender = await self._verifier.verify_signer(signed, chain, Role.RELAY)
        header = parcels.read_header(signed)
        if known is None:
            log.info("stream from %s (%s)", sender.name, sender.scope)
            await self._tell_news(sender)
        elif known.x5t != sender.x5t:
            raise Rejected(Code.ROLE_NOT_ALLOWED, "One stream carries the batches of one relay.")
        if len(self._announced) + len(header.frames) > _ANNOUNCED_MAX:
            raise Rejected(Code.BATCH_MALFORMED, f"At most {_ANNOUNCED_MAX} frames may be announced and not sent yet.")
        self._announced |= dict.fromkeys(header.frames, header.documents)
        self._resting(self._brings_chunks or not self._announced)
        return sender

    async def _keep(self, frame: bytes, sender: Identity) -> None:
        """One frame: if a signed header announced it, what it holds is kept, whatever becomes of the stream."""
        name = parcels.frame_name(frame)
        self._frames += 1
        if name not in self._announced:
            sentence = "A frame came that no signed header announced, or that was altered on the way."
            answers = Answers(problems=(Problem(name, Code.BATCH_ALTERED, sentence),))
        else:
            answers = await self._kept(frame, name, self._announced.pop(name), sender)
        await self._answer(answers)
        await self._say(Kept(self._frames))
        self._resting(self._brings_chunks or not self._announced)

    async def _kept(self, frame: bytes, name: bytes, documents: tuple[DocumentHash, ...], sender: Identity) -> Answers:
        try:
            received = parcels.unpack(frame, documents)
        except Rejected as error:
            return Answers(problems=(Problem(name, error.code, error.sentence),))
        self._brings_chunks = any(isinstance(parcel, ChunkParcel) for parcel in received)
        for _ in range(_RETRY_TIMES):
            try:
                return await self._keeper.keep(received, sender)
            except NotNow as error:  # not reading on is what slows the sender down
                log.info("keeping waits: %s", error.sentence)
                not_now = error
            await asyncio.sleep(_RETRY_SECONDS)
        raise NotNow(not_now.code, not_now.sentence, max(not_now.retry_after_seconds, _COME_BACK_SECONDS))

    async def _answer(self, answers: Answers) -> None:
        for problem in answers.problems:
            await self._say(problem)
        for receipt in answers.receipts:
            await self._say(ReceiptGiven(receipt))
        for slip in answers.slips:
            await self._say(SlipGiven(slip))

    async def _say(self, message: Message) -> None:
        await self._stream.send(messages.encode(message))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what ended a conversation, the one that came first."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
