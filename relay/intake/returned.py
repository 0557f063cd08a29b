"""What a stick brings back: receipts, CAs and revocations, posted by whoever carries them.

Everything in it is signed and checked from the root, so anybody may post it.
"""

import io

from aiohttp import web

from relay.drive.answers import Filing
from relay.errors import Code, Rejected
from relay.http import read_body
from relay.protocol import messages
from relay.protocol.messages import ReceiptGiven, TrustNews

SEQUENCE_TYPE = "application/cbor-seq"
_BODY_BYTES_MAX = 2**20


class Returned:
    """The handler."""

    def __init__(self, filing: Filing, request_seconds_max: float) -> None:
        self._filing = filing
        self._request_seconds_max = request_seconds_max

    async def post(self, request: web.Request) -> web.Response:
        """Files the receipts that are news here; posting them again changes nothing."""
        if request.content_type != SEQUENCE_TYPE:
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, f"Receipts are posted as {SEQUENCE_TYPE} (RFC 8742).")
        body = io.BytesIO(await read_body(request, _BODY_BYTES_MAX, self._request_seconds_max))
        filed = 0
        for message in messages.read_sequence(body.read):
            if not isinstance(message, ReceiptGiven | TrustNews):
                raise Rejected(Code.BATCH_MALFORMED, "Only RECEIPT and TRUST messages are taken here.")
            filed += await self._filing.file(message)
        return web.json_response({"filed": filed})
