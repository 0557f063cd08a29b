"""A relay's sending half, driven by hand: what it says on a stream, proper or not, is the test's choice."""

import asyncio
from collections.abc import Sequence

import aiohttp

from relay.protocol import messages, parcels
from relay.protocol.messages import Ask, Batch, Frame, Held, Kept, Message, TrustNews
from relay.protocol.parcels import CELL_BYTES, ChunkParcel, StatementParcel
from relay.protocol.statements import DocumentHash
from tests.authorities import Party


class HandDrivenRelay:
    """Speaks the stream of a centre or neighbour, and says what it likes. What TRUST brings is kept in `trust`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, party: Party) -> None:
        self.trust = TrustNews((), ())
        self._socket = socket
        self._party = party

    async def announce(self, *frames: bytes) -> None:
        """A signed header, with its chain."""
        header = self._party[0].sign(parcels.header_payload(1_763_700_000, [parcels.frame_name(f) for f in frames]))
        await self._socket.send_bytes(messages.encode(Batch(header.with_chain(self._party[1]))))

    async def frame(self, frame: bytes) -> list[Message]:
        """Sends a frame; everything that comes back up to its acknowledgement."""
        await self._socket.send_bytes(messages.encode(Frame(frame)))
        return await self.until(Kept)

    async def send(self, frame: bytes) -> list[Message]:
        """Announces a frame and sends it."""
        await self.announce(frame)
        return await self.frame(frame)

    async def statements(self, *statements: bytes, chain: Sequence[bytes] = ()) -> list[Message]:
        """Hands over statements of one signer in one frame."""
        return await self.send(parcels.pack_statements([StatementParcel(item, tuple(chain)) for item in statements]))

    async def photograph(self, document: bytes, data: bytes, cells: Sequence[int], each: int = 1) -> list[Message]:
        """Hands over chunks of a photograph, a frame each: `each` cells from every one of `cells`, in that order."""
        seen: list[Message] = []
        for cell in cells:
            piece = data[cell * CELL_BYTES : (cell + each) * CELL_BYTES]
            seen += await self.send(parcels.pack_chunk(ChunkParcel(DocumentHash(document), cell, piece)))
        return seen

    async def ask(self, statements: Sequence[bytes], documents: Sequence[bytes] = ()) -> tuple[Held, list[Message]]:
        """Asks about statements (by whole ids) and documents: HELD, and what was said before it."""
        question = Ask(tuple(item[:8] for item in statements), tuple(map(DocumentHash, documents)))
        await self._socket.send_bytes(messages.encode(question))
        seen: list[Message] = []
        while not isinstance(message := await self.next(), Held):
            seen.append(message)
        return message, seen

    async def until(self, kind: type[Message]) -> list[Message]:
        """What is said before the next message of that kind."""
        seen: list[Message] = []
        while not isinstance(message := await self.next(), kind):
            seen.append(message)
        return seen

    async def next(self) -> Message:
        """The next message but TRUST."""
        async with asyncio.timeout(20):
            while True:
                message = messages.decode((await self._socket.receive()).data)
                if not isinstance(message, TrustNews):
                    return message
                certificates = self.trust.certificates + message.certificates
                self.trust = TrustNews(certificates, self.trust.crls + message.crls)

    async def closed_because(self) -> str:
        """The reason for which the other side closes the stream."""
        async with asyncio.timeout(20):
            while True:
                message = await self._socket.receive()
                if message.type is aiohttp.WSMsgType.CLOSE:
                    return str(message.extra)
