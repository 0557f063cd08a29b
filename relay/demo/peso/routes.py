"""Which way each thing came to the centre, told from what is on record and from nothing else.

What is known: the relay whose signed batch the centre recorded a statement from; the relay that handed a statement
over to the one downriver; and what the centre did not have before a stick was imported and had right after it.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from enum import Enum

from relay.demo.figures import KECAMATAN, UPRIVER


class Route(Enum):
    """The way to the centre, as people here call it."""

    SATELLITE = "satelit"
    STICK = "stik"
    STICK_SATELLITE = "stik+satelit"


@dataclass(slots=True)
class Evidence:
    """Statements and photographs by their full names: statement id or SHA-256. Relays by their scopes."""

    senders: dict[bytes, str] = field(default_factory=dict)
    """At the centre: the relay from whose batch a statement was recorded."""
    origins: dict[bytes, str] = field(default_factory=dict)
    """At the relay downriver: the relay that handed a statement over to it."""
    imported: dict[bytes, str] = field(default_factory=dict)
    """What came to the centre with a stick: the relay that signed the batch on it."""
    under_way: Set[bytes] = frozenset()
    """On a stick that is being imported just now: whether that brings it, is known once it is done."""

    def of_statement(self, statement: bytes, home: str) -> Route | None:
        """How a statement that the relay `home` took from a phone has come; None if that is not proven.

        The relay downriver has two ways, its satellite and the stick: what no stick brought came by satellite.
        """
        sender = self.senders.get(statement)
        if sender is None or statement in self.under_way:
            return None
        if self.imported.get(statement) == sender:
            return Route.STICK
        if sender != KECAMATAN:
            return None
        if home == KECAMATAN:
            return Route.SATELLITE
        return Route.STICK_SATELLITE if self.origins.get(statement) == UPRIVER else None

    def of_photograph(self, document: bytes) -> Route | None:
        """How a photograph has come."""
        return Route.STICK if document in self.imported else None
