"""Which way each thing came to the centre, told from what is on record and from nothing else.

The relay upriver has two ways, the stick and its neighbour downriver; that one has two, the stick and its satellite.
What came with the stick is known from the stick; whatever else came can have come by the other way alone.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from enum import Enum

from relay.demo.figures import KECAMATAN, UPRIVER


class Route(Enum):
    """The way to the centre, as people here call it; "tetangga": the neighbour relay downriver."""

    SATELLITE = "satelit"
    STICK = "stik"
    STICK_SATELLITE = "stik+satelit"
    NEIGHBOUR_SATELLITE = "tetangga+satelit"
    NEIGHBOUR_STICK = "tetangga+stik"


_OF_LEGS = {
    ("stick", "satellite"): Route.STICK_SATELLITE,
    ("stick", "stick"): Route.STICK,
    ("neighbour", "satellite"): Route.NEIGHBOUR_SATELLITE,
    ("neighbour", "stick"): Route.NEIGHBOUR_STICK,
}


@dataclass(slots=True)
class Evidence:
    """Statements and photographs by their full names: statement id or SHA-256. Relays by their scopes."""

    senders: dict[bytes, str] = field(default_factory=dict)
    """At the centre: the relay from whose signed batch a statement was recorded."""
    downriver: dict[bytes, bool] = field(default_factory=dict)
    """What the relay downriver has taken over from the one upriver: whether it lay on the stick that was there."""
    imported: dict[bytes, str] = field(default_factory=dict)
    """What the centre did not have before a stick was imported, and had then: the relay that signed its batch."""
    under_way: Set[bytes] = frozenset()
    """On a stick that is being imported just now: whether that brings it, is known once it is done."""

    def of_statement(self, statement: bytes, home: str) -> Route | None:
        """How a statement that the relay `home` took from a phone has come; None if that is not proven."""
        sender = self.senders.get(statement)
        if sender is None or statement in self.under_way:
            return None
        return self._of(statement, home, sender, by_stick=self.imported.get(statement) == sender)

    def of_photograph(self, document: bytes, home: str) -> Route | None:
        """How a photograph has come: only a stick can bring one to the centre."""
        sender = self.imported.get(document)
        return None if sender is None else self._of(document, home, sender, by_stick=True)

    def _of(self, name: bytes, home: str, sender: str, *, by_stick: bool) -> Route | None:
        """`sender` brought it to the centre; by another way than the stick, only the relay downriver can."""
        if not by_stick and sender != KECAMATAN:
            return None
        if sender == home:
            return Route.STICK if by_stick else Route.SATELLITE
        if home != UPRIVER or name not in self.downriver:
            return None
        first = "stick" if self.downriver[name] else "neighbour"
        return _OF_LEGS[first, "stick" if by_stick else "satellite"]
