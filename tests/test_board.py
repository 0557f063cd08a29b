"""The PPK's board at a real relay: what it shows of every station, and that it follows what happens."""

import asyncio
import dataclasses
import gzip
import hashlib
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from relay.config import BoardConfig, RelayConfig, UplinkConfig
from relay.drive import batches
from relay.http import authority_tls
from relay.protocol import forms, slips, statements
from relay.protocol.cose import Signer
from relay.protocol.statements import DocumentHash
from relay.store.changes import TakeStatement
from relay.store.custody import open_custody
from tests.authorities import KECAMATAN, TPS, new_key
from tests.world.events import following
from tests.world.http import TUS, ask, create_upload, patch_upload, post, settled, upload, where
from tests.world.nodes import Country, documents, note, running_centre, running_relay, tally
from tests.world.operators import session
from tests.world.waiting import eventually

VILLAGE = TPS[:10]
OTHER, ABROAD = f"{VILLAGE}002", "6501072001001"
Json = dict[str, Any]


def config(country: Country, centre: str | None = None, port: int = 0, **board: object) -> RelayConfig:
    """A relay that knows its stations and names; anybody on this machine may look."""
    stations, regions = country.folder / "stations.csv", country.folder / "regions.csv"
    stations.write_text(f"tps_code\n{TPS}\n{OTHER}\n{ABROAD}\n")
    regions.write_text(f"scope,name\n65,Kalimantan Utara\n{KECAMATAN},Peso Hilir\n{VILLAGE},Long Tungu\n")
    settings = {"stations": stations, "regions": regions, "forms": (2401,), "screen": True, **board}
    plain = country.relay_config(centre_url=centre, port=port)
    return dataclasses.replace(plain, board=BoardConfig(**settings))  # type: ignore[arg-type]


async def board(http: aiohttp.ClientSession, relay: str) -> Json:
    """The whole board."""
    told: Json = (await ask(http, "GET", f"{relay}/v1/board")).json
    return told


async def station(http: aiohttp.ClientSession, relay: str, tps: str = TPS) -> Json:
    """One station of the board."""
    found: Json = next(item for item in (await board(http, relay))["stations"] if item["tps"] == tps)
    return found


# --- what it shows


