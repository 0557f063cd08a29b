"""The uplink over HTTPS: one WebSocket (RFC 6455) to the other side's /v1/exchange, kept open while there is work.

A WebSocket is what gets through proxies and NAT while both sides talk at once: parcels go up without waiting,
acknowledgements and receipts come down as they are made. The door to aiohttp's client side, beside the phone's.
"""

import asyncio
import contextlib
import os
import re
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from relay.config import UplinkConfig
from relay.errors import Code, NotNow, UplinkDown
from relay.http import authority_tls
from relay.protocol import window
from relay.protocol.messages import MESSAGE_BYTES_MAX
from relay.protocol.roles import Role, role_of
from relay.uplink import interfaces
from relay.uplink.port import Connection

_WHY: dict[int, str] = {
    aiohttp.WSCloseCode.OK: "the other side closed it",
    aiohttp.WSCloseCode.GOING_AWAY: "the other side is stopping",
    aiohttp.WSCloseCode.MESSAGE_TOO_BIG: "a message was too large",
}
_NOT_SENT_LOW_WATER = 4096
_TCP_FASTOPEN_CONNECT = 30  # of linux/tcp.h; Python has no name for it yet
_CLOSE_SECONDS = 2.0
# of struct tcp_info in linux/tcp.h: snd_mss, unacked, sacked, lost, retrans, rtt, total_retrans, notsent_bytes, min_rtt
_TCP_INFO = struct.Struct("=16xI4xIIII28xI28xI40xII")
_PROBE_SECONDS = 0.25
_PROBES_AT_ONCE = 8
_RETRY_AFTER_DEFAULT = 30.0
_RETRY_AFTER_MAX = 3600.0
_RETRY_AFTER_REASON = re.compile(r"Retry-After: (\d{1,9});")


class HttpsUplink:
    """Connects to `config.url`; trusts the pinned root alone and only a certificate of `role`."""

    def __init__(self, config: UplinkConfig, root: Path, role: Role = Role.CENTRE) -> None:
        self.name = config.label
        self._config = config
        self._role = role
        self._fast_open = sys.platform == "linux"
        self._tls = _ResumingTls(ssl.PROTOCOL_TLS_CLIENT)
        if config.tls == "authority":
            authority_tls(root, self._tls)
        else:
            self._tls.load_default_certs()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection]:
        """One stream; see `port.Uplink`."""
        config = self._config
        interfaces.require(config.interface, config.source_address)
        made: list[socket.socket] = []
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            family=interfaces.family(config.source_address),
            socket_factory=lambda address: self._socket(address, made, fast_open=self._fast_open),
        )
        timeout = aiohttp.ClientTimeout(sock_connect=config.connect_seconds_max)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                async with asyncio.timeout(3 * config.connect_seconds_max):
                    socket_ = await session.ws_connect(
                        config.url.rstrip("/") + "/v1/exchange" + ("" if "control" in config.carries else "?news=no"),
                        timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
                        max_msg_size=MESSAGE_BYTES_MAX,
                        heartbeat=config.silence_seconds_max,
                        compress=0,
                    )
                stream = _HttpsStream(socket_, self._tls, made, self._socket)
                self._fast_open = self._fast_open and not stream.began_badly()
                try:
                    if config.tls == "authority":
                        self._check_role(stream.peer)
                    yield stream
                except BaseException:
                    stream.abandon()
                    raise
                finally:
                    if stream.is_abandoned:  # else TLS says goodbye, and waits half a minute for an answer
                        await connector.close(abort_ssl=True)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0 if stream.is_abandoned else None):
                            await socket_.close()
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 503:
                retry_after = _retry_after(error)
                sentence = f"The other side asks to come back in {retry_after:.0f} s."
                raise NotNow(Code.BUSY, sentence, retry_after) from error
            raise UplinkDown(f"{config.url} answers with HTTP {error.status}.") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UplinkDown(f"{config.url} is not reached: {_why(error)}.") from error
        finally:
            _let_go(made)

    def _check_role(self, peer: bytes) -> None:
        role = role_of(peer)
        if role is not self._role:
            sentence = f"Whoever answers at {self._config.url} is not what we look for ({self._role}), but"
            raise UplinkDown(f"{sentence} {role or 'nobody we know'}.")

    def _socket(
        self, address: aiohttp.AddrInfoType, made: list[socket.socket], *, fast_open: bool = False
    ) -> socket.socket:
        """A socket on the configured interface that keeps little unsent in the kernel, so that a tally can overtake.

        It is put into `made` as well, for `_let_go`.
        """
        opened = socket.socket(family=address[0], type=address[1], proto=address[2])
        try:
            opened.setblocking(False)
            interfaces.bind(opened, self._config.interface, self._config.source_address)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOT_SENT_LOW_WATER)
            if fast_open:  # RFC 7413: to who has met us before, TLS begins in the first packet
                opened.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN_CONNECT, 1)
        except OSError:
            opened.close()
            raise
        made.append(opened)
        return opened


