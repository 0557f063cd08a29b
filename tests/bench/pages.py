"""The pages in a real browser on a poor phone: a processor four times slower, and a hotspot far away.

Bytes are those on the wire as the browser counts them, headers included. A page counts as usable once its first screen
is there and the browser is idle. Every first load is in a browser that has never been there.
"""

import asyncio
import re
import tempfile
from pathlib import Path

from playwright.async_api import CDPSession, Page

from relay.protocol.roles import Role
from relay.web.site import BUILT
from tests.authorities import KECAMATAN
from tests.bench import nodes
from tests.bench.figures import Broken, Figure, Section
from tests.bench.material import Material
from tests.browser.chromium import chromium, is_there

FIRST_LOAD_KB_MAX = 200.0
_SLOWER = 4
_BYTES_PER_SECOND, _LATENCY_MS = 200_000, 150
_FIRST_SCREENS = {"phone's page": ("/", "#code"), "PPK's page": ("/ppk/", "main h1")}
_USABLE = """window.usable = new Promise((resolve) => {
  new MutationObserver((_, observer) => {
    if (!document.querySelector(%r)) return
    observer.disconnect()
    requestIdleCallback(() => resolve(performance.now()))
  }).observe(document, { childList: true, subtree: true })
})"""

Load = tuple[float, float]
"""Kilobytes on the wire, and seconds until usable."""


def first_loads(material: Material, rounds: int) -> Section:
    """Both pages, cold; the phone's page again with no network at all; and what it keeps for that."""
    said = (
        f"CPU throttled ×{_SLOWER}, {_BYTES_PER_SECOND * 8 / 1e6:.1f} Mbit/s, {_LATENCY_MS} ms, over TLS from a real "
        f"relay; {rounds} browsers that have never been there."
    )
    if not is_there():
        return Section("pages", "Left out: there is no chromium or certutil.", ())
    if not (BUILT / "index.html").is_file():
        raise Broken("The pages are not built: make pages")
    with nodes.relay(material) as server:
        url = f"https://localhost:{server.port}"
        root = material.identity(Role.RELAY, KECAMATAN) / "root.pem"
        return Section("pages", said, tuple(asyncio.run(_figures(url, root, rounds))))


async def _figures(url: str, root: Path, rounds: int) -> list[Figure]:
    figures = []
    for name, (path, selector) in _FIRST_SCREENS.items():
        first, again = [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="relay-bench-") as home:
                one, other = await _loads(url + path, root, Path(home), selector)
            first.append(one)
            again.append(other)
        kilobytes, seconds = zip(*first, strict=True)
        figures.append(Figure(f"{name}: first load", "KB", kilobytes, FIRST_LOAD_KB_MAX))
        figures.append(Figure(f"{name}: until usable", "s", seconds))
        if path == "/":
            figures.append(Figure(f"{name}: opened again without network", "s", tuple(again)))
            figures.append(Figure(f"{name}: kept for that, compressed", "KB", (_kept_kilobytes(),)))
    return figures


async def _loads(url: str, root: Path, home: Path, selector: str) -> tuple[Load, float]:
    """A first load; and for the phone's page, seconds until it is usable again with no network."""
    async with chromium(home, root) as browser:
        await browser.context.add_init_script(_USABLE % selector)
        page = await browser.context.new_page()
        wire = await browser.context.new_cdp_session(page)
        sizes: list[float] = []
        wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        await wire.send("Network.enable")
        await _throttle(wire, offline=False)
        await page.goto(url)
        seconds = await _usable(page)
        await page.wait_for_load_state("networkidle")
        first = sum(sizes) / 1000, seconds
        if selector != "#code":
            return first, 0.0
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await _throttle(wire, offline=True)
        await page.goto(url)
        return first, await _usable(page)


async def _throttle(wire: CDPSession, *, offline: bool) -> None:
    await wire.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
    rate = {"downloadThroughput": _BYTES_PER_SECOND, "uploadThroughput": _BYTES_PER_SECOND, "latency": _LATENCY_MS}
    await wire.send("Network.emulateNetworkConditions", {"offline": offline, **rate})


async def _usable(page: Page) -> float:
    return float(await page.evaluate("window.usable")) / 1000


def _kept_kilobytes() -> float:
    """What the service worker fetches, in the coding that browsers take."""
    listing = re.search(r"FILES=\[(.*?)\]", (BUILT / "sw.js").read_text("utf-8"))
    if listing is None:
        raise Broken("The service worker does not say what it keeps.")
    names = [name if name != "/" else "/index.html" for name in re.findall(r'"(/[^"]*)"', listing[1])]
    files = [BUILT / f"{name[1:]}.br" for name in names]
    return sum((file if file.is_file() else file.with_suffix("")).stat().st_size for file in files) / 1000
