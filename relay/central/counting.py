"""Keeps the centre's running counts: takes what has a new receipt, and moves the counts of its regions by what changed.

It follows the record and holds nobody up: a portion at a time, and while relays send it takes no more than a share of
the time. What is counted and how far goes to disk in one commit, so that nothing is ever counted twice.
"""

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from relay.errors import NotNow
from relay.protocol import forms, statements
from relay.protocol.receipts import OUTCOMES_MAX, Verdict
from relay.protocol.statements import Kind
from relay.store.database import Row
from relay.store.progress import ANY_FORM, COUNTS, Counted, Region, Station, parts_of
from relay.store.record import RecordStore
from relay.web.totals import Note, Standing, Tally, standing

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_PORTION = 16 * OUTCOMES_MAX  # statements; of a portion that is full, the last receipt's may be incomplete
_LITTLE_RECEIPTS = 16
_REST = 3  # after each portion of many, times as long as it took

Listener = Callable[[frozenset[str]], None]
"""Is told the stations of which something has changed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a station stands for one form."""

    standing: Standing
    with_photographs: bool
    tally: int | None

    @property
    def counts(self) -> tuple[int, ...]:
        """In the order of `COUNTS`."""
        of = self.standing
        return tuple(map(int, (of.with_tally, of.flagged, of.in_conflict, of.resolved_by_note, self.with_photographs)))


class Counting:
    """The centre's counts, kept up to date by `run()`."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._one_at_a_time = asyncio.Lock()
        self._listeners: set[Listener] = set()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tells `listener` from now on of every change; the function ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    async def run(self) -> None:
        """Counts for ever."""
        while True:
            started = time.monotonic()
            try:
                more = await self.catch_up()
            except NotNow as error:
                log.info("counts wait: %s", error.sentence)
                more = False
            took = time.monotonic() - started
            await asyncio.sleep(_REST * took if more else _LOOK_SECONDS)

    async def freshen(self) -> None:
        """For whoever asks how far everything is: what little is new is counted first; of much, `run` takes care."""
        counted, newest = await self._store.progress.behind()
        if 0 < newest - counted <= _LITTLE_RECEIPTS:
            with contextlib.suppress(NotNow):
                await self.catch_up()

    async def catch_up(self) -> bool:
        """Counts one portion of what is new; whether there is more."""
        async with self._one_at_a_time:
            counted, newest = await self._store.progress.behind()
            if newest == counted:
                return False
            portion = await self._store.progress.settled_after(counted, _PORTION)
            stations = frozenset(tps for _, tps in _whole(portion))
            reached = max((receipt for receipt, _ in _whole(portion)), default=newest)
            if len(portion) < _PORTION:
                reached = newest
            await self._count(stations, reached)
        for listener in list(self._listeners):
            listener(stations)
        return reached < newest

    async def _count(self, stations: frozenset[str], reached: int) -> None:
        progress = self._store.progress
        rows = await progress.newest_of(stations) if stations else []
        before = await progress.stations(stations) if stations else {}
        changed, moves = await asyncio.to_thread(_changes, rows, before)
        regions = await progress.regions(moves.keys())
        moved = await asyncio.to_thread(_moved, regions, moves)
        await self._store.count(Counted(reached, changed, moved))


def _whole(portion: Sequence[tuple[int, str]]) -> Sequence[tuple[int, str]]:
    """A portion without the statements of its last receipt, if it is full and that may have more."""
    return portion if len(portion) < _PORTION else [item for item in portion if item[0] != portion[-1][0]]


def _changes(
    rows: Iterable[Row], before: Mapping[tuple[str, int], Station]
) -> tuple[list[Station], dict[tuple[int, str], int]]:
    """The stations that stand otherwise than before, and by how much every region moves."""
    seen, figures = _judge(rows)
    changed = [
        Station(tps, form, now.counts, now.tally)
        for (tps, form), now in seen.items()
        if (old := before.get((tps, form))) is None or (old.counts, old.tally) != (now.counts, now.tally)
    ]
    return changed, _moves(changed, before, figures)


def _judge(rows: Iterable[Row]) -> tuple[dict[tuple[str, int], _Seen], dict[int, forms.Figures]]:
    """How stations stand, by station and form, and the figures of every tally by the number of its statement."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row[0], row[1]), []).append(row)
    figures: dict[int, forms.Figures] = {}
    seen = {name: _stands(items, figures) for name, items in found.items() if name[1] in forms.catalogue()}
    for tps in dict.fromkeys(tps for tps, _ in seen):
        seen[tps, ANY_FORM] = _any(seen, tps)
    return seen, figures


