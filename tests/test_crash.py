"""kill -9 of relay and centre at random moments under load: no slip breaks, no receipt lies, nothing counts twice.

The seed is printed first; RELAY_SEED takes it back.
"""

import asyncio
import hashlib
import os
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from relay.protocol import cose, slips
from relay.protocol.roles import Role
from tests.authorities import Party
from tests.world.http import ask, create_upload, patch_upload, post, where
from tests.world.nodes import Country, documents, tally
from tests.world.processes import NodeProcess, centre_process, relay_process
from tests.world.waiting import eventually

ROUNDS = 10
PHONES = 5


@dataclass
class Handed:
    """What the phones have handed over, and the slips they got for it."""

    statements: dict[bytes, cose.Sign1] = field(default_factory=dict)
    slips: dict[bytes, bytes] = field(default_factory=dict)
    photographs: dict[bytes, list[bytes]] = field(default_factory=dict)  # of a documents statement


@pytest.fixture
def nodes(tmp_path: Path, country: Country) -> Iterator[tuple[NodeProcess, NodeProcess]]:
    centre = centre_process(tmp_path / "c", country.identity(Role.CENTRE))
    relay = relay_process(tmp_path / "r", country.identity(Role.RELAY, "650108"), centre_url=centre.url)
    try:
        centre.start()
        relay.start()
        yield relay, centre
    finally:
        relay.kill()
        centre.kill()


async def test_a_slip_survives_kill_9(
    nodes: tuple[NodeProcess, NodeProcess], country: Country, http: aiohttp.ClientSession
) -> None:
    relay, centre = nodes
    seed = int(os.environ.get("RELAY_SEED", secrets.randbelow(2**32)))
    print(f"RELAY_SEED={seed}")
    chance = random.Random(seed)
    handed = Handed()
    stop = asyncio.Event()
    stations = [f"65010820010{at:02d}" for at in range(1, PHONES + 1)]
    async with asyncio.TaskGroup() as phones:
        for tps in stations:
            officer = country.world.officer(tps)
            phones.create_task(_phone(http, relay.url, tps, officer, handed, stop, random.Random(chance.random())))
        for _ in range(ROUNDS):
            await asyncio.sleep(chance.uniform(0.1, 0.8))
            victim = chance.choice([relay, centre])
            victim.kill()
            await asyncio.sleep(chance.uniform(0, 0.3))
            await asyncio.to_thread(victim.start)
            await _check_slips(http, relay.url, handed)
        stop.set()
    assert len(handed.slips) > ROUNDS
    await eventually(lambda: _all_settled(http, relay.url, handed), 120)
    await _check_slips(http, relay.url, handed)
    await _check_record(http, centre.url, handed)


async def _phone(
    http: aiohttp.ClientSession,
    url: str,
    tps: str,
    officer: Party,
    handed: Handed,
    stop: asyncio.Event,
    chance: random.Random,
) -> None:
    """One station: a tally and its photographs, then corrections, each until it has its slip."""
    revision = 0
    while not stop.is_set() and revision < 90:
        revision += 1
        votes = (chance.randrange(300), chance.randrange(300), chance.randrange(300))
        statement = tally(officer, tps, revision=revision, votes=votes)
        await _hand_over(http, url, statement, officer, handed)
        photographs = [chance.randbytes(chance.randrange(1, 150_000)) for _ in range(2)]
        listing = documents(officer, photographs, tps, revision=revision)
        handed.photographs[listing.id] = photographs
        await _hand_over(http, url, listing, officer, handed)
        for photograph in photographs:
            await _upload(http, url, photograph)
        await asyncio.sleep(chance.uniform(0, 0.3))


async def _hand_over(
    http: aiohttp.ClientSession, url: str, statement: cose.Sign1, officer: Party, handed: Handed
) -> None:
    handed.statements[statement.id] = statement
    while True:
        try:
            answer = await post(http, url, statement.with_chain(officer[1]))
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)
            continue
        assert answer.status in (200, 201), answer.json
        handed.slips[statement.id] = answer.body
        return


async def _upload(http: aiohttp.ClientSession, url: str, data: bytes) -> None:
    """Resumes where the relay stands, as often as it takes."""
    name = hashlib.sha256(data).hexdigest()
    while True:
        try:
            assert (await create_upload(http, url, data)).status == 201
            head = await ask(http, "HEAD", f"{url}/v1/documents/{name}", headers={"Tus-Resumable": "1.0.0"})
            offset = int(head.headers["Upload-Offset"])
            answer = await patch_upload(http, url, name, offset, data[offset:])
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)
            continue
        if answer.status == 204:
            return
        assert answer.code in ("upload-offset-mismatch", "document-altered"), answer.json


async def _check_slips(http: aiohttp.ClientSession, url: str, handed: Handed) -> None:
    """Every slip given so far is still true: the relay has that statement, under that number, byte for byte."""
    numbers = []
    for identifier, slip in list(handed.slips.items()):
        told = await where(http, url, identifier)
        assert told is not None, f"the relay lost {identifier.hex()[:8]}, for which it gave a slip"
        again = await post(http, url, handed.statements[identifier].bare)
        assert (again.status, again.body) == (200, slip)
        numbers.append(slips.read(cose.parse(slip)).number)
    assert len(set(numbers)) == len(numbers)


async def _all_settled(http: aiohttp.ClientSession, url: str, handed: Handed) -> bool:
    answer = await ask(http, "GET", f"{url}/v1/status")
    return bool(answer.json["counts"]["statements"]) and answer.json["counts"]["without_receipt"] == 0


async def _check_record(http: aiohttp.ClientSession, url: str, handed: Handed) -> None:
    """The centre has exactly what was handed over, once, and every byte of it."""
    counts = (await ask(http, "GET", f"{url}/v1/status")).json["counts"]
    assert counts["statements"] == counts["recorded"] == len(handed.statements)
    for identifier, statement in handed.statements.items():
        assert (await ask(http, "GET", f"{url}/v1/statements/{identifier.hex()}/cose")).body == statement.bare
    for photographs in handed.photographs.values():
        for photograph in photographs:
            name = hashlib.sha256(photograph).hexdigest()
            assert (await ask(http, "GET", f"{url}/v1/documents/{name}")).body == photograph
