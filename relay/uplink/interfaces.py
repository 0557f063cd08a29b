"""Which network interface a connection uses, and noticing when interfaces, addresses and routes come and go.

Linux alone knows this; elsewhere nothing can be bound to an interface and nothing is noticed. It needs no
privilege: since Linux 5.7 anyone may bind a socket that is bound to no interface yet.
"""

import asyncio
import errno
import fcntl
import logging
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from relay.errors import UplinkDown

log = logging.getLogger(__name__)

_NAME_BYTES_MAX = 15  # IFNAMSIZ less the NUL; the kernel would cut a longer name and take another interface
_SIOCGIFFLAGS = 0x8913  # netdevice(7)
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
# rtnetlink(7): RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_SETTLE_SECONDS = 0.5  # one cable or modem makes a dozen events
_LOOK_SECONDS = 5.0
_EVENT_BYTES_MAX = 65536
_PROC = Path("/proc/net")


def family(source_address: str) -> socket.AddressFamily:
    """The family of a local address; AF_UNSPEC for none. `UplinkDown` if it is no IP address."""
    if not source_address:
        return socket.AF_UNSPEC
    try:
        return _address(source_address)[0]
    except OSError as error:
        raise UplinkDown(f"{error.strerror}.") from error


def require(interface: str, source_address: str) -> None:
    """`UplinkDown`, with a sentence for a person, unless a connection can use this interface and address now.

    Either may be empty. Sends nothing, takes microseconds.
    """
    kind = family(source_address) or socket.AF_INET
    try:
        with socket.socket(kind, socket.SOCK_DGRAM) as trial:
            bind(trial, interface, source_address)
            if interface and not _flags(trial, interface) & _IFF_RUNNING:
                raise OSError(errno.ENETDOWN, f"{interface} has no link (is the cable in, is there a signal?)")
    except OSError as error:
        raise UplinkDown(f"{error.strerror}.") from error


def bind(opened: socket.socket, interface: str, source_address: str) -> None:
    """Ties a socket that is not connected yet to an interface, a local address, or both; either may be empty.

    Raises `OSError` with a sentence as its `strerror`, so that a connection can go on with the centre's next
    address, which may be of the right family.
    """
    if interface:
        _bind_to_interface(opened, interface)
    if source_address:
        _bind_to_address(opened, source_address)


def _bind_to_interface(opened: socket.socket, interface: str) -> None:
    name = os.fsencode(interface)
    if len(name) > _NAME_BYTES_MAX or b"\0" in name:
        raise OSError(errno.ENODEV, f'"{interface}" cannot be the name of an interface: correct it in relay.toml')
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, f"only Linux can bind to {interface}: set source_address instead of interface")
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
    except OSError as error:
        raise OSError(error.errno, _why_not_bound(error, interface)) from error


def _why_not_bound(error: OSError, interface: str) -> str:
    if error.errno == errno.ENODEV:
        return f"{interface} is not there (is the modem or the adapter plugged in?)"
    if error.errno == errno.EPERM:
        return (
            f"the system lets only CAP_NET_RAW bind to {interface} (before Linux 5.7): use source_address, or allow it"
        )
    return f"the system does not bind to {interface}: {error.strerror}"


def _bind_to_address(opened: socket.socket, source_address: str) -> None:
    kind, address = _address(source_address)
    if kind != opened.family:
        raise OSError(errno.EAFNOSUPPORT, f"the other side's address is of another family than {source_address}")
    try:
        opened.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise OSError(error.errno, f"{source_address} cannot be used: {error.strerror}") from error
        sentence = f"{source_address} is no address of this machine now (is its interface up?)"
        raise OSError(error.errno, sentence) from error


def _address(text: str) -> tuple[socket.AddressFamily, Any]:
    """Family and socket address, with the zone of a link-local one (RFC 4007 11)."""
    try:
        found = socket.getaddrinfo(text, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError) as error:
        raise OSError(errno.EINVAL, f'source_address "{text}" is no IP address of this machine') from error
    return found[0][0], found[0][4]


def _flags(any_socket: socket.socket, interface: str) -> int:
    answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16s24x", os.fsencode(interface)))
    return int(struct.unpack_from("H", answer, 16)[0])


async def watch(on_change: Callable[[], None]) -> None:
    """Calls `on_change` whenever the machine's interfaces, addresses or routes are others than before, for ever.

    The kernel tells (rtnetlink): nothing is done until then. Where it may not, they are looked at every few
    seconds. What merely is confirmed, such as a lease or a router's advertisement, is no change.
    """
    if sys.platform != "linux":
        log.warning("interfaces coming and going are not noticed here: uplinks are tried by the clock alone")
        await asyncio.Event().wait()
    events = _subscribe()
    try:
        seen = _picture()
        while True:
            await _something_happened(events)
            now = _picture()
            if now != seen:
                seen = now
                on_change()
    finally:
        if events is not None:
            events.close()


def _subscribe() -> socket.socket | None:
    """A socket on which the kernel tells of changes. None, and a line in the log, where that is not allowed."""
    opened = None
    try:
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        opened.bind((0, _GROUPS))
    except OSError as error:
        if opened is not None:
            opened.close()
        log.warning("the kernel does not tell of interfaces (%s): looked at every %d s", error.strerror, _LOOK_SECONDS)
        return None
    return opened


async def _something_happened(events: socket.socket | None) -> None:
    """Returns once the kernel has told something and a moment for the rest of it has passed."""
    if events is None:
        await asyncio.sleep(_LOOK_SECONDS)
        return
    with suppress(OSError):  # ENOBUFS: so much happened that the kernel dropped some of it
        await asyncio.get_running_loop().sock_recv(events, _EVENT_BYTES_MAX)
    await asyncio.sleep(_SETTLE_SECONDS)
    _drain(events)


def _drain(events: socket.socket) -> None:
    while True:
        try:
            events.recv(_EVENT_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: told once, then the rest can be read
            continue


def _picture() -> tuple[object, ...]:
    """All that decides where packets can go: interfaces that are up, addresses, routes of both families."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        links = tuple((index, name, _state(any_socket, name)) for index, name in socket.if_nameindex())
    # the seventh and eighth columns count uses
    routes6 = tuple((*line.split()[:6], *line.split()[8:]) for line in _read("ipv6_route").splitlines())
    return links, _read("route"), _read("fib_trie"), _read("if_inet6"), routes6


def _state(any_socket: socket.socket, interface: str) -> int:
    try:
        return _flags(any_socket, interface) & (_IFF_UP | _IFF_RUNNING)
    except OSError:  # it has just gone
        return 0


def _read(name: str) -> str:
    try:
        return (_PROC / name).read_text("ascii")
    except OSError:  # this kernel has no IPv6
        return ""
