"""A relay and a centre in two networks with two cables between them, and what happens there, step by step. Needs root.

The relay waits ten minutes between attempts: what is tried again sooner is tried because it noticed something.
"""

import hashlib
import random
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relay.http import authority_tls
from relay.protocol import cose
from relay.protocol.roles import Role
from tests.world.cables import FAR, Cables
from tests.world.http import ask, post, upload
from tests.world.namespaces import Namespace
from tests.world.nodes import LOOPBACK, Country, documents, tally
from tests.world.processes import NodeProcess
from tests.world.waiting import eventually

PORT = 8443
STATIONS = 8
PHOTOGRAPH_BYTES = 300_000
PAGES = 3
SECONDS_MAX = 120
CENTRE = f"""
[node]
data_directory = "centre-data"
identity_directory = "{{identity}}"
[listen]
hosts = ["{LOOPBACK}", "{FAR}"]
port = {PORT}
[exchange]
reserve_bytes = 0
"""
RELAY = f"""
[node]
data_directory = "relay-data"
identity_directory = "{{identity}}"
[listen]
hosts = ["{LOOPBACK}"]
port = {PORT}
[intake]
reserve_bytes = 0
[announce]
enabled = false
"""
UPLINK = f"""
[[uplink]]
name = "{{name}}"
url = "https://{FAR}:{PORT}"
interface = "{{interface}}"
connect_seconds_max = 5
backoff_seconds_first = 600
backoff_seconds_max = 3600
ask_again_seconds = 5
"""


@dataclass
class Handed:
    """What the phones have handed over."""

    statements: dict[bytes, cose.Sign1] = field(default_factory=dict)
    photographs: list[bytes] = field(default_factory=list)

    @property
    def useful_bytes(self) -> int:
        return sum(map(len, self.photographs)) + sum(len(item.bare) for item in self.statements.values())


@dataclass
class Scene:
    """Two nodes in two networks, and clients inside each."""

    ways: Cables
    country: Country
    relay: aiohttp.ClientSession
    centre: aiohttp.ClientSession
    folder: Path
    url: str = f"https://{LOOPBACK}:{PORT}"
    nodes: list[NodeProcess] = field(default_factory=list)

    def start(self, *interfaces: str) -> None:
        """The centre, and a relay with one uplink for each name; an empty one is whatever routing says."""
        uplinks = "".join(UPLINK.format(name=name or "any", interface=name) for name in interfaces)
        centre, relay = self.country.identity(Role.CENTRE), self.country.identity(Role.RELAY, "650108")
        self._start(self.ways.far, ["central", "run"], CENTRE.format(identity=centre))
        self._start(self.ways.near, ["run"], RELAY.format(identity=relay) + uplinks)

    def _start(self, network: Namespace, words: list[str], text: str) -> None:
        folder = self.folder / words[0]
        folder.mkdir()
        (folder / "node.toml").write_text(text)
        (folder / "root.pem").write_bytes(self.country.root_file.read_bytes())
        process = NodeProcess([*words, "--config", str(folder / "node.toml")], folder, PORT)
        self.nodes.append(process)
        network.call(process.start)

    async def hand_over(self) -> Handed:
        """A tally and its photographs from each station."""
        chance = random.Random(3)
        handed = Handed()
        for at in range(1, STATIONS + 1):
            tps = f"65010820010{at:02d}"
            officer = self.country.world.officer(tps)
            photographs = [chance.randbytes(PHOTOGRAPH_BYTES) for _ in range(PAGES)]
            for statement in (tally(officer, tps), documents(officer, photographs, tps)):
                answer = await post(self.relay, self.url, statement.with_chain(officer[1]))
                assert answer.status == 201, answer.json
                handed.statements[statement.id] = statement
            for photograph in photographs:
                assert (await upload(self.relay, self.url, photograph)).status == 204
            handed.photographs += photographs
        return handed

    async def uplink(self, name: str) -> Any:
        """What the relay says of an uplink."""
        status = (await ask(self.relay, "GET", f"{self.url}/v1/status")).json
        return next(uplink for uplink in status["uplinks"] if uplink["name"] == name)

    async def until_down(self, name: str, reason: str) -> None:
        """Until the relay has given an uplink up for `reason`."""

        async def look() -> bool:
            told = await self.uplink(name)
            return told["state"] == "down" and reason in told["reason"]

        await eventually(look, SECONDS_MAX)

    async def until_connecting(self, name: str) -> None:
        """Until an attempt is under way."""

        async def look() -> bool:
            return bool((await self.uplink(name))["state"] == "connecting")

        await eventually(look, SECONDS_MAX)

    async def until_sent(self, name: str, size_bytes: int) -> None:
        """Until so much more has gone over an uplink than had at the call."""
        before = (await self.uplink(name))["bytes_sent"]

        async def look() -> bool:
            return bool((await self.uplink(name))["bytes_sent"] >= before + size_bytes)

        await eventually(look, SECONDS_MAX)

    async def until_both_carry(self, size_bytes: int) -> None:
        """Until two uplinks are up at the same moment, and so much has left by the interface of each."""

        async def look() -> bool:
            status = (await ask(self.relay, "GET", f"{self.url}/v1/status")).json
            both_are_up = all(link["state"] == "up" for link in status["uplinks"])
            return both_are_up and all(self.ways.bytes_sent(at) >= size_bytes for at in (1, 2))

        await eventually(look, SECONDS_MAX)

    async def until_all_is_settled(self) -> None:
        """Until the relay has a receipt for everything; if that never comes, it says how things stand."""
        status: dict[str, Any] = {}

        async def look() -> bool:
            status.update((await ask(self.relay, "GET", f"{self.url}/v1/status")).json)
            return bool(status["counts"]["statements"]) and status["counts"]["without_receipt"] == 0

        try:
            await eventually(look, SECONDS_MAX)
        except TimeoutError:
            pytest.fail(f"{status}\n{await self._unsettled()}")

    async def _unsettled(self) -> str:
        """What relay and centre say of the statements that have no receipt."""
        told = []
        for item in (await ask(self.relay, "GET", f"{self.url}/v1/statements?limit=100")).json["statements"]:
            if not item.get("receipt"):
                told += [(await ask(who, "GET", f"{self.url}/v1/statements/{item['id']}")).json for who in self._both]
        return "\n".join(map(str, told))

    @property
    def _both(self) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        return self.relay, self.centre

    async def nothing_is_lost_or_doubled(self, handed: Handed) -> None:
        """The centre has exactly what was handed over, once, and every byte of it."""
        counts = (await ask(self.centre, "GET", f"{self.url}/v1/status")).json["counts"]
        assert counts["statements"] == counts["recorded"] == len(handed.statements)
        for identifier, statement in handed.statements.items():
            answer = await ask(self.centre, "GET", f"{self.url}/v1/statements/{identifier.hex()}/cose")
            assert answer.body == statement.bare
        for photograph in handed.photographs:
            name = hashlib.sha256(photograph).hexdigest()
            assert (await ask(self.centre, "GET", f"{self.url}/v1/documents/{name}")).body == photograph


def client(network: Namespace, country: Country) -> aiohttp.ClientSession:
    """A client whose connections are made in a network."""

    def opened(address: Any) -> socket.socket:
        return network.call(lambda: socket.socket(*address[:3]))

    tls = authority_tls(country.root_file)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, socket_factory=opened))
