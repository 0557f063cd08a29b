"""Operators' sessions: who gets one, what it is good for, when it ends; and the relay's own screen."""

import dataclasses
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from relay.clock import Clock
from relay.config import BoardConfig, RelayConfig
from relay.http import problems
from relay.protocol.codes import Scope
from relay.protocol.roles import Role
from relay.verifier import Verifier
from relay.web.login import Login
from relay.web.origins import Names
from relay.web.sessions import CHALLENGE_SECONDS, COOKIE, Sessions
from tests.authorities import KABUPATEN, KECAMATAN, TPS, World
from tests.world.http import COSE, ask
from tests.world.nodes import LOOPBACK, Country, running_relay, tally
from tests.world.operators import challenge, cookie_of, from_page, log_in, session, signed_login

HOURS = 12


def config(country: Country, **board: object) -> RelayConfig:
    return dataclasses.replace(country.relay_config(), board=BoardConfig(**board))  # type: ignore[arg-type]


# --- logging in at a real relay


@pytest.mark.parametrize("scope", [KECAMATAN, KABUPATEN])
async def test_an_operator_logs_in_looks_and_logs_out(
    country: Country, http: aiohttp.ClientSession, scope: str
) -> None:
    async with running_relay(config(country)) as relay:
        assert (await ask(http, "GET", f"{relay}/v1/board")).code == "session-needed"
        headers = await session(http, relay, country.world.operator(scope))
        told = (await ask(http, "GET", f"{relay}/v1/session", headers=headers)).json
        assert (told["role"], told["scope"], told["name"]) == ("ppk", scope, f"ppk {scope}")
        assert (await ask(http, "GET", f"{relay}/v1/node", headers=headers)).json["session"] == told
        assert (await ask(http, "GET", f"{relay}/v1/board", headers=headers)).status == 200
        left = await ask(http, "DELETE", f"{relay}/v1/session", headers=headers)
        assert (left.status, SimpleCookie(left.headers["Set-Cookie"])[COOKIE]["max-age"]) == (204, "0")
        assert (await ask(http, "GET", f"{relay}/v1/board", headers=headers)).code == "session-needed"
        assert (await ask(http, "GET", f"{relay}/v1/node", headers=headers)).json["session"] is None


async def test_the_cookie_is_of_no_use_to_scripts_other_sites_and_other_paths(
    country: Country, http: aiohttp.ClientSession
) -> None:
    async with running_relay(config(country)) as relay:
        answer = await log_in(http, relay, country.world.operator())
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert cookie["secure"] is True
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Strict", "/", "")
    assert cookie["max-age"] == str(HOURS * 3600)
    assert len(cookie.value) >= 43  # 256 bits
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("role", "scope", "code"),
    [
        (Role.KPPS, TPS, "role-not-allowed"),
        (Role.RELAY, KECAMATAN, "role-not-allowed"),
        (Role.PPK, "650107", "station-not-signers"),
        (Role.PPK, TPS[:10], "station-not-signers"),
    ],
)
async def test_who_is_no_operator_of_this_region_is_refused(
    country: Country, http: aiohttp.ClientSession, role: Role, scope: str, code: str
) -> None:
    async with running_relay(config(country)) as relay:
        answer = await log_in(http, relay, country.world.leaf(role, scope))
        assert (answer.status, answer.code) == (403, code)
        assert "Set-Cookie" not in answer.headers


