"""One stream on which batch files are handed over: what goes up, and what comes down meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from relay.drive import batches
from relay.drive.batches import BatchFile
from relay.drive.progress import Progress
from relay.drive.stick import Stick
from relay.errors import Code, Rejected, RelayError, UplinkDown
from relay.protocol import messages
from relay.protocol.messages import (
    ASKED_MAX,
    Ask,
    Batch,
    Frame,
    Held,
    Kept,
    Problem,
    ReceiptGiven,
    SlipGiven,
    TrustNews,
)
from relay.protocol.parcels import SHORT_BYTES
from relay.protocol.statements import DocumentHash
from relay.uplink.port import Stream

_IN_FLIGHT_MAX = 32  # frames, each up to 64 KiB
_DOCUMENTS_ASKED = 16
_ANSWER_SECONDS = 120.0


@dataclass(slots=True)
class Came:
    """What came down: receipts and slips (COSE bytes), CAs and revocations, and what was not taken, counted."""

    receipts: dict[bytes, None] = field(default_factory=dict)
    slips: dict[bytes, None] = field(default_factory=dict)
    news: list[TrustNews] = field(default_factory=list)
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)


class Handing:
    """Hands files over on one open stream."""

    def __init__(self, stream: Stream, stick: Stick, progress: Progress, came: Came) -> None:
        self._stream = stream
        self._stick = stick
        self._progress = progress
        self._came = came
        self._introduced = False
        self._sent = self._kept = 0
        self._asked = self._answered = 0
        self._cells: dict[bytes, int] = {}  # what the other side holds of documents
        self._news = asyncio.Event()

    async def run(self, files: Sequence[BatchFile], owed: Sequence[Batch | TrustNews] = ()) -> None:
        """Returns once every frame was dealt with, and everything on the files was asked about.

        `owed`: a header and the CAs and revocations to be told, after all statements: who was revoked may have signed
        before.
        """
        try:
            async with asyncio.TaskGroup() as tasks:  # two halves of one conversation; neither outlives this call
                listening = tasks.create_task(self._listen())
                try:
                    for item in files:
                        await self._hand_over(item)
                    await self._until(lambda: self._kept >= self._sent)
                    await self._tell(owed)
                    await self._ask_about({name for item in files for name in item.statements})
                finally:
                    listening.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None

    async def _hand_over(self, item: BatchFile) -> None:
        if not await self._is_there(item):
            await self._say(Batch(item.header.signed.with_chain(item.header.signed.chain)))
            self._introduced = True
            before = self._sent
            with closing(batches.frames_of(self._stick, item)) as frames:
                while (frame := await asyncio.to_thread(next, frames, None)) is not None:
                    await self._until(lambda: self._sent - self._kept < _IN_FLIGHT_MAX)
                    await self._say(Frame(frame))
                    self._sent += 1
            if self._sent - before < len(item.whole):
                self._came.problems[Code.FILE_UNREADABLE, f"{item.path} could not be read a second time."] += 1
        self._progress.advance(item.size_bytes, files=1)

    async def _is_there(self, item: BatchFile) -> bool:
        """Whether all photographs in a file are at the other side already; it is asked once it knows whose they are."""
        if not self._introduced or item.statements or not item.cells:
            return False
        await self._ask((), [name for name in item.cells if name not in self._cells][:_DOCUMENTS_ASKED])
        return all(bits & ~self._cells.get(name, 0) == 0 for name, bits in item.cells.items())

    async def _tell(self, owed: Sequence[Batch | TrustNews]) -> None:
        for message in owed:
            await self._say(message)
        if owed:  # the answer to a question that asks nothing says that all before it was dealt with
            self._introduced = True
            await self._say(Ask((), ()))
            self._asked += 1
            await self._until(lambda: self._answered >= self._asked)

    async def _ask_about(self, statements: set[bytes]) -> None:
        """At the end: what is recorded is answered with receipts, also those that photographs had been missing for."""
        names = sorted(name[:SHORT_BYTES] for name in statements)
        for at in range(0, len(names), ASKED_MAX):
            await self._ask(names[at : at + ASKED_MAX], ())

    async def _ask(self, statements: Sequence[bytes], documents: Sequence[DocumentHash]) -> None:
        if not self._introduced or not (statements or documents):
            return
        await self._say(Ask(tuple(statements), tuple(documents)))
        self._asked += 1
        await self._until(lambda: self._answered >= self._asked)

    async def _say(self, message: messages.Message) -> None:
        await self._stream.send(messages.encode(message))

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._news.wait()
            except TimeoutError as error:
                raise UplinkDown(f"There was no answer for {_ANSWER_SECONDS:.0f} s.") from error

    async def _listen(self) -> None:
        while True:
            match messages.decode(await self._stream.receive()):
                case Kept(frames):
                    self._kept = frames
                case ReceiptGiven(receipt):
                    self._came.receipts[receipt] = None
                case SlipGiven(slip):
                    self._came.slips[slip] = None
                case TrustNews() as news:
                    self._came.news.append(news)
                case Problem(_, code, sentence):
                    self._came.problems[code, sentence] += 1
                case Held(documents, _):
                    self._answered += 1
                    self._cells |= {name: batches.bits_of(bitmap) for name, bitmap in documents}
                case Batch() | Frame() | Ask():
                    raise Rejected(Code.BATCH_MALFORMED, "The other side sent what only a relay sends.")
            self._news.set()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended a stream; what the other half said of it comes later."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = next((item for item in error.exceptions if isinstance(item, RelayError)), error.exceptions[0])
    return error
