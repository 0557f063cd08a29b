"""Fixtures that most tests share: a country with its authority, and HTTPS that trusts its root.

On a desk tests are left out where the machine lacks something; with CI in the environment each of them fails the run.
"""

import os
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what follows of tests that were left out."""
    if _left_out(terminalreporter.config):
        terminalreporter.write_line("CI leaves nothing out: this run has failed.", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run of CI that left tests out."""
    if _left_out(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _left_out(config: pytest.Config) -> bool:
    reporter = config.pluginmanager.get_plugin("terminalreporter")  # processes that only run tests have none
    return bool(os.environ.get("CI") and reporter and reporter.stats.get("skipped"))
