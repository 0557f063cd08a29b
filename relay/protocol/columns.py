"""Tallies laid out in columns, so that a compressor sees what they have in common; and back again, byte for byte.

Tallies of one form differ in their figures, a few digits of the station and a moment; all else in a COSE_Sign1 is the
same. So each becomes a row of numbers, and a figure that others add up to becomes the small rest that a paper's own
mistakes leave. Which figures add up to which is said beside the rows: whoever reads needs no table of forms, and
another version of one can do no harm. What is no such tally, bit for bit, travels whole. Only `parcels` uses this;
PROTOCOL.md, Statements in columns.
"""

import itertools
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose, statements, sums
from relay.protocol.cose import Sign1, X5t
from relay.protocol.statements import FORM_MAX, TIME_MAX, Kind, byte_string, items, whole

STATEMENTS_IN_FRAME_MAX = 512
GROUPS_MAX = 255

_WHOLE = 0  # a shape: a statement that travels whole; n: the next tally of the n-th group
_NEW = 0  # a signer: the next one of the table; n: the n-th of it, met before
_SIGNATURE_BYTES = 64
_X5T_BYTES = 8
_LARGE, _SMALL = "Q", "H"  # numbers of 8 and of 2 bytes, as `struct` calls them
_LARGE_BYTES, _SMALL_BYTES = 8, 2
_TPS_MAX = 10**13 - 1
_BITS = 10  # of a figure
_MASK = (1 << _BITS) - 1

_Groups = dict[tuple[int, int], list["_Tally"]]  # by form and number of figures


class _Tally(NamedTuple):
    """What the payload of a tally says. Figures as they are packed: 1023 is a blank box."""

    form: int
    tps: int
    signed_at: int
    revision: int
    figures: Sequence[int]

    @property
    def payload(self) -> bytes:
        """The bytes that were signed: as `statements.tally`, at a fifth of its cost, since the centre makes so many."""
        figures = _packed(self.figures)
        start = b"\xa6\x01\x01\x02" + cbor.head(cbor.UNSIGNED, self.tps) + b"\x03" + cbor.head(cbor.UNSIGNED, self.form)
        middle = b"\x04" + cbor.head(cbor.UNSIGNED, self.revision) + b"\x05" + cbor.head(cbor.UNSIGNED, self.signed_at)
        return start + middle + b"\x06" + cbor.head(cbor.BYTE_STRING, len(figures)) + figures


def lay_out(listing: Iterable[bytes]) -> tuple[list[Any], bytes]:
    """Bare statements as (body, tail).

    The body is for CBOR and compresses well: shapes, signers, statements that travel whole, groups. The tail does
    not: the x5t of each signer, then the signature of each tally.
    """
    groups: _Groups = {}
    shapes, travel_whole, signed = bytearray(), [], []
    for data in listing:
        message, tally = _taken_apart(data)
        shape = _join(groups, tally)
        shapes.append(shape)
        if message is None or shape == _WHOLE:
            travel_whole.append(data)
        else:
            signed.append(message)
    table, signers = _numbered(message.x5t for message in signed)
    tail = b"".join([*table, *(message.signature for message in signed)])
    return [bytes(shapes), _planes(_SMALL, signers), travel_whole, list(map(_group, groups.values()))], tail


def put_back(body: Sequence[Any], tail: object) -> list[bytes]:
    """The statements that `lay_out` was given; `Rejected` for what it does not make. Memory and time are bounded.

    A body that another program made may give bytes that are no statements: to be judged like any others.
    """
    shapes, signers, travel_whole, groups = body
    counts = Counter(byte_string(shapes, 1, STATEMENTS_IN_FRAME_MAX, "shapes"))
    items(groups, 0, GROUPS_MAX, "groups")
    if counts.keys() - {_WHOLE} != set(range(1, len(groups) + 1)):
        raise _malformed("each group has a tally, and each tally a group")
    items(travel_whole, counts[_WHOLE], counts[_WHOLE], "statements that travel whole")
    tallies = len(shapes) - counts[_WHOLE]
    signed = _signed(tallies, byte_string(signers, 2 * tallies, 2 * tallies, "signers"), tail)
    payloads = [_payloads(group, counts[number]) for number, group in enumerate(groups, 1)]
    rest = iter(travel_whole)
    return [next(rest) if shape == _WHOLE else _statement(next(payloads[shape - 1]), *next(signed)) for shape in shapes]


def _taken_apart(data: bytes) -> tuple[Sign1, _Tally] | tuple[None, None]:
    """The envelope and what it says, if these give the same bytes again; else None, whatever it may be."""
    try:
        statement = statements.parse(data)
    except Rejected:
        return None, None
    if statement.kind is not Kind.TALLY or statement.signed.bare != data:
        return None, None
    figures = _unpacked(statement.figures)
    tally = _Tally(statement.form, int(statement.tps), statement.signed_at, statement.revision, figures)
    return (statement.signed, tally) if figures and tally.payload == statement.signed.payload else (None, None)


def _statement(payload: bytes, x5t: X5t, signature: bytes) -> bytes:
    return cose.bare(cose.protected_header(x5t), payload, signature)


def _join(groups: _Groups, tally: _Tally | None) -> int:
    """The shape of a tally, which joins the others of its form; `_WHOLE` if it cannot."""
    key = (tally.form, len(tally.figures)) if tally else (0, 0)
    if tally is None or (key not in groups and len(groups) == GROUPS_MAX):
        return _WHOLE
    groups.setdefault(key, []).append(tally)
    return list(groups).index(key) + 1


