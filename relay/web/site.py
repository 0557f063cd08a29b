"""Serves the two pages as they were built, and the root certificate. It compresses nothing.

However many read a file and however slowly, it is in memory once.

What browsers are told is as strict as the pages allow: nothing from elsewhere, no inline script, camera for
ourselves alone. There is no Strict-Transport-Security (RFC 6797): on a hotspot it would send who types the name to
port 443 instead of the page that explains, and lock everybody out on the day that a certificate has expired.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from aiohttp import ETag, web
from aiohttp.typedefs import Handler

from relay.protocol.trust import Trust
from relay.web import plain

BUILT = Path(__file__).parent / "built"
"""Where Vite puts the pages."""

RELAY_FRONTS: Mapping[str, str] = {"/": "index.html", "/ppk/": "ppk/index.html"}
"""At a relay: the phone's page, and the PPK's."""

CENTRE_FRONTS: Mapping[str, str] = {"/": "ppk/index.html", "/ppk/": "ppk/index.html"}
"""At the centre the PPK's page alone."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
_CODINGS = {"br": ".br", "gzip": ".gz"}  # best first
_NAMED_BY_CONTENT = "assets/"  # Vite puts a hash of the content into these names
_FOR_EVER = "public, max-age=31536000, immutable"

log = logging.getLogger(__name__)


def routes(fronts: Mapping[str, str], trust: Trust, built: Path = BUILT) -> list[web.RouteDef]:
    """Every page and what it loads, `/root.crt`, and an answer for addresses at which there is nothing.

    To be added after all other routes. Without built pages `fronts` answer 503 and say what to do.
    """
    found = {path: file for path, file in _built(built).items() if path not in fronts}
    missing = [path for path, name in fronts.items() if not (built / name).is_file()]
    if missing:
        log.warning("the pages are not built, so browsers are told so at %s; build them: make pages", missing[0])
    contents = _Contents()
    return [
        *(web.get(path, _not_built if missing else _file(built / name, contents)) for path, name in fronts.items()),
        *(web.get(path, _file(file, contents)) for path, file in sorted(found.items())),
        web.get("/ppk", _to_ppk),
        web.get("/root.crt", _root(trust.authority_certificates[0])),
        # not below /v1: there an unknown address is a mistake of a program, and told as problem details
        web.get("/{path:(?!v1/).*}", _not_found),
    ]


def _built(built: Path) -> dict[str, Path]:
    """The address of every file that browsers may ask for."""
    served = (file for file in built.rglob("*") if file.suffix in _TYPES and file.name != "assets.json")
    return {f"/{file.relative_to(built).as_posix()}": file for file in served}


class _Contents:
    """What is in the files: read again when a file has changed, and shared by all who are being sent it."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[tuple[int, int], bytes]] = {}

    def read(self, path: Path) -> bytes:
        """Blocks; raises what reading a file does."""
        status = path.stat()
        changed = (status.st_mtime_ns, status.st_size)
        kept = self._kept.get(path)
        if kept is None or kept[0] != changed:
            kept = self._kept[path] = (changed, path.read_bytes())
        return kept[1]


def _file(path: Path, contents: _Contents) -> Handler:
    """Serves one file in the best coding that the browser takes."""
    for_ever = path.parent.name == _NAMED_BY_CONTENT.rstrip("/")

    async def serve(request: web.Request) -> web.Response:
        headers = {**_HEADERS, "Content-Type": _TYPES[path.suffix], "Vary": "Accept-Encoding"}
        headers["Cache-Control"] = _FOR_EVER if for_ever else "no-cache"
        if path.name == "sw.js":
            headers["Service-Worker-Allowed"] = "/"
        coding = _coding(request.headers.get("Accept-Encoding", ""), path)
        source = path.with_name(path.name + _CODINGS[coding]) if coding else path
        try:
            body = await asyncio.to_thread(contents.read, source)
        except FileNotFoundError:  # built anew since the start
            return await _not_found(request)
        if coding:
            headers["Content-Encoding"] = coding
        answer = web.Response(body=body, headers=headers)
        if not for_ever:
            answer.etag = ETag(hashlib.sha256(body).hexdigest()[:32])
            if answer.etag in (request.if_none_match or ()):
                answer.body = None
                answer.set_status(304)
        return answer

    return serve


def _coding(accepted: str, path: Path) -> str | None:
    """The best of the codings in an Accept-Encoding (RFC 9110 12.5.3) in which the file was made; None: as it is."""
    offers = [offer.replace(" ", "").lower().partition(";q=") for offer in accepted.split(",")]
    wanted = {name for name, _, weight in offers if weight.strip("0.") or not weight}
    made = (name for name, ending in _CODINGS.items() if path.with_name(path.name + ending).is_file())
    return next((name for name in made if name in wanted), None)


def _root(der: bytes) -> Handler:
    async def serve(_request: web.Request) -> web.Response:
        return plain.root_certificate(der)

    return serve


async def _to_ppk(_request: web.Request) -> web.Response:
    return web.Response(status=308, headers={"Location": "/ppk/"})


async def _not_built(_request: web.Request) -> web.Response:
    return plain.answer("not-built", status=503)


async def _not_found(request: web.Request) -> web.Response:
    """A page for who came with a browser; programs get problem details."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise web.HTTPNotFound
    return plain.answer("not-found", status=404)
