"""What it takes from the start of the process until a relay or a centre listens: CPU seconds and wall time."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from relay.protocol import receipts, slips, statements
from relay.store.changes import Record, TakeStatement
from relay.store.custody import open_custody
from relay.store.record import open_record
from tests.authorities import KECAMATAN
from tests.bench import nodes
from tests.bench.figures import Figure, Section
from tests.bench.material import SIGNED_AT, Material
from tests.bench.processes import serving

_IMPORTS_SHOWN = 10


def until_listening(material: Material, rounds: int, stored: int, *, profile: bool) -> Section:
    """Relay and centre, with nothing in them and with `stored` statements; one start of each is not counted."""
    with ExitStack() as stack:
        empty, full = (stack.enter_context(nodes.data_folder(material)) for _ in range(2))
        (full / "data").mkdir()
        asyncio.run(_fill(material, full / "data", stored))
        relay = {name: nodes.relay_words(material, folder) for name, folder in (("empty", empty), ("full", full))}
        centre = {name: nodes.centre_words(material, folder) for name, folder in (("empty", empty), ("full", full))}
        if profile:
            _show_imports(["-m", "relay", "run", "--help"])
            _show_imports(["-c", "import relay.node.relay"])
        figures = [
            *_starts("relay, empty", relay["empty"], empty, rounds),
            *_starts(f"relay, {stored} statements", relay["full"], full, rounds),
            *_starts("centre, empty", centre["empty"], empty, rounds),
            *_starts(f"centre, {stored} statements", centre["full"], full, rounds),
        ]
    return Section("From the start of the process until it listens", f"{rounds} starts each.", tuple(figures))


def _starts(name: str, words: Sequence[str], folder: Path, rounds: int) -> list[Figure]:
    cpu, wall = [], []
    for _ in range(rounds + 1):
        with serving(words, folder) as server:
            cpu.append(server.start_cpu_seconds)
            wall.append(server.start_seconds)
    return [Figure(f"{name}: CPU", "s", tuple(cpu[1:])), Figure(f"{name}: wall", "s", tuple(wall[1:]))]


async def _fill(material: Material, folder: Path, count: int) -> None:
    """The databases of a relay and of a centre, as they would have written them themselves."""
    signed = material.statements(count)
    signer, clock = material.officers[0][0], SIGNED_AT

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        return signer.sign(slips.payload(kind, subject, number, clock, True)).bare, clock

    def sign_receipt(outcomes: Sequence[receipts.Outcome]) -> tuple[bytes, int]:
        return signer.sign(receipts.payload(clock, outcomes)).bare, clock

    everything = [statements.read(item.sign1) for item in signed]
    async with (
        open_custody(folder / "relay.db", sign_slip, queue_max=count) as custody,
        open_record(folder / "centre.db", sign_receipt, queue_max=count) as record,
    ):
        running = [asyncio.create_task(custody.run()), asyncio.create_task(record.run())]
        try:
            await asyncio.gather(*(custody.take_custody(TakeStatement(item, None)) for item in everything))
            await asyncio.gather(
                *(record.record(Record(item, KECAMATAN, (), None, None, clock)) for item in everything)
            )
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _show_imports(words: Sequence[str]) -> None:
    """The imports that take longest by themselves, on standard error."""
    told = subprocess.run([sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=True)
    rows = [line.removeprefix("import time:").split("|") for line in told.stderr.splitlines() if "|" in line]
    times = sorted(((int(own), name.strip()) for own, _, name in rows[1:]), reverse=True)
    print(f"{' '.join(words)}: longest imports by themselves, µs", file=sys.stderr)
    for own, name in times[:_IMPORTS_SHOWN]:
        print(f"{own:8} {name}", file=sys.stderr)
