"""The uplink through a relay near by: the configured one, or whichever of those that zeroconf finds takes us."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from relay import discovery
from relay.config import UplinkConfig
from relay.errors import NotNow, UplinkDown
from relay.protocol.roles import Role
from relay.uplink.https import HttpsUplink
from relay.uplink.port import Connection


class NeighbourUplink:
    """Connects to another relay's /v1/exchange; `own_fingerprint` (SHA-256 of our certificate, hex) is not one."""

    def __init__(self, config: UplinkConfig, root: Path, own_fingerprint: str, interfaces: tuple[str, ...]) -> None:
        self.name = config.label
        self._config = config
        self._root = root
        self._own_fingerprint = own_fingerprint
        self._interfaces = interfaces
        self._uplinks: dict[str, HttpsUplink] = {}  # by address, those that took us last at the front

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection]:
        """One connection; see `port.NetworkUplink`."""
        async with AsyncExitStack() as stack:
            yield await self._connect(stack)

    async def _connect(self, stack: AsyncExitStack) -> Connection:
        error: UplinkDown | NotNow = UplinkDown("No other relay is found near by.")
        for url in await self._addresses():
            uplink = self._uplinks.get(url) or HttpsUplink(replace(self._config, url=url), self._root, Role.RELAY)
            try:
                connection = await stack.enter_async_context(uplink.open())
            except (UplinkDown, NotNow) as failure:
                error = failure
            else:
                self._uplinks = {url: uplink}
                return connection
        raise error

    async def _addresses(self) -> list[str]:
        if self._config.url:
            return [self._config.url]
        found = await discovery.find_relays(self._own_fingerprint, interfaces=self._interfaces)
        urls = [url for candidate in found for url in candidate.urls]
        return sorted(urls, key=lambda url: url not in self._uplinks)
