"""Looks at both relays, the stick and the centre several times a second, and makes the picture that is shown."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp

from relay.demo.evidence import get_json
from relay.demo.figures import KECAMATAN, UPRIVER
from relay.demo.link import LOOPBACK, Link
from relay.demo.officers import Officer, Stage
from relay.demo.peso.boat import SCOPE_OF, Boat, Stop
from relay.demo.peso.picture import Item, Picture, Place, StationRow, StickView
from relay.demo.peso.routes import Evidence
from relay.demo.processes import Failed, Process
from relay.protocol.statements import Page

_LOOK_SECONDS = 0.3


class Lookout:
    """`picture` is the newest one; what is on record about the ways that things came is noted in `evidence`."""

    def __init__(
        self,
        officers: Sequence[Officer],
        boat: Boat,
        evidence: Evidence,
        satellite: Link,
        relays: Mapping[str, Process],
        centre: Process,
        session: aiohttp.ClientSession,
        started: float,
    ) -> None:
        self._officers = officers
        self._boat = boat
        self._evidence = evidence
        self._satellite = satellite
        self._relays = relays
        self._centre = centre
        self._session = session
        self._started = started
        self._status: dict[str, dict[str, Any]] = {}
        self._scopes: dict[str, str] = {}  # by the relay's name
        self._at_centre: set[bytes] = set()
        self.picture = self._picture()

    async def run(self, show: Callable[[Picture], None]) -> None:
        """Looks and shows, for ever."""
        while True:
            # if somebody does not answer the picture stays as it was; whether a process has ended is watched elsewhere
            with contextlib.suppress(Failed):
                await self.look()
            show(self.picture)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Asks everybody once."""
        for scope, relay in self._relays.items():
            self._status[scope] = await get_json(self._session, f"{_base(relay)}/status")
            self._scopes[self._status[scope]["relay"]["id"]] = scope
        await self._look_downriver()
        for officer in self._officers:
            await self._look_at_centre(officer)
        await asyncio.to_thread(self._look_at_phones)
        self.picture = self._picture()

    async def _look_downriver(self) -> None:
        base = _base(self._relays[KECAMATAN])
        for row in (await get_json(self._session, f"{base}/tps"))["statements"]:
            if row["origin"] is None:
                continue
            self._taken_over(row["id"])
            if row["pages"]:
                told = await get_json(self._session, f"{base}/statements/{row['id']}")
                for page in told["documents"]:
                    if page["slip"]:
                        self._taken_over(page["document"])

    def _taken_over(self, name_hex: str) -> None:
        """Noted when it is first seen there: then what lay on the stick is still known."""
        name = bytes.fromhex(name_hex)
        if name not in self._evidence.downriver:
            self._evidence.downriver[name] = self._boat.load.get(name) == UPRIVER

    async def _look_at_centre(self, officer: Officer) -> None:
        names = _names(officer)
        if names <= self._at_centre:
            return
        told = await get_json(self._session, f"{_base(self._centre)}/tps/{officer.station.tps}")
        for item in told["statements"]:
            statement = bytes.fromhex(item["id"])
            self._evidence.senders[statement] = self._scopes[item["sender"]]
            self._at_centre.add(statement)
            held = (page["document"] for page in item["documents"] if page["held"])
            self._at_centre.update(map(bytes.fromhex, held))

    def _look_at_phones(self) -> None:
        for officer in self._officers:
            officer.refresh()
            if officer.documents:
                sizes = {bytes(page.document): page.size_bytes for page in officer.documents.statement.pages}
                self._boat.photograph_sizes |= sizes

    def _picture(self) -> Picture:
        return Picture(
            elapsed_seconds=time.monotonic() - self._started,
            rows=tuple(self._row(officer) for officer in self._officers),
            stick=self._stick(),
            satellite=self._uplink_state(KECAMATAN),
            neighbour=self._uplink_state(UPRIVER),
            satellite_bytes=self._satellite.bytes_up,
        )

    def _uplink_state(self, scope: str) -> str:
        """Of the one uplink over a network that a relay has, as it says itself."""
        uplinks = self._status.get(scope, {}).get("uplinks") or [{"state": "down"}]
        return str(uplinks[0]["state"])

    def _stick(self) -> StickView:
        boat = self._boat
        scope = SCOPE_OF.get(Stop(round(boat.position)), "") if boat.is_landed else ""
        drive = (self._status.get(scope, {}).get("drives") or [{}])[0]
        done = 100 * drive.get("bytes_done", 0) // max(1, drive.get("bytes_total", 0))
        return StickView(boat.position, boat.is_landed, drive.get("state", ""), done)

    def _row(self, officer: Officer) -> StationRow:
        documents = officer.documents
        return StationRow(
            station=officer.station,
            stage=officer.stage,
            tally=self._tally(officer),
            pages=tuple(self._page(officer, page) for page in documents.statement.pages)
            if documents
            else (Item(Place.NOT_MADE),) * 3,
            proven=officer.settled,
            statements=len(officer.entries),
        )

    def _tally(self, officer: Officer) -> Item:
        if officer.station.figures is None:
            return Item(Place.NOT_FILLED_IN)
        tally = officer.tally
        if tally is None:
            return Item(Place.NOT_MADE)
        name = bytes(tally.statement.id)
        if name in self._at_centre:
            return Item(Place.CENTRE, route=self._evidence.of_statement(name, officer.station.kecamatan))
        return self._on_the_way(officer, name, has_slip=bool(tally.slips_of(name)))

    def _page(self, officer: Officer, page: Page) -> Item:
        name = bytes(page.document)
        if name in self._at_centre:
            return Item(Place.CENTRE, route=self._evidence.of_photograph(name, officer.station.kecamatan))
        has_slip = officer.documents is not None and bool(officer.documents.slips_of(name))
        arrived = officer.arrived_bytes.get(page.document, 0)
        if not has_slip and arrived and officer.stage is Stage.HANDING_OVER:
            return Item(Place.TO_RELAY, 100 * arrived // page.size_bytes)
        return self._on_the_way(officer, name, has_slip=has_slip)

    def _on_the_way(self, officer: Officer, name: bytes, *, has_slip: bool) -> Item:
        if officer.station.kecamatan == UPRIVER and name in self._evidence.downriver:
            return Item(Place.DOWNRIVER)
        if name in self._boat.load:
            return Item(Place.STICK)
        return Item(Place.RELAY if has_slip else Place.PHONE)


def _base(process: Process) -> str:
    return f"https://{LOOPBACK}:{process.port}/v1"


def _names(officer: Officer) -> set[bytes]:
    """Everything that an officer's phone has signed or listed; more than nothing, so that it is looked for."""
    names = {bytes(entry.statement.id) for entry in officer.entries}
    return names | {bytes(page.document) for entry in officer.entries for page in entry.statement.pages} or {b""}
