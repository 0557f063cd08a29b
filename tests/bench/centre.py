"""What it costs a centre to record a statement that relays bring: judged, on disk, receipt signed.

The other side is four streams of prepared batches. It only sends, counts what the receipts speak of, and checks
no signature, so that it leaves the centre's core alone.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from relay import identity
from relay.config import UplinkConfig
from relay.protocol import cose, messages, parcels, receipts
from relay.protocol.messages import Batch, Frame, Kept, Problem, ReceiptGiven
from relay.protocol.parcels import StatementParcel
from relay.protocol.receipts import Verdict
from relay.protocol.roles import Role
from relay.uplink.https import HttpsUplink
from relay.uplink.port import Stream
from tests.authorities import KECAMATAN
from tests.bench import nodes
from tests.bench.figures import Broken, Figure, Section, ratios
from tests.bench.material import Material, Signed, write_signatures
from tests.bench.processes import Server
from tests.bench.verification import Verification, verifying

CENTRE_AT_MOST = 1.6
STREAMS = 4
_STATEMENTS_IN_FRAME = 64
_FRAMES_AHEAD = 16
_SECONDS_MAX = 60.0
_COUNTED_SECONDS_MAX = 60.0
_COUNTED_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Size:
    """Rounds, frames of 64 statements that each stream brings in one, and seconds for each round of verifications."""

    rounds: int
    frames: int
    verify_seconds: float = 0.4

    @property
    def statements(self) -> int:
        """Statements in a round, over all streams."""
        return STREAMS * self.frames * _STATEMENTS_IN_FRAME


@dataclass
class Costs:
    """One entry a round."""

    centre: list[float] = field(default_factory=list)  # CPU seconds a statement, until its receipt
    counted: list[float] = field(default_factory=list)  # the same, until it is in the running counts as well
    rate: list[float] = field(default_factory=list)
    busy_share: list[float] = field(default_factory=list)
    verify_busy: list[float] = field(default_factory=list)
    verify_idle: list[float] = field(default_factory=list)


class Relay:
    """The relay's end of one stream, with everything prepared: pairs of a signed header and its frame."""

    def __init__(self, stream: Stream, signer: cose.Signer, chain: Sequence[bytes]) -> None:
        self._stream = stream
        self._signer = signer
        self._chain = chain
        self._prepared: list[tuple[bytes, bytes]] = []

    def prepare(self, signed: Sequence[Signed], *, introduce: bool) -> None:
        """Packs and signs what `bring` will send; `introduce`: with certificates, as the first batch of a stream."""
        for at in range(0, len(signed), _STATEMENTS_IN_FRAME):
            group = signed[at : at + _STATEMENTS_IN_FRAME]
            frame = parcels.pack_statements(
                [StatementParcel(item.sign1.bare, item.officer[1] if introduce else ()) for item in group]
            )
            header = self._signer.sign(parcels.header_payload(int(time.time()), [parcels.frame_name(frame)]))
            start = header.with_chain(self._chain) if introduce else header.bare
            self._prepared.append((messages.encode(Batch(start)), messages.encode(Frame(frame))))

    async def bring(self, statements: int) -> None:
        """Sends all that is prepared, some frames ahead of the answers, until `statements` are in receipts."""
        room = asyncio.Semaphore(_FRAMES_AHEAD)
        prepared, self._prepared = self._prepared, []
        async with asyncio.timeout(_SECONDS_MAX), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._count(statements, len(prepared), room))
            for header, frame in prepared:
                await room.acquire()
                await self._stream.send(header)
                await self._stream.send(frame)

    async def _count(self, statements: int, frames: int, room: asyncio.Semaphore) -> None:
        while statements > 0 or frames > 0:
            match messages.decode(await self._stream.receive()):
                case Kept():
                    frames -= 1
                    room.release()
                case ReceiptGiven(data):
                    outcomes = receipts.read(cose.parse(data)).outcomes
                    wrong = [item for item in outcomes if item.verdict is not Verdict.RECORDED or item.notes]
                    if wrong:
                        raise Broken(f"The centre found something wrong with a statement: {wrong[0]}")
                    statements -= len(outcomes)
                case Problem(_, code, sentence):
                    raise Broken(f"The centre did not take something: {sentence} [{code}]")