def _stands(rows: Iterable[Row], figures: dict[int, forms.Figures]) -> _Seen:
    """How one station stands for one form; adds the figures of its tallies to `figures`."""
    tallies, notes, photographs = [], [], False
    numbers: dict[bytes, int] = {}
    for _, form, kind, revision, number, verdict, flagged, cose in rows:
        if kind == Kind.DOCUMENTS:
            photographs = True
            continue
        statement = statements.parse(cose)
        if kind == Kind.NOTE:
            notes.append(Note(revision, frozenset(statement.about), statement.favours))
            continue
        figures[number] = forms.unpack_or_blank(forms.catalogue()[form], statement.figures)
        numbers[statement.id] = number
        tallies.append(Tally(statement.id, revision, figures[number], bool(flagged), verdict == Verdict.CONFLICT))
    stands = standing(tallies, notes)
    return _Seen(stands, photographs, numbers[stands.counted.id] if stands.counted else None)


def _any(seen: Mapping[tuple[str, int], _Seen], tps: str) -> _Seen:
    """How a station stands over all forms: what holds for one of them."""
    every = [seen[tps, form] for form in forms.catalogue() if (tps, form) in seen]
    tally, flagged, conflict, resolved, photographs = (
        any(item.counts[at] for item in every) for at in range(len(COUNTS))
    )
    return _Seen(Standing(tally, flagged, conflict, resolved), photographs, None)


def _moves(
    changed: Iterable[Station], before: Mapping[tuple[str, int], Station], figures: Mapping[int, forms.Figures]
) -> dict[tuple[int, str], int]:
    """By how much the numbers of every region move, by form and scope."""
    moves: dict[tuple[int, str], int] = {}
    for station in changed:
        old = before.get((station.tps, station.form))
        move = _numbers(station, figures) - (_numbers(old, figures) if old else 0)
        for scope in parts_of(station.tps):
            name = (station.form, scope)
            moves[name] = moves.get(name, 0) + move
    return moves


def _numbers(station: Station, figures: Mapping[int, forms.Figures]) -> int:
    """What a station adds to the counts and sums of its regions, as one long number with 32 bits for each of them.

    So a region is moved by one addition. A move may be negative: only sums of moves are ever taken apart again.
    """
    counted = figures[station.tally] if station.tally is not None else (0,) * _fields(station.form)
    numbers = [*station.counts, *(figure or 0 for figure in counted), *(figure is None for figure in counted)]
    return int.from_bytes(struct.pack(f">{len(numbers)}I", *numbers), "big")


def _moved(regions: Mapping[tuple[int, str], Region], moves: Mapping[tuple[int, str], int]) -> list[Region]:
    """The regions after their moves."""
    counts_format = f">{len(COUNTS)}I"
    counts_size = struct.calcsize(counts_format)
    moved = []
    for (form, scope), move in moves.items():
        region = regions.get((form, scope))
        before = struct.pack(counts_format, *region.counts) + region.sums if region else b""
        after = (int.from_bytes(before, "big") + move).to_bytes(counts_size + 8 * _fields(form), "big")
        moved.append(Region(form, scope, struct.unpack_from(counts_format, after), after[counts_size:]))
    return moved


def _fields(form: int) -> int:
    return 0 if form == ANY_FORM else len(forms.catalogue()[form].fields)
