"""The uplink over HTTPS: one WebSocket (RFC 6455) to the centre's /v1/exchange, kept open while there is work.

A WebSocket is what gets through proxies and NAT while both sides talk at once: parcels go up without waiting,
acknowledgements and receipts come down as they are made. The door to aiohttp's client side, beside the phone's.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import uvloop

from relay.config import UplinkConfig
from relay.errors import Code, NotNow, Rejected, UplinkDown
from relay.http import authority_tls
from relay.protocol import trust
from relay.protocol.messages import MESSAGE_BYTES_MAX
from relay.uplink.port import Stream

_WHY: dict[int, str] = {
    aiohttp.WSCloseCode.OK: "the centre closed it",
    aiohttp.WSCloseCode.GOING_AWAY: "the centre is stopping",
    aiohttp.WSCloseCode.MESSAGE_TOO_BIG: "a message was too large",
}
_NOT_SENT_LOW_WATER = 16384
_RETRY_AFTER_DEFAULT = 30.0
_RETRY_AFTER_MAX = 3600.0


class HttpsUplink:
    """Connects to `config.url`; trusts the pinned root alone and only a certificate of role `pusat`."""

    def __init__(self, config: UplinkConfig, root: Path) -> None:
        self.name = config.name
        self._config = config
        self._tls = authority_tls(root) if config.tls == "authority" else ssl.create_default_context()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        """One stream; see `port.Uplink`."""
        made: list[socket.socket] = []
        connector = aiohttp.TCPConnector(ssl=self._tls, socket_factory=lambda address: _socket(address, made))
        timeout = aiohttp.ClientTimeout(sock_connect=self._config.connect_seconds_max)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                async with asyncio.timeout(3 * self._config.connect_seconds_max):
                    socket_ = await session.ws_connect(
                        self._config.url.rstrip("/") + "/v1/exchange",
                        max_msg_size=MESSAGE_BYTES_MAX,
                        heartbeat=self._config.silence_seconds_max,
                        compress=0,
                    )
                async with socket_:
                    if self._config.tls == "authority":
                        self._check_is_centre(socket_)
                    yield _HttpsStream(socket_)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 503:
                retry_after = _retry_after(error)
                raise NotNow(Code.BUSY, f"The centre asks to come back in {retry_after:.0f} s.", retry_after) from error
            raise UplinkDown(f"The centre answers with HTTP {error.status}.") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UplinkDown(f"The centre is not reached: {str(error) or type(error).__name__}.") from error
        finally:
            _let_go(made)

    def _check_is_centre(self, socket_: aiohttp.ClientWebSocketResponse) -> None:
        role = peer_role(socket_.get_extra_info("ssl_object"))
        if role is not trust.Role.CENTRE:
            raise UplinkDown(
                f"Whoever answers at {self._config.url} is not the centre, but {role or 'nobody we know'}."
            )


class _HttpsStream:
    def __init__(self, socket_: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket_

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError) as error:
            raise UplinkDown(f"The connection broke: {str(error) or type(error).__name__}.") from error

    async def receive(self) -> bytes:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.CLOSE and self._socket.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER:
            raise NotNow(Code.BUSY, "The centre asks to come back later.", _RETRY_AFTER_DEFAULT)
        raise UplinkDown(
            f"The connection ended: {message.extra or _WHY.get(self._socket.close_code or 0, 'it broke')}."
        )


def peer_role(tls: ssl.SSLObject | None) -> trust.Role | None:
    """The role in the certificate of the other side of a TLS connection, whose chain TLS has checked already."""
    leaf = tls.getpeercert(binary_form=True) if tls else None
    try:
        return trust.role_and_scope(trust.parse_certificate(leaf))[0] if leaf else None
    except Rejected:
        return None


def _socket(address: aiohttp.AddrInfoType, made: list[socket.socket]) -> socket.socket:
    """A socket that keeps little unsent in the kernel, so that a tally can still overtake what is queued.

    It is put into `made` as well, for `_let_go`.
    """
    opened = socket.socket(family=address[0], type=address[1], proto=address[2])
    opened.setblocking(False)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOT_SENT_LOW_WATER)
    made.append(opened)
    return opened


def _let_go(made: list[socket.socket]) -> None:
    """Leaves the closing of sockets to uvloop, which otherwise closes the descriptor of a failed TLS handshake twice.

    By the second time it may be a phone's connection or the database (uvloop issue 653). asyncio closes once.
    """
    if isinstance(asyncio.get_running_loop(), uvloop.Loop):
        for opened in made:
            opened.detach()


def _retry_after(error: aiohttp.WSServerHandshakeError) -> float:
    text = error.headers.get("Retry-After", "") if error.headers else ""
    return min(float(text), _RETRY_AFTER_MAX) if text.isdigit() else _RETRY_AFTER_DEFAULT
