"""Fair to the centre: when it comes back nobody is kept waiting by photographs, and nobody falls on it together.

The country is simulated in virtual time with the rules that run, at a tenth of its size; what a stream's end looks like
on the wire is shown by real nodes.
"""

import asyncio
import csv
import functools
import os
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.config import ExchangeConfig
from relay.protocol import parcels
from relay.protocol.cose import sha256
from relay.protocol.parcels import StatementParcel
from relay.protocol.turns import Turns
from tests.bench import country
from tests.bench.country_model import KECAMATAN, SIZES, Outage, Outcome, Rules
from tests.bench.country_night import night
from tests.world.http import post, settled, where
from tests.world.nodes import Country, documents, running_centre, running_relay, tally
from tests.world.stream import HandDrivenRelay
from tests.world.waiting import eventually

HOUR = 3600.0
RELAYS = 500
REFUSED, SILENT = Outage(), Outage(silent=True)
NAIVE = [country.EVERY_5_SECONDS, country.EVERY_60_SECONDS, country.NO_JITTER]


@functools.cache
def outcome(rules: Rules, outage: Outage = REFUSED, seed: int = 1) -> Outcome:
    return night(rules, outage, relays=RELAYS, seed=seed, horizon=HOUR)


# --- the country, simulated


@pytest.mark.parametrize("outage", [REFUSED, SILENT, Outage(photographs_bytes=0)], ids=["refused", "silent", "figures"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_tallies_are_in_within_the_hour(outage: Outage, seed: int) -> None:
    assert outcome(country.OURS, outage, seed).all_in_at < HOUR


@pytest.mark.parametrize("rules", [*NAIVE, country.NO_TURNS], ids=lambda rules: rules.name)
def test_without_turns_photographs_of_some_keep_the_tallies_of_most_waiting(rules: Rules) -> None:
    assert outcome(rules).share_in(HOUR) < 0.5
    assert outcome(country.OURS).share_in(HOUR) == 1.0


@pytest.mark.parametrize("rules", NAIVE, ids=lambda rules: rules.name)
@pytest.mark.parametrize("outage", [REFUSED, SILENT], ids=["refused", "silent"])
def test_the_centre_is_not_fallen_upon(rules: Rules, outage: Outage) -> None:
    ours, theirs = outcome(country.OURS, outage), outcome(rules, outage)
    assert ours.arrivals_peak < theirs.arrivals_peak
    assert ours.knocks_in_vain < theirs.knocks_in_vain / 4


def test_who_finds_no_room_is_seldom_sent_away_again() -> None:
    assert outcome(country.OURS).knocks_in_vain < 5 * RELAYS


def test_the_same_seed_gives_the_same_night() -> None:
    one, other = (night(country.OURS, REFUSED, relays=100, seed=7) for _ in range(2))
    assert one == other


def test_the_sizes_are_those_of_the_country() -> None:
    with SIZES.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["tps"]), int(row["kecamatan"])) for row in csv.DictReader(file)]
    assert (sum(count for _, count in rows), sum(tps * count for tps, count in rows)) == (KECAMATAN, 820_161)


# --- whose turn it is


def test_nobody_makes_room_while_there_is_a_place() -> None:
    turns = Turns[str](2, 20, 20)
    assert turns.enter("a", 0) is None
    turns.rests("a", 0)
    assert turns.enter("b", 100) is None
    assert turns.taken == 2


def test_who_rested_longest_makes_room_and_who_brings_statements_does_not() -> None:
    turns = Turns[str](3, 20, 20)
    for at, name in enumerate("abc"):
        turns.enter(name, at)
    assert not turns.has_room(1000)
    turns.rests("b", 10)
    turns.rests("a", 11)
    assert not turns.has_room(29)
    assert turns.has_room(30)
    assert turns.enter("d", 30) == "b"
    assert turns.enter("e", 31) == "a"
    assert not turns.has_room(1000)


def test_who_brings_statements_again_has_not_had_its_turn() -> None:
    turns = Turns[str](1, 20, 20)
    turns.enter("a", 0)
    turns.rests("a", 0)
    turns.works("a")
    assert not turns.has_room(100)
    turns.rests("a", 100)
    turns.rests("a", 110)  # said again: the turn goes on
    assert (turns.has_room(119), turns.has_room(120)) == (False, True)


def test_who_was_sent_away_may_leave_and_speak_without_harm() -> None:
    turns = Turns[str](1, 20, 20)
    turns.enter("a", 0)
    turns.rests("a", 0)
    assert turns.enter("b", 20) == "a"
    turns.rests("a", 21)
    turns.works("a")
    turns.leave("a")
    assert turns.taken == 1
    turns.leave("b")
    assert turns.taken == 0


