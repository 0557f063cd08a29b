"""Fixtures for tests in a browser: a relay and a centre behind names, a phone's browser, its officer and a gallery.

Without chromium or certutil these tests are left out, and `make test` says so.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.demo import photographs
from relay.demo.figures import Station, stations
from tests.authorities import TPS
from tests.browser.chromium import Browser, chromium, is_there
from tests.browser.officer import Officer, officer
from tests.browser.operator import Operator, at_board, peso_hilir
from tests.browser.place import Place, place
from tests.world.nodes import Country

_HERE = Path(__file__).parent
_RELAYS = ("at_relay", "relay")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder, and leaves it out where there is no browser."""
    for item in items:
        if _HERE in item.path.parents:
            if isinstance(item, pytest.Function):  # relays are made before browsers, and so end after them
                item.fixturenames.sort(key=lambda name: name not in _RELAYS)
            item.add_marker(pytest.mark.browser)
            if not is_there():
                item.add_marker(pytest.mark.skip(reason="needs chromium and libnss3-tools"))


@pytest.fixture
async def at_relay(country: Country) -> AsyncIterator[Place]:
    """A relay and a centre that it reaches, and the link between the phones and the relay."""
    async with place(country) as made:
        yield made


@pytest.fixture
async def browser(tmp_path: Path, country: Country) -> AsyncIterator[Browser]:
    """A phone's browser that has the root installed; what its pages did wrong fails the test."""
    async with chromium(tmp_path / "phone", country.root_file) as running:
        yield running
    running.check()


@pytest.fixture
async def enrolled(browser: Browser, at_relay: Place, station: Station) -> Officer:
    """The station's officer, whose phone has its certificate."""
    someone = await officer(browser, at_relay.url)
    await someone.enrol(at_relay.new_code(station.tps))
    return someone


@pytest.fixture(scope="session")
def station() -> Station:
    """A station of Peso Hilir, with its real figures."""
    return next(item for item in stations() if item.tps == TPS)


@pytest.fixture(scope="session")
def gallery(station: Station, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs of its three pages, as files."""
    folder = tmp_path_factory.mktemp("gallery")
    files = [folder / f"IMG_{number}.jpg" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        file.write_bytes(photographs.photograph(station, number))
    return files


@pytest.fixture
async def peso(country: Country) -> AsyncIterator[Place]:
    """The relay of Peso Hilir, with its list of stations and a slot for sticks, and a centre."""
    async with place(country, peso_hilir(country.folder)) as made:
        yield made


@pytest.fixture
async def operator(peso: Place, browser: Browser) -> Operator:
    """Somebody at the kecamatan office of Peso Hilir who has logged in."""
    return await at_board(browser, peso)
