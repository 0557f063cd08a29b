"""The pages are served strictly and cheaply; without TLS there is one page, which leads to the secure one."""

import gzip
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from relay.config import RelayConfig, WebConfig
from relay.http import PROBLEM_TYPE, problems
from relay.web import plain, site
from tests.authorities import World
from tests.world.http import Answer, ask
from tests.world.nodes import Country, running_relay
from tests.world.processes import free_port

ROOT = Path(__file__).parent.parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HTML = {"Accept": "text/html,*/*"}
SCRIPT = b"const many = 'words'\n" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Pages as Vite leaves them."""
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "ppk").mkdir()
    for name in ("index.html", "ppk/index.html", "sw.js", "manifest.webmanifest"):
        (folder / name).write_text(f'"{name}"')
    (folder / "assets" / "phone-abc.js").write_bytes(SCRIPT)
    (folder / "assets" / "phone-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "phone-abc.js.br").write_bytes(b"as brotli")
    (folder / "assets.json").write_text("{}")
    (folder / "sources.sha256").write_text("0")
    (tmp_path / "secret.html").write_text("not for browsers")
    return folder


@asynccontextmanager
async def serving(built: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """The pages alone, on loopback; answers come as they crossed the wire."""
    app = web.Application(middlewares=[problems(lambda _code: None)])
    app.add_routes(site.routes(site.RELAY_FRONTS, World().trust(), built))
    runner = web.AppRunner(app)
    await runner.setup()
    here = web.TCPSite(runner, "127.0.0.1", 0)
    await here.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession(url, auto_decompress=False) as session:
            yield session
    finally:
        await runner.cleanup()


async def test_pages_are_strict_and_asked_for_again(built: Path) -> None:
    async with serving(built) as client:
        for path in ("/", "/ppk/", "/sw.js", "/manifest.webmanifest"):
            answer = await ask(client, "GET", path)
            assert answer.status == 200
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Strict-Transport-Security" not in answer.headers
            again = await ask(client, "GET", path, headers={"If-None-Match": answer.headers["Etag"]})
            assert (again.status, again.body) == (304, b"")
        assert (await ask(client, "GET", "/sw.js")).headers["Service-Worker-Allowed"] == "/"
        (built / "index.html").write_text("newer")
        known = {"If-None-Match": (await ask(client, "GET", "/ppk/")).headers["Etag"]}
        assert (await ask(client, "GET", "/", headers=known)).body == b"newer"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br; q=0.0", None),
        ("", None),
        ("identity", None),
    ],
)
async def test_assets_come_as_small_as_the_browser_takes_them(built: Path, accepted: str, coding: str | None) -> None:
    async with serving(built) as client:
        answer = await ask(client, "GET", "/assets/phone-abc.js", headers={"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == coding
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"].startswith("text/javascript")
        suffix = {"br": ".br", "gzip": ".gz", None: ""}[coding]
        assert answer.body == (built / f"assets/phone-abc.js{suffix}").read_bytes()


@pytest.mark.parametrize(
    "path", ["/nothing", "/secret.html", "/..%2fsecret.html", "/assets/..%2f..%2fsecret.html", "/assets.json"]
)
async def test_where_nothing_is_people_get_a_page_and_programs_a_problem(built: Path, path: str) -> None:
    async with serving(built) as client:
        person = await get(client, path, headers=HTML)
        assert person.status == 404
        assert b"Halaman ini tidak ada" in person.body
        program = await ask(client, "GET", path)
        assert (program.status, program.json["code"]) == (404, "not-found")


async def test_an_unknown_address_of_the_api_is_a_problem_even_for_a_browser(built: Path) -> None:
    async with serving(built) as client:
        answer = await ask(client, "GET", "/v1/nothing", headers=HTML)
        assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (404, PROBLEM_TYPE)


async def test_a_package_without_pages_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path / "nowhere") as client:
        assert "make pages" in caplog.text
        for path in ("/", "/ppk/"):
            answer = await get(client, path)
            assert answer.status == 503
            assert b"make pages" in answer.body
        assert (await ask(client, "GET", "/root.crt")).status == 200


async def test_without_tls_there_is_one_page_and_the_root(country: Country) -> None:
    port = free_port()
    config = with_web(country.relay_config(), WebConfig(plain_port=port, name="relai.example.id"))
    async with running_relay(config) as url, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        front = await ask(client, "GET", "/")
        assert front.status == 200
        assert f"https://relai.example.id:{url.rpartition(':')[2]}/" in front.body.decode()
        assert plain.fingerprint(country.world.root_der) in front.body.decode()
        assert b"<script" not in front.body
        assert (await ask(client, "GET", "/root.crt")).body == country.world.root_der
        for probe in ("/generate_204", "/hotspot-detect.html", "/connecttest.txt", "/v1/statements", "/ppk/"):
            answer = await get(client, probe)
            assert (answer.status, answer.body) == (404, front.body)
        assert (await get(client, "/v1/statements", "POST", data=b"x")).status == 405


async def test_a_plain_port_that_is_taken_keeps_no_phone_waiting(
    country: Country, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_relay(country.relay_config()) as other:
        config = with_web(country.relay_config("second"), WebConfig(plain_port=int(other.rpartition(":")[2])))
        async with running_relay(config) as url:
            assert "no page on web.plain_port" in caplog.text
            assert (await ask(http, "GET", f"{url}/healthz")).status == 200


async def test_this_machine_is_served_without_tls_under_its_own_name_alone(country: Country) -> None:
    port = free_port()
    config = country.relay_config()
    config = replace(config, listen=replace(config.listen, local_port=port))
    async with running_relay(config), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        assert (await ask(client, "GET", "/v1/status")).status == 200
        assert (await ask(client, "GET", "/v1/status", headers={"Host": f"localhost:{port}"})).status == 200
        stranger = await ask(client, "GET", "/v1/status", headers={"Host": f"evil.example:{port}"})
        assert (stranger.status, stranger.json["code"]) == (400, "bad-request")


def test_without_npm_building_says_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "relay", tmp_path / "relay", ignore=shutil.ignore_patterns("node_modules", "built"))
    command = [sys.executable, "-m", "relay.web.build"]
    told = subprocess.run(command, cwd=tmp_path, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "npm is not here. Install Node 20.19" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_lock_of_the_pages_names_no_addresses() -> None:
    text = (ROOT / "relay/web/pages/package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 50


async def get(client: aiohttp.ClientSession, path: str, method: str = "GET", **more: Any) -> Answer:
    """An answer for a person: unlike `ask`, errors may be pages."""
    async with client.request(method, path, **more) as answer:
        return Answer(answer.status, await answer.read(), dict(answer.headers), None)


def with_web(config: RelayConfig, web_config: WebConfig) -> RelayConfig:
    return replace(config, web=web_config)