def test_the_more_wait_the_later_they_are_asked_to_return() -> None:
    turns, chance = Turns[int](448, 20, 20), random.Random(1)
    returns = [turns.return_seconds(0.0, chance.random()) for _ in range(KECAMATAN)]
    assert 20 <= returns[0] < 40
    assert returns == sorted(returns)
    assert returns[-1] == pytest.approx(KECAMATAN * 20 / 448, abs=40)  # no faster than turns can end
    assert 20 <= turns.return_seconds(10_000.0, 0.0) < 40  # and when all have gone, as at the beginning


def test_no_crowd_makes_anybody_wait_for_hours() -> None:
    turns, chance = Turns[int](1, 20, 20), random.Random(1)
    returns = [turns.return_seconds(0.0, chance.random()) for _ in range(10_000)]
    assert max(returns) <= 600
    assert len({round(seconds) for seconds in returns[100:]}) > 200  # and they do not come at the same moment either


@given(data=st.data(), places=st.integers(1, 5))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_there_are_never_more_than_there_are_places(data: st.DataObject, places: int) -> None:
    turns, inside = Turns[int](places, 20, 20), set[int]()
    for now in range(60):
        name = data.draw(st.integers(0, 9))
        match data.draw(st.sampled_from(["enter", "rests", "works", "leave"])):
            case "enter" if name not in inside and turns.has_room(now):
                inside = (inside | {name}) - {turns.enter(name, now)}
            case "rests":
                turns.rests(name, now)
            case "works":
                turns.works(name)
            case "leave":
                turns.leave(name)
                inside.discard(name)
        assert turns.taken == len(inside) <= places


# --- on the wire


ONE_PLACE = ExchangeConfig(streams_max=1, turn_seconds=1, retry_after_seconds=1, reserve_bytes=0)


@asynccontextmanager
async def relay_by_hand(country: Country, http: aiohttp.ClientSession, centre: str) -> AsyncIterator[HandDrivenRelay]:
    """A relay of another kecamatan that says what the test wants."""
    async with http.ws_connect(f"{centre}/v1/exchange") as socket:
        yield HandDrivenRelay(socket, country.world.relay("650109"))


async def test_photographs_make_room_for_another_relays_tally(country: Country, http: aiohttp.ClientSession) -> None:
    officer, photograph = country.world.officer(), os.urandom(20_000)
    listing, figures = documents(officer, [photograph]), tally(officer)
    async with (
        running_centre(country.centre_config(exchange=ONE_PLACE)) as centre,
        relay_by_hand(country, http, centre) as first,
        running_relay(country.relay_config(centre_url=centre)) as second,
    ):
        await first.statements(listing.bare, chain=officer[1])
        await first.photograph(sha256(photograph), photograph, [0, 1])
        await post(http, second, figures.with_chain(officer[1]))
        assert (await settled(http, second, figures.id))["state"] == "at-centre"
        assert re.fullmatch(r"Retry-After: \d+; busy: .*", await first.closed_because())


async def test_a_relay_returns_when_it_was_asked_to(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    figures = tally(officer)
    async with (
        running_centre(country.centre_config(exchange=ONE_PLACE)) as centre,
        running_relay(country.relay_config(centre_url=centre, uplink={"idle_seconds_max": 3600})) as first,
    ):
        await post(http, first, figures.with_chain(officer[1]))
        await settled(http, first, figures.id)  # and stays connected, with nothing to bring

        async def let_in() -> bool:
            try:
                async with relay_by_hand(country, http, centre):
                    return True
            except aiohttp.WSServerHandshakeError as error:
                await asyncio.sleep(int(error.headers["Retry-After"] if error.headers else 1))
            return False

        assert await eventually(let_in)
        reason = await eventually(lambda: why_sent_away(http, first))
        assert reason in {f"The other side asks to come back in {seconds} s." for seconds in (1, 2, 3)}


async def test_who_has_announced_statements_keeps_its_place(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    held, figures = tally(officer), tally(officer, revision=2)
    frame = parcels.pack_statements([StatementParcel(held.bare, officer[1])])
    async with (
        running_centre(country.centre_config(exchange=ONE_PLACE)) as centre,
        running_relay(country.relay_config(centre_url=centre)) as second,
    ):
        async with relay_by_hand(country, http, centre) as first:
            await first.announce(frame)
            await post(http, second, figures.with_chain(officer[1]))
            await eventually(lambda: why_sent_away(http, second, times=2))  # the turn would be over by now
            assert await where(http, centre, figures.id) is None
            await first.frame(frame)
            assert await where(http, centre, held.id)
        assert (await settled(http, second, figures.id))["state"] == "at-centre"


async def why_sent_away(http: aiohttp.ClientSession, relay: str, *, times: int = 1) -> str:
    """What a relay says of its uplink once it was asked to come back later so often; else nothing."""
    async with http.get(f"{relay}/v1/status") as answer:
        uplink = (await answer.json())["uplinks"][0]
    reason = str(uplink["reason"])
    return reason if uplink["failures"] >= times and "come back" in reason else ""
