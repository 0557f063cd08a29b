"""The story: a clear evening, rain, and a clear morning on the Kayan. Whatever leaves first carries."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from relay.demo.figures import KECAMATAN, KECAMATAN_NAME, UPRIVER, UPRIVER_NAME
from relay.demo.link import Link
from relay.demo.officers import Officer
from relay.demo.peso.boat import Boat, Stop
from relay.demo.peso.drawing import TOWN_NAME
from relay.demo.peso.lookout import Lookout
from relay.demo.peso.picture import Picture, Place
from relay.demo.processes import Failed
from relay.demo.screen import Screen

_LIMIT_SECONDS = 400.0
_LATE = {UPRIVER: slice(-2, -1), KECAMATAN: slice(-2, None)}
"""Which officers of each kecamatan come only after the rain has begun."""
_LAST = {UPRIVER: slice(-1, None)}
"""And which in the morning."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take; rates in bytes per second."""

    arrival_seconds: float = 0.8
    arrivals_at_once: int = 4
    calm_seconds: float = 1.5
    sail_seconds: float = 2.5
    satellite_rate: int = 8_000
    satellite_delay_seconds: float = 0.3
    radio_rate: int = 500_000
    radio_delay_seconds: float = 0.01


SHOW = Pace()
FAST = Pace(arrival_seconds=0.1, calm_seconds=0.2, sail_seconds=0.5)


