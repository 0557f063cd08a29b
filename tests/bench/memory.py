"""The most memory that a relay ever has (VmHWM) after an evening's work: 2,000 tallies and 200 photographs."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import aiohttp

from relay.protocol import codes, statements
from relay.protocol.statements import DocumentHash, Page
from tests.bench import nodes
from tests.bench.figures import Broken, Figure, Section
from tests.bench.material import FORM, SIGNED_AT, Material
from tests.bench.processes import Server

BYTES_MAX = 100e6
_PHOTOGRAPH_BYTES = 1_000_000
_PAGES_IN_STATEMENT = 50
_AT_ONCE = 8
_SECONDS_MAX = 100.0
_COSE = {"Content-Type": "application/cose"}
_TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is handed over."""

    tallies: int
    photographs: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The most memory until it listened and until everything was done, and how long that took."""

    start_bytes: int
    peak_bytes: int
    seconds: float


@dataclass
class Evening:
    """A relay in its process, and one phone after another."""

    server: Server
    http: aiohttp.ClientSession
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def post(self, body: bytes) -> None:
        """Hands over a statement."""
        async with self.room, self.http.post(f"{self.server.url}/v1/statements", data=body, headers=_COSE) as answer:
            await _expect(answer, 201)

    async def upload(self, data: bytes) -> None:
        """Hands over a photograph by tus."""
        name = hashlib.sha256(data).hexdigest()
        metadata = f"sha256 {base64.b64encode(name.encode()).decode()}"
        head = {**_TUS, "Upload-Metadata": metadata, "Upload-Length": str(len(data))}
        async with self.http.post(f"{self.server.url}/v1/documents", headers=head) as answer:
            await _expect(answer, 201)
        head = {**_TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        async with self.http.patch(f"{self.server.url}/v1/documents/{name}", headers=head, data=data) as answer:
            await _expect(answer, 204)

    async def all_delivered(self) -> None:
        """Until the centre has given receipts for everything."""
        while True:
            async with self.http.get(f"{self.server.url}/v1/status") as answer:
                if (await answer.json())["counts"]["without_receipt"] == 0:
                    return
            await asyncio.sleep(0.25)


def relay_peak(material: Material, size: Size) -> Section:
    """A relay alone, and one that delivers all to a centre meanwhile: as its unit starts it, and without that."""
    unit = nodes.units_environment()
    alone = _evening(material, size, unit, with_centre=False)
    connected = _evening(material, size, unit, with_centre=True)
    bare = _evening(material, size, {}, with_centre=True)
    said = (
        f"{size.tallies} tallies and {size.photographs} photographs of {_PHOTOGRAPH_BYTES / 1e6:g} MB over tus, "
        f"{_AT_ONCE} phones at once; one run each, started as by the unit of a Raspberry Pi "
        f"({' '.join(f'{name}={value}' for name, value in unit.items())})."
    )
    target = BYTES_MAX / 1e6
    return Section(
        "Memory of a relay",
        said,
        (
            Figure("peak resident set, once it listens", "MB", (alone.start_bytes / 1e6, connected.start_bytes / 1e6)),
            Figure("peak resident set, no centre", "MB", (alone.peak_bytes / 1e6,), target),
            Figure("peak resident set, all delivered to a centre", "MB", (connected.peak_bytes / 1e6,), target),
            Figure("the same, started without the unit's environment", "MB", (bare.peak_bytes / 1e6,)),
            Figure("until all was taken, no centre", "s", (alone.seconds,)),
            Figure("until all was taken and delivered", "s", (connected.seconds,)),
        ),
    )


def _evening(material: Material, size: Size, environment: Mapping[str, str], *, with_centre: bool) -> Outcome:
    with ExitStack() as stack:
        url = stack.enter_context(nodes.centre(material)).url if with_centre else None
        server = stack.enter_context(nodes.relay(material, centre_url=url, environment=environment))
        start_bytes, begun = server.peak_bytes, time.monotonic()
        asyncio.run(_hand_over(material, size, server, with_centre))
        return Outcome(start_bytes, server.peak_bytes, time.monotonic() - begun)


async def _hand_over(material: Material, size: Size, server: Server, with_centre: bool) -> None:
    async with (
        asyncio.timeout(_SECONDS_MAX),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=nodes.unchecked_tls())) as http,
    ):
        evening = Evening(server, http)
        await asyncio.gather(*(evening.post(item.introduced) for item in material.statements(size.tallies)))
        for body in _listings(material, size.photographs):
            await evening.post(body)
        await asyncio.gather(*(_upload(evening, at) for at in range(size.photographs)))
        if with_centre:
            await evening.all_delivered()


async def _upload(evening: Evening, at: int) -> None:
    async with evening.room:
        await evening.upload(_photograph(at))


def _listings(material: Material, photographs: int) -> Iterator[bytes]:
    """Statements that list the photographs, up to 50 each."""
    for first in range(0, photographs, _PAGES_IN_STATEMENT):
        signer, chain = material.officers[first // _PAGES_IN_STATEMENT]
        numbers = range(first, min(photographs, first + _PAGES_IN_STATEMENT))
        names = [DocumentHash(hashlib.sha256(_photograph(at)).digest()) for at in numbers]
        pages = [Page(page, name, _PHOTOGRAPH_BYTES) for page, name in enumerate(names, 1)]
        tps = codes.tps_code(material.station(first // _PAGES_IN_STATEMENT, 999))
        payload = statements.documents(tps=tps, form=FORM, revision=1, signed_at=SIGNED_AT, pages=pages)
        yield signer.sign(payload).with_chain(chain)


def _photograph(at: int) -> bytes:
    """Incompressible like a JPEG, and the same each time it is asked for."""
    return hashlib.shake_128(at.to_bytes(4, "big")).digest(_PHOTOGRAPH_BYTES)


async def _expect(answer: aiohttp.ClientResponse, status: int) -> None:
    if answer.status != status:
        raise Broken(f"{answer.method} {answer.url.path}: {answer.status} {await answer.text()}")
