"""The same on real exFAT and FAT: images on loop devices, mounted by FUSE, pulled out by killing what serves them."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import aiohttp
import pytest

from relay.drive.progress import StickState
from relay.drive.stick import Stick
from relay.errors import NotNow, UplinkDown
from tests.world.nodes import Country, running_centre
from tests.world.sticks import check_manifest, custody, fill, hand_over, receipts_on

P = ParamSpec("P")
T = TypeVar("T")
IMAGE_BYTES = 24 * 2**20
TOOLS = {
    "exfat": ("losetup", "mkfs.exfat", "mount.exfat-fuse", "fsck.exfat"),
    "fat": ("mkfs.vfat", "fusefat", "fsck.vfat"),
}


@dataclass
class Image:
    """A stick in a file: put in and taken out as often as one likes."""

    kind: str
    file: Path
    mounted: Path
    device: str = ""
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def make(self) -> None:
        """An empty file system."""
        with self.file.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        run(f"mkfs.{'exfat' if self.kind == 'exfat' else 'vfat'}", str(self.file))
        self.mounted.mkdir()

    def put_in(self) -> Stick:
        """Mounts it; what serves it runs in the foreground, so that it can be killed."""
        if self.kind == "exfat":
            self.device = run("losetup", "-f", "--show", str(self.file)).strip()
            command = ["mount.exfat-fuse", "-d", self.device, str(self.mounted)]
        else:
            command = ["fusefat", "-f", "-o", "rw+", str(self.file), str(self.mounted)]
        self.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 20
        while not self.mounted.is_mount():
            assert self.processes[-1].poll() is None, command
            assert time.monotonic() < deadline, command
            time.sleep(0.02)
        return Stick(self.mounted)

    def take_out(self) -> None:
        """In order: what was written is written."""
        self._end(signal.SIGTERM)

    def pull_out(self) -> None:
        """In the middle of whatever is done to it: what was not synced may be lost."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if not self.processes:
            return
        process = self.processes.pop()
        if number is signal.SIGTERM:
            subprocess.run(["umount", str(self.mounted)], check=True, timeout=20)
        else:
            process.kill()
            subprocess.run(["umount", "-l", str(self.mounted)], check=False, timeout=20, capture_output=True)
        process.wait(20)
        if self.device:
            run("losetup", "-d", self.device)
            self.device = ""

    def mend(self) -> None:
        """What every operating system does when a stick is put in that was pulled out."""
        words = ["fsck.exfat", "-y"] if self.kind == "exfat" else ["fsck.vfat", "-a", "-w"]
        subprocess.run([*words, str(self.file)], check=False, timeout=20, capture_output=True)


def run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=20).stdout


@pytest.fixture(params=["exfat", "fat"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Image]:
    missing = [tool for tool in TOOLS[request.param] if shutil.which(tool) is None]
    if os.geteuid() or not Path("/dev/fuse").exists() or missing:
        pytest.skip(f"needs root, /dev/fuse and {', '.join(missing) or 'nothing else'}")
    made = Image(request.param, tmp_path / "stick.img", tmp_path / "mounted")
    try:
        made.make()
        made.put_in()
        made.take_out()
    except (subprocess.CalledProcessError, AssertionError) as error:
        made.pull_out()
        pytest.skip(f"nothing can be mounted here: {error}")
    try:
        yield made
    finally:
        made.pull_out()


async def test_a_real_file_system_carries_everything_there_and_back(
    country: Country, http: aiohttp.ClientSession, image: Image
) -> None:
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        job = await fill(kept, country)
        told = await kept.export(image.put_in())
        assert told.state is StickState.SAFE
        image.pull_out()  # it was said to be safe
        stick = image.put_in()
        check_manifest(stick, kept)
        came = await hand_over(country, stick.folder, centre)
        assert (came.complete, came.sentences) == (True, [])
        image.pull_out()
        await job.arrived(http, centre)
        assert len(await receipts_on(image.put_in())) == came.receipts
        for receipt in await receipts_on(stick):
            await kept.settle(receipt)
        assert await kept.waiting() == 0
        await kept.export(Stick(image.mounted))
        check_manifest(Stick(image.mounted), kept)
        image.take_out()


async def test_a_real_file_system_that_is_full_takes_what_fits(country: Country, image: Image) -> None:
    async with custody(country) as kept:
        stick = image.put_in()
        (stick.folder / "film.mp4").write_bytes(bytes(stick.free_bytes() - 2 * 2**20))
        job = await fill(kept, country, stations=5, pages=3)
        told = await kept.export(stick)
        assert told.state is StickState.FULL
        assert 0 < told.left_out < len(job.photographs)
        check_manifest(stick, kept)
        image.take_out()
        check_manifest(image.put_in(), kept)
        image.take_out()


class PulledOut(Stick):
    """A stick that is pulled out at its k-th operation."""

    def __init__(self, image: Image, at: int) -> None:
        self._image = image
        self._left = at
        super().__init__(image.mounted)

    def _do(self, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        self._left -= 1
        if self._left == 0:
            self._image.processes[-1].kill()
            self._image.processes[-1].wait(20)
        return super()._do(operation, *arguments, **named)


async def test_a_real_file_system_pulled_out_while_it_is_written_loses_nothing(
    country: Country, http: aiohttp.ClientSession, image: Image
) -> None:
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        job = await fill(kept, country, stations=2, pages=1)
        for at in (*range(8, 80, 9), 100, 130):
            image.put_in()
            with contextlib.suppress(UplinkDown, NotNow):
                await kept.export(PulledOut(image, at))
            image.pull_out()
            image.mend()
            came = await hand_over(country, image.put_in().folder, centre)
            assert not any("not taken" in sentence for sentence in came.sentences), came.sentences
            assert await kept.waiting() == len(job.statements)
            image.take_out()
        stick = image.put_in()
        assert (await kept.export(stick)).state is StickState.SAFE
        check_manifest(stick, kept)
        assert (await hand_over(country, stick.folder, centre)).complete
        image.take_out()
        await job.arrived(http, centre)
