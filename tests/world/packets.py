"""TCP connections seen from the middle of a link, and the RST packets that end them (RFC 9293, IPv4 only)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_TCP = 6
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_MODULUS = 2**32

Address = tuple[bytes, int]
"""IPv4 address and TCP port."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What matters of a TCP packet."""

    source: Address
    target: Address
    sequence: int
    acknowledged: int
    flags: int
    sequence_end: int

    @property
    def begins(self) -> bool:
        """Whether it is the first packet of a connection."""
        return self.flags & (_SYN | _ACK) == _SYN

    @property
    def is_reset(self) -> bool:
        """Whether it ends the connection at once."""
        return bool(self.flags & _RST)

    @property
    def acknowledges(self) -> bool:
        """Whether `acknowledged` says anything."""
        return bool(self.flags & _ACK)


def segment(packet: bytes) -> Segment | None:
    """The TCP segment in an IPv4 packet; None if it is another thing."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    at = (packet[0] & 0x0F) * 4
    source, target, sequence, acknowledged, offset, flags = struct.unpack_from("!HHIIBB", packet, at)
    length = len(packet) - at - (offset >> 4) * 4 + bool(flags & _SYN) + bool(flags & _FIN)
    return Segment(
        (packet[12:16], source),
        (packet[16:20], target),
        sequence,
        acknowledged,
        flags,
        (sequence + length) % _MODULUS,
    )


def reset_packet(source: Address, target: Address, sequence: int, acknowledged: int | None = None) -> bytes:
    """An RST that `target` takes for one of `source`."""
    flags = _RST if acknowledged is None else _RST | _ACK
    parts = (source[1], target[1], sequence, acknowledged or 0, 5 << 4, flags, 0)
    pseudo = source[0] + target[0] + struct.pack("!BBH", 0, _TCP, 20)
    tcp = struct.pack("!HHIIBBHHH", *parts, _checksum(pseudo + struct.pack("!HHIIBBHHH", *parts, 0, 0)), 0)
    head = (0x45, 0, 40, 0, 0, 64, _TCP)
    addresses = source[0] + target[0]
    ip = struct.pack("!BBHHHBBH", *head, _checksum(struct.pack("!BBHHHBBH", *head, 0) + addresses))
    return ip + addresses + tcp


@dataclass(slots=True)
class _Connection:
    """What each end waits for next, as far as is known; a client that has heard nothing waits for an answer."""

    expects: dict[Address, int] = field(default_factory=dict)
    opened_with: dict[Address, int] = field(default_factory=dict)  # what must be acknowledged to whom began

    def resets(self, ends: frozenset[Address]) -> Iterator[tuple[Address, bytes]]:
        """For each end, the packet that ends it there."""
        for end in ends:
            (other,) = ends - {end}
            if end in self.expects:
                yield end, reset_packet(other, end, self.expects[end])
            elif end in self.opened_with:
                yield end, reset_packet(other, end, 0, self.opened_with[end])


class Connections:
    """The TCP connections through a link."""

    def __init__(self) -> None:
        self._open: dict[frozenset[Address], _Connection] = {}
        self._dead: set[frozenset[Address]] = set()

    def sent(self, packet: bytes) -> bytes | None:
        """An end sends this. What it is answered at once, if its connection is one that was reset; else None."""
        found = segment(packet)
        if found is None:
            return None
        ends = frozenset((found.source, found.target))
        if found.begins:
            self._dead.discard(ends)
            self._open[ends] = _Connection(opened_with={found.source: found.sequence_end})
        elif ends in self._dead:
            if found.is_reset:
                return b""
            return reset_packet(found.target, found.source, found.acknowledged)
        elif ends in self._open and found.acknowledges:
            self._open[ends].expects[found.source] = found.acknowledged
        return None

    def delivered(self, packet: bytes) -> None:
        """The other end gets this."""
        found = segment(packet)
        ends = frozenset((found.source, found.target)) if found else frozenset()
        if found is None or ends not in self._open:
            return
        if found.is_reset:
            del self._open[ends]
            return
        expects = self._open[ends].expects
        if expects.get(found.target, found.sequence) == found.sequence:
            expects[found.target] = found.sequence_end

    def reset_all(self) -> list[tuple[Address, bytes]]:
        """Ends them all: to whom which packet goes."""
        resets = [item for ends, connection in self._open.items() for item in connection.resets(ends)]
        self._dead |= self._open.keys()
        self._open.clear()
        return resets


def _checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
