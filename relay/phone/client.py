"""One conversation with one relay over HTTPS. The phone's door to aiohttp.

Nothing that a relay says is believed: slips and receipts are handed on as bytes, for `Proofs` to judge, and every
answer is bounded in size and time. Foreign errors become `UplinkDown` (this relay is not reached: try another),
`NotNow` (it asks to come back) or `Rejected` (with its sentence).
"""

import base64
import binascii
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from relay.errors import Code, NotNow, Rejected, UplinkDown
from relay.http import COSE_TYPE
from relay.protocol import cose
from relay.protocol.enrolment import Answer, read_answer
from relay.protocol.statements import DocumentHash

TUS_VERSION = "1.0.0"
SECONDS_MAX = 60.0
_CONNECT_SECONDS = 10.0
_ANSWER_BYTES_MAX = 1 << 20
_SENTENCE_LENGTH_MAX = 400
_RETRY_AFTER_DEFAULT = 5.0
_RETRY_AFTER_MAX = 3600.0
_TUS = {"Tus-Resumable": TUS_VERSION}


@dataclass(frozen=True, slots=True)
class DocumentView:
    """What a relay says of one photograph; `slip` is not verified."""

    document: DocumentHash
    slip: bytes | None


@dataclass(frozen=True, slots=True)
class StatementView:
    """What a relay says of one statement; `slip` and `receipt` are not verified."""

    slip: bytes | None
    receipt: bytes | None
    documents: Mapping[DocumentHash, DocumentView]


