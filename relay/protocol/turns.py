"""Whose turn it is where only so many streams can be served at once: decided without I/O.

Times are monotonic seconds handed in by the caller; randomness is a number in [0, 1) handed in likewise.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Visitor = TypeVar("Visitor", bound=Hashable)


@dataclass(slots=True)
class Turns(Generic[Visitor]):
    """Whose turn it is where only so many streams can be served at once: statements first, then by turns.

    A stream *works* while it brings statements, and *rests* once it brings photographs or nothing. When all places
    are taken, whoever has rested for a turn makes room for a newcomer. Who finds no room is told when to come back:
    one after the other, no faster than turns can end. So it is a queue, of which one number is kept.
    """

    places: int
    turn_seconds: float
    retry_seconds_least: float
    retry_seconds_most: float = 600.0
    _working: set[Visitor] = field(default_factory=set)
    _resting: dict[Visitor, float] = field(default_factory=dict)  # since when; the longest first
    _next_return: float = float("-inf")

    @property
    def taken(self) -> int:
        """Streams served now."""
        return len(self._working) + len(self._resting)

    def has_room(self, now: float) -> bool:
        """Whether a newcomer may enter: a place is free, or somebody's turn is over."""
        return self.taken < self.places or self._rested_longest(now) is not None

    def enter(self, visitor: Visitor, now: float) -> Visitor | None:
        """Takes a place, as `has_room` allows. Whoever is returned must go: its place is the newcomer's."""
        leaves = self._rested_longest(now) if self.taken >= self.places else None
        if leaves is not None:
            self.leave(leaves)
        self._working.add(visitor)
        return leaves

    def works(self, visitor: Visitor) -> None:
        """It has announced statements, or brings them."""
        if self._resting.pop(visitor, None) is not None:
            self._working.add(visitor)

    def rests(self, visitor: Visitor, now: float) -> None:
        """It has brought its statements: what follows can wait."""
        if visitor in self._working:
            self._working.remove(visitor)
            self._resting[visitor] = now

    def leave(self, visitor: Visitor) -> None:
        """Its stream has ended; also if it was sent away already."""
        self._working.discard(visitor)
        self._resting.pop(visitor, None)

    def return_seconds(self, now: float, chance: float) -> float:
        """When whoever is sent away should come back, in seconds: the next free moment, and never all at once.

        Whoever knocks out of turn makes the queue seem longer, so what it says has a limit.
        """
        earliest = now + self.retry_seconds_least * (1 + chance)
        most = max(self.retry_seconds_most, 2 * self.retry_seconds_least)
        self._next_return = max(self._next_return + self.turn_seconds / self.places, earliest)
        if self._next_return > now + most:
            self._next_return = now + most * (0.5 + 0.5 * chance)
        return self._next_return - now

    def _rested_longest(self, now: float) -> Visitor | None:
        visitor = next(iter(self._resting), None)
        return visitor if visitor is not None and now - self._resting[visitor] >= self.turn_seconds else None
