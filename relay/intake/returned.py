"""What a stick brings back: receipts, CAs and revocations, posted by whoever carries them.

Everything in it is signed and checked from the root, so anybody may post it.
"""

import io

from aiohttp import web

from relay.drive import answers
from relay.drive.answers import FileReceipt, Learn
from relay.errors import Code, Rejected
from relay.http import read_body
from relay.protocol import messages
from relay.protocol.messages import ReceiptGiven, TrustNews
from relay.store.custody import CustodyStore

SEQUENCE_TYPE = "application/cbor-seq"
_BODY_BYTES_MAX = 2**20


class Returned:
    """The handler."""

    def __init__(
        self, store: CustodyStore, on_receipt: FileReceipt, on_trust: Learn, request_seconds_max: float
    ) -> None:
        self._store = store
        self._on_receipt = on_receipt
        self._on_trust = on_trust
        self._request_seconds_max = request_seconds_max

    async def post(self, request: web.Request) -> web.Response:
        """Files the receipts that are news here; posting them again changes nothing."""
        if request.content_type != SEQUENCE_TYPE:
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, f"Receipts are posted as {SEQUENCE_TYPE} (RFC 8742).")
        body = io.BytesIO(await read_body(request, _BODY_BYTES_MAX, self._request_seconds_max))
        filed = 0
        for message in messages.read_sequence(body.read):
            match message:
                case TrustNews():
                    await self._on_trust(message)
                case ReceiptGiven(receipt):
                    filed += await answers.file_one(self._store, receipt, self._on_receipt)
                case _:
                    raise Rejected(Code.BATCH_MALFORMED, "Only RECEIPT and TRUST messages are taken here.")
        return web.json_response({"filed": filed})