async def test_an_operator_of_another_country_is_refused(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_relay(config(country)) as relay:
        assert (await log_in(http, relay, World().operator())).code == "chain-broken"


async def test_a_login_is_good_once(country: Country, http: aiohttp.ClientSession) -> None:
    operator = country.world.operator()
    async with running_relay(config(country)) as relay:
        asked = await challenge(http, relay)
        assert (await log_in(http, relay, operator, challenge=asked)).status == 200
        assert (await log_in(http, relay, operator, challenge=asked)).code == "challenge-unknown"


async def test_a_challenge_that_was_not_given_here_is_worth_nothing(
    country: Country, http: aiohttp.ClientSession
) -> None:
    operator = country.world.operator()
    async with running_relay(config(country)) as relay:
        asked = await challenge(http, relay)
        later = (int.from_bytes(asked[:8], "big") + 9).to_bytes(8, "big") + asked[8:]
        for forged in (bytes(32), later):
            assert (await log_in(http, relay, operator, challenge=forged)).code == "challenge-unknown"
        assert (await log_in(http, relay, operator, challenge=asked)).status == 200
    async with running_relay(config(country)) as relay:
        assert (await log_in(http, relay, operator, challenge=asked)).code == "challenge-unknown"


async def test_a_login_for_another_page_is_worth_nothing(country: Country, http: aiohttp.ClientSession) -> None:
    operator = country.world.operator()
    false_page = "https://relai-kpu.example"
    async with running_relay(config(country)) as relay:
        assert (await log_in(http, relay, operator, origin=false_page)).code == "origin-foreign"
        # the false page passes all of it on, as its own server would
        passed_on = {"Origin": false_page, "Host": "relai-kpu.example", "Sec-Fetch-Site": "same-origin"}
        answer = await log_in(http, relay, operator, origin=false_page, headers=passed_on)
        assert (answer.status, answer.code) == (403, "origin-foreign")
        assert "localhost" in answer.json["detail"]


@pytest.mark.parametrize("name", ["localhost", "relay.test", f"relay-{KECAMATAN}.local", "RELAI.example.id"])
async def test_the_relay_is_known_by_its_names(country: Country, http: aiohttp.ClientSession, name: str) -> None:
    settings = config(country)
    settings = dataclasses.replace(settings, web=dataclasses.replace(settings.web, name="relai.example.id"))
    async with running_relay(settings) as relay:
        origin = relay.replace(LOOPBACK, name.lower())
        headers = {**from_page(origin), "Host": relay.removeprefix("https://").replace(LOOPBACK, name)}
        answer = await log_in(http, relay, country.world.operator(), origin=origin, headers=headers)
        assert answer.status == 200, answer.body


async def test_what_is_no_login_is_refused_with_its_reason(country: Country, http: aiohttp.ClientSession) -> None:
    operator, officer = country.world.operator(), country.world.officer()
    async with running_relay(config(country)) as relay:
        good = signed_login(operator, await challenge(http, relay), relay)
        tampered = good[:-1] + bytes((good[-1] ^ 1,))
        wanted = {
            b"": "malformed-cbor",
            tally(officer).with_chain(officer[1]): "kind-unexpected",
            tampered: "signature-invalid",
            bytes(20_000): "statement-too-large",
        }
        for body, code in wanted.items():
            headers = {**COSE, **from_page(relay)}
            assert (await ask(http, "POST", f"{relay}/v1/session", data=body, headers=headers)).code == code
        unnamed = {**from_page(relay), "Content-Type": "application/json"}
        answer = await ask(http, "POST", f"{relay}/v1/session", data=good, headers=unnamed)
        assert answer.code == "unsupported-media-type"
        # and none of them has used the challenge up
        headers = {**COSE, **from_page(relay)}
        assert (await ask(http, "POST", f"{relay}/v1/session", data=good, headers=headers)).status == 200


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
async def test_another_page_changes_nothing_with_an_operators_cookie(
    country: Country, http: aiohttp.ClientSession, page: dict[str, str]
) -> None:
    async with running_relay(config(country)) as relay:
        headers = await session(http, relay, country.world.operator())
        foreign = {**page, "Cookie": headers["Cookie"]}
        for method, path in (("POST", "/v1/drives/usb/visit"), ("DELETE", "/v1/session")):
            assert (await ask(http, method, relay + path, headers=foreign)).code == "origin-foreign"
        assert (await ask(http, "POST", f"{relay}/v1/drives/usb/visit", headers=headers)).code == "not-found"
        assert (await ask(http, "GET", f"{relay}/v1/session", headers=headers)).status == 200


# --- when a session ends, with time as the test wants it


class Hands:
    """A server with nothing but sessions, whose time and revocations a test turns by hand."""

    def __init__(self, world: World) -> None:
        self.now = 1000.0
        self.verifier = Verifier(world.trust(), self._nobody, cached_max=16)
        names = Names(["127.0.0.1"])
        board = BoardConfig(session_hours=HOURS)
        self.sessions = Sessions(self.verifier, Scope(KECAMATAN), names, Clock(), board, lambda: self.now)
        self.app = web.Application(middlewares=[problems(lambda _: None)])
        self.app.add_routes(Login(self.sessions, 5.0).routes())

    async def _nobody(self, _x5t: bytes) -> None:
        return None


@pytest.fixture
async def hands(country: Country) -> AsyncIterator[tuple[Hands, str]]:
    made = Hands(country.world)
    async with TestServer(made.app, host=LOOPBACK) as server:
        yield made, str(server.make_url("")).rstrip("/")


async def test_a_challenge_is_good_for_two_minutes(
    country: Country, http: aiohttp.ClientSession, hands: tuple[Hands, str]
) -> None:
    made, url = hands
    asked = await challenge(http, url)
    made.now += CHALLENGE_SECONDS
    assert (await log_in(http, url, country.world.operator(), challenge=asked)).code == "challenge-unknown"


async def test_a_session_ends_after_its_hours(
    country: Country, http: aiohttp.ClientSession, hands: tuple[Hands, str]
) -> None:
    made, url = hands
    headers = await session(http, url, country.world.operator())
    made.now += HOURS * 3600 - 1
    assert (await ask(http, "GET", f"{url}/v1/session", headers=headers)).status == 200
    made.now += 1
    assert (await ask(http, "GET", f"{url}/v1/session", headers=headers)).code == "session-needed"


async def test_a_revoked_operators_session_ends_at_once_and_no_other(
    country: Country, http: aiohttp.ClientSession, hands: tuple[Hands, str]
) -> None:
    made, url = hands
    lost, other = country.world.operator(), country.world.operator()
    sessions = [await session(http, url, operator) for operator in (lost, other)]
    assert made.verifier.learn([country.world.ca.chain[0]], [country.world.crl(lost[1][0])]) == []
    told = [(await ask(http, "GET", f"{url}/v1/session", headers=headers)).status for headers in sessions]
    assert told == [401, 200]
    assert (await log_in(http, url, lost)).code == "signer-revoked"


async def test_the_oldest_session_makes_room(
    country: Country, http: aiohttp.ClientSession, hands: tuple[Hands, str]
) -> None:
    _, url = hands
    operator = country.world.operator()
    sessions = [await session(http, url, operator) for _ in range(65)]
    told = [(await ask(http, "GET", f"{url}/v1/session", headers=headers)).status for headers in sessions]
    assert told == [401] + [200] * 64


async def test_logging_in_again_ends_the_session_before(
    country: Country, http: aiohttp.ClientSession, hands: tuple[Hands, str]
) -> None:
    _, url = hands
    headers = await session(http, url, country.world.operator())
    again = await log_in(http, url, country.world.operator(), headers=headers)
    assert (await ask(http, "GET", f"{url}/v1/session", headers=headers)).code == "session-needed"
    headers["Cookie"] = cookie_of(again)
    assert (await ask(http, "GET", f"{url}/v1/session", headers=headers)).status == 200


# --- the relay's own screen


async def test_the_relays_own_screen_looks_and_changes_nothing(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_relay(config(country, screen=True)) as relay:
        assert (await ask(http, "GET", f"{relay}/v1/board")).status == 200
        assert (await ask(http, "GET", f"{relay}/v1/session")).json == {"role": "screen"}
        assert (await ask(http, "GET", f"{relay}/v1/node")).json["session"] == {"role": "screen"}
        answer = await ask(http, "POST", f"{relay}/v1/drives/usb/visit", headers=from_page(relay))
        assert answer.code == "session-needed"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.7"},
        {"Forwarded": "for=192.0.2.7"},
        {"Via": "1.1 proxy"},
        {"Host": "evil.example"},
        {"Host": "relay.test"},
        {"Origin": "https://evil.example"},
    ],
    ids=str,
)
async def test_what_only_looks_like_the_screen_is_not(
    country: Country, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    async with running_relay(config(country, screen=True)) as relay:
        assert (await ask(http, "GET", f"{relay}/v1/board", headers=headers)).code == "session-needed"


async def test_who_comes_from_elsewhere_is_not_the_screen(country: Country, http: aiohttp.ClientSession) -> None:
    assert http.connector is not None
    ssl = http.connector._ssl  # type: ignore[attr-defined]
    async with (
        running_relay(config(country, screen=True)) as relay,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ssl, local_addr=("127.0.0.2", 0))) as elsewhere,
    ):
        assert (await ask(elsewhere, "GET", f"{relay}/v1/board")).code == "session-needed"
        assert (await ask(http, "GET", f"{relay}/v1/board")).status == 200
