"""Whose page is asking: names under which browsers know this node, what counts as same-origin, and CORS."""

from collections.abc import Iterable, Sequence

from aiohttp import web
from aiohttp.hdrs import METH_OPTIONS

_CORS_FOR = ("/v1/node", "/v1/trust", "/v1/statements", "/v1/documents", "/v1/tps", "/v1/enrolments", "/root.crt")
"""What a phone's page needs of a relay. Nothing of it needs a session; answers that do are read by no other origin."""
_CORS_ROUTES = (
    "/v1/node",
    "/v1/trust",
    "/v1/statements",
    "/v1/statements/{statement}",
    "/v1/documents/{document}",
    "/v1/tps/{tps}",
    "/v1/enrolments",
    "/v1/enrolments/{enrolment}",
)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = (
    "Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Length, Upload-Offset"
)
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOPBACK_PEERS = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


class Names:
    """The names of this node: those in its TLS certificate, those it announces or is configured with, `localhost`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.lower() for name in names if name} | {"localhost"}

    def __str__(self) -> str:
        return ", ".join(sorted(self._names))

    def own(self, request: web.Request) -> str | None:
        """This node's origin (RFC 6454) as the request addresses it; None if that is no name of this node.

        An address counts if the connection really came in on it: a name that somebody else has pointed here does not.
        """
        host = host_of(request)
        wildcard = "*." + host.partition(".")[2]
        if host in self._names or wildcard in self._names or host == _local_address(request):
            return f"{request.scheme}://{request.host.lower()}"
        return None


def is_same_origin(request: web.Request, own: str | None) -> bool:
    """Whether this node's own page asks, as the browser says: `Origin`, and `Sec-Fetch-Site` where it is sent.

    Without either of them nobody can tell, and it is not.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if own is None or (origin is None and site is None):
        return False
    return origin in (None, own) and site in (None, "same-origin")


def is_own_screen(request: web.Request) -> bool:
    """Whether a browser on this very machine asks: from loopback, for a loopback name, past no proxy."""
    if any(name in request.headers for name in _FORWARDED) or _peer_address(request) not in _LOOPBACK_PEERS:
        return False
    if host_of(request) not in _LOOPBACK_NAMES:  # a name that was made to point here (DNS rebinding)
        return False
    return request.headers.get("Origin", f"{request.scheme}://{request.host}") == f"{request.scheme}://{request.host}"


def allow(app: web.Application, origins: Sequence[str]) -> None:
    """Lets pages of `origins`, and no others, use what a phone needs (CORS, without cookies). None: adds nothing."""
    if not origins:
        return

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        if not request.path.startswith(_CORS_FOR):
            return
        response.headers["Vary"] = "Origin"
        if (origin := request.headers.get("Origin")) not in origins or origin is None:
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == METH_OPTIONS:
            response.headers.update(_PREFLIGHT)

    async def preflight(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    app.on_response_prepare.append(add_headers)
    app.add_routes([web.options(path, preflight) for path in _CORS_ROUTES])


def host_of(request: web.Request) -> str:
    """The host that a request names, without port and brackets, in lower case."""
    host = request.host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def _peer_address(request: web.Request) -> str | None:
    peer = request.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else None


def _local_address(request: web.Request) -> str | None:
    local = request.get_extra_info("sockname")
    return str(local[0]) if isinstance(local, tuple) else None
