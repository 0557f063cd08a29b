"""Being reached: addresses that are there or not, too many callers, slow ones, another certificate, two relays."""

import asyncio
import dataclasses
import logging
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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

from relay.callers import Callers, counted_as
from relay.config import AnnounceConfig, ListenConfig, RelayConfig
from relay.discovery import SERVICE
from relay.errors import Rejected
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.world.http import ask, post
from tests.world.nodes import LOOPBACK, Country, running_relay, tally
from tests.world.processes import free_port, relay_process
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
        assert await is_closed(await called(port))  # before TLS
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()


async def test_one_address_that_takes_all_it_can_keeps_no_other_out(
    country: Country, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_relay(bounded(country, 8)) as relay:
        port = int(relay.rpartition(":")[2])
        greedy = [await called(port, "127.0.0.2") for _ in range(80)]
        assert all([await is_closed(caller) for caller in greedy[8:]])
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200
        assert await is_closed(await called(port, "127.0.0.2"))
        for caller in greedy[:8]:
            caller.close()
    said = [line for line in caplog.messages if "listen.connections_per_address_max" in line]
    assert said == ["127.0.0.2 may have 8 connections at once (listen.connections_per_address_max); more are closed"]


@pytest.mark.parametrize("handshake", [False, True])
async def test_who_ends_connections_may_make_new_ones(
    country: Country, http: aiohttp.ClientSession, handshake: bool
) -> None:
    tls = http.connector._ssl  # type: ignore[union-attr]
    async with running_relay(bounded(country, 2)) as relay:
        port = int(relay.rpartition(":")[2])

        async def is_served() -> bool:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port, ssl=tls)
            except OSError:
                return False
            writer.close()
            await writer.wait_closed()
            return True

        for _ in range(3):
            callers = [await asyncio.open_connection(LOOPBACK, port, ssl=tls if handshake else None) for _ in range(2)]
            assert not await is_served()
            for _, writer in callers:
                writer.close()
                await writer.wait_closed()
            assert await eventually(is_served)


async def test_a_whole_kecamatan_behind_one_address_is_served(country: Country, http: aiohttp.ClientSession) -> None:
    tls, listen = http.connector._ssl, ListenConfig(hosts=(LOOPBACK,), port=0)  # type: ignore[union-attr]
    async with running_relay(dataclasses.replace(country.relay_config(), listen=listen)) as relay:
        port = int(relay.rpartition(":")[2])
        browsers = [await asyncio.open_connection(LOOPBACK, port, ssl=tls) for _ in range(16 * 6)]
        assert (await ask(http, "GET", f"{relay}/healthz")).status == 200
        for _, writer in browsers:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
        assert all([(await reader.read()).startswith(b"HTTP/1.1 200") for reader, _ in browsers])
        for _, writer in browsers:
            writer.close()
            await writer.wait_closed()


async def test_the_screen_of_this_machine_has_its_place_whoever_calls_from_it(country: Country) -> None:
    config, local = bounded(country, 2), free_port()
    config = dataclasses.replace(config, listen=dataclasses.replace(config.listen, local_port=local))
    async with running_relay(config) as relay:
        callers = [await called(int(relay.rpartition(":")[2])) for _ in range(2)]
        callers += [await called(local) for _ in range(6)]
        async with aiohttp.ClientSession(f"http://{LOOPBACK}:{local}") as screen:
            assert (await ask(screen, "GET", "/healthz")).status == 200
        for caller in callers:
            caller.close()


@pytest.mark.parametrize(
    ("peer", "here", "counts_as"),
    [
        ("10.42.0.7", "10.42.0.1", "10.42.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:9::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:9::1", "2001:db8:1:2::/64"),
        ("fd00:1::7", "fd00:1::1", "fd00:1::7"),  # a hotspot's phones share its prefix
        ("fe80::7%wlan0", "fe80::1%wlan0", "fe80::7%wlan0"),
        ("::1", "::1", "::1"),
    ],
)
def test_a_host_counts_as_one_however_many_addresses_it_was_given(peer: str, here: str, counts_as: str) -> None:
    assert counted_as(peer, here) == counts_as


def test_callers_are_remembered_no_longer_than_they_are_there(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    callers = Callers(3000, 1, lambda: now)
    crowd = [f"10.0.{at // 256}.{at % 256}" for at in range(2000)]
    assert all(callers.come(one) for one in crowd)
    for _ in range(3):
        assert not any(callers.come(one) for one in crowd)
    assert len(caplog.messages) < len(crowd) / 4
    first = len(caplog.messages)
    now = 60.0
    assert not callers.come(crowd[0])
    assert len(caplog.messages) == first + 1
    assert len(callers._said) == 1
    for one in crowd:
        callers.go(one)
    assert not callers._of
    assert callers.come(crowd[0])


def test_who_does_not_read_costs_next_to_nothing(country: Country, tmp_path: Path) -> None:
    relay = relay_process(tmp_path / "relay", country.identity(Role.RELAY, KECAMATAN), centre_url=None)
    tls = ssl.create_default_context(cafile=country.root_file)
    tls.check_hostname = False
    relay.start()
    try:
        with ExitStack() as stack:
            readers = [stack.enter_context(slow_reader(relay.url, tls)) for _ in range(100)]
            before = peak_bytes(relay.pid)
            for reader in readers:
                reader.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: relay\r\n\r\n" * 20)
            for reader in readers:
                assert reader.recv(5) == b"HTTP/"
            assert peak_bytes(relay.pid) - before < len(readers) * 300_000
    finally:
        assert relay.stop() == 0


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


def bounded(country: Country, of_one: int) -> RelayConfig:
    """A relay that takes many connections, and few from one address."""
    listen = ListenConfig(hosts=(LOOPBACK,), port=0, connections_max=64, connections_per_address_max=of_one)
    return dataclasses.replace(country.relay_config(), listen=listen)


async def called(port: int, source: str = LOOPBACK) -> socket.socket:
    """A TCP connection from an address of this machine, on which nothing is said."""
    caller = socket.socket()
    caller.setblocking(False)
    caller.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(caller, (LOOPBACK, port))
    return caller


async def is_closed(caller: socket.socket) -> bool:
    """Waits until the other side ends the connection, without a word; ends it here too."""
    with caller:
        return await asyncio.get_running_loop().sock_recv(caller, 1) == b""


@contextmanager
def slow_reader(url: str, tls: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection with next to no room for what comes."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        plain.settimeout(30)
        plain.connect((LOOPBACK, int(url.rpartition(":")[2])))
        with tls.wrap_socket(plain) as reader:
            yield reader


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had resident."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


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
