"""Several uplinks of one relay: who carries what and when, and what happens when one fails. Real nodes, bad links."""

import os
import ssl
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
from aiohttp import web

from relay.config import ExchangeConfig, RelayConfig, UplinkConfig
from relay.demo.link import LOOPBACK, Link
from relay.http import server_tls
from relay.identity import CERTIFICATE_FILE, KEY_FILE
from relay.protocol import cose
from relay.protocol.roles import Role
from relay.uplink.https import HttpsUplink
from tests.authorities import Party
from tests.world.forgetful import ForgetfulWay
from tests.world.http import ask, post, settled, upload, where
from tests.world.nodes import QUICK_UPLINK, Country, documents, running_centre, running_relay, tally
from tests.world.stream import HandDrivenRelay
from tests.world.waiting import eventually

RATE_BYTES_PER_SECOND = 150_000
DELAY_SECONDS = 0.02


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def uplink(name: str, port: int, **settings: Any) -> UplinkConfig:
    return UplinkConfig(name=name, url=f"https://{LOOPBACK}:{port}", **{**QUICK_UPLINK, **settings})


def relay_with(country: Country, *uplinks: UplinkConfig) -> RelayConfig:
    return replace(country.relay_config(), uplink=uplinks)


async def told_of(http: aiohttp.ClientSession, relay: str, name: str) -> Any:
    """What a relay says of one of its uplinks."""
    status = (await ask(http, "GET", f"{relay}/v1/status")).json
    return next(item for item in status["uplinks"] if item["name"] == name)


async def until(http: aiohttp.ClientSession, relay: str, name: str, state: str) -> Any:
    """What a relay says of an uplink once it is in that state."""

    async def look() -> Any:
        told = await told_of(http, relay, name)
        return told if told["state"] == state else None

    return await eventually(look)


async def crossed(link: Link, size_bytes: int) -> None:
    """Until so much more has reached the far side."""
    before = link.bytes_up

    async def look() -> bool:
        return link.bytes_up >= before + size_bytes

    await eventually(look)


class Two:
    """Two links to one centre, both down at first, and their ports."""

    def __init__(self, centre: str) -> None:
        self.first, self.second = Link(port_of(centre)), Link(port_of(centre))
        self.ports = (0, 0)

    async def open(self, stack: AsyncExitStack) -> "Two":
        self.ports = tuple([await stack.enter_async_context(link.open()) for link in (self.first, self.second)])  # type: ignore[assignment]
        return self

    def up(self, *links: Link) -> None:
        for link in links or (self.first, self.second):
            link.up(RATE_BYTES_PER_SECOND, DELAY_SECONDS)

    @property
    def bytes_up(self) -> int:
        return self.first.bytes_up + self.second.bytes_up


async def hand_over(
    http: aiohttp.ClientSession, relay: str, officer: Party, photographs: list[bytes], *, revision: int = 1
) -> cose.Sign1:
    """A list and its photographs."""
    listing = documents(officer, photographs, revision=revision)
    assert (await post(http, relay, listing.with_chain(officer[1]))).status in (200, 201)
    for photograph in photographs:
        assert (await upload(http, relay, photograph)).status == 204
    return listing


# --- two at once


