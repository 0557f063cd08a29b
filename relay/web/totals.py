"""Running totals of a form: which tally of a station counts, and sums over stations. Pure: values in, values out.

The newest revision of a station counts. Where its tallies disagree, none counts until an operator's note favours one:
a total never holds figures that somebody disputes, and says how many stations it leaves out.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from relay.protocol.forms import Figures, Form


@dataclass(frozen=True, slots=True)
class Tally:
    """A tally that was not refused. `disputed`: a receipt says that another one, here or not, disagrees with it."""

    id: bytes
    revision: int
    figures: Figures
    flagged: bool
    disputed: bool


@dataclass(frozen=True, slots=True)
class Note:
    """An operator's note about statements of one station and form; it may favour one of them."""

    revision: int
    about: frozenset[bytes]
    favours: bytes | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a station stands for one form; `counted` is the tally whose figures go into the totals."""

    with_tally: bool = False
    flagged: bool = False
    in_conflict: bool = False
    resolved_by_note: bool = False
    counted: Tally | None = None


@dataclass(slots=True)
class Totals:
    """Sums over stations: `figures` and `blank` (stations with that box blank) in the form's order."""

    form: Form
    with_tally: int = 0
    flagged: int = 0
    in_conflict: int = 0
    resolved_by_note: int = 0
    figures: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.figures = self.figures or [0] * len(self.form.fields)
        self.blank = self.blank or [0] * len(self.form.fields)

    def add(self, station: Standing) -> None:
        """Counts one station."""
        self.with_tally += station.with_tally
        self.flagged += station.flagged
        self.in_conflict += station.in_conflict
        self.resolved_by_note += station.resolved_by_note
        if station.counted is not None:
            self.add_figures(station.counted.figures)

    def add_figures(self, figures: Figures) -> None:
        """Adds the figures of a tally that counts."""
        for position, figure in enumerate(figures):
            self.figures[position] += figure or 0
            self.blank[position] += figure is None

    def as_json(self, scope: str, stations: int) -> dict[str, Any]:
        """As `/v1/totals` answers; `stations` is how many TPS are expected within `scope`."""
        return {
            "form": self.form.code,
            "scope": scope,
            "tps": stations,
            "with_tally": self.with_tally,
            "flagged": self.flagged,
            "in_conflict": self.in_conflict,
            "resolved_by_note": self.resolved_by_note,
            "figures": self.figures,
            "blank": self.blank,
        }


def totals(form: Form, stations: Iterable[Standing]) -> Totals:
    """The running totals of `form` over stations."""
    result = Totals(form)
    for station in stations:
        result.add(station)
    return result


def standing(tallies: Collection[Tally], notes: Collection[Note]) -> Standing:
    """How one station stands, from its tallies of one form and the notes about them."""
    if not tallies:
        return Standing()
    revision = max(tally.revision for tally in tallies)
    newest = sorted((tally for tally in tallies if tally.revision == revision), key=lambda tally: tally.id)
    flagged = any(tally.flagged for tally in newest)
    if len({tally.figures for tally in newest}) == 1 and not any(tally.disputed for tally in newest):
        return Standing(with_tally=True, flagged=flagged, counted=newest[0])
    favoured = _favoured(newest, notes)
    return Standing(True, flagged, favoured is None, favoured is not None, favoured)


def _favoured(newest: Collection[Tally], notes: Collection[Note]) -> Tally | None:
    """The tally that the newest notes favour, all of them the same, knowing of every figure that is claimed."""
    revision = max((note.revision for note in notes), default=0)
    said = [note for note in notes if note.revision == revision]
    favours = {note.favours for note in said}
    if len(favours) != 1:
        return None
    about = frozenset[bytes]().union(*(note.about for note in said))
    known = {tally.figures for tally in newest if tally.id in about}
    if known != {tally.figures for tally in newest}:
        return None
    return next((tally for tally in newest if tally.id in favours), None)


def on_board(station: dict[str, Any], form: int) -> Standing:
    """How a station of a relay's board (`GET /v1/board`) stands for a form."""
    tallies = [
        Tally(
            bytes.fromhex(item["id"]),
            item["revision"],
            tuple(item["figures"]),
            bool(item["flags"]),
            item["state"] == "in-conflict",
        )
        for item in station["tallies"]
        if item["form"] == form and item["state"] != "refused"
    ]
    notes = [
        Note(
            item["revision"],
            frozenset(bytes.fromhex(name) for name in item["about"]),
            bytes.fromhex(item["favours"]) if item["favours"] else None,
        )
        for item in station["notes"]
        if item["form"] == form and item["state"] != "refused"
    ]
    return standing(tallies, notes)
