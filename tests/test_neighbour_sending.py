"""Whole relays that hand over to each other: A has no way out and B has one, or neither has, or B lies."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from relay.config import AnnounceConfig, IntakeConfig, NeighbourConfig, RelayConfig, UplinkConfig
from relay.demo.link import LOOPBACK, Link
from relay.errors import Code
from relay.http import server_tls
from relay.identity import CERTIFICATE_FILE, KEY_FILE
from relay.protocol import cose, messages, parcels, receipts, slips
from relay.protocol.messages import Ask, Frame, Held, Kept, Message, Problem, ReceiptGiven, SlipGiven, TrustNews
from relay.protocol.parcels import StatementParcel
from relay.protocol.receipts import Verdict
from relay.protocol.roles import Role
from relay.protocol.slips import Subject
from relay.protocol.statements import StatementId
from tests.authorities import Party
from tests.world.http import ask, post, settled, upload, where
from tests.world.nodes import QUICK_UPLINK, Country, documents, running_centre, running_relay, tally
from tests.world.processes import free_port
from tests.world.waiting import eventually

SCOPES = {"a": "650101", "b": "650102", "c": "650103"}


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def to_centre(url: str, **settings: Any) -> UplinkConfig:
    return UplinkConfig(name="centre", url=url, **{**QUICK_UPLINK, **settings})


def to_neighbour(url: str = "", **settings: Any) -> UplinkConfig:
    return UplinkConfig(kind="neighbour", name="neighbour", url=url, **{**QUICK_UPLINK, **settings})


def relay_of(country: Country, name: str, *uplinks: UplinkConfig, **settings: Any) -> RelayConfig:
    return replace(country.relay_config(name, scope=SCOPES[name], **settings), uplink=uplinks)


async def status_of(http: aiohttp.ClientSession, relay: str) -> Any:
    return (await ask(http, "GET", f"{relay}/v1/status")).json


async def handed_over(http: aiohttp.ClientSession, relay: str, statement: bytes, name: str) -> Any:
    """What a relay says of a statement once it has the slip of that neighbour."""

    async def look() -> Any:
        told = await where(http, relay, statement)
        return told if [item["scope"] for item in told["also_at"]] == [SCOPES[name]] else None

    return await eventually(look)


async def hand_over(
    http: aiohttp.ClientSession, relay: str, officer: Party, photographs: Sequence[bytes]
) -> tuple[cose.Sign1, cose.Sign1]:
    """A tally, a list and its photographs from a phone."""
    statement, listing = tally(officer), documents(officer, list(photographs))
    for signed in (statement, listing):
        assert (await post(http, relay, signed.with_chain(officer[1]))).status == 201
    for photograph in photographs:
        assert (await upload(http, relay, photograph)).status == 204
    return statement, listing


async def at_rest(http: aiohttp.ClientSession, *relays: str) -> int:
    """Until no relay sends anything more; how many bytes all of them have sent."""
    before = -1
    async with asyncio.timeout(40):
        while True:
            told = [await status_of(http, relay) for relay in relays]
            sent = int(sum(status["bytes_sent"] for status in told))
            if sent == before:
                return sent
            before = sent
            await asyncio.sleep(4)


# --- the way through


@pytest.mark.parametrize("found_by", ["address", "zeroconf"])
async def test_what_a_neighbour_takes_reaches_the_centre_and_the_receipts_come_back(
    country: Country, http: aiohttp.ClientSession, found_by: str
) -> None:
    officer, photograph = country.world.officer(), os.urandom(50_000)
    announce = AnnounceConfig(found_by == "zeroconf", (LOOPBACK,), f"relay-{free_port()}")
    looking = AnnounceConfig(False, (LOOPBACK,))
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(relay_of(country, "b", to_centre(centre), announce=announce)) as b,
    ):
        way = to_neighbour(b if found_by == "address" else "")
        async with running_relay(relay_of(country, "a", way, announce=looking)) as a:
            statement, listing = await hand_over(http, a, officer, [photograph])
            for signed in (statement, listing):
                assert (await settled(http, a, signed.id))["state"] == "at-centre"
                told = await handed_over(http, a, signed.id, "b")
                assert told["receipt"]
                assert (await where(http, b, signed.id))["origin"] == f"relay {SCOPES['a']}"
                assert (await where(http, centre, signed.id))["sender"] == f"relay {SCOPES['b']}"
            (page,) = (await where(http, a, listing.id))["documents"]
            assert page["state"] == "at-relay"
            assert (await status_of(http, a))["counts"]["without_receipt"] == 0
            assert (await status_of(http, a))["bytes_sent_again"] < 2000


async def test_the_neighbours_slip_is_shown_while_the_centre_is_away_and_settles_nothing(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(20_000)
    async with AsyncExitStack() as stack:
        link = Link(0)  # B's way out, down at first
        port = await stack.enter_async_context(link.open())
        b = await stack.enter_async_context(
            running_relay(relay_of(country, "b", to_centre(f"https://{LOOPBACK}:{port}")))
        )
        a = await stack.enter_async_context(running_relay(relay_of(country, "a", to_neighbour(b))))
        statement, listing = await hand_over(http, a, officer, [photograph])
        for signed in (statement, listing):
            told = await handed_over(http, a, signed.id, "b")
            assert (told["state"], told["receipt"]) == ("at-relay", None)
        centre = await stack.enter_async_context(running_centre(country.centre_config()))
        link.target_port = port_of(centre)
        link.up()
        for signed in (statement, listing):
            assert (await settled(http, a, signed.id))["state"] == "at-centre"


async def test_the_own_way_comes_back_and_what_the_neighbour_has_brought_is_asked_about(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photographs = country.world.officer(), [os.urandom(200_000) for _ in range(2)]
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        own, theirs = Link(port_of(centre)), Link(port_of(centre))
        own_port = await stack.enter_async_context(own.open())
        their_port = await stack.enter_async_context(theirs.open())
        b = await stack.enter_async_context(
            running_relay(relay_of(country, "b", to_centre(f"https://{LOOPBACK}:{their_port}")))
        )
        ways = to_centre(f"https://{LOOPBACK}:{own_port}"), to_neighbour(b)
        a = await stack.enter_async_context(running_relay(relay_of(country, "a", *ways)))
        statement, listing = await hand_over(http, a, officer, photographs)
        await handed_over(http, a, statement.id, "b")

        async def all_is_at_b() -> bool:
            told = await where(http, b, listing.id)
            return bool(told) and {page["state"] for page in told["documents"]} == {"at-relay"}

        await eventually(all_is_at_b)
        theirs.up()
        await settled(http, b, listing.id)
        own.up()
        for signed in (statement, listing):
            assert (await settled(http, a, signed.id))["state"] == "at-centre"
    assert own.bytes_up < 20_000  # questions


async def test_the_own_way_comes_back_before_the_neighbours_and_goes_on_alone(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """B vanishes with all that it has given its slips for; A has kept everything."""
    officer, photograph = country.world.officer(), os.urandom(100_000)
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        link = Link(port_of(centre))
        port = await stack.enter_async_context(link.open())
        async with AsyncExitStack() as passing:
            b = await passing.enter_async_context(running_relay(relay_of(country, "b")))
            ways = to_centre(f"https://{LOOPBACK}:{port}"), to_neighbour(b)
            a = await stack.enter_async_context(running_relay(relay_of(country, "a", *ways)))
            statement, listing = await hand_over(http, a, officer, [photograph])
            for signed in (statement, listing):
                await handed_over(http, a, signed.id, "b")
        link.up()
        for signed in (statement, listing):
            assert (await settled(http, a, signed.id))["state"] == "at-centre"


# --- a neighbour that cannot, or will not


async def test_a_neighbour_that_is_full_takes_figures_and_the_photographs_go_another_way(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(200_000)
    async with running_centre(country.centre_config()) as centre, AsyncExitStack() as stack:
        link = Link(port_of(centre))
        port = await stack.enter_async_context(link.open())
        full = NeighbourConfig(reserve_bytes=2**40)
        b = await stack.enter_async_context(running_relay(relay_of(country, "b", to_centre(centre), neighbour=full)))
        ways = to_centre(f"https://{LOOPBACK}:{port}"), to_neighbour(b)
        a = await stack.enter_async_context(running_relay(relay_of(country, "a", *ways)))
        statement, listing = await hand_over(http, a, officer, [photograph])
        assert (await settled(http, a, statement.id))["state"] == "at-centre"
        later = tally(officer, revision=2)
        await post(http, a, later.bare)
        assert (await settled(http, a, later.id))["state"] == "at-centre"
        assert (await where(http, a, listing.id))["state"] == "at-relay"
        link.up()
        assert (await settled(http, a, listing.id))["state"] == "at-centre"


async def test_what_a_neighbour_refuses_is_tried_a_few_times_and_said(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    strict = IntakeConfig(reserve_bytes=0, document_bytes_max=4096)
    async with running_relay(relay_of(country, "b", intake=strict)) as b:
        way = to_neighbour(b, ask_again_seconds=600)
        async with running_relay(relay_of(country, "a", way)) as a:
            _, listing = await hand_over(http, a, officer, [photograph])

            async def said(times: int) -> bool:
                told = (await status_of(http, a))["not_taken"]
                return len([item for item in told if item["code"] == "document-too-large"]) >= times

            await eventually(lambda: said(1))
            await at_rest(http, a)
            assert (await status_of(http, a))["bytes_sent_again"] < 10_000  # a few times, with certificates
            assert (await where(http, a, listing.id))["state"] == "at-relay"


@asynccontextmanager
async def liar(
    country: Country, role: Role, scope: str, answer: Callable[[bytes], Sequence[Message]], *greeting: Message
) -> AsyncIterator[str]:
    """Somebody with a good certificate who keeps nothing and says to each frame what `answer` gives."""
    identity = country.identity(role, scope)
    tls = server_tls(country.relay_config().listen, identity / CERTIFICATE_FILE, identity / KEY_FILE, None)

    async def exchange(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for said in greeting:
            await socket.send_bytes(messages.encode(said))
        frames = 0
        async for message in socket:
            match messages.decode(message.data):
                case Ask(statements):
                    await socket.send_bytes(messages.encode(Held((), statements)))
                case Frame(data):
                    frames += 1
                    for said in (*answer(data), Kept(frames)):
                        await socket.send_bytes(messages.encode(said))
        return socket

    app = web.Application()
    app.router.add_get("/v1/exchange", exchange)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls)
    await site.start()
    try:
        yield f"https://{LOOPBACK}:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    finally:
        await runner.cleanup()


async def test_a_neighbour_that_lies_is_not_believed(country: Country, http: aiohttp.ClientSession) -> None:
    world, officer = country.world, country.world.officer()
    statement = tally(officer)
    other, centre = world.relay("650109"), world.relay("650102")
    slip = other[0].sign(slips.payload(Subject.STATEMENT, statement.id, 1, 1_763_700_000, True))
    outcome = receipts.Outcome(StatementId(statement.id), Verdict.RECORDED)
    forged = [centre[0].sign(receipts.payload(1, [outcome])), world.officer()[0].sign(receipts.payload(1, [outcome]))]
    lies: list[Message] = [TrustNews((*other[1], *centre[1]), ()), SlipGiven(slip.bare)]
    lies += [ReceiptGiven(item.bare) for item in forged]
    lied_to: list[bytes] = []

    def lie(frame: bytes) -> Sequence[Message]:
        lied_to.append(frame)
        return lies

    async with liar(country, Role.RELAY, SCOPES["b"], lie) as b, AsyncExitStack() as stack:
        a = await stack.enter_async_context(running_relay(relay_of(country, "a", to_neighbour(b))))
        await post(http, a, statement.with_chain(officer[1]))

        async def was_lied_to() -> bool:
            return bool(lied_to)

        await eventually(was_lied_to)
        await asyncio.sleep(1)
        told = await where(http, a, statement.id)
        assert (told["state"], told["receipt"], told["also_at"]) == ("at-relay", None, [])
    # said to be kept, and not kept: the centre gets it all the same
    async with (
        running_centre(country.centre_config()) as truth,
        running_relay(relay_of(country, "a", to_centre(truth), to_neighbour(b))) as a,
    ):
        assert (await settled(http, a, statement.id))["state"] == "at-centre"


@pytest.mark.parametrize(("role", "scope"), [(Role.CENTRE, ""), (Role.PPK, "650102"), (Role.KPPS, "6501082001001")])
async def test_who_is_no_relay_is_no_neighbour(
    country: Country, http: aiohttp.ClientSession, role: Role, scope: str
) -> None:
    officer = country.world.officer()
    async with (
        liar(country, role, scope, lambda _: ()) as b,
        running_relay(relay_of(country, "a", to_neighbour(b))) as a,
    ):
        await post(http, a, tally(officer).with_chain(officer[1]))

        async def is_down() -> Any:
            told = (await status_of(http, a))["uplinks"][0]
            return told if told["state"] == "down" else None

        told = await eventually(is_down)
        assert told["bytes_sent"] == 0
        assert told["reason"]


# --- certificates beside statements


async def test_a_statement_refused_for_its_chain_goes_again_with_what_is_lacking_and_then_with_all(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    statement, chain = tally(officer), officer[1]
    seen: list[tuple[bytes, ...]] = []
    problems = [Code.SIGNER_UNKNOWN, Code.CHAIN_BROKEN]

    def refuse(frame: bytes) -> Sequence[Message]:
        (parcel,) = parcels.unpack(frame, ())
        assert isinstance(parcel, StatementParcel)
        seen.append(parcel.chain)
        return [Problem(statement.id[:8], problems.pop(0), "It does not hold here.")] if problems else []

    known = TrustNews(chain[1:], ())
    async with liar(country, Role.RELAY, SCOPES["b"], refuse, known) as b, AsyncExitStack() as stack:
        a = await stack.enter_async_context(running_relay(relay_of(country, "a", to_neighbour(b))))
        await post(http, a, statement.with_chain(chain))

        async def went_three_times() -> bool:
            return len(seen) >= 3

        await eventually(went_three_times)
    assert chain[1:]
    assert seen[:3] == [(), chain[:1], chain]


# --- nobody has a way out


@pytest.mark.parametrize("names", ["ab", "abc"])
async def test_what_nobody_can_bring_to_the_centre_comes_to_rest(
    country: Country, http: aiohttp.ClientSession, names: str
) -> None:
    """Each hands over to the next and the last to the first: one copy at each, and then there is silence."""
    officers = {name: country.world.officer(f"{SCOPES[name]}2001001") for name in names}
    ports = {name: free_port() for name in names}
    async with AsyncExitStack() as stack:
        relays = {}
        for name, following in zip(names, names[1:] + names[:1], strict=True):
            way = to_neighbour(f"https://{LOOPBACK}:{ports[following]}", ask_again_seconds=600)
            config = relay_of(country, name, way, port=ports[name])
            relays[name] = await stack.enter_async_context(running_relay(config))
        statements = {name: tally(officers[name], f"{SCOPES[name]}2001001") for name in names}
        for name, relay in relays.items():
            assert (await post(http, relay, statements[name].with_chain(officers[name][1]))).status == 201

        async def all_have_all() -> bool:
            counts = [(await status_of(http, relay))["counts"]["statements"] for relay in relays.values()]
            return counts == [len(names)] * len(names)

        await eventually(all_have_all)
        await at_rest(http, *relays.values())
        for status in [await status_of(http, relay) for relay in relays.values()]:
            assert status["bytes_sent_again"] < 1000  # of officers whom the next one did not know
            assert status["counts"]["statements"] == len(names)
