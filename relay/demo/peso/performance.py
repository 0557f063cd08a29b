"""Puts `relay demo peso` together and takes it apart: country, links, centre, two relays, boat, phones, screen."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from rich.console import Console

from relay.demo.country import Country, link_uplink
from relay.demo.figures import KABUPATEN, KECAMATAN, KECAMATAN_NAME, UPRIVER, UPRIVER_NAME, stations
from relay.demo.link import LOOPBACK, Link
from relay.demo.officers import Officer
from relay.demo.peso.boat import Boat
from relay.demo.peso.drawing import PESO
from relay.demo.peso.lookout import Lookout
from relay.demo.peso.picture import Picture
from relay.demo.peso.proof import Report, examine
from relay.demo.peso.routes import Evidence
from relay.demo.peso.scenario import Pace, Scenario
from relay.demo.peso.summary import print_summary
from relay.demo.processes import Process, all_last_lines, run_relay_command, watch_all
from relay.demo.screen import Screen, open_screen
from relay.http import authority_tls

_STICK_UPLINK = """
[[uplink]]
name = "stik"
kind = "drive"
folder = "sticks"
"""


class Performance:
    """One run in `folder`. `open()` holds everything that must be taken down again."""

    def __init__(self, folder: Path, pace: Pace, started: float) -> None:
        self._country = Country(folder, (*stations(UPRIVER), *stations(KECAMATAN)), (UPRIVER, KECAMATAN))
        self._pace = pace
        self._started = started
        self._satellite, self._radio = Link(0), Link(0)
        self._centre = Process(
            "the centre", ("central", "run", "--config", str(self._country.centre_config)), folder / "centre.log"
        )
        self._relays = {
            scope: Process(
                f"the relay of {name}",
                ("run", "--config", str(self._country.relay_config(scope))),
                folder / f"relay-{scope}.log",
            )
            for scope, name in ((UPRIVER, UPRIVER_NAME), (KECAMATAN, KECAMATAN_NAME))
        }

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The links are open inside; afterwards no process is left."""
        async with self._satellite.open() as sky, self._radio.open() as air:
            satellite = link_uplink("satelit", sky, carries=("tally", "control"))
            neighbour = link_uplink("tetangga", air, kind="neighbour")
            self._country.configure({UPRIVER: neighbour + _STICK_UPLINK, KECAMATAN: satellite + _STICK_UPLINK})
            try:
                yield
            finally:
                await asyncio.gather(*(process.stop() for process in self._processes))

    async def perform(self, console: Console, *, plain: bool) -> Report:
        """Plays the whole story on the screen, examines what came of it, and tells."""
        with open_screen(console, self._started, PESO, plain=plain) as screen:
            screen.tell(
                "Menyiapkan: sertifikat, server pusat, dua relay, sembilan belas HP, satu perahu.",
                "Getting ready: certificates, the centre, two relays, nineteen phones, one boat.",
            )
            officers = await self._prepare()
            connector = aiohttp.TCPConnector(ssl=authority_tls(self._country.root_file))
            timeout = aiohttp.ClientTimeout(total=20)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                report = await self._play(officers, screen, session)
        print_summary(report, console)
        return report

    async def rest(self) -> None:
        """Until it is told to stop, with satellite and radio in the clear."""
        for link in (self._satellite, self._radio):
            link.up()
        await watch_all(self._processes)

    def addresses(self) -> str:
        """Where everything is, and how to look at it and end it."""
        country = self._country
        urls = {scope: f"https://{LOOPBACK}:{process.port}" for scope, process in self._relays.items()}
        centre = f"https://{LOOPBACK}:{self._centre.port}"
        return "\n".join(
            (
                "",
                f"{UPRIVER_NAME}   {urls[UPRIVER]}   {KECAMATAN_NAME}   {urls[KECAMATAN]}   centre   {centre}",
                f"folder  {country.folder}",
                *(f"  relay status --config {country.relay_config(scope)} --url {url}" for scope, url in urls.items()),
                f"  relay central status --config {country.centre_config} --scope {KABUPATEN}",
                f"  curl --cacert {country.root_file} {centre}/v1/status",
                "Ctrl-C menghentikan semuanya dan menghapus folder / stops all and removes the folder.",
            )
        )

    def last_lines(self) -> str:
        """The ends of the logs, for when something failed."""
        return all_last_lines(self._processes)

    @property
    def _processes(self) -> tuple[Process, ...]:
        return (*self._relays.values(), self._centre)

    async def _prepare(self) -> list[Officer]:
        phones = await asyncio.to_thread(self._country.certify)
        stations_file, regions_file = self._country.registry()
        config = ("--config", str(self._country.centre_config))
        await run_relay_command(
            ("central", "import-registry", str(stations_file), "--regions", str(regions_file), *config)
        )
        async with asyncio.TaskGroup() as tasks:
            for process in self._processes:
                tasks.create_task(process.start())
        self._satellite.target_port = self._centre.port
        self._radio.target_port = self._relays[KECAMATAN].port
        gallery = self._country.folder / "gallery"
        gallery.mkdir()
        return [Officer(station, phones[station.tps], gallery) for station in self._country.stations]

    async def _play(self, officers: list[Officer], screen: Screen[Picture], session: aiohttp.ClientSession) -> Report:
        evidence = Evidence()
        boat = Boat(self._country, self._relays, self._centre, session, evidence)
        boat.get_ready()
        lookout = Lookout(officers, boat, evidence, self._satellite, self._relays, self._centre, session, self._started)
        scenario = Scenario(self._pace, officers, boat, self._satellite, self._radio, lookout, screen)
        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(lookout.run(screen.show)), tasks.create_task(watch_all(self._processes))]
            await scenario.play()
            wall_seconds = time.monotonic() - self._started
            await lookout.look()
            for task in watching:
                task.cancel()
        report = await examine(self._country, officers, self._relays, self._centre, self._satellite, evidence, session)
        return dataclasses.replace(report, trips=scenario.trips, wall_seconds=wall_seconds)
