"""What one CA has revoked: those of its lists (CRL) that still count.

A list is complete (RFC 5280 5): a newer one stands for the older ones. A CA that forgets, or was restored from an old
backup, leaves something out: then older lists count as well, since what was once revoked stays so. How many is bounded:
a CA whose key was stolen must not fill the memory and the disks of a whole country.
"""

from dataclasses import dataclass

from relay.errors import Code, Rejected

LISTS_MAX = 4
"""Lists of one CA, none of which can stand for another."""
SERIALS_MAX = 4096
"""Serial numbers in all of them; a list that fits a message has less than half as many."""


@dataclass(frozen=True, slots=True)
class _List:
    number: int
    serials: frozenset[int]
    der: bytes

    def stands_for(self, other: "_List") -> bool:
        """Whether the other one says nothing that this one does not say."""
        return other.number <= self.number and other.serials <= self.serials


@dataclass(frozen=True, slots=True)
class Revocations:
    """The lists of one CA, by number; a value."""

    _lists: tuple[_List, ...] = ()

    def __contains__(self, serial: int) -> bool:
        """Whether the certificate with this serial number is revoked."""
        return any(serial in item.serials for item in self._lists)

    @property
    def newest(self) -> bytes:
        """The list with the highest number, DER; there is one."""
        return self._lists[-1].der

    @property
    def lists(self) -> tuple[bytes, ...]:
        """All lists that count, DER."""
        return tuple(item.der for item in self._lists)

    def with_list(self, number: int, serials: frozenset[int], der: bytes) -> "Revocations":
        """Adds a list, its signature checked before; `Rejected(crl-malformed)` if more is revoked than can be kept."""
        new = _List(number, serials, der)
        if any(item.stands_for(new) for item in self._lists):
            return self
        left = [item for item in self._lists if not new.stands_for(item)]
        if len(left) >= LISTS_MAX or sum(len(item.serials) for item in left) + len(serials) > SERIALS_MAX:
            raise Rejected(
                Code.CRL_MALFORMED,
                f"This CA's CRLs leave out what others of it list, or revoke more than {SERIALS_MAX} certificates; "
                "have it make one that lists all, or have the CA itself revoked.",
            )
        return Revocations(tuple(sorted([new, *left], key=lambda item: item.number)))
