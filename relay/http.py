"""What relay and centre have in common as HTTPS servers: problem details, bounded reading, common routes, TLS contexts.

A door to aiohttp's server side, beside `listening.py` and the two sets of routes.
"""

import asyncio
import base64
import json
import logging
import ssl
from collections.abc import Callable, Collection, Iterable
from importlib import resources
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from relay.config import ListenConfig
from relay.errors import Code, NotNow, Rejected, RelayError, http_status
from relay.metrics import CONTENT_TYPE as METRICS_TYPE
from relay.metrics import Metrics

COSE_TYPE = "application/cose"
PROBLEM_TYPE = "application/problem+json"
_VERIFY_WITHOUT_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME: a Pi's clock is a guess

log = logging.getLogger(__name__)


def problem(error: RelayError, instance: str = "") -> web.Response:
    """An error as problem details (RFC 9457), with its stable `code`."""
    status = http_status(error.code)
    body = {
        "type": f"urn:kpu:relay:problem:{error.code}",
        "title": error.code.replace("-", " "),
        "status": status,
        "code": error.code,
        "detail": error.sentence,
    } | ({"instance": instance} if instance else {})
    headers = {}
    if isinstance(error, NotNow):
        headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    return web.Response(status=status, headers=headers, content_type=PROBLEM_TYPE, body=json.dumps(body).encode())


def problems(on_error: Callable[[Code], None]) -> Middleware:
    """The middleware that turns every error into problem details and tells `on_error` its code."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RelayError as caught:
            error = caught
        except web.HTTPException as answer:
            if answer.status < 400:
                raise
            error = _from_aiohttp(answer)
        except TimeoutError:
            error = Rejected(Code.BAD_REQUEST, "The request did not arrive in time; send it again.")
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("unexpected error on %s %s", request.method, request.path)
            error = RelayError(Code.INTERNAL, "Something went wrong here; nothing was lost. Send it again.")
        on_error(error.code)
        return problem(error, request.path)

    return middleware


async def read_body(request: web.Request, bytes_max: int, seconds_max: float) -> bytes:
    """The whole body, bounded in size and time."""
    if (request.content_length or 0) > bytes_max:
        raise Rejected(Code.STATEMENT_TOO_LARGE, f"A message here has at most {bytes_max} bytes.")
    if request.content.is_eof():
        return await request.content.read()
    async with asyncio.timeout(seconds_max):
        body = bytearray()
        async for block in request.content.iter_any():
            body += block
            if len(body) > bytes_max:
                raise Rejected(Code.STATEMENT_TOO_LARGE, f"A message here has at most {bytes_max} bytes.")
    return bytes(body)


def hex_name(request: web.Request, name: str) -> bytes:
    """The 32 bytes that a path names with 64 hex digits, or `Rejected(not-found)`."""
    text = request.match_info[name]
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32 or text != value.hex():
        raise Rejected(Code.NOT_FOUND, f"{text[:80]!r} is not a name here: 64 lower-case hexadecimal digits.")
    return value


def text64(data: bytes | None) -> str | None:
    """Base64url without padding (RFC 4648 5), as JSON carries bytes here."""
    return None if data is None else base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def trust_answer(certificates: Iterable[bytes], crls: Iterable[bytes]) -> web.Response:
    """What `/v1/trust` answers: DER as base64url."""
    return web.json_response(
        {"certificates": [text64(der) for der in certificates], "crls": [text64(der) for der in crls]}
    )


def common_routes(package: str, metrics: Metrics) -> list[web.RouteDef]:
    """What relay and centre both serve: `openapi.json` of `package`, health, and metrics."""
    description = resources.files(package).joinpath("openapi.json").read_bytes()

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(body=description, content_type="application/json")

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def read_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await metrics.read(), headers={"Content-Type": METRICS_TYPE})

    return [
        web.get("/v1/openapi.json", openapi),
        web.get("/healthz", health),
        web.get("/metrics", read_metrics),
    ]


def server_tls(
    config: ListenConfig, certificate: Path, key: Path, passphrase: bytes | None, public_names: Collection[str] = ()
) -> ssl.SSLContext:
    """TLS 1.2 and up with the node's own certificate; with the configured one for who asks for one of its names.

    So browsers are shown the public certificate, and programs that know our root, by address or `.local` name, the
    node's own.
    """
    own = _with_chain(certificate, key, passphrase)
    if config.tls_certificate and config.tls_key:
        public = _with_chain(config.tls_certificate, config.tls_key, None)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, asked: str | None, _context: ssl.SSLContext) -> None:
            wildcard = f"*.{(asked or '').partition('.')[2]}"  # RFC 9525 6.3: one label
            if asked in public_names or wildcard in public_names:
                connection.context = public

        own.sni_callback = choose
    return own


def _with_chain(certificate: Path, key: Path, passphrase: bytes | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, passphrase)
    except (OSError, ssl.SSLError) as error:
        raise Rejected(Code.CONFIG_INVALID, f"The TLS certificate or key cannot be used: {error}.") from error
    return context


def authority_tls(root: Path, context: ssl.SSLContext | None = None) -> ssl.SSLContext:
    """Client TLS (`context`, or a new one) that trusts the pinned root alone. Names and time are not judged here.

    Machines are reached by address, and clocks are guesses: who the other side is, its certificate's role says,
    which the caller checks with `trust`.
    """
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.load_verify_locations(root)
    context.verify_flags |= _VERIFY_WITHOUT_TIME
    return context


def _from_aiohttp(answer: web.HTTPException) -> RelayError:
    match answer.status:
        case 404:
            return Rejected(Code.NOT_FOUND, "There is nothing here; see /v1/openapi.json for what there is.")
        case 405:
            return Rejected(Code.METHOD_NOT_ALLOWED, "This method does not work here; see /v1/openapi.json.")
        case 413:
            return Rejected(Code.STATEMENT_TOO_LARGE, "The message is too large.")
    return Rejected(Code.BAD_REQUEST, f"The request cannot be understood: {answer.reason}.")
