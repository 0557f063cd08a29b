"""Puts the demo together and takes it apart: country, link, centre, relay, phones, screen."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from relay.demo.country import Country, link_uplink
from relay.demo.drawing import MAIN_JOB
from relay.demo.figures import KECAMATAN, stations
from relay.demo.link import LOOPBACK, Link
from relay.demo.lookout import Lookout
from relay.demo.officers import Officer
from relay.demo.pages import free_port, told
from relay.demo.picture import Picture
from relay.demo.processes import Process, all_last_lines, run_relay_command, watch_all
from relay.demo.proof import Report, examine
from relay.demo.scenario import Pace, Scenario
from relay.demo.screen import Screen, open_screen
from relay.demo.summary import print_summary


class Performance:
    """One run in `folder`. `open()` holds everything that must be taken down again."""

    def __init__(self, folder: Path, pace: Pace, started: float, *, with_pages: bool = False) -> None:
        self._country = Country(folder, stations())
        self._pace = pace
        self._started = started
        self._local_ports = {scope: free_port() for scope in (KECAMATAN, "")} if with_pages else {}
        self._link = Link(0)
        self._centre = Process(
            "the centre", ("central", "run", "--config", str(self._country.centre_config)), folder / "centre.log"
        )
        self._relay = Process("the relay", ("run", "--config", str(self._country.relay_config())), folder / "relay.log")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The link is open inside; afterwards no process is left."""
        async with self._link.open() as port:
            self._country.configure({KECAMATAN: link_uplink("satelit", port)}, self._local_ports)
            try:
                yield
            finally:
                await asyncio.gather(self._relay.stop(), self._centre.stop())

    async def perform(self, console: Console, *, plain: bool) -> Report:
        """Plays the whole story on the screen, examines what came of it, and tells."""
        with open_screen(console, self._started, MAIN_JOB, plain=plain) as screen:
            screen.tell(
                "Menyiapkan: sertifikat, server pusat, relay PPK, enam belas HP.",
                "Getting ready: certificates, the centre, the relay, sixteen phones.",
            )
            officers = await self._prepare()
            report = await self._play(officers, screen)
        print_summary(report, console)
        return report

    async def rest(self) -> None:
        """Until it is told to stop, with the link wide open."""
        self._link.up()
        await watch_all((self._relay, self._centre))

    def addresses(self) -> str:
        """Where everything is, and how to look at it and end it."""
        country = self._country
        relay, centre = (f"https://{LOOPBACK}:{process.port}" for process in (self._relay, self._centre))
        return "\n".join(
            (
                "",
                f"relay   {relay}   centre   {centre}   (proses {self._relay.pid}, {self._centre.pid})",
                *told(country.relay_folder(), self._local_ports[KECAMATAN], self._local_ports[""]),
                f"folder  {country.folder}",
                f"  relay status --config {country.relay_config()} --url {relay}",
                f"  relay central status --config {country.centre_config} --scope {KECAMATAN}",
                f"  curl --cacert {country.root_file} {centre}/v1/status",
                "Ctrl-C menghentikan semuanya dan menghapus folder / stops both and removes the folder.",
            )
        )

    def last_lines(self) -> str:
        """The ends of the logs, for when something failed."""
        return all_last_lines((self._relay, self._centre))

    async def _prepare(self) -> list[Officer]:
        phones = await asyncio.to_thread(self._country.certify)
        stations_file, regions_file = self._country.registry()
        config = ("--config", str(self._country.centre_config))
        await run_relay_command(
            ("central", "import-registry", str(stations_file), "--regions", str(regions_file), *config)
        )
        async with asyncio.TaskGroup() as tasks:
            centre = tasks.create_task(self._centre.start())
            tasks.create_task(self._relay.start())
        self._link.target_port = centre.result()
        gallery = self._country.folder / "gallery"
        gallery.mkdir()
        return [Officer(station, phones[station.tps], gallery) for station in self._country.stations]

    async def _play(self, officers: list[Officer], screen: Screen[Picture]) -> Report:
        lookout = Lookout(self._country, officers, self._link, self._relay, self._centre, self._started)
        scenario = Scenario(self._pace, officers, self._link, self._centre, lookout, screen)
        async with asyncio.TaskGroup() as tasks:
            watching = [
                tasks.create_task(lookout.run(screen.show)),
                tasks.create_task(self._relay.watch()),
                tasks.create_task(self._centre.watch()),
            ]
            await scenario.play()
            wall_seconds = time.monotonic() - self._started
            report = await examine(
                self._country, officers, self._link, self._relay, self._centre, scenario.moments, wall_seconds
            )
            for task in watching:
                task.cancel()
        return report
