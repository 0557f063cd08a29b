"""Being found: DNS-SD over mDNS (RFC 6762, 6763), `_kpurelay._tcp`. The door to zeroconf, beside `discovery`.

Announcing is a courtesy: if it fails, the relay is still reached by its address, and it is tried again.
"""

import asyncio
import hashlib
import logging
import socket
from collections.abc import Sequence

import ifaddr
from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from relay.config import AnnounceConfig
from relay.discovery import SERVICE
from relay.protocol.identities import Identity

_LOOK_SECONDS = 20.0

log = logging.getLogger(__name__)


async def announce(config: AnnounceConfig, port: int, identity: Identity) -> None:
    """Announces until cancelled, and anew whenever the machine's addresses change."""
    while True:
        addresses = _addresses(config)
        try:
            if addresses:
                await _announce_on(config, addresses, port, identity)
        except (OSError, ZeroconfError, TimeoutError) as error:
            log.warning("not announced, tried again in %d s: %r", _LOOK_SECONDS, error)
        await asyncio.sleep(_LOOK_SECONDS)


async def _announce_on(config: AnnounceConfig, addresses: Sequence[str], port: int, identity: Identity) -> None:
    has_ipv4 = any(":" not in address for address in addresses)
    has_ipv6 = any(":" in address for address in addresses)
    version = IPVersion.All if has_ipv4 and has_ipv6 else IPVersion.V6Only if has_ipv6 else IPVersion.V4Only
    interfaces = list(config.interfaces) or InterfaceChoice.All
    async with AsyncZeroconf(interfaces=interfaces, ip_version=version) as zeroconf:
        await zeroconf.async_register_service(service(config, addresses, port, identity), allow_name_change=True)
        log.info("announced as %s on %s", SERVICE, ", ".join(addresses))
        try:
            while _addresses(config) == addresses:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await zeroconf.async_unregister_all_services()


def service(config: AnnounceConfig, addresses: Sequence[str], port: int, identity: Identity) -> ServiceInfo:
    """What is announced: TXT with the relay's name, scope and certificate fingerprint (SHA-256, hex)."""
    host = config.host_name or f"relay-{identity.scope or 'pusat'}"
    return ServiceInfo(
        SERVICE,
        f"{identity.name}.{SERVICE}",
        port=port,
        parsed_addresses=list(addresses),
        server=f"{host}.local.",
        properties={
            "id": identity.name,
            "scope": identity.scope,
            "fp": hashlib.sha256(identity.chain[0]).hexdigest(),
        },
    )


def _addresses(config: AnnounceConfig) -> list[str]:
    """The configured addresses, or all of this machine's but loopback and IPv6 link-local ones."""
    if config.interfaces:
        return list(config.interfaces)
    found = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    return sorted(address for address in found if not _is_local(address))


def _is_local(address: str) -> bool:
    if ":" not in address:
        return address.startswith("127.")
    packed = socket.inet_pton(socket.AF_INET6, address)
    return packed == b"\x00" * 15 + b"\x01" or packed[:2] == b"\xfe\x80"