async def test_two_uplinks_share_the_work_and_nothing_crosses_twice(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photographs = country.world.officer(), [os.urandom(500_000) for _ in range(3)]
    known = tally(officer, revision=99)
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        two = await Two(centre).open(stack)
        two.up()
        async with running_relay(
            relay_with(country, uplink("one", two.ports[0]), uplink("two", two.ports[1]))
        ) as relay:
            await post(http, relay, known.with_chain(officer[1]))
            await settled(http, relay, known.id)
            before = (await ask(http, "GET", f"{relay}/v1/status")).json["bytes_sent_again"]
            listing = await hand_over(http, relay, officer, photographs)
            tallies = [tally(officer, revision=at) for at in range(1, 60)]
            for statement in tallies:
                await post(http, relay, statement.bare)
            for statement in (listing, *tallies):
                assert (await settled(http, relay, statement.id))["state"] == "at-centre"
            status = (await ask(http, "GET", f"{relay}/v1/status")).json
        assert status["bytes_sent_again"] == before
        assert min(two.first.bytes_up, two.second.bytes_up) > 300_000
        assert two.bytes_up < 1.05 * sum(map(len, photographs))


async def test_one_of_two_uplinks_dies_in_the_middle_and_comes_back(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photographs = country.world.officer(), [os.urandom(600_000) for _ in range(3)]
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        two = await Two(centre).open(stack)
        two.up()
        async with running_relay(
            relay_with(country, uplink("one", two.ports[0]), uplink("two", two.ports[1]))
        ) as relay:
            listing = await hand_over(http, relay, officer, photographs)
            await crossed(two.first, 200_000)
            two.first.down()
            await crossed(two.second, 200_000)
            two.up(two.first)
            await crossed(two.first, 100_000)
            assert (await settled(http, relay, listing.id))["state"] == "at-centre"
            again = (await ask(http, "GET", f"{relay}/v1/status")).json["bytes_sent_again"]
        # what was in the link when it died went again, and no more
        assert two.bytes_up < 1.06 * sum(map(len, photographs))
        assert again < RATE_BYTES_PER_SECOND


# --- who carries what


async def test_a_standby_carries_only_while_the_better_one_is_down(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    first, second, third = (tally(officer, revision=at) for at in (1, 2, 3))
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        two = await Two(centre).open(stack)
        two.up()
        config = relay_with(
            country, uplink("standby", two.ports[1], priority=2), uplink("main", two.ports[0], priority=1)
        )
        async with running_relay(config) as relay:
            await post(http, relay, first.with_chain(officer[1]))
            await settled(http, relay, first.id)
            told = await until(http, relay, "standby", "standby")
            assert told["reason"] == "A better uplink works."
            assert two.second.connections == 0
            two.first.down()
            await post(http, relay, second.bare)
            await settled(http, relay, second.id)
            assert two.second.connections > 0
            two.up(two.first)
            await post(http, relay, third.bare)
            await settled(http, relay, third.id)

            async def stands_by() -> bool:
                """The better one is tried for as long as another does its work."""
                return bool((await told_of(http, relay, "standby"))["state"] == "standby")

            await eventually(stands_by)
            assert (await told_of(http, relay, "main"))["state"] in ("up", "resting")


async def test_photographs_wait_for_the_cheapest_and_figures_do_not(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(400_000)
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        two = await Two(centre).open(stack)
        two.up()
        config = relay_with(country, uplink("cheap", two.ports[0]), uplink("dear", two.ports[1], cost=7))
        async with running_relay(config) as relay:
            listing = await hand_over(http, relay, officer, [photograph])
            await settled(http, relay, listing.id)
            assert two.second.bytes_up < 40_000
            two.first.down()
            other = os.urandom(100_000)
            await settled(http, relay, (await hand_over(http, relay, officer, [other], revision=2)).id)
            assert two.second.bytes_up > len(other)


async def test_photographs_begun_on_a_dear_uplink_go_on_when_a_cheap_one_comes(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """The dear one goes on carrying figures, and gives back what it had planned and not sent."""
    officer, photograph = country.world.officer(), os.urandom(700_000)
    idle = {"idle_seconds_max": 600, "backoff_seconds_max": 0.1}
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        two = await Two(centre).open(stack)
        two.up(two.second)
        config = relay_with(country, uplink("cheap", two.ports[0]), uplink("dear", two.ports[1], cost=7, **idle))
        async with running_relay(config) as relay:
            listing = await hand_over(http, relay, officer, [photograph])
            await crossed(two.second, 100_000)
            two.up(two.first)
            assert (await settled(http, relay, listing.id))["state"] == "at-centre"
            assert two.first.bytes_up > 100_000
            assert two.second.connections == 1
            again = (await ask(http, "GET", f"{relay}/v1/status")).json["bytes_sent_again"]
            assert again < 1000  # the list, whose signer the centre did not know


async def test_a_link_for_figures_never_carries_a_byte_of_a_photograph(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(200_000)
    async with running_centre(country.centre_config()) as centre:
        link = Link(port_of(centre))
        link.up()
        async with link.open() as port:
            config = relay_with(country, uplink("satellite", port, carries=("tally", "control")))
            async with running_relay(config) as relay:
                listing = await hand_over(http, relay, officer, [photograph])
                for at in range(1, 4):
                    statement = tally(officer, revision=at)
                    await post(http, relay, statement.bare)
                    assert (await settled(http, relay, statement.id))["state"] == "at-centre"
                await until(http, relay, "satellite", "resting")
                assert (await where(http, relay, listing.id))["state"] == "at-relay"
        assert await where(http, centre, listing.id) is None
        assert link.bytes_up < 20_000


# --- when it may be used


def hours_from_now(begin: int, end: int) -> str:
    return "-".join(time.strftime("%H:%M", time.localtime(time.time() + 3600 * at)) for at in (begin, end))


async def test_outside_its_hours_an_uplink_is_closed(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statement, closed = tally(officer), hours_from_now(3, 5)
    async with running_centre(country.centre_config()) as centre:
        config = relay_with(country, uplink("night", port_of(centre), hours=(closed,)))
        async with running_relay(config) as relay:
            await post(http, relay, statement.with_chain(officer[1]))
            assert (await until(http, relay, "night", "closed"))["reason"] == f"It is used {closed} only."
            assert (await where(http, relay, statement.id))["state"] == "at-relay"
            assert await where(http, centre, statement.id) is None
        # a clock that nobody has set says nothing of the hour
        unsure = replace(config, node=replace(config.node, clock_sure_file=country.folder / "never"))
        async with running_relay(unsure) as relay:
            assert (await settled(http, relay, statement.id))["state"] == "at-centre"


async def test_within_its_hours_it_is_open(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statement = tally(officer)
    spans = (hours_from_now(3, 5), hours_from_now(-2, 2))
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(relay_with(country, uplink("night", port_of(centre), hours=spans))) as relay,
    ):
        await post(http, relay, statement.with_chain(officer[1]))
        assert (await settled(http, relay, statement.id))["state"] == "at-centre"


async def test_a_budget_that_is_spent_closes_the_uplink_and_a_restart_gives_nothing_back(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(900_000)
    async with running_centre(country.centre_config()) as centre:
        link = Link(port_of(centre))
        link.up(RATE_BYTES_PER_SECOND, DELAY_SECONDS)
        async with link.open() as port:
            config = relay_with(country, uplink("metered", port, bytes_per_day=200_000))
            async with running_relay(config) as relay:
                listing = await hand_over(http, relay, officer, [photograph])
                told = await until(http, relay, "metered", "closed")
                assert told["reason"] == "The 200000 bytes of today are spent; it opens again at 00:00 UTC."
                assert told["budget_bytes_left"] == 0
                statement = tally(officer)
                await post(http, relay, statement.bare)
            assert 200_000 < link.bytes_up < 260_000  # TLS, and the frame that was begun, come on top
            before = link.bytes_up
            async with running_relay(config) as relay:
                await until(http, relay, "metered", "closed")
                assert (await where(http, relay, listing.id))["state"] == "at-relay"
            assert link.bytes_up - before < 40_000
        # another way has a budget of its own
        async with running_relay(relay_with(country, uplink("other", port_of(centre)))) as relay:
            assert (await settled(http, relay, listing.id))["state"] == "at-centre"
            assert (await settled(http, relay, statement.id))["state"] == "at-centre"


# --- silence


async def test_a_silent_connection_is_replaced_by_a_fresh_one_and_the_next_time_by_the_spare(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photographs = country.world.officer(), [os.urandom(1_000_000) for _ in range(2)]
    async with running_centre(country.centre_config()) as centre:
        way = ForgetfulWay(port_of(centre))
        async with way.open() as port:
            config = relay_with(country, uplink("modem", port, silence_seconds_max=30))
            async with running_relay(config) as relay:
                listing = await hand_over(http, relay, officer, photographs)

                async def carries(at: int, size_bytes: int) -> bool:
                    return len(way.passages) > at and way.passages[at].bytes_up > size_bytes

                await eventually(lambda: carries(0, 200_000))
                way.forget(0)
                await eventually(lambda: carries(1, 100_000))
                await eventually(lambda: carries(2, 100))  # one to spare, now that the link is known to do this
                way.forget(1)
                await eventually(lambda: carries(2, 200_000))
                assert (await settled(http, relay, listing.id))["state"] == "at-centre"
                again = (await ask(http, "GET", f"{relay}/v1/status")).json["bytes_sent_again"]
        assert way.passages[1].is_beside_another  # the old one was kept until there was a better one
        assert [passage.is_closed for passage in way.passages[:2]] == [True, True]
        assert again < 300_000


async def test_a_slow_link_is_not_mistaken_for_a_dead_one(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statements = [tally(officer, revision=at) for at in range(1, 30)]
    async with running_centre(country.centre_config()) as centre:
        link = Link(port_of(centre))
        link.up(1_500, 0.75)
        async with link.open() as port:
            patient = {"connect_seconds_max": 60, "silence_seconds_max": 30, "idle_seconds_max": 60}
            async with running_relay(relay_with(country, uplink("slow", port, **patient))) as relay:
                await post(http, relay, statements[0].with_chain(officer[1]))
                await settled(http, relay, statements[0].id)
                before = (await ask(http, "GET", f"{relay}/v1/status")).json["bytes_sent_again"]
                for statement in statements[1:]:
                    await post(http, relay, statement.bare)
                for statement in statements:
                    assert (await settled(http, relay, statement.id))["state"] == "at-centre"
                assert (await ask(http, "GET", f"{relay}/v1/status")).json["bytes_sent_again"] == before
        assert link.connections == 1


# --- a busy centre, and connections made again


async def test_an_uplink_that_is_told_when_to_come_back_obeys_while_another_goes_on(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, other = country.world.officer(), country.world.relay("650109")
    statement = tally(officer)
    config = country.centre_config(exchange=ExchangeConfig(reserve_bytes=0, streams_max=1, retry_after_seconds=3000))
    full = replace(config, node=replace(config.node, data_directory=country.folder / "full"))
    async with (
        running_centre(full) as busy,
        running_centre(country.centre_config()) as centre,
        http.ws_connect(f"{busy}/v1/exchange") as socket,
    ):
        guest = HandDrivenRelay(socket, other)
        await guest.announce()
        await guest.ask([])
        ways = uplink("busy", port_of(busy)), uplink("other", port_of(centre))
        async with running_relay(relay_with(country, *ways)) as relay:
            await post(http, relay, statement.with_chain(officer[1]))
            assert (await settled(http, relay, statement.id))["state"] == "at-centre"
            told = await until(http, relay, "busy", "down")
            assert told["retry_in_seconds"] > 2000
            for at in range(2, 5):
                await post(http, relay, tally(officer, revision=at).bare)
            last = tally(officer, revision=5)
            await post(http, relay, last.bare)
            await settled(http, relay, last.id)
            assert (await told_of(http, relay, "busy"))["failures"] == 1


async def test_a_connection_made_again_resumes_its_tls_session(country: Country) -> None:
    """What a handshake costs on a narrow link is said in certificates: the second time there are none."""
    reused: list[bool] = []

    async def exchange(request: web.Request) -> web.WebSocketResponse:
        assert request.transport is not None
        tls = request.transport.get_extra_info("ssl_object")
        assert isinstance(tls, ssl.SSLObject)
        reused.append(bool(tls.session_reused))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(b"hello")
        await socket.receive()
        return socket

    app = web.Application()
    app.router.add_get("/v1/exchange", exchange)
    identity = country.identity(Role.CENTRE)
    tls = server_tls(country.centre_config().listen, identity / CERTIFICATE_FILE, identity / KEY_FILE, None)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    way = HttpsUplink(uplink("any", port), country.root_file)
    try:
        peers = set()
        for _ in range(3):
            async with way.open() as connection:
                assert await connection.receive() == b"hello"
                peers.add(connection.peer)
    finally:
        await runner.cleanup()
    assert reused == [False, True, True]
    assert len(peers) == 1  # who is there is known all the same
    assert peers != {b""}
