"""The state of every station of a relay's region, kept up to date for whoever looks: computed once for all of them.

Nothing is computed while nobody looks. Each station carries the number of its last change, so that who follows needs
to remember one number, and a slow one holds nothing up and fills nothing.
"""

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from relay.clock import Clock
from relay.protocol import codes
from relay.protocol.parcels import SHORT_BYTES
from relay.protocol.statements import DocumentHash, Kind
from relay.store.board import ShownStatement
from relay.store.changes import FileSlip, MarkDropped, RelayChange, Settle, TakeDocument, TakeStatement
from relay.store.custody import CustodyStore
from relay.store.documents import DocumentFiles
from relay.web import station
from relay.web.kecamatan import Kecamatan
from relay.web.station import Around

_READ_TOGETHER = 16
_COUNTER_BITS = 20  # of the number of a change; above them, 32 bits by chance that are another process's (< 2**53)
_TOLD_MAX = 100
"""How many changed stations are told one by one; for more the whole board, compressed, is less."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A station as it was at change number `at`."""

    at: int
    json: bytes


class Board:
    """The stations. `under_way` gives the first 8 bytes of the ids of statements that are on some way now."""

    def __init__(
        self,
        store: CustodyStore,
        files: DocumentFiles,
        kecamatan: Kecamatan,
        clock: Clock,
        under_way: Callable[[], set[bytes]],
    ) -> None:
        self.kecamatan = kecamatan
        self._store = store
        self._files = files
        self._clock = clock
        self._under_way_now = under_way
        self._entries: OrderedDict[str, Entry] = OrderedDict()  # in the order of their changes
        self._at = secrets.randbits(32) << _COUNTER_BITS
        self._is_loaded = False
        self._looked_at = 0.0
        self._lock = asyncio.Lock()
        self._changed_stations: set[str] = set()
        self._changed_subjects: set[bytes] = set()  # statements and photographs, not yet known of which station
        self._contacts: dict[str, int] = {}  # phones that came with what was here already, too: since the start
        self._waiting: dict[bytes, str] = {}  # tallies without a receipt, by the first 8 bytes of the id: the station
        self._under_way: set[bytes] = set()
        store.watch(self._committed)

    @property
    def at(self) -> int:
        """The number of the newest change."""
        return self._at

    def stations(self) -> list[bytes]:
        """Every station as JSON, by TPS code, as `refresh` has left it."""
        return [self._entries[tps].json for tps in sorted(self._entries)]

    def head(self) -> dict[str, Any]:
        """What stands above the stations."""
        return {
            "scope": self.kecamatan.scope,
            "name": self.kecamatan.name,
            "forms": self.kecamatan.forms,
            "listed": bool(self.kecamatan.stations),
            "villages": self.kecamatan.villages(self._entries),
            "at": self._at,
        }

    async def view(self) -> dict[str, Any]:
        """All of it as values, brought up to date, as `GET /v1/board` tells it: much, where there are many stations."""
        await self.refresh()
        head, stations = self.head(), []
        for shown in self.stations():
            stations.append(json.loads(shown))
            await asyncio.sleep(0)  # phones get their turn in between
        return {**head, "stations": stations}

    def changed_since(self, at: int) -> list[Entry] | None:
        """What has changed since change `at`, in order; None: too much, or not to be told: load the whole board."""
        if at >> _COUNTER_BITS != self._at >> _COUNTER_BITS or at > self._at:
            return None
        found: list[Entry] = []
        for entry in reversed(self._entries.values()):
            if entry.at <= at:
                break
            if len(found) == _TOLD_MAX:
                return None
            found.append(entry)
        return found[::-1]

    def arriving(self, document: DocumentHash) -> None:
        """Another part of a photograph has come."""
        if self._is_loaded:
            self._changed_subjects.add(document)

    async def refresh(self) -> None:
        """Brings what is shown up to date; all who ask at the same time wait for one computation."""
        self._looked_at = time.monotonic()
        async with self._lock:
            if not self._is_loaded:
                self._is_loaded = True  # before reading: what is committed meanwhile is a change
                known = await self._store.board.stations_within(self.kecamatan.scope)
                self._changed_stations |= self.kecamatan.stations.union(known)
            self._notice_ways()
            await self._show(await self._take_changed())

    def forget_unless_looked_at(self, seconds: float) -> None:
        """Frees the memory if nobody has looked for so long."""
        if self._is_loaded and time.monotonic() - self._looked_at > seconds and not self._lock.locked():
            self._is_loaded = False
            self._entries.clear()
            self._waiting.clear()
            self._changed_stations.clear()
            self._changed_subjects.clear()

    def _committed(self, changes: Sequence[RelayChange]) -> None:
        for change in changes:
            if isinstance(change, TakeStatement) and codes.covers(self.kecamatan.scope, change.statement.tps):
                self._contact(change)
            if self._is_loaded:
                self._changed_subjects.update(_subjects(change))

    def _contact(self, change: TakeStatement) -> None:
        if change.origin is None:
            self._contacts[change.statement.tps] = self._clock.now()

    def _notice_ways(self) -> None:
        """Marks the stations of tallies that went on their way, or came back from it, since the last look."""
        now = self._under_way_now()
        for name in now ^ self._under_way:
            if name in self._waiting:
                self._changed_stations.add(self._waiting[name])
        self._under_way = now

    async def _take_changed(self) -> list[str]:
        subjects, self._changed_subjects = self._changed_subjects, set()
        stations, self._changed_stations = self._changed_stations, set()
        concerned = await self._store.board.stations_of(list(subjects)) if subjects else set()
        within = {tps for tps in concerned if codes.covers(self.kecamatan.scope, tps)}
        return sorted(stations | within)

    async def _show(self, stations: Sequence[str]) -> None:
        if not stations:
            return
        around = Around(await asyncio.to_thread(self._files.arriving), self._under_way)
        for at in range(0, len(stations), _READ_TOGETHER):
            some = stations[at : at + _READ_TOGETHER]
            held = await self._store.board.statements_of(some)
            for tps in some:
                await asyncio.sleep(0)  # phones get their turn in between
                self._put(tps, held.get(tps, []), around)

    def _put(self, tps: str, held: Sequence[ShownStatement], around: Around) -> None:
        contact = max(station.last_contact(held) or 0, self._contacts.get(tps, 0))
        shown = station.encoded(
            station.view(
                tps,
                listed=self.kecamatan.is_listed(tps),
                last_contact=contact or None,
                held=held,
                expected=self.kecamatan.forms,
                around=around,
            )
        )
        for item in held:
            if item.kind is Kind.TALLY and item.verdict is None:
                self._waiting[item.id[:SHORT_BYTES]] = tps
            else:
                self._waiting.pop(item.id[:SHORT_BYTES], None)
        before = self._entries.get(tps)
        if before is None or before.json != shown:
            self._at += 1
            self._entries[tps] = Entry(self._at, shown)
            self._entries.move_to_end(tps)


def _subjects(change: RelayChange) -> Iterable[bytes]:
    """The statements and photographs of which a change may show on the board."""
    match change:
        case TakeStatement(statement):
            return (statement.id,)
        case TakeDocument(document):
            return (document,)
        case Settle(receipt):
            return [outcome.statement for outcome in receipt.outcomes]
        case FileSlip(slip):
            return (slip.subject,)
        case MarkDropped(documents):
            return documents
    return ()
