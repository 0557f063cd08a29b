"""Where a phone is: a hotspot that can be cut, a relay behind it that can be stopped, and a centre that it reaches."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from relay import registry
from relay.authority import enrolment_codes, folders, keys
from relay.authority.authority import LEDGER_FILE
from relay.config import EnrolmentConfig, RelayConfig
from relay.demo.figures import stations, write_registry
from relay.demo.link import Link
from relay.protocol.enrolment import grouped
from relay.protocol.roles import Role
from relay.store.record import open_record
from tests.authorities import KECAMATAN, new_key
from tests.browser.chromium import CENTRE_NAME, RELAY_NAME
from tests.world.http import ask
from tests.world.nodes import Country, running_centre, running_relay
from tests.world.waiting import eventually

_PASSPHRASE = b"correct horse battery staple"


@dataclass
class Place:
    """A relay as phones see it. `url` stays the same whatever happens to relay and link."""

    url: str
    centre_url: str
    hotspot: Link
    config: RelayConfig
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def direct_url(self) -> str:
        """The relay's address past the hotspot, for the test's own questions."""
        return f"https://127.0.0.1:{self.hotspot.target_port}"

    @property
    def centre_for_us(self) -> str:
        """The centre's address for the test's own questions."""
        return self.centre_url.replace(CENTRE_NAME, "127.0.0.1")

    def new_code(self, scope: str, role: Role = Role.KPPS) -> str:
        """A one-time code as it is printed on a card."""
        entry = enrolment_codes.new_entry(role, scope, "")
        assert self.config.enrolment.codes is not None
        enrolment_codes.EnrolmentCodes(self.config.enrolment.codes).append(entry)
        return grouped(entry.code)

    async def recorded(self, http: aiohttp.ClientSession, tps: str) -> list[dict[str, Any]]:
        """What the centre has of a station."""
        answer = await ask(http, "GET", f"{self.centre_for_us}/v1/tps/{tps}")
        return list(answer.json["statements"])

    async def until_recorded(self, http: aiohttp.ClientSession, tps: str, count: int) -> list[dict[str, Any]]:
        """The same, once the centre has given a receipt for so many."""

        async def look() -> list[dict[str, Any]]:
            found = [item for item in await self.recorded(http, tps) if item["receipt"]]
            return found if len(found) == count else []

        return await eventually(look)

    async def photographs(self, http: aiohttp.ClientSession, tps: str) -> list[bytes]:
        """The photographs of a station that the centre has, page by page."""
        return [
            (await ask(http, "GET", f"{self.centre_for_us}/v1/documents/{page['document']}")).body
            for item in await self.recorded(http, tps)
            for page in item["documents"]
        ]

    async def view(self, http: aiohttp.ClientSession, statement: str) -> dict[str, Any]:
        """What the relay says of a statement."""
        view: dict[str, Any] = (await ask(http, "GET", f"{self.direct_url}/v1/statements/{statement}")).json
        return view

    async def start_relay(self) -> None:
        """The relay, on the data that it had before."""
        url = await self._running.enter_async_context(running_relay(self.config))
        self.hotspot.target_port = int(url.rpartition(":")[2])

    async def stop_relay(self) -> None:
        """Ends it in order; phones find nobody."""
        await self._running.aclose()


@asynccontextmanager
async def place(
    country: Country, change: Callable[[RelayConfig], RelayConfig] = lambda config: config
) -> AsyncIterator[Place]:
    """Everything running, and the hotspot up. The relay holds the kecamatan's CA, so phones enrol at once.

    `change` may give the relay other settings.
    """
    async with running_centre(country.centre_config()) as centre_url:
        config = change(replace(country.relay_config(centre_url=centre_url), enrolment=_kecamatan_ca(country)))
        hotspot = Link(0)
        async with hotspot.open() as port:
            hotspot.up()
            shown_centre = centre_url.replace("127.0.0.1", CENTRE_NAME)
            made = Place(f"https://{RELAY_NAME}:{port}", shown_centre, hotspot, config)
            await made.start_relay()
            try:
                yield made
            finally:
                await made.stop_relay()


async def list_stations(country: Country) -> None:
    """The centre, not yet running, learns which stations there are and what regions are called."""
    folder = country.centre_config().node.data_directory
    folder.mkdir()
    listing, regions = write_registry(country.folder, stations())

    def never_signs(_: object) -> tuple[bytes, int]:
        raise AssertionError

    async with open_record(folder / "centre.db", never_signs, queue_max=1) as store:
        await store.registry.import_registry(registry.read_stations(listing), registry.read_regions(regions))


def _kecamatan_ca(country: Country) -> EnrolmentConfig:
    """The CA of the relay's kecamatan, in a folder as `relay authority issue-ca` makes it, and a list without codes."""
    folder, passphrase, listing = (country.folder / name for name in ("kecamatan-ca", "passphrase", "codes.csv"))
    if not folder.exists():
        key = new_key()
        chain = country.world.ca_for(KECAMATAN, country.world.ca, key=key).chain
        folders.write_identity(folder, keys.key_pem(key, _PASSPHRASE), chain, country.world.root_der)
        (folder / LEDGER_FILE).touch(mode=0o600)
        passphrase.write_bytes(_PASSPHRASE)
        passphrase.chmod(0o600)
        enrolment_codes.write(listing, [])
    return EnrolmentConfig(authority=folder, passphrase_file=passphrase, codes=listing)