class RelayConnection:
    """`async with RelayConnection(url, tls) as connection`: one aiohttp session, closed at the end.

    `tls` is `tls.relay_tls(root)`, or `tls.public_tls()` for a relay with a public CA's certificate.
    """

    def __init__(self, url: str, tls: ssl.SSLContext, *, seconds_max: float = SECONDS_MAX) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith("https://"):
            raise Rejected(Code.BAD_REQUEST, f"A relay's address begins with https://; this is {url[:80]!r}.")
        self._tls = tls
        self._seconds_max = seconds_max
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "RelayConnection":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=1),
            timeout=aiohttp.ClientTimeout(total=self._seconds_max, sock_connect=_CONNECT_SECONDS),
            headers={"Accept-Encoding": "identity", "User-Agent": "relay-phone"},
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def trust(self) -> tuple[list[bytes], list[bytes]]:
        """The relay's certificate and chain first, other certificates, and CRLs: DER, not verified."""
        answer = await self._json("/v1/trust")
        return _byte_strings(answer.get("certificates")), _byte_strings(answer.get("crls"))

    async def hand_over(self, statement: cose.Sign1, chain: tuple[bytes, ...]) -> bytes:
        """Hands over a statement with its signer's chain; the slip, not verified."""
        body = statement.with_chain(chain)
        _, slip = await self._request("POST", "/v1/statements", body, {"Content-Type": COSE_TYPE})
        return slip

    async def enrol(self, request: bytes) -> Answer:
        """Asks for a certificate (PKCS#10); the answer is not verified."""
        _, body = await self._request("POST", "/v1/enrolments", request, {"Content-Type": "application/pkcs10"})
        return read_answer(self._parsed(body))

    async def enrolment(self, key: bytes) -> Answer:
        """What has become of the request of a key, by its id."""
        return read_answer(await self._json(f"/v1/enrolments/{key.hex()}"))

    async def view(self, statement: bytes) -> StatementView | None:
        """What the relay says of a statement; None if it has none of that id."""
        try:
            answer = await self._json(f"/v1/statements/{statement.hex()}")
        except Rejected as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise
        documents = [_document(item) for item in _list(answer.get("documents"))]
        return StatementView(
            _byte_string(answer.get("slip")),
            _byte_string(answer.get("receipt")),
            {item.document: item for item in documents},
        )

    async def begin_upload(self, document: DocumentHash, size_bytes: int) -> None:
        """Creation in tus: begins an upload, or finds it where it was."""
        name = base64.b64encode(document.hex().encode()).decode()
        headers = {**_TUS, "Upload-Length": str(size_bytes), "Upload-Metadata": f"sha256 {name}"}
        await self._request("POST", "/v1/documents", b"", headers)

    async def offset(self, document: DocumentHash) -> int:
        """How many bytes of a photograph the relay has."""
        headers, _ = await self._request("HEAD", f"/v1/documents/{document.hex()}", None, _TUS)
        return _number(headers.get("Upload-Offset"))

    async def append(self, document: DocumentHash, offset: int, piece: bytes) -> int:
        """Sends a piece that begins at `offset`; how many bytes the relay has then."""
        headers = {**_TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        answer, _ = await self._request("PATCH", f"/v1/documents/{document.hex()}", piece, headers)
        return _number(answer.get("Upload-Offset"))

    async def _json(self, path: str) -> dict[str, Any]:
        _, body = await self._request("GET", path, None, {})
        return self._parsed(body)

    def _parsed(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UplinkDown(f"{self.url} answers with something that is not JSON; is it a relay?") from error
        if not isinstance(answer, dict):
            raise UplinkDown(f"{self.url} answers with JSON that no relay gives.")
        return answer

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Mapping[str, str], bytes]:
        """One exchange: the answer's headers and its body, whole."""
        if self._session is None:
            raise RuntimeError("use `async with`")
        try:
            async with self._session.request(
                method, self.url + path, data=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await _bounded(answer.content)
                status, given = answer.status, answer.headers
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UplinkDown(f"{self.url} is not reached: {_reason(error)}.") from error
        if status >= 300:
            raise _problem(self.url, status, given, content)
        return given, content


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for block in content.iter_any():
        body += block
        if len(body) > _ANSWER_BYTES_MAX:
            raise ValueError(f"its answer is longer than {_ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def _problem(url: str, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
    """Problem details (RFC 9457) as our own error; the sentence is a stranger's and is cleaned."""
    try:
        details = json.loads(body)
    except (ValueError, RecursionError):
        details = None
    details = details if isinstance(details, dict) else {}
    sentence = "".join(c for c in str(details.get("detail", "")) if c.isprintable())[:_SENTENCE_LENGTH_MAX]
    sentence = sentence or f"{url} answers with HTTP {status}."
    code = _code(details.get("code"), status)
    if status in (429, 503, 507):
        return NotNow(code, sentence, _retry_after(headers.get("Retry-After", "")))
    if status >= 500 or status < 400:
        return UplinkDown(f"{url} is no use now: {sentence}")
    return Rejected(code, sentence)


def _code(text: object, status: int) -> Code:
    """The stable code; the answer to HEAD has no body, and then its status must do."""
    try:
        return Code(str(text))
    except ValueError:
        return {
            404: Code.NOT_FOUND,
            409: Code.UPLOAD_OFFSET_MISMATCH,
            460: Code.DOCUMENT_ALTERED,
            503: Code.BUSY,
            507: Code.DISK_FULL,
        }.get(status, Code.BAD_REQUEST)


def _retry_after(text: str) -> float:
    return min(float(text), _RETRY_AFTER_MAX) if text.isascii() and text.isdigit() else _RETRY_AFTER_DEFAULT


def _document(item: object) -> DocumentView:
    fields = item if isinstance(item, dict) else {}
    try:
        document = DocumentHash(bytes.fromhex(str(fields.get("document"))))
    except ValueError as error:
        raise UplinkDown("The relay describes a photograph in a way that no relay does.") from error
    return DocumentView(document, _byte_string(fields.get("slip")))


def _byte_string(value: object) -> bytes | None:
    """Base64url without padding, as `relay.http.text64` writes it."""
    if value is None:
        return None
    text = str(value)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise UplinkDown("The relay's answer is not in base64url.") from error


def _byte_strings(value: object) -> list[bytes]:
    return [item for item in map(_byte_string, _list(value)) if item is not None]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(text: str | None) -> int:
    if not text or not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise UplinkDown("The relay does not say how much of the photograph it has.")
    return int(text)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error.args[-1])
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or str(error.os_error)
    return str(error) or type(error).__name__