def batches(material: Material, size: Size) -> Section:
    """Batches of relays: 64 statements a frame, one signed header a frame, as relays send them."""
    signatures = write_signatures(material.folder / "signatures", material.first_statements())
    costs = Costs()
    with nodes.centre(material) as server, verifying(signatures) as verification:
        asyncio.run(_rounds(material, server, verification, size, costs))
        _check_recorded(server, size.rounds * size.statements + len(material.officers))
    said = (
        f"{size.rounds} rounds of {size.statements} statements over {STREAMS} streams, "
        f"{_STATEMENTS_IN_FRAME} in a frame, up to {_FRAMES_AHEAD} frames ahead of the answers, "
        "every statement in a receipt."
    )
    return Section("Centre: batches from relays", said, tuple(_figures(costs)))


async def _rounds(material: Material, server: Server, verification: Verification, size: Size, costs: Costs) -> None:
    async with AsyncExitStack() as stack:
        relays = [await _connect(material, server, at, stack) for at in range(STREAMS)]
        await _introduce(material, relays)
        for _ in range(size.rounds):
            for relay in relays:
                relay.prepare(material.statements(size.frames * _STATEMENTS_IN_FRAME), introduce=False)
            await _round(relays, server, size, costs)
            # the streams stay open and say nothing meanwhile
            costs.verify_busy.append(verification.cpu_each(size.verify_seconds, costs.busy_share[-1]))
            costs.verify_idle.append(verification.cpu_each(size.verify_seconds))


async def _round(relays: Sequence[Relay], server: Server, size: Size, costs: Costs) -> None:
    server.wait_until_quiet()
    cpu, own, begun = server.cpu_seconds, time.process_time(), time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for relay in relays:
            tasks.create_task(relay.bring(size.frames * _STATEMENTS_IN_FRAME))
    seconds = time.monotonic() - begun
    costs.centre.append((server.cpu_seconds - cpu) / size.statements)
    costs.rate.append(size.statements / seconds)
    costs.busy_share.append(min(1.0, (time.process_time() - own) / seconds))
    _wait_until_counted(server)
    costs.counted.append((server.cpu_seconds - cpu) / size.statements)


def _wait_until_counted(server: Server) -> None:
    """Until every receipt is in the running counts; the streams stay open and say nothing meanwhile."""
    until = time.monotonic() + _COUNTED_SECONDS_MAX
    while nodes.status(server)["receipts_uncounted"]:
        if time.monotonic() > until:
            raise Broken("The centre does not come to an end with its running counts.")
        time.sleep(_COUNTED_LOOK_SECONDS)


async def _introduce(material: Material, relays: Sequence[Relay]) -> None:
    """Every officer's and relay's certificate is known afterwards."""
    for relay, group in zip(relays, _parts(material.first_statements(), len(relays)), strict=True):
        relay.prepare(group, introduce=True)
        await relay.bring(len(group))


async def _connect(material: Material, server: Server, at: int, stack: AsyncExitStack) -> Relay:
    folder = material.identity(Role.RELAY, f"{int(KECAMATAN) + at}")
    node = identity.load(folder, Role.RELAY)
    uplink = HttpsUplink(UplinkConfig(url=server.url), folder / identity.ROOT_FILE)
    return Relay(await stack.enter_async_context(uplink.open()), node.signer, node.identity.chain)


def _check_recorded(server: Server, count: int) -> None:
    recorded = nodes.counts(server)["recorded"]
    if recorded != count:
        raise Broken(f"Receipts speak of {count} statements, but the centre has recorded {recorded}.")


def _parts(signed: Sequence[Signed], count: int) -> Iterator[Sequence[Signed]]:
    for at in range(count):
        yield signed[at::count]


def _figures(costs: Costs) -> list[Figure]:
    return [
        Figure(
            "centre's CPU a statement, other core busy",
            "verifications",
            ratios(costs.centre, costs.verify_busy),
            CENTRE_AT_MOST,
        ),
        Figure("the same, other core idle", "verifications", ratios(costs.centre, costs.verify_idle)),
        Figure(
            "the same, with the running counts behind it", "verifications", ratios(costs.counted, costs.verify_idle)
        ),
        Figure("centre's CPU a statement", "µs", tuple(1e6 * value for value in costs.centre)),
        Figure("one ES256 verification, other core busy", "µs", tuple(1e6 * value for value in costs.verify_busy)),
        Figure("one ES256 verification, other core idle", "µs", tuple(1e6 * value for value in costs.verify_idle)),
        Figure("last round over first, as the record grows", "times", (costs.centre[-1] / costs.centre[0],)),
        Figure("recorded a second", "statements", tuple(costs.rate)),
        Figure("load generator's share of the other core", "%", tuple(100 * value for value in costs.busy_share)),
    ]
