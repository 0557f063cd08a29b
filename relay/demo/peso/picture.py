"""What the screen of `relay demo peso` shows at one moment: values only."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from relay.demo.figures import Station
from relay.demo.officers import Stage
from relay.demo.peso.routes import Route


class Place(IntEnum):
    """How far down the river a tally or a page is known to be."""

    NOT_FILLED_IN = 0
    NOT_MADE = 1
    PHONE = 2
    TO_RELAY = 3
    RELAY = 4
    STICK = 5
    DOWNRIVER = 6
    """Taken over by the relay downriver."""
    CENTRE = 7


@dataclass(frozen=True, slots=True)
class Item:
    """One tally or page; `percent` of it has arrived if it is on its way into the relay; `route` once at the centre."""

    place: Place
    percent: int = 0
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class StationRow:
    """One TPS: `proven` of `statements` have a receipt that the phone has verified."""

    station: Station
    stage: Stage
    tally: Item
    pages: tuple[Item, ...]
    proven: int
    statements: int

    @property
    def slowest_page(self) -> Item:
        """The page that has come least far."""
        return min(self.pages, key=lambda item: (item.place, item.percent))


@dataclass(frozen=True, slots=True)
class StickView:
    """The boat's `position` (0 at Peso, 1 at Peso Hilir, 2 in town), and what is being done with its stick."""

    position: float = 0.0
    is_landed: bool = True
    state: str = ""
    percent: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment; the states of both relays' uplinks are those that they say."""

    elapsed_seconds: float
    rows: tuple[StationRow, ...]
    stick: StickView
    satellite: str
    neighbour: str
    satellite_bytes: int
    """Towards the centre, as the link has counted them."""

    def tallies(self, place: Place) -> int:
        """How many tallies are there."""
        return _count((row.tally for row in self.rows), place)

    def photographs(self, place: Place) -> int:
        """How many photographs are there."""
        return _count((item for row in self.rows for item in row.pages), place)


def _count(items: Iterable[Item], place: Place) -> int:
    return sum(item.place is place for item in items)
