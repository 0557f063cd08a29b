"""What a page has signed and handed over, and that it holds: by our code, and by a COSE library that is not ours."""

import json
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Page, Request

from relay.protocol import cose, statements

_JAVASCRIPT = Path(__file__).parents[1] / "js"


class Handed:
    """The statements that `page` posts from now on."""

    def __init__(self, page: Page) -> None:
        self._bodies: list[bytes] = []
        page.on("request", self._look)

    def by_id(self) -> dict[str, cose.Sign1]:
        """Each of them once, by its id in hex."""
        messages = map(cose.parse, self._bodies)
        return {message.id.hex(): message for message in messages}

    def _look(self, sent: Request) -> None:
        if sent.method == "POST" and sent.url.endswith("/v1/statements"):
            self._bodies.append(sent.post_data_buffer or b"")


def check_holds(message: cose.Sign1) -> None:
    """Fails unless both say that the key in its certificate signed it."""
    key = x509.load_der_x509_certificate(message.chain[0]).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    cose.check(message, key)
    statements.read(message)
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    line = json.dumps({"name": "from the browser", "cose": message.bare.hex(), "spki": spki.hex()})
    told = subprocess.run(
        ["node", "verify.mjs"], cwd=_JAVASCRIPT, input=line, capture_output=True, text=True, check=True
    )
    answer = json.loads(told.stdout)
    assert (answer["verified"], answer["payload"]) == (True, message.payload.hex())
