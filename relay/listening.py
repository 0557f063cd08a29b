"""Serving an application where the configuration says: sockets, whom they let in, and what one connection may hold.

A door to aiohttp's server side. Connections are accepted here and not by asyncio's own server, so that one too many is
closed before it costs a TLS handshake, and one that never finishes its handshake counts as well.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from aiohttp import Payload, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.typedefs import Handler

from relay.callers import THIS_MACHINE, Callers, counted_as
from relay.config import ListenConfig
from relay.errors import Code, Rejected

_ACCEPTS_WAITING = 1024
_FAST_OPENS_WAITING = 256
_AS_SERVED: Mapping[str, Any] = {"access_log": None, "keepalive_timeout": 75, "auto_decompress": False}
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_REST_SECONDS = 1.0
_PIECE_BYTES = 16_384
_UNSENT_BYTES = 65_536
_LOOPBACK = ("127.0.0.1", "::1")
_OWN_NAMES = ("localhost", *_LOOPBACK)

log = logging.getLogger(__name__)


@asynccontextmanager
async def listening(app: web.Application, config: ListenConfig, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Serves `app` on every configured address, and on `local_port`; yields the port once it listens."""
    if config.local_port:
        app.middlewares.append(_by_its_own_name)
    app.on_response_prepare.append(_in_pieces)
    runner = web.AppRunner(app, **_AS_SERVED, shutdown_timeout=5.0)
    await runner.setup()
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is set up")
    try:
        async with _letting_in(server, config, tls) as port:
            yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _letting_in(server: web.Server, config: ListenConfig, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Accepts connections for `server`, and hands them to it; those that it has are its own to end."""
    callers = Callers(config.connections_max, config.connections_per_address_max)
    with ExitStack() as stack:
        sockets = [stack.enter_context(bound) for bound in _bind(config)]
        doors = [_Door(bound, tls, server, callers) for bound in sockets]
        if config.local_port:
            local = _bind(replace(config, hosts=_LOOPBACK, port=config.local_port))
            doors += [_Door(stack.enter_context(bound), None, server, callers, local=True) for bound in local]
        async with asyncio.TaskGroup() as tasks:  # a door that fails ends the node: a deaf one would look well
            running = [tasks.create_task(door.run()) for door in doors]
            yield sockets[0].getsockname()[1]
            for task in running:
                task.cancel()


class _Door:
    """One listening socket; `local` is one at which only this machine knocks."""

    def __init__(
        self,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        server: web.Server,
        callers: Callers,
        *,
        local: bool = False,
    ) -> None:
        self._listener = listener
        self._tls = tls
        self._server = server
        self._callers = callers
        self._local = local

    async def run(self) -> None:
        """Lets callers in until it is cancelled, and with it the handshakes that go on."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as inside:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._listener)
                except OSError as error:
                    if error.errno in _EXHAUSTED:
                        log.warning("no connection can be accepted: %s", error.strerror)
                        await asyncio.sleep(_REST_SECONDS)
                    continue  # else the caller is gone already: accept(2)
                caller = THIS_MACHINE if self._local else counted_as(address[0], connection.getsockname()[0])
                if self._callers.come(caller):
                    inside.create_task(self._serve(connection, caller))
                else:
                    connection.close()
                await asyncio.sleep(0)  # others' turn, however many knock; and no task is cancelled before it begins

    async def _serve(self, connection: socket.socket, caller: str) -> None:
        """Holds the caller's place for as long as the connection is there, also through its handshake."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        try:
            await loop.connect_accepted_socket(lambda: _Connection(self._server, ended), connection, ssl=self._tls)
            await ended
        except OSError as error:
            log.debug("no TLS with %s: %s", caller, error)
        except Exception:
            log.exception("unexpected error at a new connection")
        finally:
            self._callers.go(caller)


class _Connection(web.RequestHandler):
    """aiohttp's end of a connection, which says when it has ended."""

    __slots__ = ("_ended",)

    def __init__(self, server: web.Server, ended: "asyncio.Future[None]") -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **_AS_SERVED)
        self._ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(high=_PIECE_BYTES)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if not self._ended.done():
            self._ended.set_result(None)


class _Pieces(Payload):
    """A large body that is encrypted as it is taken: who does not read holds a piece of it and not a copy."""

    _value: bytes

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._size = len(body)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        body = memoryview(self._value)
        for at in range(0, len(body), _PIECE_BYTES):
            await writer.write(body[at : at + _PIECE_BYTES])
            await writer.drain()


async def _in_pieces(_request: web.Request, response: web.StreamResponse) -> None:
    if isinstance(response, web.Response) and isinstance(response.body, bytes) and len(response.body) > _PIECE_BYTES:
        response.body = _Pieces(response.body)


@web.middleware
async def _by_its_own_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what comes without TLS under a stranger's name: a web page elsewhere whose name leads to this machine."""
    if not request.secure and request.url.host not in _OWN_NAMES:
        raise Rejected(Code.BAD_REQUEST, "Without TLS this is served to this machine alone, as http://localhost.")
    return await handler(request)


def _bind(config: ListenConfig) -> list[socket.socket]:
    port, bound, failures = config.port, [], []
    for host in config.hosts:
        try:
            listener = _listener(host, port)
        except OSError as error:
            failures.append(f"{host} port {port}: {error.strerror}")
            continue
        port = listener.getsockname()[1]
        bound.append(listener)
    for failure in failures:
        log.warning("not listening on %s", failure)
    if not bound:
        raise Rejected(Code.CONFIG_INVALID, f"Nowhere to listen: {'; '.join(failures)}. Is it running already?")
    return bound


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        if hasattr(
            socket, "TCP_FASTOPEN"
        ):  # RFC 7413: a round trip less for who comes back; a sysctl must allow it too
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, _FAST_OPENS_WAITING)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # what nobody reads waits here and not in the kernel's megabytes
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        listener.setblocking(False)
        listener.listen(_ACCEPTS_WAITING)
    except OSError:
        listener.close()
        raise
    return listener
