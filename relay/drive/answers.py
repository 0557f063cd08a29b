"""What comes back on a stick: receipts, CAs and revocations. Written by whoever hands batches over, filed by relays.

All of it is signed, and checked by whoever files it: a stick is trusted with nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from relay.drive import batches
from relay.drive.stick import Stick
from relay.errors import Rejected
from relay.protocol import cose, messages, receipts
from relay.protocol.cose import X5t
from relay.protocol.messages import ReceiptGiven, TrustNews
from relay.store.custody import CustodyStore

FileReceipt = Callable[[bytes], Awaitable[None]]
Learn = Callable[[TrustNews], Awaitable[object]]


def write(stick: Stick, relay: X5t, given: Iterable[bytes], news: Iterable[TrustNews]) -> None:
    """Puts receipts (COSE bytes) for one relay, beside those that it has not fetched yet, and the newest trust."""
    name = f"{relay.hex()}.seq"
    stick.make_folder(batches.DRIVE)
    if receipts_now := set(given):
        before = set(_receipts_in(stick, name))
        if not receipts_now <= before:
            _put(stick, batches.RECEIPTS, name, map(ReceiptGiven, sorted(receipts_now | before)))
    if portions := list(news):
        _put(stick, batches.TRUST, name, portions)


async def read(stick: Stick) -> AsyncIterator[ReceiptGiven | TrustNews]:
    """Everything that came back on a stick, trust first: receipts are checked with it."""
    for folder in (batches.TRUST, batches.RECEIPTS):
        for name in await asyncio.to_thread(stick.names, folder):
            if batches.SEQUENCE.fullmatch(name):
                found = batches.read_answers(stick, folder, name)
                with contextlib.suppress(Rejected):  # as far as it is whole; the rest is asked for again
                    while (message := await asyncio.to_thread(next, found, None)) is not None:
                        yield message


class Filing:
    """Files what came back, whoever brought it; `on_receipt` and `on_trust` check it from the root."""

    def __init__(self, store: CustodyStore, on_receipt: FileReceipt, on_trust: Learn) -> None:
        self._store = store
        self._on_receipt = on_receipt
        self._on_trust = on_trust

    async def file_all(self, stick: Stick) -> int:
        """Everything on a stick; how many receipts held and were news here."""
        return sum([await self.file(message) async for message in read(stick)])

    async def file(self, message: ReceiptGiven | TrustNews) -> bool:
        """One message; whether it was a receipt that held and was news here."""
        if isinstance(message, TrustNews):
            await self._on_trust(message)
            return False
        if not await self._is_news(message.receipt):
            return False
        await self._on_receipt(message.receipt)
        return not await self._is_news(message.receipt)

    async def _is_news(self, receipt: bytes) -> bool:
        """Whether it speaks of something that is here and is not filed: others would only fill the disk."""
        try:
            told = receipts.read(cose.parse(receipt))
        except Rejected:
            return False
        return await self._store.receipts.lacks(told.signed.bare, [outcome.statement for outcome in told.outcomes])


def _receipts_in(stick: Stick, name: str) -> Iterator[bytes]:
    """The receipts that are on the stick already."""
    if name in map(str.lower, stick.names(batches.RECEIPTS)):
        with contextlib.suppress(Rejected):
            for message in batches.read_answers(stick, batches.RECEIPTS, name):
                if isinstance(message, ReceiptGiven):
                    yield message.receipt


def _put(stick: Stick, folder: str, name: str, given: Iterable[ReceiptGiven | TrustNews]) -> None:
    stick.make_folder(folder)
    stick.put(f"{folder}/{name}", b"".join(map(messages.encode, given)))
