"""A real Chromium with a home of its own, which trusts one root and reaches nothing but this machine.

No certificate error is ever ignored: the root is put into the browser's own database (NSS), as somebody installs it
on a phone. What a page does wrong is kept, and ends the test: see `Browser.check`.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    WebError,
    async_playwright,
    expect,
)

RELAY_NAME, CENTRE_NAME = "relay.test", "pusat.test"
"""Names under which browsers know this machine; the certificates of `Country` bear them."""

PUBLIC_NAME = "relai.kpu.test"
"""Under KPU's own domain: the hotspot answers it, and a public CA certifies it."""

NAMES = (RELAY_NAME, CENTRE_NAME, PUBLIC_NAME, "relay-650108.local", "localhost")
PHONE, DESK = (360, 740), (1280, 800)
CHROMIUM, CERTUTIL = shutil.which("chromium"), shutil.which("certutil")
_AXE = Path(__file__).parents[2] / "relay/web/pages/node_modules/axe-core/axe.min.js"
_RULES = [*(f"MAP {name} 127.0.0.1" for name in NAMES), "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
_ARGUMENTS = [
    "--host-resolver-rules=" + ", ".join(_RULES),
    "--disable-component-update",
    "--no-first-run",
]
_PATIENCE_MS = 30_000  # with anything: how fast a page is, no test asks
expect.set_options(timeout=_PATIENCE_MS)
_INSIDE = ("blob:", "data:", "about:")
_GO = """place => new Promise(there => {
    const before = location.href
    location.hash = place
    if (location.href === before) there()
    else addEventListener('hashchange', () => requestAnimationFrame(() => setTimeout(there)), { once: true })
})"""


def is_there() -> bool:
    """Whether Debian's chromium and libnss3-tools are installed."""
    return CHROMIUM is not None and CERTUTIL is not None


def trust(home: Path, root_file: Path) -> None:
    """What installing a root on a phone does."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True, exist_ok=True)
    assert CERTUTIL is not None
    for words in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "KPU root", "-i", str(root_file)]):
        subprocess.run([CERTUTIL, "-d", f"sql:{database}", *words], check=True)


@dataclass
class Browser:
    """One browser with one profile; several pages of it are tabs."""

    context: BrowserContext
    profile: Path
    errors: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    _forgiven: list[re.Pattern[str]] = field(default_factory=list)

    async def open(self, url: str) -> Page:
        """A new tab, once the page has loaded."""
        page = await self.context.new_page()
        await page.goto(url)
        return page

    def kill(self) -> None:
        """kill -9 of the whole browser, as when a battery dies; nothing more can be done with it."""
        _, _, pid = str((self.profile / "SingletonLock").readlink()).rpartition("-")
        os.kill(int(pid), signal.SIGKILL)

    def forgive(self, pattern: str) -> None:
        """Console errors that match belong to what the test does, such as a network that is cut."""
        self._forgiven.append(re.compile(pattern))

    def check(self) -> None:
        """Fails if a page met an error, was held back by its Content-Security-Policy, or asked anybody else."""
        unforgiven = [error for error in self.errors if not any(known.search(error) for known in self._forgiven)]
        assert not unforgiven, "the browser says:\n" + "\n".join(unforgiven)
        names = {urlsplit(url).hostname for url in self.requested if not url.startswith(_INSIDE)}
        assert names <= set(NAMES), f"the pages asked somebody else: {names}"

    def on_console(self, message: ConsoleMessage) -> None:
        """Errors of the page, of loading, and of the Content-Security-Policy all come here."""
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def on_error(self, error: WebError) -> None:
        """An exception that nobody caught."""
        self.errors.append(f"uncaught: {error.error.stack or error.error.message}")

    def on_request(self, request: Request) -> None:
        """Every request of pages and service worker."""
        self.requested.append(request.url)


@asynccontextmanager
async def chromium(
    home: Path, root_file: Path | None, size: tuple[int, int] = PHONE, *, offline: bool = False
) -> AsyncIterator[Browser]:
    """A running browser. The same `home` again is the same browser, opened again, with all that it had kept."""
    if root_file is not None and not (home / ".pki").exists():
        trust(home, root_file)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            home / "profile",
            executable_path=CHROMIUM,
            args=_ARGUMENTS,
            chromium_sandbox=False,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            locale="id-ID",
            timezone_id="Asia/Makassar",
            viewport={"width": size[0], "height": size[1]},
            is_mobile=size == PHONE,
            has_touch=size == PHONE,
            accept_downloads=True,
            offline=offline,
            reduced_motion="reduce",
        )
        browser = Browser(context, home / "profile")
        context.set_default_timeout(_PATIENCE_MS)
        context.on("console", browser.on_console)
        context.on("weberror", browser.on_error)
        context.on("request", browser.on_request)
        try:
            yield browser
        finally:
            with contextlib.suppress(Error):  # killed by the test
                await context.close()


async def go(page: Page, *parts: object) -> None:
    """The screen of an address, without loading the page again: nothing of the one before is there any more."""
    await page.evaluate(_GO, "/" + "/".join(map(str, parts)))


async def axe(page: Page) -> list[str]:
    """What axe finds wrong with a page as it is now: a line for each element. Empty is the only good answer."""
    await page.evaluate(_AXE.read_text("utf-8"))
    found = await page.evaluate("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations")
    return [f"{item['id']}: {item['help']}: {node['html'][:200]}" for item in found for node in item["nodes"]]
