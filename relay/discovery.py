"""Finding relays near by: DNS-SD over mDNS, `_kpurelay._tcp`. A hint and never more: certificates say who it is.

For phones, and for a relay that looks for neighbours. The door to zeroconf, beside the relay's announcing.
Everything here comes from strangers and is bounded.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICE = "_kpurelay._tcp.local."
SECONDS = 4.0
_CANDIDATES_MAX = 64
_ADDRESSES_MAX = 8
_TEXT_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Candidate:
    """A relay as it announces itself; `fingerprint` is the SHA-256 of its certificate in hex, if it says so."""

    name: str
    scope: str
    addresses: tuple[str, ...]
    port: int
    fingerprint: str

    @property
    def urls(self) -> tuple[str, ...]:
        """Its addresses to try, in order; IPv6 in brackets."""
        hosts = (f"[{address}]" if ":" in address else address for address in self.addresses)
        return tuple(f"https://{host}:{self.port}" for host in hosts)


async def find_relays(
    own_fingerprint: str, *, seconds: float = SECONDS, interfaces: Sequence[str] = ()
) -> list[Candidate]:
    """The relays that answer within `seconds`, but not this one itself, whose certificate has that SHA-256 in hex."""
    found = await search(seconds=seconds, interfaces=interfaces)
    return sorted(
        (item for item in found if item.fingerprint != own_fingerprint), key=lambda item: (item.name, item.port)
    )


async def search(
    *, seconds: float, interfaces: Sequence[str] = (), is_enough: Callable[[Candidate], bool] = lambda _: False
) -> list[Candidate]:
    """The relays that answer within `seconds`; ends early with the first that `is_enough`.

    Without mDNS on this machine the list is empty; a fixed address always works.
    """
    found: dict[str, Candidate] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for version in _versions(interfaces):
                with contextlib.suppress(OSError, ZeroconfError):  # a machine without IPv6 has IPv4 left
                    async with AsyncZeroconf(
                        interfaces=list(interfaces) or InterfaceChoice.All, ip_version=version
                    ) as zeroconf:
                        await _browse(zeroconf, found, seconds, is_enough)
                        break
    return list(found.values())


async def _browse(
    zeroconf: AsyncZeroconf, found: dict[str, Candidate], seconds: float, is_enough: Callable[[Candidate], bool]
) -> None:
    """Until there is one that is enough; otherwise for ever."""
    names: asyncio.Queue[str] = asyncio.Queue(_CANDIDATES_MAX)
    met: set[str] = set()
    enough = asyncio.Event()

    def on_change(*, name: str, state_change: ServiceStateChange, **_: object) -> None:
        if state_change is ServiceStateChange.Added and name not in met and not names.full():
            met.add(name)
            names.put_nowait(name)

    async def resolve(name: str) -> None:
        candidate = await _resolve(zeroconf, name, seconds)
        if candidate is not None:
            found[name] = candidate
            if is_enough(candidate):
                enough.set()

    async def resolve_all(tasks: asyncio.TaskGroup) -> None:
        while True:
            tasks.create_task(resolve(await names.get()))

    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[on_change])
    try:
        async with asyncio.TaskGroup() as tasks:
            resolving = tasks.create_task(resolve_all(tasks))
            await enough.wait()
            resolving.cancel()
    finally:
        await browser.async_cancel()


async def _resolve(zeroconf: AsyncZeroconf, name: str, seconds: float) -> Candidate | None:
    with contextlib.suppress(OSError, ZeroconfError, ValueError):
        info = AsyncServiceInfo(SERVICE, name)
        if await info.async_request(zeroconf.zeroconf, seconds * 1000):
            return _candidate(info)
    return None


def _candidate(info: AsyncServiceInfo) -> Candidate | None:
    """What was announced, if it can be used at all."""
    text = {key: value or "" for key, value in info.decoded_properties.items()}
    addresses = [address for address in info.parsed_addresses() if not ip_address(address).is_link_local]
    scope = text.get("scope", "")
    if not addresses or not info.port or not (scope.isascii() and (scope.isdigit() or not scope)):
        return None
    name = text.get("id", "") or info.name.removesuffix(f".{SERVICE}")
    return Candidate(_clean(name), scope[:13], tuple(addresses[:_ADDRESSES_MAX]), info.port, _clean(text.get("fp", "")))


def _clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:_TEXT_LENGTH_MAX]


def _versions(interfaces: Sequence[str]) -> list[IPVersion]:
    """What to try, one after the other."""
    if not interfaces:
        return [IPVersion.All, IPVersion.V4Only]
    has_ipv6 = any(":" in address for address in interfaces)
    has_ipv4 = any(":" not in address for address in interfaces)
    return [IPVersion.All if has_ipv6 and has_ipv4 else IPVersion.V6Only if has_ipv6 else IPVersion.V4Only]
