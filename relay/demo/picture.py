"""What the screen shows at one moment: values only, put together from what phones, relay, link and centre can prove."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from relay.demo.figures import Station
from relay.demo.officers import Stage


class Place(Enum):
    """Where a tally or a page is. On its way means that some of it has arrived."""

    NOT_FILLED_IN = "not-filled-in"
    NOT_MADE = "not-made"
    PHONE = "phone"
    TO_RELAY = "to-relay"
    RELAY = "relay"
    TO_CENTRE = "to-centre"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Item:
    """One tally or page; `percent` of it has arrived where it is going."""

    place: Place
    percent: int = 0


@dataclass(frozen=True, slots=True)
class StationRow:
    """One TPS: `proven` of `statements` have a receipt that the phone has verified."""

    station: Station
    stage: Stage
    tally: Item
    incomplete: bool
    """Whether the tally is flagged for blank boxes."""
    pages: tuple[Item, ...]
    proven: int
    statements: int


@dataclass(frozen=True, slots=True)
class UplinkView:
    """The uplink: `state` and `reason` as the relay says, bytes as the link has counted them."""

    state: str = "down"
    reason: str = ""
    retry_in_seconds: int = 0
    rate_bytes_per_second: float = 0.0
    bytes_up: int = 0
    bytes_again: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment; `oldest_seconds` is None if nothing at the relay is without a receipt."""

    elapsed_seconds: float
    rows: tuple[StationRow, ...]
    uplink: UplinkView
    oldest_seconds: int | None
    centre_running: bool

    @property
    def tallies_waiting(self) -> int:
        """Tallies at the relay without a receipt."""
        return self.tallies(Place.RELAY)

    @property
    def photographs_waiting(self) -> int:
        """Photographs at the relay that are not whole at the centre."""
        return self.photographs(Place.RELAY) + self.photographs(Place.TO_CENTRE)

    def tallies(self, place: Place) -> int:
        """How many tallies are there."""
        return _count((row.tally for row in self.rows), place)

    def photographs(self, place: Place) -> int:
        """How many photographs are there."""
        return _count((item for row in self.rows for item in row.pages), place)

    def stations(self, *stages: Stage) -> int:
        """How many officers are at one of these stages."""
        return sum(row.stage in stages for row in self.rows)


def _count(items: Iterable[Item], place: Place) -> int:
    return sum(item.place is place for item in items)
