"""Frames with statements in columns, good and bad: bodies written by hand, in stored blocks of zstd but for one."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from relay.errors import Code
from relay.protocol import cbor, cose
from tests.vectors import country, signed
from tests.vectors.example import Example, bad, good
from tests.vectors.framed import stored

_SUMS: list[list[int]] = [
    [], [], [0, 1],
    [], [], [3, 4], [], [], [6, 7], [], [], [9, 10], [3, 6, 9], [4, 7, 10], [12, 13],
    [], [14], [], [15, -17, -18],
    [], [], [19, 20],
    [], [], [], [22, 23, 24], [14, -26], [25, 26],
]  # fmt: skip
"""The sums of C.HASIL-PPWP: `-17` is ~16, so that figure 18 is figure 15 without figures 16 and 17."""
_RESTS = [148, 135, 0, 105, 107, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 289, 0, 0, 0, 1, 0, 0, 1, 165, 49, 0, 0, 0]
"""Those of the sample, on which everything adds up."""
_RESTS_WRONG = [148, 135, 0, 105, 107, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 289, 0, 0, 1023, 1, 0, 0, 1, 165, 1023, 216, 0, 0]
"""One unused paper too few (1023 is -1), and pair 3 blank, which is 1023 and so counts as -1 in the sum."""
_BY_ZSTD = bytes.fromhex("28b52ffd209dfd00008001948700696b01022101a531000000800500448d008141a070f003a5c60a")
"""The body of the sample as zstd 1.5.7 makes it with the dictionary, at level 9; others may choose otherwise."""


def _corrected() -> cose.Sign1:
    """The sample's second revision, 30 seconds earlier by the phone's clock, with two mistakes."""
    figures = list(_figures(_RESTS_WRONG))
    payload = signed.tally_payload(_packed(figures), revision=2)
    fields = cbor.decode(payload) | {5: signed.SIGNED_AT - 30}
    return country.OFFICER.signer.sign(cbor.encode(fields))


def _neighbours() -> cose.Sign1:
    """The next station's tally, with the same figures."""
    payload = signed.tally_payload(_packed(_figures(_RESTS)), "6501082001002")
    return country.NEIGHBOUR.signer.sign(payload)


def _figures(rests: list[int]) -> list[int]:
    """As PROTOCOL.md says it, figure by figure."""
    figures: list[int] = []
    for rest, terms in zip(rests, _SUMS, strict=True):
        total = sum(figures[term] if term >= 0 else -figures[~term] for term in terms)
        figures.append((total + rest) % 1024)
    return figures


def _packed(figures: list[int]) -> bytes:
    bits = "".join(f"{figure:010b}" for figure in figures)
    return int(bits, 2).to_bytes(35, "big")


def _planes(numbers: list[int], size: int) -> bytes:
    data = [number.to_bytes(size, "big") for number in numbers]
    return b"".join(bytes(number[at] for number in data) for at in range(size))


@cache
def _body() -> tuple[list[Any], bytes]:
    """Three tallies and, second, a list of photographs: (what is compressed, signers and signatures)."""
    tallies = [signed.sample(), _corrected(), _neighbours()]
    large = [2 * int(country.TPS), 0, 2, 30, 0, 30]  # zigzag steps between stations, seconds since the earliest
    small = [1, 2, 1, *(rest for row in zip(_RESTS, _RESTS_WRONG, _RESTS, strict=True) for rest in row)]
    group = [2401, _SUMS, signed.SIGNED_AT - 30, _planes(large, 8) + _planes(small, 2)]
    signers = _planes([0, 1, 0], 2)
    chains = [[0, *country.OFFICER.chain], [3, country.NEIGHBOUR.chain[0]]]
    signatures = b"".join(tally.signature for tally in tallies)
    tail = country.OFFICER.signer.x5t + country.NEIGHBOUR.signer.x5t + signatures
    return [b"\x01\x00\x01\x01", signers, [signed.documents()[0].data], [group], chains], tail


