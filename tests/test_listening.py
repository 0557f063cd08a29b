"""Being reached: addresses that are there and that are not, too many callers, another certificate, two relays."""

import asyncio
import dataclasses
import logging
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from relay.config import AnnounceConfig, ListenConfig
from relay.discovery import SERVICE
from relay.errors import Rejected
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.world.http import ask, post
from tests.world.nodes import LOOPBACK, Country, running_relay, tally
from tests.world.waiting import eventually


async def test_ipv6_is_served_where_there_is_any_and_missed_nowhere(
    country: Country, http: aiohttp.ClientSession
) -> None:
    config = country.relay_config()
    hosts = (LOOPBACK, "::1", "2001:db8::77")  # the last one is nobody's
    config = dataclasses.replace(config, listen=ListenConfig(hosts=hosts, port=0))
    async with running_relay(config) as relay:
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200
        if has_ipv6():
            six = relay.replace(LOOPBACK, "[::1]")
            assert (await ask(http, "GET", f"{six}/healthz")).status == 200


async def test_an_address_that_is_taken_is_said(country: Country) -> None:
    async with running_relay(country.relay_config()) as relay:
        port = int(relay.rpartition(":")[2])
        second = country.relay_config("second", port=port)
        with pytest.raises(ExceptionGroup) as caught:
            async with running_relay(second):
                pass
        assert caught.group_contains(Rejected, match="Is it running already")


async def test_one_caller_too_many_is_closed_and_the_others_are_served(
    country: Country, http: aiohttp.ClientSession
) -> None:
    config = country.relay_config()
    config = dataclasses.replace(config, listen=ListenConfig(hosts=(LOOPBACK,), port=0, connections_max=3))
    async with running_relay(config) as relay:
        port = int(relay.rpartition(":")[2])
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200  # and stays connected
        tls = http.connector._ssl  # type: ignore[union-attr]
        idle = [await asyncio.open_connection(LOOPBACK, port, ssl=tls) for _ in range(2)]
        refused = await asyncio.open_connection(LOOPBACK, port, ssl=tls)
        assert await refused[0].read() == b""
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200
        for _, writer in [*idle, refused]:
            writer.close()
            await writer.wait_closed()


async def test_a_certificate_of_another_ca_is_shown_for_its_names_alone(
    country: Country, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    certificate, key = public_certificate(tmp_path, "relay.example.id")
    config = country.relay_config()
    listen = ListenConfig(hosts=(LOOPBACK,), port=0, tls_certificate=certificate, tls_key=key)
    tls = ssl.create_default_context(cafile=str(certificate))
    async with running_relay(dataclasses.replace(config, listen=listen)) as relay:
        url = relay.replace(LOOPBACK, "relay.example.id")
        connector = aiohttp.TCPConnector(ssl=tls, resolver=ToLoopback())
        async with aiohttp.ClientSession(connector=connector) as phone:
            assert (await ask(phone, "GET", f"{url}/healthz")).status == 200
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200  # by address: the node's own


async def test_two_relays_on_one_network_are_both_found_by_their_scope(country: Country) -> None:
    announced = AnnounceConfig(interfaces=(LOOPBACK,))
    async with (
        running_relay(country.relay_config("one", announce=announced)) as one,
        running_relay(country.relay_config("two", scope="650107", announce=announced)) as two,
        AsyncZeroconf(interfaces=[LOOPBACK], ip_version=IPVersion.V4Only) as zeroconf,
    ):
        names: set[str] = set()

        def noticed(name: str, **_: object) -> None:
            names.add(name)

        browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[noticed])

        wanted = {(KECAMATAN, one), ("650107", two)}  # others may be announced on this machine too

        async def found() -> bool:
            infos = [await zeroconf.async_get_service_info(SERVICE, name) for name in list(names)]
            seen = {
                (info.decoded_properties["scope"], f"https://{LOOPBACK}:{info.port}")
                for info in infos
                if info is not None and info.decoded_properties.get("fp")
            }
            return wanted <= seen

        assert await eventually(found)
        await browser.async_cancel()


async def test_a_log_line_about_a_statement_carries_its_id(
    country: Country, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "relay")
    officer = country.world.officer()
    statement = tally(officer)
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, statement.with_chain(officer[1]))
    lines = [record.getMessage() for record in caplog.records if "custody" in record.getMessage()]
    assert lines
    assert all(statement.id.hex()[:8] in line for line in lines)


class ToLoopback(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[aiohttp.abc.ResolveResult]:
        return [{"hostname": host, "host": LOOPBACK, "port": port, "family": family or 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


def has_ipv6() -> bool:

    try:
        with socket.socket(socket.AF_INET6) as six:
            six.bind(("::1", 0))
    except OSError:
        return False
    return True


def public_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """What a public CA would give for `name`, here signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "public.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "public.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "public.pem", folder / "public.key"


def test_a_relay_that_cannot_start_says_why_in_a_sentence(country: Country, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        identity = country.identity(Role.RELAY, KECAMATAN)
        config = tmp_path / "relay.toml"
        config.write_text(
            f'[node]\ndata_directory = "data"\nidentity_directory = "{identity}"\n'
            f'[listen]\nhosts = ["{LOOPBACK}"]\nport = {taken.getsockname()[1]}\n[announce]\nenabled = false\n'
        )
        command = [sys.executable, "-m", "relay", "run", "--config", str(config)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Is it running already?" in ended.stderr
    assert "Traceback" not in ended.stderr
