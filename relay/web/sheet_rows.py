"""What stands on a sheet, as values: one row a station, one mark a form. Pure: JSON in, values out.

A relay hands over its board as it is (`GET /v1/board`); the centre hands over rows of its running counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from relay.protocol import forms
from relay.protocol.forms import Form
from relay.web.totals import Totals, on_board, totals

_HERE = ("at-relay", "dropped")
_VILLAGE_DIGITS = 10

Part = tuple[str, str, Totals]
"""Scope, name and totals of a part of the region."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a station stands for one form; `tally` is the end of a word's key, such as at-relay or in-conflict."""

    form: int
    tally: str = "missing"
    flagged: bool = False
    pages_held: int = 0
    pages_total: int = 0

    @property
    def with_tally(self) -> bool:
        """Whether there is a tally that was not refused."""
        return self.tally != "missing"

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing is disputed."""
        return self.with_tally and self.tally != "in-conflict" and self.pages_held >= self.pages_total


@dataclass(frozen=True, slots=True)
class Row:
    """One station; `last_contact` in Unix seconds."""

    tps: str
    listed: bool
    last_contact: int | None
    marks: tuple[Mark, ...]

    @property
    def village(self) -> str:
        """The scope of its village."""
        return self.tps[:_VILLAGE_DIGITS]

    @property
    def number(self) -> str:
        """Its number in the village, three digits."""
        return self.tps[_VILLAGE_DIGITS:]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that a sheet is made from."""

    node: str
    scope: str
    name: str
    made_at: int
    clock_sure: bool
    forms: tuple[int, ...]
    villages: dict[str, str]
    rows: tuple[Row, ...] = ()
    totals: Totals | None = None
    parts: tuple[Part, ...] = ()  # scope, name, totals of each part of the region
    tps: int = 0  # stations that are expected; 0: not known

    def village(self, scope: str) -> str:
        """The name of a village, or its code."""
        return self.villages.get(scope) or scope


def read(data: dict[str, Any]) -> Sheet:
    """The sheet that is asked for in `data`, as `sheets.py` and the centre write it."""
    stations = [station for station in data.get("stations", ()) if station["tps"].startswith(data["scope"])]
    wanted = [forms.catalogue()[code] for code in data["forms"] if code in forms.catalogue()]
    rows = tuple(_row(station, wanted) for station in stations) + tuple(map(_counted_row, data.get("rows", ())))
    expected = sum(row.listed for row in rows) if data.get("has_list") else 0
    summed: Totals | None = None
    parts: tuple[Part, ...] = ()
    if "totals" in data:
        summed, parts = _totals(data["totals"]), tuple(_part(item) for item in data["parts"])
        expected = data["totals"]["tps"]
    elif data["sheet"] == "totals":
        summed, parts = _on_board(wanted[0], stations)
    return Sheet(
        node=data["node"],
        scope=data["scope"],
        name=data["name"],
        made_at=data["made_at"],
        clock_sure=data["clock_sure"],
        forms=tuple(form.code for form in wanted),
        villages={item["scope"]: item["name"] for item in data["villages"]},
        rows=tuple(sorted(rows, key=lambda row: row.tps)),
        totals=summed,
        parts=parts,
        tps=expected,
    )


def _row(station: dict[str, Any], wanted: Iterable[Form]) -> Row:
    """A station of a relay's board."""
    marks = tuple(_mark(station, form) for form in wanted)
    return Row(station["tps"], station["listed"], station["last_contact"], marks)


def _mark(station: dict[str, Any], form: Form) -> Mark:
    standing = on_board(station, form.code)
    pages = {
        page["page"]
        for listing in station["documents"]
        if listing["form"] == form.code and listing["state"] != "refused"
        for page in listing["pages"]
        if page["state"] in _HERE
    }
    if standing.in_conflict:
        tally = "in-conflict"
    elif standing.resolved_by_note:
        tally = "resolved"
    elif standing.counted is None:
        tally = "missing"
    else:
        name = standing.counted.id.hex()
        item = next(item for item in station["tallies"] if item["id"] == name)
        tally = "on-its-way" if item["under_way"] and item["state"] == "at-relay" else item["state"]
    return Mark(form.code, tally, standing.flagged, min(len(pages), form.pages), form.pages)


def _counted_row(row: dict[str, Any]) -> Row:
    """A station as the centre counts it: {tps, listed, marks: [[form, tally, flagged, held, total], …]}."""
    return Row(row["tps"], row["listed"], None, tuple(Mark(*mark) for mark in row["marks"]))


def _on_board(form: Form, stations: Sequence[dict[str, Any]]) -> tuple[Totals, tuple[Part, ...]]:
    """The totals of a board's stations, and those of each village."""
    villages: dict[str, list[Any]] = {}
    for station in stations:
        villages.setdefault(station["tps"][:_VILLAGE_DIGITS], []).append(on_board(station, form.code))
    parts = tuple((scope, "", totals(form, found)) for scope, found in sorted(villages.items()))
    return totals(form, (station for found in villages.values() for station in found)), parts


def _part(item: dict[str, Any]) -> Part:
    return item["scope"], item["name"], _totals(item)


def _totals(item: dict[str, Any]) -> Totals:
    names = ("with_tally", "flagged", "in_conflict", "resolved_by_note", "figures", "blank")
    return Totals(forms.catalogue()[item["form"]], **{name: item[name] for name in names})