class _HttpsStream:
    def __init__(
        self,
        socket_: aiohttp.ClientWebSocketResponse,
        tls: "_ResumingTls",
        made: list[socket.socket],
        make: Callable[[aiohttp.AddrInfoType, list[socket.socket]], socket.socket],
    ) -> None:
        self._socket = socket_
        self._tls = tls
        self._made = made
        self._make = make
        self._remote = socket_.get_extra_info("peername")
        self.peer = peer_certificate(socket_.get_extra_info("ssl_object"))
        self.local_address = _numeric(socket_.get_extra_info("sockname"))
        self.is_abandoned = False
        self._is_remembered = False

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError) as error:
            raise UplinkDown(f"The connection broke: {str(error) or type(error).__name__}.") from error

    async def receive(self) -> bytes:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            if not self._is_remembered:  # once: the ticket came with the first answer, and each look costs a copy
                self._tls.remember(self._socket.get_extra_info("ssl_object"))
                self._is_remembered = True
            return bytes(message.data)
        code = self._socket.close_code or 0
        if message.type is aiohttp.WSMsgType.CLOSE and code == aiohttp.WSCloseCode.TRY_AGAIN_LATER:
            found = _RETRY_AFTER_REASON.match(str(message.extra or ""))
            seconds = _seconds(found[1] if found else "")
            raise NotNow(Code.BUSY, f"The other side asks to come back in {seconds:.0f} s.", seconds)
        raise UplinkDown(f"The connection ended: {message.extra or _WHY.get(code, 'it broke')}.")

    def path(self) -> window.Path | None:
        info = self._tcp_info()
        if info is None:
            return None
        mss, unacked, sacked, lost, retransmitted, rtt, _, not_sent, rtt_least = info
        packets = unacked - sacked - lost + retransmitted
        return window.Path(packets * mss + not_sent, rtt / 1e6, rtt_least / 1e6)

    def began_badly(self) -> bool:
        """Whether packets had to be sent again from the start, as where somebody drops those of TCP Fast Open."""
        info = self._tcp_info()
        return info is not None and info[6] > 0

    def _tcp_info(self) -> tuple[int, ...] | None:
        try:
            connected = next(filter(_is_connected, self._made))
            return _TCP_INFO.unpack(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        except (OSError, AttributeError, StopIteration, struct.error):  # not Linux, closed, or a kernel before 4.6
            return None

    @property
    def is_alive(self) -> bool:
        return not self._socket.closed and self._socket.get_extra_info("peername") is not None

    async def until_reachable(self) -> None:
        """A bare TCP handshake, begun anew several times a second: the kernel would wait ever longer between two."""
        attempts: set[asyncio.Task[bool]] = set()
        try:
            while not any(task.done() and task.result() for task in attempts):
                attempts = {task for task in attempts if not task.done()}
                if len(attempts) < _PROBES_AT_ONCE:
                    attempts.add(asyncio.create_task(self._is_reachable()))
                await asyncio.wait(attempts, timeout=_PROBE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in attempts:
                task.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _is_reachable(self) -> bool:
        family = socket.AF_INET6 if ":" in self._remote[0] else socket.AF_INET
        try:
            with self._make((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", self._remote), []) as probe:
                _reset_on_close(probe)
                async with asyncio.timeout(_PROBES_AT_ONCE * _PROBE_SECONDS):
                    await asyncio.get_running_loop().sock_connect(probe, self._remote)
        except OSError:  # TimeoutError is one, and so is an interface that has gone
            await asyncio.sleep(_PROBE_SECONDS)
            return False
        return True

    def abandon(self) -> None:
        self.is_abandoned = True
        for opened in self._made:
            _reset_on_close(opened)


class _ResumingTls(ssl.SSLContext):
    """Resumes the last TLS session (RFC 8446 2.2): a connection made again costs no certificates and no signature."""

    _session: ssl.SSLSession | None = None

    def remember(self, tls: ssl.SSLObject | None) -> None:
        """Keeps the newest ticket of a connection."""
        if tls is not None and tls.session is not None:
            self._session = tls.session

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """As `ssl.SSLContext.wrap_bio`, with the session that is remembered."""
        return super().wrap_bio(*arguments, **{"session": self._session} | named)


def _numeric(address: Any) -> str:
    """A socket's address as text, with the zone that a link-local one needs; empty if it is gone already."""
    if address is None:
        return ""
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def _is_connected(opened: socket.socket) -> bool:
    try:
        opened.getpeername()
    except OSError:
        return False
    return True


def _why(error: Exception) -> str:
    """What went wrong, in the system's own few words where it has some."""
    number = getattr(error, "errno", None)
    if isinstance(error, TimeoutError):
        return "no answer"
    return os.strerror(number) if number else str(error) or type(error).__name__


def _reset_on_close(opened: socket.socket) -> None:
    """Closing it resets the connection: the kernel sends nothing more of what it holds."""
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def peer_certificate(tls: ssl.SSLObject | None) -> bytes:
    """The certificate (DER) of the other side of a TLS connection, whose chain TLS has checked already."""
    return (tls.getpeercert(binary_form=True) if tls else None) or b""


def _let_go(made: list[socket.socket]) -> None:
    """Leaves the closing of sockets to uvloop, which otherwise closes the descriptor of a failed TLS handshake twice.

    By the second time it may be a phone's connection or the database (uvloop issue 653). asyncio closes once.
    """
    if isinstance(asyncio.get_running_loop(), uvloop.Loop):
        for opened in made:
            opened.detach()


def _retry_after(error: aiohttp.WSServerHandshakeError) -> float:
    return _seconds(error.headers.get("Retry-After", "") if error.headers else "")


def _seconds(text: str) -> float:
    return min(float(text), _RETRY_AFTER_MAX) if text.isascii() and text.isdigit() else _RETRY_AFTER_DEFAULT
