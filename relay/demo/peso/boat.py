"""The boat and its stick: a real folder that appears where a relay looks for sticks, is served, and goes on.

Nothing is done to the stick but carrying it: relays read and write it by themselves, and in town the centre's
operator runs `relay central import`. What lies on it is read beside that, to know which way things go.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import aiohttp

from relay.demo.country import Country
from relay.demo.evidence import get_json, is_there
from relay.demo.figures import KECAMATAN, UPRIVER
from relay.demo.link import LOOPBACK
from relay.demo.peso.routes import Evidence
from relay.demo.processes import Failed, Process, run_relay_command
from relay.drive import batches
from relay.drive.progress import StickState
from relay.drive.stick import Stick
from relay.identity import read_certificates
from relay.protocol import cose, trust
from relay.protocol.parcels import cells_in

_STICK = "stik"
_LOOK_SECONDS = 0.2
_SERVED_SECONDS_MAX = 120.0


class Stop(IntEnum):
    """Where the boat lands, going downriver."""

    PESO = 0
    PESO_HILIR = 1
    TOWN = 2


SCOPE_OF = {Stop.PESO: UPRIVER, Stop.PESO_HILIR: KECAMATAN}
"""The relays at which it lands."""


@dataclass(slots=True)
class Boat:
    """One boat with one stick; what that has brought to the centre is noted in `evidence`."""

    country: Country
    relays: Mapping[str, Process]
    centre: Process
    session: aiohttp.ClientSession
    evidence: Evidence
    photograph_sizes: dict[bytes, int] = field(default_factory=dict)
    """In bytes, by SHA-256, of every photograph that a phone has taken: to know when one is whole on the stick."""
    load: dict[bytes, str] = field(default_factory=dict)
    """What lay whole on the stick when it was last taken out: name -> the relay that signed its batch."""
    is_landed: bool = True
    _from: Stop = Stop.PESO
    _to: Stop = Stop.PESO
    _left_at: float = 0.0
    _arrives_at: float = 0.0

    def get_ready(self) -> None:
        """Puts an empty stick into the boat, and makes the folders where the relays look for sticks."""
        (self._stick / batches.DRIVE).mkdir(parents=True)
        for scope in self.relays:
            self._media(scope).mkdir()

    @property
    def position(self) -> float:
        """Where on the river: 0 at Peso, 1 at Peso Hilir, 2 in town."""
        if time.monotonic() >= self._arrives_at:
            return float(self._to)
        share = (time.monotonic() - self._left_at) / (self._arrives_at - self._left_at)
        return self._from + (self._to - self._from) * share

    async def sail(self, to: Stop, seconds: float) -> None:
        """To the next stop."""
        self._from, self._to = self._to, to
        self._left_at = time.monotonic()
        self._arrives_at = self._left_at + seconds
        self.is_landed = False
        await asyncio.sleep(seconds)
        self.is_landed = True

    async def put_in(self) -> None:
        """The stick goes into the relay here, which serves it by itself; returns once that says it is safe."""
        scope = SCOPE_OF[self._to]
        self._stick.rename(self._media(scope) / _STICK)
        await self._until(scope, StickState.SAFE)

    async def take_out(self) -> None:
        """The stick goes back into the boat; what lies on it is known from now on."""
        scope = SCOPE_OF[self._to]
        (self._media(scope) / _STICK).rename(self._stick)
        self.load = await asyncio.to_thread(self._read_load)
        await self._until(scope, StickState.WAITING)

    async def import_in_town(self) -> None:
        """The centre's operator imports the stick; what that brought is noted."""
        before = await self._at_centre()
        self.evidence.under_way = self.load.keys() - before
        url = f"https://{LOOPBACK}:{self.centre.port}"
        words = ("central", "import", str(self._stick), "--config", str(self.country.centre_config), "--url", url)
        await run_relay_command(words)
        self.evidence.imported |= {name: self.load[name] for name in await self._at_centre() - before}
        self.evidence.under_way = frozenset()

    async def _until(self, scope: str, wanted: StickState) -> None:
        url = f"https://{LOOPBACK}:{self.relays[scope].port}/v1/status"
        drive = {"state": "", "reason": ""}
        try:
            async with asyncio.timeout(_SERVED_SECONDS_MAX):
                while drive["state"] != wanted:
                    drive = (await get_json(self.session, url))["drives"][0]
                    if drive["state"] in (StickState.FAILED, StickState.FULL, StickState.READ_ONLY):
                        raise Failed(f"{self.relays[scope].name} cannot use the stick: {drive['reason']}")
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            raise Failed(f"{self.relays[scope].name} says of the stick: {drive['state']}, not: {wanted}") from error

    def _read_load(self) -> dict[bytes, str]:
        """What lies whole on the stick: its name -> the scope of the relay whose key has signed its batch. Blocks."""
        stick, load, cells = Stick(self._stick), dict[bytes, str](), dict[bytes, int]()
        trusted = trust.pin(read_certificates(self.country.root_file)[0])
        for folder in batches.relay_folders(stick):
            for path in batches.batch_paths(stick, folder):
                found = batches.read_batch(stick, path)
                signer = trusted.identify(found.header.signed.chain, None)
                cose.check(found.header.signed, signer.public_key)
                load |= dict.fromkeys(found.statements, signer.scope)
                for document, bits in found.cells.items():
                    cells[document] = cells.get(document, 0) | bits
                    if cells[document].bit_count() == cells_in(self.photograph_sizes[document]):
                        load[document] = signer.scope
        return load

    async def _at_centre(self) -> set[bytes]:
        """What of the load the centre has."""
        base = f"https://{LOOPBACK}:{self.centre.port}/v1"
        there = set()
        for name in self.load:
            kind = "documents" if name in self.photograph_sizes else "statements"
            if await is_there(self.session, f"{base}/{kind}/{name.hex()}"):
                there.add(name)
        return there

    @property
    def _stick(self) -> Path:
        return self.country.folder / "boat" / _STICK

    def _media(self, scope: str) -> Path:
        return self.country.relay_folder(scope) / "sticks"
