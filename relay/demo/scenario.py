"""The story: dusk without an uplink, a narrow uplink, two cuts, a wide one, and a centre that dies and comes back."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.demo.link import Link
from relay.demo.lookout import Lookout
from relay.demo.officers import Officer
from relay.demo.picture import Picture, Place
from relay.demo.processes import Failed, Process
from relay.demo.screen import Screen

_LIMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take; rates in bytes per second, shares of all photographs."""

    arrival_seconds: float = 1.0
    arrivals_at_once: int = 4
    calm_seconds: float = 2.0
    narrow_rate: int = 64_000
    narrow_delay_seconds: float = 0.15
    narrow_seconds: float = 7.0
    outage_seconds: float = 3.0
    wide_rate: int = 1_300_000
    wide_delay_seconds: float = 0.04
    centre_dies_at: float = 0.5
    centre_away_seconds: float = 3.0


SHOW = Pace()
FAST = Pace(
    arrival_seconds=0.1,
    calm_seconds=0.5,
    narrow_seconds=2.0,
    outage_seconds=1.0,
    wide_rate=8_000_000,
    centre_away_seconds=1.0,
)


@dataclass(slots=True)
class Moments:
    """What was counted on the way: bytes that had crossed the link towards the centre."""

    tally_link_bytes: int = 0
    """From the first byte until every tally had the centre's receipt: with TLS, certificates and what else crossed."""
    tally_seconds: float = 0.0
    """From the uplink's coming up until then."""


class Scenario:
    """Plays the story with the parts that it is given; `moments` is what it has measured."""

    def __init__(
        self,
        pace: Pace,
        officers: Sequence[Officer],
        link: Link,
        centre: Process,
        lookout: Lookout,
        screen: Screen[Picture],
    ) -> None:
        self.moments = Moments()
        self._pace = pace
        self._officers = officers
        self._link = link
        self._centre = centre
        self._lookout = lookout
        self._tell = screen.tell

    async def play(self) -> None:
        """From the first phone to the last receipt; `Failed` if it takes far too long."""
        try:
            async with asyncio.timeout(_LIMIT_SECONDS), asyncio.TaskGroup() as tasks:
                await self._dusk()
                for officer in self._officers:
                    tasks.create_task(officer.await_receipts())
                await self._narrow_uplink()
                await self._two_cuts()
                await self._wide_uplink()
                await self._centre_dies()
        except TimeoutError as error:
            raise Failed(f"not everything had a receipt after {_LIMIT_SECONDS:.0f} s") from error
        self._tell("Selesai: setiap HP memegang tanda terima pusat.", "Done: every phone holds the centre's receipts.")

    async def _dusk(self) -> None:
        self._tell(
            "Uplink putus. Petugas KPPS datang ke kantor PPK, HP menemukan relay sendiri.",
            "The uplink is down. Officers come to the office; their phones find the relay by themselves.",
        )
        desk = asyncio.Semaphore(self._pace.arrivals_at_once)

        async def visit(officer: Officer) -> None:
            async with desk:
                await officer.come()

        async with asyncio.TaskGroup() as tasks:
            for officer in self._officers:
                tasks.create_task(visit(officer))
                await asyncio.sleep(self._pace.arrival_seconds)
        self._tell(
            "Semua sudah menyerahkan dan memegang slip relay. Uplink masih putus; tidak ada yang hilang.",
            "All have handed over and hold the relay's slips. Still no uplink; nothing is lost.",
        )
        await asyncio.sleep(self._pace.calm_seconds)

    async def _narrow_uplink(self) -> None:
        self._narrow()
        self._tell(
            f"Uplink hidup, sempit ({self._pace.narrow_rate // 1000} kB/detik): semua hasil lebih dulu, foto menyusul.",
            "The uplink is up, and narrow: every tally first, the photographs after them.",
        )
        began = self._lookout.picture.elapsed_seconds
        wanted = sum(officer.station.figures is not None for officer in self._officers)
        await self._until(lambda picture: picture.tallies(Place.CENTRE) == wanted)
        self.moments.tally_link_bytes = self._link.bytes_up
        self.moments.tally_seconds = self._lookout.picture.elapsed_seconds - began
        self._tell(
            f"Semua {wanted} hasil di pusat setelah {self.moments.tally_seconds:.0f} detik. Foto merayap naik.",
            f"All {wanted} tallies are at the centre; the photographs crawl.",
        )
        await asyncio.sleep(self._pace.narrow_seconds)

    async def _two_cuts(self) -> None:
        for time in ("pertama", "kedua"):
            self._link.down()
            self._tell(
                f"Uplink putus di tengah foto ({time} kali). Yang sudah di disk pusat tidak dikirim lagi.",
                "The uplink is cut in the middle of photographs. What is on the centre's disk is not sent again.",
            )
            await asyncio.sleep(self._pace.outage_seconds)
            if time == "pertama":
                self._narrow()
                self._tell("Uplink hidup lagi, masih sempit.", "The uplink is up again, still narrow.")
                await asyncio.sleep(self._pace.narrow_seconds)

    async def _wide_uplink(self) -> None:
        self._link.up(self._pace.wide_rate, self._pace.wide_delay_seconds)
        self._tell(
            f"Uplink hidup dan lebar ({self._pace.wide_rate / 1e6:.1f} MB/detik).".replace(".", ",", 1),
            "The uplink is up, and wide.",
        )
        pages = [page for officer in self._officers if officer.documents for page in officer.documents.statement.pages]
        wanted = self._pace.centre_dies_at * len(pages)
        await self._until(lambda picture: picture.photographs(Place.CENTRE) >= wanted)

    async def _centre_dies(self) -> None:
        await self._centre.stop(signal.SIGKILL)
        self._tell(
            "Server pusat mati mendadak (kill -9). Relay menunggu, dan tidak membuang apa pun.",
            "The centre dies at once (kill -9). The relay waits and drops nothing.",
        )
        await asyncio.sleep(self._pace.centre_away_seconds)
        self._link.target_port = await self._centre.start()
        self._tell(
            "Server pusat hidup lagi dari berkas yang sama. Relay bertanya apa yang sudah ada, lalu meneruskan.",
            "The centre is back on the same files. The relay asks what it has, and goes on from there.",
        )

    def _narrow(self) -> None:
        self._link.up(self._pace.narrow_rate, self._pace.narrow_delay_seconds)

    async def _until(self, holds: Callable[[Picture], bool]) -> None:
        while not holds(self._lookout.picture):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
