"""`make screens`: every screen as a picture, on a phone and on a desk, for people to look at: tests/browser/screens."""

import asyncio
import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from relay.demo import photographs
from relay.demo.figures import Station, stations
from tests.authorities import TPS
from tests.browser.chromium import DESK, PHONE, chromium, is_there
from tests.browser.phone_walk import phone_screens
from tests.browser.place import place
from tests.world.nodes import Country

FOLDER = Path(__file__).parent / "screens"
_COLOURS = 128


async def take(folder: Path) -> None:
    """All pictures, with the figures and photographs of a real station."""
    station = next(item for item in stations() if item.tps == TPS)
    for size in (PHONE, DESK):
        with tempfile.TemporaryDirectory(prefix="relay-screens-") as name:
            await _take_phone(Path(name), station, size, folder)


async def _take_phone(work: Path, station: Station, size: tuple[int, int], folder: Path) -> None:
    country = Country(work)
    gallery = [work / f"IMG_{number}.jpg" for number in (1, 2, 3)]
    for number, file in enumerate(gallery, 1):
        file.write_bytes(photographs.photograph(station, number))
    async with place(country) as here, chromium(work / "phone", country.root_file, size) as browser:
        async for name, page in phone_screens(browser, here, station, gallery):
            await keep(page, folder / f"phone-{name}-{size[0]}x{size[1]}.png")


async def keep(page: Page, file: Path) -> None:
    """What is in the window now, with as few colours as it takes: small enough for a repository."""
    picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
    few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    print(file.name)


def main() -> int:
    """Begins with an empty folder, so that no picture is older than the others."""
    if not is_there():
        print("There is no browser: apt-get install chromium libnss3-tools", file=sys.stderr)
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    asyncio.run(take(FOLDER))
    return 0


if __name__ == "__main__":
    sys.exit(main())