def _group(tallies: Sequence[_Tally]) -> list[Any]:
    """Tallies of one form as [form, sums, earliest time, numbers]."""
    form, earliest = tallies[0].form, min(tally.signed_at for tally in tallies)
    stations = [0, *(tally.tps for tally in tallies)]
    steps = [_zigzag(to - back) for back, to in itertools.pairwise(stations)]
    times = [tally.signed_at - earliest for tally in tallies]
    columns = list(zip(*(tally.figures for tally in tallies), strict=True))
    known = sums.of_form(form, len(columns))
    small = [tally.revision for tally in tallies]
    for column, terms in zip(columns, known, strict=True):
        totals = sums.totals(columns, terms, len(tallies))
        small += [(figure - total) & _MASK for figure, total in zip(column, totals, strict=True)]
    return [form, known, earliest, _planes(_LARGE, steps + times) + _planes(_SMALL, small)]


def _payloads(group: object, count: int) -> Iterator[bytes]:
    """The payloads of the tallies that `_group` was given."""
    form, known, earliest, numbers = items(group, 4, 4, "a group")
    whole(form, 1, FORM_MAX, "form")
    whole(earliest, 0, TIME_MAX, "time")
    sums.check(known)
    large_bytes, small_bytes = count * 2 * _LARGE_BYTES, count * (1 + len(known)) * _SMALL_BYTES
    byte_string(numbers, large_bytes + small_bytes, large_bytes + small_bytes, "numbers")
    large, small = _numbers(_LARGE, numbers[:large_bytes]), _numbers(_SMALL, numbers[large_bytes:])
    stations, times = list(itertools.accumulate(map(_unzigzag, large[:count]))), large[count:]
    if min(stations) < 0 or max(stations) > _TPS_MAX or max(times) > TIME_MAX or max(small[count:]) > _MASK:
        raise _malformed("a number is larger than what it stands for can be")
    columns: list[Sequence[int]] = []
    for at, terms in enumerate(known, 1):
        column = small[at * count : (at + 1) * count]
        if terms:
            totals = sums.totals(columns, terms, count)
            column = tuple([(rest + total) & _MASK for rest, total in zip(column, totals, strict=True)])
        columns.append(column)
    rows = zip(stations, times, small[:count], zip(*columns, strict=True), strict=True)
    return (_Tally(form, tps, earliest + time, revision, figures).payload for tps, time, revision, figures in rows)


def _numbered(signers: Iterable[X5t]) -> tuple[list[X5t], list[int]]:
    """Each signer once; and for each tally whether it is by the next one of these, or by which one met before."""
    table: dict[X5t, int] = {}
    numbers = []
    for x5t in signers:
        numbers.append(table.get(x5t, _NEW))
        table.setdefault(x5t, len(table) + 1)
    return list(table), numbers


def _signed(tallies: int, signers: bytes, tail: object) -> Iterator[tuple[X5t, bytes]]:
    """For each tally who signed it, and the signature."""
    most = STATEMENTS_IN_FRAME_MAX * (_X5T_BYTES + _SIGNATURE_BYTES)
    data = byte_string(tail, tallies * _SIGNATURE_BYTES, most, "signers and signatures")
    table_bytes = len(data) - tallies * _SIGNATURE_BYTES
    signatures = _cut(data[table_bytes:], _SIGNATURE_BYTES)
    table, named, met = _cut(data[:table_bytes], _X5T_BYTES), [], 0
    for number in _numbers(_SMALL, signers):
        met += number == _NEW
        if number > met or met > len(table):
            raise _malformed("a signer is the next one of the table, or one met before")
        named.append(X5t(table[(number or met) - 1]))
    if met * _X5T_BYTES != table_bytes:
        raise _malformed("each signer of the table has 8 bytes and has signed a tally")
    return zip(named, signatures, strict=True)


def _planes(kind: str, numbers: Sequence[int]) -> bytes:
    """Numbers as bytes: the most significant one of each, then the next one of each, and so on."""
    data, size = struct.pack(f">{len(numbers)}{kind}", *numbers), struct.calcsize(f">{kind}")
    return b"".join(data[at::size] for at in range(size))


def _numbers(kind: str, planes: bytes) -> tuple[int, ...]:
    """What `_planes` was given."""
    size = struct.calcsize(f">{kind}")
    count = len(planes) // size
    data = bytearray(len(planes))
    for at in range(size):
        data[at::size] = planes[at * count : (at + 1) * count]
    return struct.unpack(f">{count}{kind}", data)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _zigzag(number: int) -> int:
    """0, -1, 1, -2, 2 as 0, 1, 2, 3, 4: what is near stays small."""
    return number << 1 if number >= 0 else ~(number << 1)


def _unzigzag(number: int) -> int:
    return ~(number >> 1) if number & 1 else number >> 1


def _packed(figures: Sequence[int]) -> bytes:
    """As `forms.pack`, whatever the figures."""
    bits = 0
    for figure in figures:
        bits = bits << _BITS | figure
    size = (len(figures) * _BITS + 7) // 8
    return (bits << size * 8 - len(figures) * _BITS).to_bytes(size, "big")


def _unpacked(packed: bytes) -> list[int]:
    """As many figures as there are room for, whatever a form wants."""
    count = len(packed) * 8 // _BITS
    bits = int.from_bytes(packed, "big") >> len(packed) * 8 - count * _BITS
    return [bits >> shift & _MASK for shift in range((count - 1) * _BITS, -1, -_BITS)]


def _malformed(why: str) -> Rejected:
    return Rejected(Code.BATCH_MALFORMED, f"The statements in columns are malformed: {why}.")
