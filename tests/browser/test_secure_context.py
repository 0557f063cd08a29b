"""Each documented way to a secure context works in a real Chromium, and where there is none, a page says so.

Certificates are those that `relay authority` makes; no certificate error is ignored.
"""

import getpass
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Error, expect

from relay import cli
from relay.config import ListenConfig, WebConfig
from relay.listening import listening
from relay.protocol.roles import Role
from relay.web import site
from tests.authorities import World, new_key
from tests.browser.chromium import PUBLIC_NAME, RELAY_NAME, Browser, axe, chromium
from tests.browser.words import say
from tests.world.nodes import Country, running_relay, write_identity
from tests.world.processes import free_port

SECURE = "isSecureContext && 'subtle' in crypto && 'serviceWorker' in navigator"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a relay as its authority makes it, step by step as in the README."""
    monkeypatch.setattr(getpass, "getpass", lambda _prompt="": PASSPHRASE)
    root, ca, relay = (str(tmp_path / name) for name in ("root", "bulungan", "relay-identity"))
    names = ["--dns", RELAY_NAME, "--dns", "localhost", "--ip", "127.0.0.1"]
    assert cli.main(["authority", "init", "--authority", root]) == 0
    assert cli.main(["authority", "issue-ca", "--authority", root, "--scope", "6501", "--out", ca]) == 0
    made = ["authority", "issue-relay", "--authority", ca, "--scope", "650108", "--out", relay, *names]
    assert cli.main(made) == 0
    return Path(relay)


async def test_chromium_accepts_the_certificates_of_the_authority(
    tmp_path: Path, country: Country, identity: Path
) -> None:
    config = country.relay_config()
    config = replace(config, node=replace(config.node, identity_directory=identity))
    async with running_relay(config) as url, chromium(tmp_path / "phone", identity / "root.pem") as browser:
        port = url.rpartition(":")[2]
        for name in (RELAY_NAME, "relay-650108.local", "127.0.0.1"):
            page = await browser.open(f"https://{name}:{port}/healthz")
            assert await page.evaluate(SECURE)


async def test_a_phone_without_the_root_is_warned(tmp_path: Path, country: Country) -> None:
    async with running_relay(country.relay_config()) as url, chromium(tmp_path / "phone", None) as browser:
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            await browser.open(f"https://{RELAY_NAME}:{url.rpartition(':')[2]}/")


async def test_a_public_certificate_needs_nothing_on_the_phone(tmp_path: Path, country: Country) -> None:
    public = World(name="A public CA")
    root_file, listen = _public_certificate(public, tmp_path)
    config = replace(country.relay_config(), listen=listen)
    async with running_relay(config) as url, chromium(tmp_path / "phone", root_file) as browser:
        page = await browser.open(f"https://{PUBLIC_NAME}:{url.rpartition(':')[2]}/healthz")
        assert await page.evaluate(SECURE)


async def test_without_tls_a_page_leads_to_the_secure_one(browser: Browser, country: Country, tmp_path: Path) -> None:
    port = free_port()
    config = replace(country.relay_config(), web=WebConfig(plain_port=port, name=RELAY_NAME))
    async with running_relay(config):
        page = await browser.open(f"http://{RELAY_NAME}:{port}/")
        assert not await page.evaluate("isSecureContext")
        assert await axe(page) == []
        async with page.expect_download() as download:
            await page.get_by_role("link", name="kpu-root.crt").first.click()
        saved = tmp_path / "saved.crt"
        await (await download.value).save_as(saved)
        assert saved.read_bytes() == country.world.root_der
        browser.forgive("503")  # the pages need not be built for this test
        await page.get_by_role("link", name="https://").first.click()
        await page.wait_for_url(f"https://{RELAY_NAME}:*/**", wait_until="networkidle")
        assert await page.evaluate(SECURE)


async def test_localhost_is_secure_without_any_certificate(tmp_path: Path, country: Country) -> None:
    port = free_port()
    config = country.relay_config()
    config = replace(config, listen=replace(config.listen, local_port=port))
    async with running_relay(config), chromium(tmp_path / "phone", None) as browser:
        page = await browser.open(f"http://localhost:{port}/healthz")
        assert await page.evaluate(SECURE)


async def test_the_page_itself_says_when_it_is_not_secure(browser: Browser, country: Country) -> None:
    app = web.Application()
    app.add_routes(site.routes(site.RELAY_FRONTS, country.world.trust()))
    listen = ListenConfig(hosts=("127.0.0.1",), port=0)
    async with listening(app, listen, None) as port:
        page = await browser.open(f"http://{RELAY_NAME}:{port}/")
        await expect(page.get_by_text(say("insecure-context"))).to_be_visible()
        assert await axe(page) == []
    browser.forgive("Cross-Origin-Opener-Policy")  # which only secure pages may have


def _public_certificate(public: World, folder: Path) -> tuple[Path, ListenConfig]:
    """A certificate for the public name from another root; that root, and how to listen with it."""
    key = new_key()
    _, chain = public.leaf(Role.RELAY, "650108", public.root, key=key, dns=(PUBLIC_NAME,))
    write_identity(folder / "public", key, chain, public.root_der)
    here = folder / "public"
    listen = ListenConfig(
        hosts=("127.0.0.1",), port=0, tls_certificate=here / "certificate.pem", tls_key=here / "key.pem"
    )
    return here / "root.pem", listen