def good_frames() -> list[Example]:
    """Columns that unfold into what was signed."""
    body, tail = _body()
    (officer, ca), neighbour = country.OFFICER.chain, country.NEIGHBOUR.chain[0]
    statements = [signed.sample().bare, signed.documents()[0].data, _corrected().bare, _neighbours().bare]
    chains: list[list[bytes]] = [[officer, ca], [], [], [neighbour]]
    several = [
        {"statement": data.hex(), "chain": [der.hex() for der in chain]}
        for data, chain in zip(statements, chains, strict=True)
    ]
    sample = signed.sample()
    one = [{"statement": sample.bare.hex(), "chain": []}]
    return [
        good(
            "frame-columns",
            "frame",
            "Three tallies and a list of photographs in columns (here in stored blocks).",
            cbor.encode([1, 2, stored(cbor.encode(body)), tail]),
            {"statements": several},
        ),
        good(
            "frame-columns-dictionary",
            "frame",
            "One tally in columns, compressed with the dictionary.",
            cbor.encode([1, 2, _BY_ZSTD, country.OFFICER.signer.x5t + sample.signature]),
            {"statements": one},
        ),
    ]


def bad_frames() -> Iterator[Example]:
    """Columns that are refused."""
    body, tail = _body()
    shapes, signers, listing, [group], chains = body
    form, sums, earliest, numbers = group

    def packed(body: list[Any], tail: bytes = tail) -> bytes:
        return cbor.encode([1, 2, stored(cbor.encode(body)), tail])

    def grouped(*group: Any) -> bytes:
        return packed([shapes, signers, listing, [list(group)], chains])

    for name, what, data, cddl in (
        ("no-tail", "Columns without signatures.", cbor.encode([1, 2, stored(cbor.encode(body))]), False),
        ("tail-unasked", "Packing 1 with signatures.", cbor.encode([1, 1, stored(b"\x81\x81\x41x"), tail]), False),
        ("tail-short", "A signature of 63 bytes.", packed(body, tail[:-1]), True),
        ("signer-idle", "A signer who has signed nothing.", packed(body, bytes(8) + tail), True),
        ("signer-missing", "A signer of whom there is no x5t.", packed(body, tail[8:]), True),
        ("signer-unmet", "A signer before anybody is met.", packed([shapes, _planes([1, 0, 0], 2), *body[2:]]), True),
        ("no-statements", "No statements.", packed([b"", b"", [], [], []], b""), True),
        ("shape-unknown", "A tally of a second group.", packed([b"\x01\x00\x01\x02", *body[1:]]), True),
        ("group-idle", "A group without a tally.", packed([*body[:3], [group, group], chains]), True),
        ("whole-missing", "One statement too few travels whole.", packed([shapes, signers, [], [group], chains]), True),
        ("chain-of-nobody", "A chain for a fifth statement.", packed([*body[:4], [[4, *country.OFFICER.chain]]]), True),
        ("sum-of-later", "A figure that needs itself.", grouped(form, [[0], *sums[1:]], earliest, numbers), True),
        ("sum-of-text", "A term as text.", grouped(form, [["0"], *sums[1:]], earliest, numbers), True),
        ("sums-endless", "1,025 terms.", grouped(form, [[], [0] * 1025, *sums[2:]], earliest, numbers), True),
        ("numbers-short", "Numbers that end too early.", grouped(form, sums, earliest, numbers[:-1]), True),
        ("form-0", "Form 0 does not exist.", grouped(0, sums, earliest, numbers), True),
        ("five-items", "A group of five items.", grouped(form, sums, earliest, numbers, 0), True),
    ):
        yield bad(f"frame-columns-{name}", "frame", f"In columns: {what}", data, Code.BATCH_MALFORMED, cddl=cddl)


def all_columned() -> list[Example]:
    """Every frame in columns."""
    return [*good_frames(), *bad_frames()]