class Scenario:
    """Plays the story with the parts that it is given; `trips` counts how often the boat has been in town."""

    def __init__(
        self,
        pace: Pace,
        officers: Sequence[Officer],
        boat: Boat,
        satellite: Link,
        radio: Link,
        lookout: Lookout,
        screen: Screen[Picture],
    ) -> None:
        self.trips = 0
        self._pace = pace
        self._late, self._last = _those(officers, _LATE), _those(officers, _LAST)
        self._early = [officer for officer in officers if officer not in (*self._late, *self._last)]
        self._boat = boat
        self._satellite = satellite
        self._radio = radio
        self._lookout = lookout
        self._tell = screen.tell
        self._desk = asyncio.Semaphore(pace.arrivals_at_once)

    async def play(self) -> None:
        """From the first phone to the last receipt; `Failed` if it takes far too long."""
        try:
            async with asyncio.timeout(_LIMIT_SECONDS), asyncio.TaskGroup() as tasks:
                await self._dusk(tasks)
                await self._first_way_down()
                await self._rain(tasks)
                await self._way_up()
                await self._second_way_down()
                await self._way_up()
                await self._morning(tasks)
        except TimeoutError as error:
            raise Failed(f"not everything had a receipt after {_LIMIT_SECONDS:.0f} s") from error
        self._tell("Selesai: setiap HP memegang tanda terima pusat.", "Done: every phone holds the centre's receipts.")

    async def _dusk(self, tasks: asyncio.TaskGroup) -> None:
        self._clear_sky()
        self._tell(
            f"{KECAMATAN_NAME} punya satelit, hanya untuk hasil. {UPRIVER_NAME} di hulu tidak punya apa-apa.",
            f"{KECAMATAN_NAME} has a satellite link, for tallies only. {UPRIVER_NAME}, upriver, has nothing.",
        )
        await self._come(self._early, tasks)
        wanted = _tallies(self._early, KECAMATAN)
        await self._until(lambda picture: picture.tallies(Place.CENTRE) >= wanted)
        self._tell(
            f"{wanted} hasil {KECAMATAN_NAME} sudah di pusat lewat satelit; foto menunggu perahu.",
            f"{wanted} tallies of {KECAMATAN_NAME} are at the centre by satellite; photographs wait for the boat.",
        )
        await asyncio.sleep(self._pace.calm_seconds)

    async def _first_way_down(self) -> None:
        self._tell(
            f"Perahu di {UPRIVER_NAME}: stik dicolok, relay menulis semuanya sendiri.",
            f"The boat is at {UPRIVER_NAME}: the stick is put in, and the relay writes everything by itself.",
        )
        await self._land()
        await self._sail(Stop.PESO_HILIR)
        self._tell(
            f"{KECAMATAN_NAME}: relay mengambil alih isi stik, dan menambahkan foto sendiri.",
            f"{KECAMATAN_NAME}'s relay takes over what {UPRIVER_NAME} wrote, and adds photographs of its own.",
        )
        await self._land()
        wanted = _tallies(self._early, KECAMATAN) + _tallies(self._early, UPRIVER)
        await self._until(lambda picture: picture.tallies(Place.CENTRE) >= wanted)
        self._tell(
            f"Hasil dari {UPRIVER_NAME}: dengan stik ke {KECAMATAN_NAME}, lalu lewat satelit ke pusat.",
            f"{UPRIVER_NAME}'s tallies: by stick to {KECAMATAN_NAME}, and on by satellite to the centre.",
        )
        await self._to_town()

    async def _rain(self, tasks: asyncio.TaskGroup) -> None:
        self._satellite.down()
        self._tell(
            "Hujan lebat: satelit putus. Petugas lain menyerahkan; semua menunggu perahu.",
            "Heavy rain: the satellite is gone. More officers hand over; everything waits for the boat.",
        )
        await self._come(self._late, tasks)

    async def _way_up(self) -> None:
        self._tell(
            "Perahu pulang ke hulu dengan tanda terima pusat di stik.",
            "The boat goes back upriver with the centre's receipts on the stick.",
        )
        for stop in (Stop.PESO_HILIR, Stop.PESO):
            await self._sail(stop)
            await self._land()

    async def _second_way_down(self) -> None:
        self._tell(
            "Satelit masih putus: hasil yang terlambat ikut stik sampai ke kota.",
            "Still no satellite: the late tallies travel by stick all the way to town.",
        )
        await self._sail(Stop.PESO_HILIR)
        await self._land()
        await self._to_town()

    async def _morning(self, tasks: asyncio.TaskGroup) -> None:
        self._clear_sky()
        self._radio.up(self._pace.radio_rate, self._pace.radio_delay_seconds)
        self._tell(
            f"Pagi cerah: satelit hidup lagi, dan radio {UPRIVER_NAME} sampai ke {KECAMATAN_NAME}.",
            f"A clear morning: the satellite is back, and {UPRIVER_NAME}'s radio reaches {KECAMATAN_NAME}'s relay.",
        )
        await self._come(self._last, tasks)
        await self._until(lambda picture: not (picture.tallies(Place.RELAY) or picture.photographs(Place.RELAY)))
        self._tell(
            "Relay tetangga mengambil alih semuanya: hasil lewat satelit, foto ikut perahu.",
            f"The neighbour has taken over everything of {UPRIVER_NAME}: tallies fly, photographs take the boat.",
        )
        await self._sail(Stop.PESO_HILIR)
        await self._land()
        await self._to_town()
        self._tell(
            f"Perahu pulang ke {KECAMATAN_NAME}; tanda terima untuk {UPRIVER_NAME} lewat radio.",
            f"The boat goes back to {KECAMATAN_NAME}; the receipts for {UPRIVER_NAME} go on by radio.",
        )
        await self._sail(Stop.PESO_HILIR)
        await self._land()

    def _clear_sky(self) -> None:
        self._satellite.up(self._pace.satellite_rate, self._pace.satellite_delay_seconds)

    async def _to_town(self) -> None:
        await self._sail(Stop.TOWN)
        self._tell(
            f"{TOWN_NAME}: stik diimpor, dan tanda terima pusat ditulis ke stik.",
            f"{TOWN_NAME}: the centre's operator imports the stick; receipts are written onto it.",
        )
        await self._boat.import_in_town()
        self.trips += 1

    async def _land(self) -> None:
        await self._boat.put_in()
        await self._boat.take_out()

    async def _sail(self, stop: Stop) -> None:
        await self._boat.sail(stop, self._pace.sail_seconds)

    async def _come(self, officers: Sequence[Officer], tasks: asyncio.TaskGroup) -> None:
        """All of them hand over, a few at a time, and from then on ask for their receipts."""

        async def visit(officer: Officer) -> None:
            async with self._desk:
                await officer.come()
            tasks.create_task(officer.await_receipts())

        async with asyncio.TaskGroup() as visits:
            for officer in officers:
                visits.create_task(visit(officer))
                await asyncio.sleep(self._pace.arrival_seconds)
        await self._lookout.look()  # the phones' photographs are known before the stick is read

    async def _until(self, holds: Callable[[Picture], bool]) -> None:
        while not holds(self._lookout.picture):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _those(officers: Sequence[Officer], which: Mapping[str, slice]) -> list[Officer]:
    """Some of each kecamatan, in the order of their stations."""
    return [
        officer
        for scope, part in which.items()
        for officer in [officer for officer in officers if officer.station.kecamatan == scope][part]
    ]


def _tallies(officers: Sequence[Officer], scope: str) -> int:
    return sum(officer.station.kecamatan == scope and officer.station.figures is not None for officer in officers)
