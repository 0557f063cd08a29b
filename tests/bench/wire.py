"""What a tally costs on the wire: bytes of a whole frame, beside zstd alone and what no packing saves; and CPU."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import zstandard

from relay.protocol import cbor, parcels
from relay.protocol.parcels import StatementParcel
from tests.bench import papers
from tests.bench.figures import Broken, Figure, Section
from tests.bench.material import Material

FRAMES_OF = {1: None, 16: 105.0, 64: None, 500: 92.0}
"""Tallies in a frame -> at most so many bytes each."""
SIGNATURE_BYTES, SIGNER_BYTES, FIGURES_BYTES = 64, 8, 15
_CERTIFICATES = 16
_CPU_IN_FRAME = 64


def bytes_per_tally(material: Material, rounds: int) -> Section:
    """Frames of several sizes of the five hundred papers; bytes are the same in every run."""
    listing = papers.parcels()
    figures = [_bytes(listing, count, at_most) for count, at_most in FRAMES_OF.items()]
    figures += [_bytes(listing, count, None, _zstd_alone) for count in FRAMES_OF]
    floor = SIGNATURE_BYTES + FIGURES_BYTES
    said = f"signature and some {FIGURES_BYTES} of figures; x5t is {SIGNER_BYTES} more"
    figures.append(Figure("floor", "bytes", (float(floor),), remark=said))
    figures += _certificates(material, listing[:_CERTIFICATES])
    figures += _cpu(listing[:_CPU_IN_FRAME], rounds)
    return Section(
        "wire",
        f"{len(listing)} tallies of C.HASIL-PPWP with real figures (tests/bench/papers.md), each by another officer, "
        "consecutive stations, within three hours; the bytes of whole frames, shared by the tallies in them.",
        tuple(figures),
    )


def frames(
    listing: Sequence[StatementParcel], count: int, pack: Callable[[Sequence[StatementParcel]], bytes]
) -> list[bytes]:
    """The listing in frames of exactly `count`; what is left over is left out."""
    groups = [listing[at : at + count] for at in range(0, len(listing) - count + 1, count)]
    packed = [pack(group) for group in groups]
    if [parcel for frame in packed for parcel in parcels.unpack(frame)] != list(itertools.chain(*groups)):
        raise Broken("What comes out of a frame is not what went in.")
    return packed


def _zstd_alone(listing: Sequence[StatementParcel]) -> bytes:
    """Packing 1: the same statements as they are, compressed together."""
    plain = cbor.encode([[parcel.statement] for parcel in listing])
    return cbor.encode([1, 1, zstandard.ZstdCompressor(level=9, write_checksum=False).compress(plain)])


def _bytes(
    listing: Sequence[StatementParcel],
    count: int,
    at_most: float | None,
    pack: Callable[[Sequence[StatementParcel]], bytes] = parcels.pack_statements,
) -> Figure:
    name = f"{'in columns' if pack is parcels.pack_statements else 'zstd alone'}, {count} in a frame"
    return Figure(name, "bytes", tuple(len(frame) / count for frame in frames(listing, count, pack)), at_most)


def _certificates(material: Material, listing: Sequence[StatementParcel]) -> list[Figure]:
    """What the certificates of officers who are met for the first time add to a frame, each."""
    chains = [chain for _, chain in material.officers[: len(listing)]]

    def added(name: str, count: int, certificates: int) -> Figure:
        pairs = zip(listing[:count], chains, strict=False)
        introduced = [StatementParcel(item.statement, chain[:certificates]) for item, chain in pairs]
        more = len(parcels.pack_statements(introduced)) - len(parcels.pack_statements(listing[:count]))
        of = sum(len(der) for der in chains[0][:certificates])
        return Figure(name, "bytes", (more / count,), remark=f"of {of}")

    return [
        added("an officer's certificate", 1, 1),
        added(f"each of {len(listing)} officers' certificates", len(listing), 1),
        added("an officer's certificate and the CA's", 1, 2),
    ]


def _cpu(listing: Sequence[StatementParcel], rounds: int) -> list[Figure]:
    columns, alone = parcels.pack_statements(listing), _zstd_alone(listing)
    return [
        Figure(f"{name}, {len(listing)} in a frame", "µs CPU", _costs(work, given, len(listing), rounds))
        for name, work, given in (
            ("pack columns", parcels.pack_statements, listing),
            ("unpack columns", parcels.unpack, columns),
            ("unpack zstd alone", parcels.unpack, alone),
        )
    ]


def _costs(work: Callable[[Any], object], given: object, count: int, rounds: int) -> tuple[float, ...]:
    """Microseconds of CPU a statement, a value a round."""
    costs = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(10):
            work(given)
        costs.append((time.process_time() - begun) / (10 * count) * 1e6)
    return tuple(costs)
