"""The main job with real nodes on loopback: from a signed statement to the centre's receipt."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay.http import authority_tls
from tests.authorities import Party
from tests.world.nodes import Country, documents, running_centre, running_relay, tally

HEADERS = {"Content-Type": "application/cose"}


@pytest.fixture
def country(tmp_path: Path) -> Country:
    return Country(tmp_path)


@pytest.fixture
async def http(country: Country) -> AsyncIterator[aiohttp.ClientSession]:
    tls: ssl.SSLContext = authority_tls(country.root_file)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        yield session


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """The first true value that `look` gives, or a failure after a bounded time."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


async def upload(http: aiohttp.ClientSession, url: str, data: bytes) -> None:
    import base64
    import hashlib

    name = hashlib.sha256(data).hexdigest()
    metadata = {"Upload-Metadata": f"sha256 {base64.b64encode(name.encode()).decode()}", "Upload-Length": str(len(data))}
    async with http.post(f"{url}/v1/documents", headers={"Tus-Resumable": "1.0.0", **metadata}) as answer:
        assert answer.status == 201, await answer.text()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    async with http.patch(f"{url}/v1/documents/{name}", headers=headers, data=data) as answer:
        assert answer.status == 204, await answer.text()


async def test_a_tally_and_its_photographs_reach_the_centre(country: Country, http: aiohttp.ClientSession) -> None:
    officer: Party = country.world.officer()
    statement = tally(officer)
    photographs = [os.urandom(300_000), os.urandom(10_000), os.urandom(5000)]
    listing = documents(officer, photographs)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        async with http.post(f"{relay}/v1/statements", data=statement.with_chain(officer[1]), headers=HEADERS) as answer:
            assert answer.status == 201, await answer.text()
            slip = await answer.read()
        async with http.post(f"{relay}/v1/statements", data=statement.bare, headers=HEADERS) as answer:
            assert (answer.status, await answer.read()) == (200, slip)
        async with http.post(f"{relay}/v1/statements", data=listing.bare, headers=HEADERS) as answer:
            assert answer.status == 201, await answer.text()
        for photograph in photographs:
            await upload(http, relay, photograph)

        async def receipt(of: bytes) -> Any:
            async with http.get(f"{relay}/v1/statements/{of.hex()}") as answer:
                told = await answer.json()
                return told if told["receipt"] else None

        told = await eventually(lambda: receipt(statement.id))
        assert told["state"] == "at-centre"
        told = await eventually(lambda: receipt(listing.id))
        assert told["state"] == "at-centre"
        for sign1 in (statement, listing):
            async with http.get(f"{centre}/v1/statements/{sign1.id.hex()}/cose") as answer:
                assert await answer.read() == sign1.bare
        for item, photograph in zip(told["documents"], photographs, strict=True):
            async with http.get(f"{centre}/v1/documents/{item['document']}") as answer:
                assert await answer.read() == photograph
