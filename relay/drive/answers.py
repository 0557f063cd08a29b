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

_KEPT_BYTES_MAX = 8 * 2**20

FileReceipt = Callable[[bytes], Awaitable[None]]
Learn = Callable[[TrustNews], Awaitable[None]]


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


async def file(stick: Stick, store: CustodyStore, on_receipt: FileReceipt, on_trust: Learn) -> int:
    """Files what is news here; how many receipts that were."""
    filed = 0
    async for message in read(stick):
        if isinstance(message, TrustNews):
            await on_trust(message)
        else:
            filed += await file_one(store, message.receipt, on_receipt)
    return filed


async def file_one(store: CustodyStore, receipt: bytes, on_receipt: FileReceipt) -> bool:
    """Files a receipt if it speaks of something that is here and is not filed yet; whether it held and was."""
    if not await _is_news(store, receipt):
        return False
    await on_receipt(receipt)
    return not await _is_news(store, receipt)


async def _is_news(store: CustodyStore, receipt: bytes) -> bool:
    try:
        told = receipts.read(cose.parse(receipt))
    except Rejected:
        return False
    return await store.lacks_receipt(told.signed.bare, [outcome.statement for outcome in told.outcomes])


def _receipts_in(stick: Stick, name: str) -> Iterator[bytes]:
    """The receipts that are on the stick already, bounded: nobody knows who wrote them."""
    size = 0
    if name not in map(str.lower, stick.names(batches.RECEIPTS)):
        return
    with contextlib.suppress(Rejected):
        for message in batches.read_answers(stick, batches.RECEIPTS, name):
            if isinstance(message, ReceiptGiven):
                size += len(message.receipt)
                if size > _KEPT_BYTES_MAX:
                    return
                yield message.receipt


def _put(stick: Stick, folder: str, name: str, given: Iterable[ReceiptGiven | TrustNews]) -> None:
    stick.make_folder(folder)
    stick.put(f"{folder}/{name}", b"".join(map(messages.encode, given)))
