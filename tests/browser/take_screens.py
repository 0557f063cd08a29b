"""`make screens`: every screen as a picture, on a phone and on a desk, for people to look at: tests/browser/screens."""

import asyncio
import io
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from relay.demo import photographs
from relay.demo.figures import Station, stations
from tests.authorities import TPS
from tests.browser.chromium import DESK, PHONE, chromium, is_there
from tests.browser.operator import peso_hilir
from tests.browser.phone_walk import phone_screens
from tests.browser.place import list_stations, place
from tests.browser.ppk_walk import ppk_screens
from tests.world.nodes import Country

FOLDER = Path(__file__).parent / "screens"
_COLOURS = 256

Screens = AsyncIterator[tuple[str, Page]]


async def take(folder: Path) -> None:
    """All pictures, with the figures and photographs of a real station."""
    station = next(item for item in stations() if item.tps == TPS)
    for size in (PHONE, DESK):
        with tempfile.TemporaryDirectory(prefix="relay-screens-") as name:
            work = Path(name)
            gallery = [work / f"IMG_{number}.jpg" for number in (1, 2, 3)]
            for number, file in enumerate(gallery, 1):
                file.write_bytes(photographs.photograph(station, number))
            for page_of, walk in (("phone", _phone(work, station, gallery, size)), ("ppk", _ppk(work, gallery, size))):
                async for screen, page in walk:
                    await keep(page, folder / f"{page_of}-{screen}-{size[0]}x{size[1]}.png")


async def _phone(work: Path, station: Station, gallery: list[Path], size: tuple[int, int]) -> Screens:
    country = _country(work / "one")
    async with place(country) as here, chromium(work / "phone", country.root_file, size) as browser:
        async for screen in phone_screens(browser, here, station, gallery):
            yield screen


async def _ppk(work: Path, gallery: list[Path], size: tuple[int, int]) -> Screens:
    country = _country(work / "other")
    await list_stations(country)
    peso = peso_hilir(country.folder)
    async with place(country, peso) as here, chromium(work / "office", country.root_file, size) as browser:
        async for screen in ppk_screens(browser, here, country, gallery):
            yield screen


def _country(folder: Path) -> Country:
    folder.mkdir()
    return Country(folder)


async def keep(page: Page, file: Path) -> None:
    """What is in the window now, with as few colours as it takes: small enough for a repository."""
    picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
    # a red mark beside a photograph keeps its colour (maximum coverage), and the ground its shade (k-means)
    few = picture.convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    print(file.name)


def main() -> int:
    """All pictures or none are new, so that none is older than the others."""
    if not is_there():
        print("There is no browser: apt-get install chromium libnss3-tools", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="relay-screens-") as name:
        asyncio.run(take(Path(name)))
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(name, FOLDER)
        FOLDER.chmod(0o755)  # unlike a temporary folder's
    return 0


if __name__ == "__main__":
    sys.exit(main())
