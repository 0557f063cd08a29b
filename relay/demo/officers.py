"""The sixteen officers with their phones: each photographs, signs, finds the relay, hands over, and waits for receipts.

The phones are the reference client, each with an outbox of its own; nothing here knows where the relay is but
through its announcement.
"""

import asyncio
from enum import StrEnum
from pathlib import Path

from relay.demo.figures import FORM_CODE, Station
from relay.demo.link import LOOPBACK
from relay.demo.photographs import PAGES, photograph
from relay.demo.processes import Failed
from relay.phone import finder, sending
from relay.phone.entries import RECEIPT, Entry
from relay.phone.finder import Candidate
from relay.phone.outbox import Outbox
from relay.phone.sending import SendReport
from relay.protocol import codes
from relay.protocol.statements import DocumentHash, Kind

_FIND_SECONDS, _FIND_TIMES = 3.0, 10
_SEND_TIMES = 5
_POLL_SECONDS = 1.0
_ASK_SECONDS = 30.0


class Stage(StrEnum):
    """What an officer is doing."""

    AWAY = "away"
    PHOTOGRAPHING = "photographing"
    SEARCHING = "searching"
    HANDING_OVER = "handing-over"
    WAITING = "waiting"
    DONE = "done"


class Officer:
    """One officer; `entries` is what the phone can prove, by what it has verified and written down."""

    def __init__(self, station: Station, outbox: Outbox, gallery: Path) -> None:
        self.station = station
        self.outbox = outbox
        self.stage = Stage.AWAY
        self.entries: list[Entry] = []
        self.relays: list[Candidate] = []
        self.arrived_bytes: dict[DocumentHash, int] = {}
        self._gallery = gallery

    @property
    def tally(self) -> Entry | None:
        """The figures; None while, or because, nothing has been filled in."""
        return next((entry for entry in self.entries if entry.statement.kind is Kind.TALLY), None)

    @property
    def documents(self) -> Entry | None:
        """The list of photographs."""
        return next((entry for entry in self.entries if entry.statement.kind is Kind.DOCUMENTS), None)

    @property
    def settled(self) -> int:
        """For how many of its statements the phone has verified the centre's receipt."""
        return sum(entry.settled for entry in self.entries)

    async def come(self) -> None:
        """Everything up to the relay's last slip; `Failed` if it cannot be done."""
        self.stage = Stage.PHOTOGRAPHING
        pages = {page: await self._photograph(page) for page in range(1, PAGES + 1)}
        await asyncio.to_thread(self._sign, pages)
        self.stage = Stage.SEARCHING
        await self._find_relay()
        self.stage = Stage.HANDING_OVER
        await self._hand_over()
        self.entries = await asyncio.to_thread(self.outbox.entries)
        self.stage = Stage.WAITING

    async def await_receipts(self) -> None:
        """Asks the relay until the phone holds, verified, the centre's receipt for everything."""
        while (await self._send(_ASK_SECONDS)).without_receipt:
            pass
        self.entries = await asyncio.to_thread(self.outbox.entries)
        self.stage = Stage.DONE

    def refresh(self) -> None:
        """Looks at what the phone has written down since. Blocks."""
        if self.stage is Stage.HANDING_OVER:
            self.entries = self.outbox.entries()
        elif self.stage is Stage.WAITING:
            self.entries = [self._renewed(entry) for entry in self.entries]

    def _renewed(self, entry: Entry) -> Entry:
        is_old = not entry.settled and (entry.folder / RECEIPT).exists()
        return self.outbox.entry(entry.statement.id) if is_old else entry

    async def _photograph(self, page: int) -> Path:
        path = self._gallery / f"{self.station.tps}-{page}.jpg"
        data = await asyncio.to_thread(photograph, self.station, page)
        await asyncio.to_thread(path.write_bytes, data)
        return path

    def _sign(self, pages: dict[int, Path]) -> None:
        officer, station = self.outbox.officer(), self.station
        if station.figures is not None:
            self.outbox.sign_tally(officer, station.tps, FORM_CODE, station.figures)
        self.outbox.sign_documents(officer, station.tps, FORM_CODE, pages)
        self.entries = self.outbox.entries()

    async def _find_relay(self) -> None:
        for _ in range(_FIND_TIMES):
            self.relays = await self._find(until_covered=True)
            if self.relays:
                return
        raise Failed(f"the phone of {self.station.name} does not find the relay (mDNS on {LOOPBACK})")

    async def _find(self, *, until_covered: bool) -> list[Candidate]:
        found = await finder.find(
            self.station.tps, seconds=_FIND_SECONDS, interfaces=(LOOPBACK,), until_covered=until_covered
        )
        return [relay for relay in found if codes.covers(relay.scope, self.station.tps)]  # others are out of its reach

    async def _hand_over(self) -> None:
        for _ in range(_SEND_TIMES):
            report = await self._send(0.0)
            if report.handed_over:
                return
            # the first one found may be a stranger's, such as another demo's on this machine: look for all there are
            self.relays = await self._find(until_covered=False) or self.relays
        problems = "; ".join(f"{problem.about}: {problem.sentence}" for problem in report.problems)
        raise Failed(f"the phone of {self.station.name} cannot hand over: {problems}")

    async def _send(self, wait_seconds: float) -> SendReport:
        return await sending.send(
            self.outbox,
            self.relays,
            wait_seconds=wait_seconds,
            progress=self._progress,
            poll_seconds_max=_POLL_SECONDS,
        )

    def _progress(self, document: DocumentHash, arrived_bytes: int, _size_bytes: int) -> None:
        self.arrived_bytes[document] = arrived_bytes
