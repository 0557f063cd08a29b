"""Fixtures that most tests share: a country with its authority, and HTTPS that trusts its root."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from relay.http import authority_tls
from tests.world.nodes import Country


@pytest.fixture
def country(tmp_path: Path) -> Country:
    """An authority world of its own for each test."""
    return Country(tmp_path)


@pytest.fixture
async def http(country: Country) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without any of the phone's help."""
    connector = aiohttp.TCPConnector(ssl=authority_tls(country.root_file), limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session
