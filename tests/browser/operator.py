"""An operator at the PPK's page, and the kecamatan that it is about: stations, names, a slot for sticks."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
from playwright.async_api import Download, Locator, Page, expect

from relay.config import BoardConfig, RelayConfig, UplinkConfig
from relay.demo.figures import FORM_CODE, Station, stations, write_registry
from relay.protocol import cose, forms, statements
from relay.protocol.forms import Figures
from relay.protocol.roles import Role
from relay.protocol.statements import DocumentHash
from relay.web import site
from tests.authorities import KECAMATAN, Party
from tests.browser.chromium import Browser, axe, go
from tests.browser.place import Place
from tests.browser.words import say
from tests.world.http import post, upload

NAME = "Rahmat"
SIGNED_AT = 1_763_700_000
ALL = [station for station in stations() if station.figures]
"""The stations of Peso Hilir whose figures are known."""

CUT = r"ERR_CONNECTION_RE|ERR_EMPTY_RESPONSE|ERR_NETWORK|ERR_SSL|status of 401"
"""What a browser says of a network that the test cuts, and of a session that is over after it."""

_PICTURE = Path(site.__file__).parent / "pages/public/icon-192.png"


def peso_hilir(folder: Path, **board: object) -> Callable[[RelayConfig], RelayConfig]:
    """What makes a relay that of Peso Hilir: its sixteen TPS, their names, one form, and a slot for sticks."""
    registry, regions = write_registry(folder, stations())
    told = BoardConfig(stations=registry, regions=regions, forms=(FORM_CODE,), **board)  # type: ignore[arg-type]
    media = folder / "media"
    media.mkdir(exist_ok=True)
    drive = UplinkConfig(kind="drive", folder=media)
    return lambda config: replace(config, board=told, uplink=(*config.uplink, drive))


def signed_tally(officer: Party, station: Station, figures: Figures | None = None, *, revision: int = 1) -> cose.Sign1:
    """A station's tally as a phone signs it."""
    chosen = figures or station.figures
    assert chosen is not None
    return officer[0].sign(
        statements.tally(
            tps=station.tps, form=FORM_CODE, revision=revision, signed_at=SIGNED_AT, figures=forms.pack(chosen)
        )
    )


def pictures(station: Station, count: int = 3) -> list[bytes]:
    """Small pictures that browsers show, each of its own: what stands behind a PNG's end is passed over."""
    return [_PICTURE.read_bytes() + f"{station.tps}/{number}".encode() for number in range(count)]


def other(station: Station) -> Figures:
    """The figures of somebody who read one of them otherwise."""
    assert station.figures is not None
    at = next(number for number, figure in enumerate(station.figures) if figure)
    return (*station.figures[:at], (station.figures[at] or 0) + 1, *station.figures[at + 1 :])


async def saved(download: Download) -> bytes:
    """What the browser has saved."""
    return await asyncio.to_thread((await download.path()).read_bytes)


async def hand_over(http: aiohttp.ClientSession, url: str, officer: Party, *signed: cose.Sign1) -> None:
    """What a phone sends."""
    for statement in signed:
        answer = await post(http, url, statement.with_chain(officer[1]))
        assert answer.status in (200, 201), answer.body


async def photograph(
    http: aiohttp.ClientSession, url: str, officer: Party, station: Station, pictures: list[bytes]
) -> cose.Sign1:
    """A list of pages, and their bytes."""
    pages = [statements.Page(at, DocumentHash(cose.sha256(data)), len(data)) for at, data in enumerate(pictures, 1)]
    payload = statements.documents(tps=station.tps, form=FORM_CODE, revision=1, signed_at=SIGNED_AT, pages=pages)
    signed = officer[0].sign(payload)
    await hand_over(http, url, officer, signed)
    for picture in pictures:
        assert (await upload(http, url, picture)).status == 204
    return signed


class Operator:
    """One person at one browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def ask_for_key(self, code: str) -> None:
        """Types name and one-time code."""
        await self.page.get_by_label(say("login.name")).fill(NAME)
        await self.page.get_by_label(say("login.code")).fill(code)
        await self.press("login.enrol")

    async def enrol(self, code: str) -> None:
        """The same, and is logged in without more."""
        await self.ask_for_key(code)
        await self.is_in()

    async def log_in(self) -> None:
        """Signs the challenge, and sees the board."""
        await self.press("login.in")
        await self.is_in()

    async def is_in(self) -> None:
        """Sees the board, as somebody who may act."""
        out = self.page.get_by_role("button", name=say("login.out"), exact=True)
        await expect(out).to_be_visible()
        await expect(self.page.locator(".headline, .notice").first).to_be_visible()

    async def press(self, key: str) -> None:
        """The button of these words."""
        await self.page.get_by_role("button", name=say(key), exact=True).click()

    async def go(self, *parts: object, shows: str = "h1") -> None:
        """The screen of an address, without loading the page again, once it is there; `shows` is what comes last."""
        await go(self.page, *parts)
        await expect(self.page.get_by_text("…", exact=True)).to_have_count(0)
        await self.page.locator(shows).first.wait_for()

    def row(self, tps: str) -> Locator:
        """A station on the board."""
        return self.page.locator(f'a.station[href="#/tps/{tps}"]')

    async def is_accessible(self) -> None:
        """There is nothing for axe to find, and nothing wider than the screen."""
        assert await axe(self.page) == []
        screen = self.page.viewport_size
        assert screen is not None
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= screen["width"]

    async def sees(self, key: str, **values: object) -> None:
        """Waits until these words stand somewhere on the screen."""
        await expect(self.page.get_by_text(say(key, **values)).first).to_be_visible()


async def at_board(browser: Browser, place: Place) -> Operator:
    """An operator who has enrolled with a code from the kabupaten and is logged in."""
    someone = Operator(await browser.open(f"{place.url}/ppk/"))
    await someone.enrol(place.new_code(KECAMATAN, Role.PPK))
    return someone
