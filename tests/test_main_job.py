"""The main job with real nodes on loopback: from a signed statement to the centre's receipt."""

import asyncio
import contextlib
import os
from typing import Any

import aiohttp

from relay.config import ExchangeConfig
from relay.protocol import statements
from tests.authorities import TPS
from tests.world.http import ask, post, settled, upload, where
from tests.world.nodes import Country, documents, running_centre, running_relay, tally
from tests.world.waiting import eventually


async def test_a_tally_and_its_photographs_reach_the_centre(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statement, photographs = tally(officer), [os.urandom(300_000), os.urandom(10_000), os.urandom(5000)]
    listing = documents(officer, photographs)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        first = await post(http, relay, statement.with_chain(officer[1]))
        again = await post(http, relay, statement.bare)
        assert (first.status, again.status) == (201, 200)
        assert first.body == again.body
        assert (await post(http, relay, listing.bare)).status == 201
        for photograph in photographs:
            assert (await upload(http, relay, photograph)).status == 204
        for signed in (statement, listing):
            told = await settled(http, relay, signed.id)
            assert told["state"] == "at-centre"
            async with http.get(f"{centre}/v1/statements/{signed.id.hex()}/cose") as answer:
                assert await answer.read() == signed.bare
        for item, photograph in zip(told["documents"], photographs, strict=True):
            async with http.get(f"{centre}/v1/documents/{item['document']}") as answer:
                assert await answer.read() == photograph


async def test_collecting_does_not_wait_for_forwarding(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statement = tally(officer)
    nobody = "https://127.0.0.1:9"
    async with running_relay(country.relay_config(centre_url=nobody)) as relay:
        assert (await post(http, relay, statement.with_chain(officer[1]))).status == 201
        told = await where(http, relay, statement.id)
        assert (told["state"], told["receipt"]) == ("at-relay", None)

        async def failed() -> Any:
            async with http.get(f"{relay}/v1/status") as answer:
                uplink = (await answer.json())["uplinks"][0]
                return uplink["state"] == "down" and uplink["failures"] > 1 and uplink

        uplink = await eventually(failed)
        assert uplink["reason"]


async def test_what_waits_is_delivered_once_the_centre_is_there_again(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    before, after = tally(officer), tally(officer, revision=2, votes=(6, 97, 18))
    async with running_centre(country.centre_config()) as centre:
        port = int(centre.rpartition(":")[2])
    async with running_relay(country.relay_config(centre_url=centre)) as relay:
        assert (await post(http, relay, before.with_chain(officer[1]))).status == 201
        for statement in (before, after):
            async with running_centre(country.centre_config(port=port)):
                await post(http, relay, statement.with_chain(officer[1]))
                assert (await settled(http, relay, statement.id))["state"] == "at-centre"


async def test_a_relay_that_restarts_asks_before_it_sends_again(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    photographs = [os.urandom(400_000)]
    listing, statement = documents(officer, photographs), tally(officer)
    missing = [os.urandom(50_000)]
    unfinished = documents(officer, missing, revision=2)
    async with running_centre(country.centre_config()) as centre:
        async with running_relay(country.relay_config(centre_url=centre)) as relay:
            for signed in (statement, listing, unfinished):
                await post(http, relay, signed.with_chain(officer[1]))
            await upload(http, relay, photographs[0])
            await settled(http, relay, listing.id)
            await eventually(lambda: where(http, centre, unfinished.id))
        async with running_relay(country.relay_config(centre_url=centre)) as relay:
            await upload(http, relay, missing[0])
            assert (await settled(http, relay, unfinished.id))["state"] == "at-centre"
            async with http.get(f"{relay}/v1/status") as answer:
                sent = (await answer.json())["bytes_sent"]
        # the one photograph that was missing, and questions: neither the tally nor the first photograph again
        assert len(missing[0]) < sent < len(missing[0]) + 4000


async def test_two_tallies_that_disagree_are_both_kept_and_shown(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    one, other = tally(officer, votes=(1, 2, 3)), tally(officer, votes=(3, 2, 1), signed_at=1_763_700_100)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        await post(http, relay, one.with_chain(officer[1]))
        assert (await settled(http, relay, one.id))["state"] == "at-centre"
        await post(http, relay, other.bare)
        assert (await settled(http, relay, other.id))["state"] == "in-conflict"

        async def told_too() -> bool:
            return bool((await where(http, relay, one.id))["state"] == "in-conflict")

        await eventually(told_too)
        async with http.get(f"{centre}/v1/tps/{TPS}") as answer:
            found = (await answer.json())["statements"]
        assert [item["state"] for item in found] == ["in-conflict", "in-conflict"]
        assert [item["figures"]["votes.1"] for item in found] == [1, 3]


async def test_the_same_figures_signed_twice_are_no_conflict(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    one, again = tally(officer), tally(officer, signed_at=1_763_700_100)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        for statement in (one, again):
            await post(http, relay, statement.with_chain(officer[1]))
            assert (await settled(http, relay, statement.id))["state"] == "at-centre"


async def test_a_phone_leaves_in_the_middle_of_a_photograph_and_comes_back_to_another_relay(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    photographs = [os.urandom(200_000), os.urandom(200_000)]
    listing = documents(officer, photographs)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config("first", centre_url=centre)) as first,
        running_relay(country.relay_config("second", scope="650107", centre_url=centre)) as second,
    ):
        await post(http, first, listing.with_chain(officer[1]))
        await upload(http, first, photographs[0])

        async def half() -> Any:
            yield photographs[1][:70_000]
            raise ConnectionResetError("the phone walks out of reach")

        name = listing_names(listing)[1]
        headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        with contextlib.suppress(aiohttp.ClientError):
            await http.patch(f"{first}/v1/documents/{name}", headers=headers, data=half())
        assert (await post(http, second, listing.with_chain(officer[1]))).status == 201
        await upload(http, second, photographs[1])
        # the centre has page 1 from the first relay and page 2 from the second; both hear of it
        for relay in (first, second):
            assert (await settled(http, relay, listing.id))["state"] == "at-centre"


def listing_names(listing: Any) -> list[str]:
    return [page.document.hex() for page in statements.read(listing).pages]


async def test_a_busy_centre_is_obeyed(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statement = tally(officer)
    full = ExchangeConfig(streams_max=1, retry_after_seconds=1, reserve_bytes=0)
    async with running_centre(country.centre_config(exchange=full)) as centre:
        async with (
            http.ws_connect(f"{centre}/v1/exchange"),  # takes the one place there is
            running_relay(country.relay_config(centre_url=centre)) as relay,
        ):
            await post(http, relay, statement.with_chain(officer[1]))

            async def sent_away() -> bool:
                async with http.get(f"{relay}/v1/status") as answer:
                    uplink = (await answer.json())["uplinks"][0]
                return uplink["state"] == "down" and "come back" in uplink["reason"]

            assert await eventually(sent_away)
            assert (await where(http, relay, statement.id))["state"] == "at-relay"
        async with running_relay(country.relay_config(centre_url=centre)) as relay:
            assert (await settled(http, relay, statement.id))["state"] == "at-centre"


async def test_hundred_stations_at_once(country: Country, http: aiohttp.ClientSession) -> None:
    stations = [f"65010820010{at:02d}" for at in range(1, 100)]
    officers = {tps: country.world.officer(tps) for tps in stations}
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        tallies = {tps: tally(officer, tps) for tps, officer in officers.items()}
        answers = await asyncio.gather(
            *(post(http, relay, tallies[tps].with_chain(officers[tps][1])) for tps in stations)
        )
        assert {answer.status for answer in answers} == {201}
        for tps in stations:
            assert (await settled(http, relay, tallies[tps].id))["state"] == "at-centre"

        async def all_are_counted() -> bool:
            told = await ask(http, "GET", f"{centre}/v1/status?scope=650108")
            return bool(told.json["total"]["with_tally"] == len(stations))

        assert await eventually(all_are_counted)  # of many at once, the running counts follow