async def test_it_shows_who_is_missing_before_anything_has_come(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_relay(config(country)) as relay:
        told = await board(http, relay)
        nameplate = (await ask(http, "GET", f"{relay}/v1/node")).json
    assert (told["scope"], told["name"], told["forms"], told["listed"]) == (KECAMATAN, "Peso Hilir", [2401], True)
    assert told["villages"] == [{"scope": VILLAGE, "name": "Long Tungu"}]
    missing = [{"form": 2401, "tally": True, "pages": 3}]
    nothing = {"tallies": [], "documents": [], "notes": [], "conflicts": [], "missing": missing}
    assert told["stations"] == [{"tps": tps, "listed": True, "last_contact": None, **nothing} for tps in (TPS, OTHER)]
    assert nameplate["kind"] == "relay"
    assert (nameplate["scope"], nameplate["name"], nameplate["forms"]) == (KECAMATAN, "Peso Hilir", [2401])
    assert nameplate["root"] == hashlib.sha256(country.world.root_der).hexdigest()


async def test_the_centre_says_who_it_is(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_centre(country.centre_config()) as centre:
        told = (await ask(http, "GET", f"{centre}/v1/node")).json
    assert (told["kind"], told["scope"], told["session"], told["enrolment"]) == ("centre", "", None, "none")
    assert told["forms"] == sorted(forms.catalogue())


async def test_it_shows_what_has_come_and_what_is_missing_of_it(country: Country, http: aiohttp.ClientSession) -> None:
    officer, operator = country.world.officer(), country.world.operator()
    photographs = [os.urandom(9000), os.urandom(9000)]
    first, second, listing = tally(officer), tally(officer, revision=2), documents(officer, photographs)
    remark = note(operator, [second.id], second.id)
    async with running_relay(config(country)) as relay:
        for signed, who in ((first, officer), (second, officer), (listing, officer), (remark, operator)):
            assert (await post(http, relay, signed.with_chain(who[1]))).status == 201
        await upload(http, relay, photographs[0])
        await create_upload(http, relay, photographs[1])
        await patch_upload(http, relay, hashlib.sha256(photographs[1]).hexdigest(), 0, photographs[1][:100])
        told = await station(http, relay)
        held = await where(http, relay, second.id)
    newest, older = told["tallies"]
    assert (newest["id"], older["id"]) == (second.id.hex(), first.id.hex())
    assert (newest["state"], newest["verdict"], newest["origin"], newest["under_way"]) == (
        "at-relay",
        None,
        None,
        False,
    )
    assert newest["flags"] == held["flags"] != []
    assert newest["figures"][-3:] == [120, 0, 120]
    assert None in newest["figures"]
    assert (newest["held_at"], newest["number"]) == (held["held_at"], held["number"])
    pages = told["documents"][0]["pages"]
    assert [(page["page"], page["state"]) for page in pages] == [(1, "at-relay"), (2, "arriving")]
    assert told["notes"][0]["favours"] == second.id.hex()
    assert told["notes"][0]["text"] == "Dicocokkan dengan C.HASIL di kotak."
    assert told["missing"] == [{"form": 2401, "tally": False, "pages": 2}]
    assert told["conflicts"] == []
    assert told["last_contact"] >= newest["held_at"]


async def test_two_tallies_that_disagree_are_in_conflict_until_a_newer_revision(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    async with running_relay(config(country)) as relay:
        for votes in ((5, 97, 18), (5, 97, 81)):
            await post(http, relay, tally(officer, votes=votes).with_chain(officer[1]))
        assert (await station(http, relay))["conflicts"] == [2401]
        again = tally(officer, revision=2, votes=(5, 97, 18))
        await post(http, relay, again.bare)
        await post(http, relay, tally(officer, revision=2, votes=(5, 97, 18), signed_at=1_763_700_060).bare)
        assert (await station(http, relay))["conflicts"] == []


async def test_stations_that_are_not_in_the_list_are_shown_and_those_of_others_are_not(
    country: Country, http: aiohttp.ClientSession
) -> None:
    unknown, abroad = country.world.officer(f"{VILLAGE}009"), country.world.officer(ABROAD)
    async with running_relay(config(country)) as relay:
        await post(http, relay, tally(unknown, f"{VILLAGE}009").with_chain(unknown[1]))
        await post(http, relay, tally(abroad, ABROAD).with_chain(abroad[1]))
        told = await board(http, relay)
    assert [(item["tps"], item["listed"]) for item in told["stations"]] == [
        (TPS, True),
        (OTHER, True),
        (f"{VILLAGE}009", False),
    ]


async def test_a_list_that_cannot_be_read_keeps_nobody_from_handing_over(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    settings = config(country)
    (country.folder / "stations.csv").write_text("nonsense")
    async with running_relay(settings) as relay:
        assert (await post(http, relay, tally(officer).with_chain(officer[1]))).status == 201
        assert [item["tps"] for item in (await board(http, relay))["stations"]] == [TPS]


async def test_the_compressed_answer_is_the_same_board(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    async with running_relay(config(country)) as relay:
        await post(http, relay, tally(officer).with_chain(officer[1]))
        plain = await ask(http, "GET", f"{relay}/v1/board", headers={"Accept-Encoding": "identity"})
        for _ in range(2):  # made, and kept
            async with http.get(f"{relay}/v1/board", headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as it:
                assert it.headers["Content-Encoding"] == "gzip"
                assert json.loads(gzip.decompress(await it.read())) == plain.json


# --- that it follows


async def test_it_follows_a_tally_a_slip_a_receipt_and_a_conflict(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    photographs = [os.urandom(5000)]
    listing = documents(officer, photographs)
    centre_config = country.centre_config()
    async with running_centre(centre_config) as centre:
        pass
    async with running_relay(config(country, centre)) as relay:
        at = (await board(http, relay))["at"]
        async with following(http, relay, {}, at) as events:
            await post(http, relay, tally(officer).with_chain(officer[1]))
            event = await events.until("station")
            assert (event.data["tps"], event.data["tallies"][0]["state"]) == (TPS, "at-relay")
            assert event.id == str(at + 1)
            await post(http, relay, listing.bare)
            await upload(http, relay, photographs[0])
            await events.until("station", lambda data: _page_states(data) == ["at-relay"])
            await events.until("status", lambda data: data["counts"]["documents"] == 1)
            async with running_centre(country.centre_config(port=int(centre.rpartition(":")[2]))):
                await events.until("station", lambda data: _states(data) == ["at-centre"])
                await post(http, relay, tally(officer, votes=(6, 96, 18)).bare)
                event = await events.until("station", lambda data: _states(data) == ["in-conflict"] * 2)
                assert event.data["conflicts"] == [2401]
                assert {item["verdict"] for item in event.data["tallies"]} == {"conflict"}
        assert (await station(http, relay)) == event.data


async def test_what_changed_between_loading_and_following_is_told(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    async with running_relay(config(country)) as relay:
        at = (await board(http, relay))["at"]
        await post(http, relay, tally(officer).with_chain(officer[1]))
        async with following(http, relay, {}, at) as events:
            event = await events.until("station")
        assert event.data["tps"] == TPS
        async with following(http, relay, {"Last-Event-ID": event.id}, at) as events:  # the browser comes back
            await post(http, relay, tally(officer, revision=2).bare)
            event = await events.until("station")
            assert len(event.data["tallies"]) == 2


async def test_followers_are_let_go_when_the_relay_stops_and_load_again_when_it_is_back(
    country: Country, http: aiohttp.ClientSession
) -> None:
    async with running_relay(config(country)) as relay:
        at = (await board(http, relay))["at"]
        stream = following(http, relay, {}, at)
        events = await stream.__aenter__()
    while await events.next() is not None:
        pass
    await stream.__aexit__(None, None, None)
    async with running_relay(config(country)) as relay, following(http, relay, {}, at) as events:
        event = await events.until("resync")
        assert int(event.id) == (await board(http, relay))["at"]


async def test_listeners_that_do_not_read_hold_nobody_up(country: Country, http: aiohttp.ClientSession) -> None:
    settings = config(country)
    await fill(settings.node.data_directory)
    officer = country.world.officer()
    async with running_relay(settings) as relay:
        told = await board(http, relay)
        before = told["at"] - len(told["stations"])  # so that all of it is to be told at once: 6 megabytes
        deaf = [await asyncio.to_thread(deaf_listener, country, relay, before) for _ in range(8)]
        async with following(http, relay, {}, before) as events:
            for _ in told["stations"]:
                await events.until("station")
            answer = await post(http, relay, tally(officer).with_chain(officer[1]))
            assert answer.status == 201
            await events.until("station", lambda data: data["tps"] == TPS)
    for listener in deaf:  # the relay has stopped, although they never read
        listener.close()


async def fill(folder: Path) -> None:
    """A relay's custody of 12 lists of 64 photographs of each of 60 stations, written as its process writes."""
    await asyncio.to_thread(folder.mkdir)
    signer = Signer(new_key(), b"nobody's certificate")

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        return signer.sign(slips.payload(kind, subject, number, 1_763_700_000, True)).bare, 1_763_700_000

    async with open_custody(folder / "relay.db", sign_slip, queue_max=10_000) as store:
        writing = asyncio.create_task(store.run())
        pages = [bytes((page,)) for page in range(64)]
        for at in range(10, 70):
            made = [
                documents((signer, ()), pages, f"{VILLAGE}{at:03d}", revision=revision) for revision in range(1, 13)
            ]
            await store.take_all([TakeStatement(statements.read(item), None) for item in made])
        writing.cancel()


def deaf_listener(country: Country, relay: str, at: int) -> ssl.SSLSocket:
    """Asks for the events since `at`, with room for a few kilobytes, and never reads on."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = relay.removeprefix("https://").partition(":")
    narrow.connect((host, int(port)))
    listener = authority_tls(country.root_file).wrap_socket(narrow)
    listener.sendall(f"GET /v1/board/events?at={at} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert b"200 OK" in listener.recv(100)
    return listener


async def test_the_number_of_followers_is_bounded(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_relay(config(country, listeners_max=1)) as relay:
        async with following(http, relay, {}):
            full = await ask(http, "GET", f"{relay}/v1/board/events")
            assert (full.status, full.code) == (503, "busy")
            assert int(full.headers["Retry-After"]) > 0
            assert (await ask(http, "GET", f"{relay}/v1/board/events?at=soon")).code == "bad-request"

        async def next_one() -> int:
            async with http.get(f"{relay}/v1/board/events") as answer:
                return answer.status if answer.status == 200 else 0

        assert await eventually(next_one) == 200  # who has gone makes room


async def test_a_stream_ends_with_its_session(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_relay(config(country, screen=False)) as relay:
        assert (await ask(http, "GET", f"{relay}/v1/board/events")).code == "session-needed"
        headers = await session(http, relay, country.world.operator())
        async with following(http, relay, headers) as events:
            await ask(http, "DELETE", f"{relay}/v1/session", headers=headers)
            assert (await events.until("end")).data == {"code": "session-needed"}
            assert await events.next() is None


# --- photographs, statements, drives


async def test_operators_see_the_originals_and_phones_still_upload(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph, text = country.world.officer(), b"\xff\xd8\xff" + os.urandom(5000), b"<script>" * 9
    listing = documents(officer, [photograph, text])
    names = [hashlib.sha256(data).hexdigest() for data in (photograph, text)]
    async with running_relay(config(country, screen=False)) as relay:
        await post(http, relay, listing.with_chain(officer[1]))
        headers = await session(http, relay, country.world.operator())
        await upload(http, relay, photograph)
        document, statement = f"{relay}/v1/documents/{names[0]}", f"{relay}/v1/statements/{listing.id.hex()}/cose"
        for url in (document, statement):
            assert (await ask(http, "GET", url)).code == "session-needed"
        seen = await ask(http, "GET", document, headers=headers)
        assert (seen.body, seen.headers["Content-Type"]) == (photograph, "image/jpeg")
        assert (await ask(http, "GET", statement, headers=headers)).body == listing.bare
        assert (await ask(http, "GET", f"{relay}/v1/documents/{names[1]}", headers=headers)).code == "not-found"
        head = await ask(http, "HEAD", document, headers=TUS)
        assert (head.status, head.headers["Upload-Offset"]) == (200, str(len(photograph)))
        await upload(http, relay, text)
        seen = await ask(http, "GET", f"{relay}/v1/documents/{names[1]}", headers=headers)
        assert (seen.headers["Content-Type"], seen.headers["X-Content-Type-Options"]) == (
            "application/octet-stream",
            "nosniff",
        )
        assert "sandbox" in seen.headers["Content-Security-Policy"]


async def test_what_lies_on_a_stick_is_under_way_and_the_stick_is_served_again_when_asked(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer = country.world.officer()
    sticks = tmp_path / "sticks"
    (sticks / "one" / batches.DRIVE).mkdir(parents=True)
    settings = dataclasses.replace(config(country), uplink=(UplinkConfig(kind="drive", name="usb", folder=sticks),))
    async with running_relay(settings) as relay:
        first, second = tally(officer), tally(officer, revision=2)
        await post(http, relay, first.with_chain(officer[1]))
        await eventually(lambda: _under_way(http, relay, first.id))
        assert (await station(http, relay))["tallies"][0]["under_way"] is True
        await post(http, relay, second.bare)
        headers = await session(http, relay, country.world.operator())
        assert (await station(http, relay))["tallies"][0]["under_way"] is False  # the stick rests for half a minute
        answer = await ask(http, "POST", f"{relay}/v1/drives/usb/visit", headers=headers)
        assert (answer.status, answer.json["name"]) == (202, "usb")
        await eventually(lambda: _under_way(http, relay, second.id))


async def test_what_is_recorded_is_not_under_way_any_more(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    async with running_centre(country.centre_config()) as centre, running_relay(config(country, centre)) as relay:
        statement = tally(officer)
        await post(http, relay, statement.with_chain(officer[1]))
        assert (await settled(http, relay, statement.id))["under_way"] is False
        assert (await station(http, relay))["tallies"][0]["verdict"] == "recorded"


# --- pages of other origins


async def test_pages_of_no_other_origin_are_let_in(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_relay(config(country)) as relay:
        answer = await ask(http, "GET", f"{relay}/v1/node", headers={"Origin": "https://relai.example.id"})
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_pages_of_the_origins_named_may_hand_over_and_nothing_else(
    country: Country, http: aiohttp.ClientSession
) -> None:
    friend, stranger = {"Origin": "https://relai.example.id"}, {"Origin": "https://evil.example"}
    officer = country.world.officer()
    document = f"/v1/documents/{DocumentHash(bytes(32)).hex()}"
    async with running_relay(config(country, origins=(friend["Origin"],))) as relay:
        for path in ("/v1/statements", "/v1/documents", document, "/v1/node"):
            asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "tus-resumable"}
            answer = await ask(http, "OPTIONS", relay + path, headers={**friend, **asked})
            assert answer.headers["Access-Control-Allow-Origin"] == friend["Origin"]
            assert "Tus-Resumable" in answer.headers["Access-Control-Allow-Headers"]
            assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
            answer = await ask(http, "OPTIONS", relay + path, headers={**stranger, **asked})
            assert "Access-Control-Allow-Origin" not in answer.headers
        body, cose = tally(officer).with_chain(officer[1]), {"Content-Type": "application/cose"}
        answer = await ask(http, "POST", f"{relay}/v1/statements", data=body, headers={**friend, **cose})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (201, friend["Origin"])
        refused = await ask(http, "POST", f"{relay}/v1/statements", data=b"", headers={**friend, **cose})
        assert refused.headers["Access-Control-Allow-Origin"] == friend["Origin"]  # or the page cannot say why
        for path in ("/v1/board", "/v1/session", "/v1/status"):
            answer = await ask(http, "GET", relay + path, headers=friend)
            assert "Access-Control-Allow-Origin" not in answer.headers


def _states(data: Json) -> list[str]:
    return [item["state"] for item in data["tallies"]]


def _page_states(data: Json) -> list[str]:
    return [page["state"] for listing in data["documents"] for page in listing["pages"]]


async def _under_way(http: aiohttp.ClientSession, relay: str, statement: bytes) -> bool:
    told = await where(http, relay, statement)
    return bool(told["under_way"])
