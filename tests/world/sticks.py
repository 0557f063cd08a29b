"""What goes onto sticks in tests, and how it is handed over: real custody, real files, a real centre."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from relay import identity
from relay.clock import Clock
from relay.config import UplinkConfig
from relay.drive import answers, batches
from relay.drive.answers import Filing
from relay.drive.batches import BatchFile
from relay.drive.export import Exporter
from relay.drive.progress import Progress
from relay.drive.replay import Replay, Told
from relay.drive.stick import Stick
from relay.identity import NodeIdentity
from relay.protocol import cose, manifests, receipts, slips, statements
from relay.protocol.messages import ReceiptGiven, TrustNews
from relay.protocol.roles import Role
from relay.store.changes import TakeDocument, TakeStatement
from relay.store.custody import CustodyStore, open_custody
from relay.store.documents import DocumentFiles
from relay.uplink.https import HttpsUplink
from relay.verifier import Verifier
from tests.authorities import KECAMATAN, TPS
from tests.world.http import where
from tests.world.nodes import Country, documents, tally

PHOTOGRAPH_BYTES = 150_000


@dataclass
class Custody:
    """What a relay keeps, as its running process has it, and its exporter's other parts."""

    store: CustodyStore
    files: DocumentFiles
    node: NodeIdentity
    clock: Clock = field(default_factory=Clock)

    async def take(self, statement: cose.Sign1, chain: tuple[bytes, ...]) -> None:
        """A statement, as intake takes it."""
        await self.store.take_custody(TakeStatement(statements.read(statement), chain))

    async def photograph(self, data: bytes) -> None:
        """A photograph, as intake takes it."""
        document = cose.sha256(data)
        self.files.append(document, 0, data)
        self.files.finish(document, len(data))
        await self.store.take_custody(TakeDocument(statements.DocumentHash(document), len(data)))

    async def settle(self, receipt: bytes) -> None:
        """Files a receipt (its signature is checked by who calls)."""
        told = receipts.read(cose.parse(receipt))
        await self.store.settle(told, told.issued_at)

    async def waiting(self) -> int:
        """How many statements have no receipt."""
        return (await self.store.holdings.counts())["without_receipt"]

    def filing(self) -> Filing:
        """What files receipts, without checking their signatures: that is done where a whole relay runs."""

        async def learn_nothing(_: TrustNews) -> None:
            pass

        return Filing(self.store, self.settle, learn_nothing)

    def exporter(self, stick: Stick) -> Exporter:
        return Exporter(stick, self.store, self.files, self.node, self.clock)

    async def export(self, stick: Stick) -> Progress:
        """Until it is safe to remove the stick."""
        progress = Progress()
        progress.enter(*await self.exporter(stick).export(progress))
        return progress


@asynccontextmanager
async def custody(country: Country, name: str = "relay", scope: str = KECAMATAN) -> AsyncIterator[Custody]:
    """A relay's store and files, without the rest of it."""
    node = identity.load(country.identity(Role.RELAY, scope), Role.RELAY)

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        return node.signer.sign(slips.payload(kind, subject, number, 1_763_700_000, True)).bare, 1_763_700_000

    folder = country.folder / name
    folder.mkdir(exist_ok=True)
    async with open_custody(folder / "relay.db", sign_slip, queue_max=1024) as store, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(store.run())
        yield Custody(store, DocumentFiles(folder, 0), node)
        running.cancel()


@dataclass
class Job:
    """What is to arrive: statements of some stations, and their photographs."""

    statements: list[cose.Sign1] = field(default_factory=list)
    photographs: list[bytes] = field(default_factory=list)

    async def arrived_among(self, http: aiohttp.ClientSession, centre: str, statements: int) -> None:
        """These are at the centre, of so many in all."""
        for statement in self.statements:
            assert (await where(http, centre, statement.id))["state"] == "at-centre"
        assert (await counts(http, centre))["statements"] == statements

    async def arrived(self, http: aiohttp.ClientSession, centre: str) -> None:
        """All of it is at the centre, byte for byte, and once."""
        for statement in self.statements:
            told = await where(http, centre, statement.id)
            assert told["state"] == "at-centre", told
        for photograph in self.photographs:
            async with http.get(f"{centre}/v1/documents/{cose.sha256(photograph).hex()}") as answer:
                assert await answer.read() == photograph
        assert (await counts(http, centre))["statements"] == len(self.statements)


async def counts(http: aiohttp.ClientSession, centre: str) -> dict[str, int]:
    async with http.get(f"{centre}/v1/status") as answer:
        told: dict[str, int] = (await answer.json())["counts"]
        return told


async def fill(kept: Custody, country: Country, stations: int = 3, *, first: int = 1, pages: int = 2) -> Job:
    """Takes a tally, a list and photographs of each station into custody."""
    job = Job()
    for at in range(first, first + stations):
        officer = country.world.officer(tps := f"{TPS[:10]}{at:03d}")
        photographs = [os.urandom(PHOTOGRAPH_BYTES) for _ in range(pages)]
        job.photographs += photographs
        job.statements.append(tally(officer, tps))
        await kept.take(job.statements[-1], officer[1])
        if pages:
            job.statements.append(documents(officer, photographs, tps))
            await kept.take(job.statements[-1], officer[1])
        for photograph in photographs:
            await kept.photograph(photograph)
    return job


async def hand_over(country: Country, folder: Path, url: str, *, role: Role = Role.CENTRE) -> Told:
    """What `relay central import` does; at a relay, what `relay drive import` does."""

    async def nobody(_: object) -> None:
        return None

    verifier = Verifier(country.world.trust(), nobody, cached_max=64)
    uplink = HttpsUplink(UplinkConfig(url=url), country.root_file, role)
    return await Replay(Stick(folder), uplink, verifier, Progress()).run()


def stick_of(country: Country, name: str = "stick") -> Stick:
    folder = country.folder / name
    folder.mkdir(exist_ok=True)
    return Stick(folder)


def own_folder(kept: Custody) -> str:
    return batches.relay_folder(kept.node.identity.scope, kept.node.signer.x5t)


def found_on(stick: Stick, folder: str) -> list[BatchFile]:
    return [batches.read_batch(stick, path) for path in batches.batch_paths(stick, folder)]


def check_manifest(stick: Stick, kept: Custody) -> None:
    """The manifest holds and nothing is left of the writing."""
    folder = own_folder(kept)
    manifest = batches.read_manifest(stick, folder)
    assert manifest is not None
    cose.check(manifest.signed, kept.node.identity.public_key)
    there = found_on(stick, folder)
    assert [item.fault for item in there] == [""] * len(there)
    assert manifest.root == manifests.root_of(item.sha256 for item in there)
    assert manifest.files == len(there)
    assert manifest.frames == sum(len(item.whole) for item in there)
    assert manifest.size_bytes == sum(item.size_bytes for item in there)
    left = {name for name in stick.names(folder) if not batches.BATCH.fullmatch(name)}
    assert left == {batches.MANIFEST}


async def filled_stick(kept: Custody, country: Country) -> tuple[Stick, Job]:
    job = await fill(kept, country, stations=2, pages=1)
    stick = stick_of(country)
    await kept.export(stick)
    return stick, job


async def receipts_on(stick: Stick) -> set[bytes]:
    return {message.receipt async for message in answers.read(stick) if isinstance(message, ReceiptGiven)}
