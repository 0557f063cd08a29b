"""Every screen of both pages can be used by everybody: axe finds nothing, nothing is wider than the window."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from relay.demo.figures import Station
from tests.browser.chromium import DESK, PHONE, axe, chromium
from tests.browser.operator import peso_hilir
from tests.browser.phone_walk import phone_screens
from tests.browser.place import Place, list_stations, place
from tests.browser.ppk_walk import ppk_screens
from tests.world.nodes import Country

TARGET_PIXELS = 44
SMALL = f"""() => [...document.querySelectorAll(
    'button, a.button, .index-link, label.picker, input:not([type=file], [type=radio], [type=checkbox])')]
    .filter(item => item.checkVisibility() && !item.closest('.boxes'))
    .map(item => [item.outerHTML.slice(0, 120), item.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && box.height < {TARGET_PIXELS})
    .map(([name, box]) => name + ' is ' + box.height + ' high')"""


SIZES = pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])


@SIZES
async def test_every_screen_of_the_phones_page_can_be_used_by_everybody(
    size: tuple[int, int], tmp_path: Path, country: Country, at_relay: Place, station: Station, gallery: list[Path]
) -> None:
    wrong: list[str] = []
    async with chromium(tmp_path / "phone", country.root_file, size) as browser:
        browser.forgive(r"net::ERR_|Failed to fetch")  # the walk switches the hotspot off for a while
        async for name, page in phone_screens(browser, at_relay, station, gallery):
            wrong += [f"{name}: {fault}" for fault in await _faults(page)]
        browser.check()
    assert not wrong, "\n" + "\n".join(dict.fromkeys(wrong))


@SIZES
async def test_every_screen_of_the_ppks_page_can_be_used_by_everybody(
    size: tuple[int, int], tmp_path: Path, country: Country, gallery: list[Path]
) -> None:
    wrong: list[str] = []
    peso = peso_hilir(tmp_path)
    await list_stations(country)
    async with place(country, peso) as here, chromium(tmp_path / "office", country.root_file, size) as browser:
        async for name, page in ppk_screens(browser, here, country, gallery):
            wrong += [f"{name}: {fault}" for fault in await _faults(page)]
        browser.check()
    assert not wrong, "\n" + "\n".join(dict.fromkeys(wrong))


async def _faults(page: Page) -> list[str]:
    found = await axe(page)
    await page.emulate_media(color_scheme="dark")
    found += [f"in the dark: {fault}" for fault in await axe(page) if fault not in found]
    await page.emulate_media(color_scheme="light")
    found += await page.evaluate(SMALL)
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    return found
