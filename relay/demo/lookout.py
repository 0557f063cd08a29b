"""Looks at everything several times a second, and makes the picture that the screen shows.

The demo owns both ends, and so may look over the centre's shoulder: how much of a photograph has arrived is read
off the centre's disk. A relay in the field cannot see that, and need not.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from relay.demo.country import Country
from relay.demo.link import LOOPBACK, Link
from relay.demo.officers import Officer, Stage
from relay.demo.picture import Item, Picture, Place, StationRow, UplinkView
from relay.demo.processes import Process
from relay.http import authority_tls
from relay.protocol import forms
from relay.protocol.statements import DocumentHash, Page
from relay.store.documents import DocumentFiles

_LOOK_SECONDS = 0.2
_RATE_SECONDS = 2.0


class Lookout:
    """`picture` is the newest one; `look` makes the next."""

    def __init__(
        self, country: Country, officers: Sequence[Officer], link: Link, relay: Process, centre: Process, started: float
    ) -> None:
        self._officers = officers
        self._link = link
        self._relay = relay
        self._centre = centre
        self._started = started
        self._tls = authority_tls(country.root_file)
        self._centre_files = DocumentFiles(country.centre_data, 0)
        self._at_centre: set[DocumentHash] = set()
        self._bytes_up: deque[tuple[float, int]] = deque()
        self._status: dict[str, Any] = {}
        self._states: dict[str, str] = {}
        self.picture = self._picture()

    async def run(self, show: Callable[[Picture], None]) -> None:
        """Looks and shows, for ever."""
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                await self._look(session)
                show(self.picture)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        try:
            base = f"https://{LOOPBACK}:{self._relay.port}/v1"
            async with session.get(f"{base}/status") as answer:
                self._status = await answer.json()
            async with session.get(f"{base}/tps") as answer:
                rows = (await answer.json())["statements"]
            self._states = {row["id"]: row["state"] for row in rows}
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # the picture stays as it was; whether the relay has ended is watched elsewhere
        await asyncio.to_thread(self._look_at_disks)
        self.picture = self._picture()

    def _look_at_disks(self) -> None:
        for officer in self._officers:
            officer.refresh()

    def _picture(self) -> Picture:
        now = time.monotonic()
        self._bytes_up.append((now, self._link.bytes_up))
        while now - self._bytes_up[0][0] > _RATE_SECONDS:
            self._bytes_up.popleft()
        return Picture(
            elapsed_seconds=now - self._started,
            rows=tuple(self._row(officer) for officer in self._officers),
            uplink=self._uplink(),
            oldest_seconds=self._status.get("oldest_without_receipt_seconds"),
            centre_running=self._centre.pid != 0,
        )

    def _uplink(self) -> UplinkView:
        uplink = (self._status.get("uplinks") or [{}])[0]
        (then, before), (now, after) = self._bytes_up[0], self._bytes_up[-1]
        return UplinkView(
            state=uplink.get("state", "down"),
            reason=uplink.get("reason", ""),
            retry_in_seconds=uplink.get("retry_in_seconds", 0),
            rate_bytes_per_second=(after - before) / (now - then) if now > then else 0.0,
            bytes_up=after,
            bytes_again=self._status.get("bytes_sent_again", 0),
        )

    def _row(self, officer: Officer) -> StationRow:
        documents = officer.documents
        pages = (
            tuple(self._page(officer, page) for page in documents.statement.pages)
            if documents
            else (Item(Place.NOT_MADE),) * 3
        )
        tally = officer.tally
        return StationRow(
            station=officer.station,
            stage=officer.stage,
            tally=self._tally(officer),
            incomplete=tally is not None and forms.INCOMPLETE in tally.flags,
            pages=pages,
            proven=officer.settled,
            statements=len(officer.entries),
        )

    def _tally(self, officer: Officer) -> Item:
        if officer.station.figures is None:
            return Item(Place.NOT_FILLED_IN)
        tally = officer.tally
        if tally is None:
            return Item(Place.NOT_MADE)
        if self._states.get(tally.statement.id.hex(), "at-relay") != "at-relay":
            return Item(Place.CENTRE)
        return Item(Place.RELAY if tally.slips_of(tally.statement.id) else Place.PHONE)

    def _page(self, officer: Officer, page: Page) -> Item:
        documents = officer.documents
        if documents is None or not documents.slips_of(page.document):
            arrived = officer.arrived_bytes.get(page.document, 0)
            is_moving = arrived and officer.stage is Stage.HANDING_OVER
            return Item(Place.TO_RELAY, 100 * arrived // page.size_bytes) if is_moving else Item(Place.PHONE)
        share = self.share_at_centre(page)
        if share == 1.0:
            return Item(Place.CENTRE)
        return Item(Place.TO_CENTRE, int(100 * share)) if share else Item(Place.RELAY)

    def share_at_centre(self, page: Page) -> float:
        """How much of a photograph is on the centre's disk; 1 only if it is whole and verified there."""
        if page.document in self._at_centre:
            return 1.0
        if self._centre_files.path(page.document).exists():
            self._at_centre.add(page.document)
            return 1.0
        held = self._centre_files.cells_held(page.document, page.size_bytes)
        cells = sum(byte.bit_count() for byte in held)
        return min(0.99, cells * 4096 / page.size_bytes)
