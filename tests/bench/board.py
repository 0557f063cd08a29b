"""What the PPK's board costs at the largest kecamatan: bytes, processor time and memory, by itself in a process.

Every station has five tallies and five lists of three photographs each, half of them here.
"""

import asyncio
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from relay.clock import Clock
from relay.protocol import codes, cose, forms, slips, statements
from relay.protocol.codes import Scope
from relay.protocol.statements import DocumentHash, Page
from relay.store.changes import RelayChange, TakeDocument, TakeStatement
from relay.store.custody import CustodyStore, open_custody
from relay.store.documents import DocumentFiles
from relay.web.board import Board
from relay.web.kecamatan import Kecamatan
from relay.web.snapshot import Snapshot
from tests.authorities import KECAMATAN, new_key
from tests.bench.figures import Broken, Figure, Section

STATIONS = 1591
_FORMS = (2401, 2402, 2403)
_TALLIES = ((2401, 1), (2402, 1), (2403, 1), (2403, 2), (2403, 3))
_PAGES = 3
_AT = 1_763_700_000
_CHANGES = 50


def largest_kecamatan(stations: int, rounds: int) -> Section:
    """As `python -m tests.bench.board FOLDER STATIONS` tells it, in a process of its own each time."""
    with tempfile.TemporaryDirectory(prefix="relay-bench-board-") as folder:
        told = [_child(Path(folder) / str(at), stations) for at in range(rounds)]
    figures = [Figure(name, unit, tuple(one[name] for one in told)) for name, unit in _UNITS.items()]
    return Section(
        f"The PPK's board of {stations} stations", "Five forms each; one computation for all who look.", tuple(figures)
    )


_UNITS = {
    "the board": "bytes",
    "the board, gzip": "bytes",
    "first look, processor": "ms",
    "first look, memory kept": "MB",
    "putting the answer together": "ms",
    "a station that changed": "ms",
    "a look at which nothing changed": "ms",
    "an event": "bytes",
}


def _child(folder: Path, stations: int) -> dict[str, float]:
    folder.mkdir()
    words = [sys.executable, "-m", "tests.bench.board", str(folder), str(stations)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(f"the board: {done.stderr[-300:]}")
    told: dict[str, float] = json.loads(done.stdout)
    return told


async def _measure(folder: Path, stations: int) -> dict[str, float]:
    signer = cose.Signer(new_key(), b"certificate")

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        return signer.sign(slips.payload(kind, subject, number, _AT, True)).bare, _AT

    async with open_custody(folder / "relay.db", sign_slip, queue_max=100_000) as store:
        writing = asyncio.create_task(store.run())
        for tps in _codes(stations):
            await store.take_all(list(_station(signer, tps)))  # type: ignore[arg-type]
        told = await _looks(store, DocumentFiles(folder, 0), signer)
        writing.cancel()
    return told


async def _looks(store: CustodyStore, files: DocumentFiles, signer: cose.Signer) -> dict[str, float]:
    region = Kecamatan(Scope(KECAMATAN), frozenset(), {}, _FORMS)
    board = Board(store, files, region, Clock(), set)
    snapshot = Snapshot(board, lambda _: None)  # type: ignore[arg-type, return-value]
    memory, begun = _memory(), time.process_time()
    await board.refresh()
    first, kept = time.process_time() - begun, _memory() - memory
    plain = b"".join(snapshot._pieces())
    begun = time.process_time()
    packed = await snapshot._gzipped()
    together = time.process_time() - begun
    assert gzip.decompress(packed) == plain
    at, begun = board.at, time.process_time()
    for revision, tps in enumerate(list(_codes(_CHANGES)), 10):
        await store.take_all([next(_tallies(signer, tps, ((2401, revision),)))])
    taken = time.process_time() - begun
    begun = time.process_time()
    await board.refresh()
    changed = time.process_time() - begun
    events = board.changed_since(at) or []
    assert len(events) == _CHANGES, taken
    begun = time.process_time()
    for _ in range(_CHANGES):
        await board.refresh()
    idle = time.process_time() - begun
    return {
        "the board": len(plain),
        "the board, gzip": len(packed),
        "first look, processor": first * 1e3,
        "first look, memory kept": kept,
        "putting the answer together": together * 1e3,
        "a station that changed": changed * 1e3 / _CHANGES,
        "a look at which nothing changed": idle * 1e3 / _CHANGES,
        "an event": sum(len(event.json) for event in events) / _CHANGES,
    }


def _codes(count: int) -> Iterator[str]:
    for at in range(count):
        yield f"{KECAMATAN}{2001 + at // 40}{at % 40 + 1:03d}"


def _station(signer: cose.Signer, tps: str) -> Iterator[RelayChange]:
    yield from _tallies(signer, tps, _TALLIES)
    for form, revision in _TALLIES:
        named = [DocumentHash(cose.sha256(f"{tps} {form} {revision} {page}".encode())) for page in range(_PAGES)]
        payload = statements.documents(
            tps=codes.tps_code(tps),
            form=form,
            revision=revision,
            signed_at=_AT,
            pages=[Page(page, name, 1_200_000) for page, name in enumerate(named, 1)],
        )
        yield TakeStatement(statements.read(signer.sign(payload)), None)
        for name in named[: _PAGES // 2 + revision % 2]:
            yield TakeDocument(name, 1_200_000)


def _tallies(signer: cose.Signer, tps: str, which: tuple[tuple[int, int], ...]) -> Iterator[TakeStatement]:
    for code, revision in which:
        form = forms.catalogue()[code]
        figures = tuple((int(tps) * 7 + at * at * revision) % 300 for at in range(len(form.fields)))
        payload = statements.tally(
            tps=codes.tps_code(tps), form=code, revision=revision, signed_at=_AT, figures=forms.pack(figures)
        )
        yield TakeStatement(statements.read(signer.sign(payload)), None)


def _memory() -> float:
    """What this process holds in memory now, in MB."""
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return resident * 4096 / 1e6


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(Path(sys.argv[1]), int(sys.argv[2])))))
