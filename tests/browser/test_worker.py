"""The service worker: the page opens without any network, and a new version takes over without losing anything."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from relay.web import site
from tests.authorities import TPS
from tests.browser.chromium import Browser
from tests.browser.engine import Phone, build
from tests.browser.place import Place
from tests.world.waiting import eventually

ROUTES = site.routes
READY = """Promise.race([
    navigator.serviceWorker.ready.then(() => true),
    new Promise((resolve) => setTimeout(resolve, 20_000, false)),
])"""
NEWER = '<meta name="newer" content="yes" />'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where the pages and the engine were built, and the engine's address."""
    folder = tmp_path_factory.mktemp("built")
    return folder, build(folder)


def newer(built: Path, folder: Path) -> Path:
    """The same build under another name, with a mark in its page: the next version."""
    shutil.copytree(built, folder)
    for name, old, new in (("index.html", "</head>", f"{NEWER}</head>"), ("sw.js", 'BUILD="', 'BUILD="next')):
        file = folder / name
        text = file.read_text("utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), "utf-8")
        for coding in (".br", ".gz"):
            file.with_name(name + coding).unlink(missing_ok=True)
    return folder


async def serve(relay: Place, monkeypatch: pytest.MonkeyPatch, built: Path) -> None:
    """Starts the relay again with the pages in `built`."""
    await relay.stop_relay()
    monkeypatch.setattr(site, "routes", partial(ROUTES, built=built))
    await relay.start_relay()


async def is_newer(page: Page) -> bool:
    """Whether the page is that of the next version, once something is on the screen."""
    await page.wait_for_selector("h1")
    return await page.locator("meta[name=newer]").count() == 1


async def worker_statuses(browser: Browser, page: Page) -> dict[str, str]:
    """How each version of the service worker stands, as the browser tells it from now on."""
    statuses: dict[str, str] = {}

    def note(told: dict[str, Any]) -> None:
        statuses.update({version["versionId"]: version["status"] for version in told["versions"]})

    devtools = await browser.context.new_cdp_session(page)
    devtools.on("ServiceWorker.workerVersionUpdated", note)
    await devtools.send("ServiceWorker.enable")
    return statuses


async def test_the_page_opens_with_no_network_and_signs(
    at_relay: Place, browser: Browser, built: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.forgive("ERR_|Failed to load resource")
    await serve(at_relay, monkeypatch, built[0])
    phone = await Phone.open(browser, at_relay.url, built[1])
    await phone.ask("enrol", at_relay.new_code(TPS), "Ketua KPPS")
    await phone.page.goto(at_relay.url)
    assert await phone.page.evaluate(READY)
    await phone.page.close()
    at_relay.hotspot.down()
    page = await browser.open(at_relay.url)
    await page.wait_for_selector("h1")
    phone = Phone(page, built[1])
    await phone.start()
    await phone.fill({"votes.1": 97})
    (item,) = await phone.ask("sign", TPS, 2401, {"tally": True, "documents": False})
    assert item["step"] == "on-phone"
    at_relay.hotspot.up()
    await phone.wait_for("items.length === 1 && items[0].step === 'at-centre'")  # its proofs are judged here


async def test_nothing_that_a_node_says_is_kept(
    at_relay: Place, browser: Browser, built: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.forgive("ERR_|Failed to load resource")
    await serve(at_relay, monkeypatch, built[0])
    page = await browser.open(at_relay.url)
    assert await page.evaluate(READY)
    kept = await page.evaluate(
        "caches.keys().then((names) => Promise.all(names.map(async (name) => "
        "(await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname))))"
    )
    paths = [path for one in kept for path in one]
    assert "/" in paths
    assert any("certificates" in path for path in paths)  # without it no receipt can be judged offline
    assert not [path for path in paths if path.startswith(("/v1/", "/ppk"))]
    at_relay.hotspot.down()
    assert await page.evaluate("fetch('/v1/node').then(() => 'answered', () => 'no answer')") == "no answer"


async def test_a_new_version_takes_over_at_the_next_start_and_loses_nothing(
    at_relay: Place, browser: Browser, built: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.forgive("ERR_|Failed to load resource")
    await serve(at_relay, monkeypatch, built[0])
    phone = await Phone.open(browser, at_relay.url, built[1])
    await phone.ask("enrol", at_relay.new_code(TPS), "Ketua KPPS")
    await phone.fill({"votes.1": 97})
    await phone.page.goto(at_relay.url)
    assert await phone.page.evaluate(READY)
    await serve(at_relay, monkeypatch, newer(built[0], tmp_path / "newer"))
    await phone.page.reload()
    assert not await is_newer(phone.page)  # what is open stays whole

    away = await browser.open("about:blank")
    statuses = await worker_statuses(browser, away)

    async def is_here() -> bool:
        return "installed" in statuses.values()

    async def took_over() -> bool:
        return set(statuses.values()) == {"activated", "redundant"}

    await eventually(is_here, 15)
    await phone.page.close()
    await eventually(took_over)  # the browser may take its time to see that nobody has the old one open
    page = await browser.open(at_relay.url)
    await away.close()
    assert await is_newer(page)
    again = Phone(page, built[1])
    await again.start()
    assert [draft["tps"] for draft in await again.see("drafts")] == [TPS]
    assert (await again.see("enrolment"))["state"] == "enrolled"
