"""Which of the CAs and revocations that are owed to the centre one destination has been told, and by which stream."""

from collections.abc import Callable, Iterable

from relay.forwarder.taker import Taker
from relay.protocol.messages import TrustNews


class Telling:
    """One destination's part: it has heard something once it has said the same itself."""

    def __init__(self, owed: Callable[[], TrustNews]) -> None:
        self._owed = owed
        self._told: dict[bytes, Taker | None] = {}  # None: it has said the same

    @property
    def has_work(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._left())

    def take(self, taker: Taker) -> TrustNews | None:
        """What this stream tells now; None: nothing."""
        left = self._left()
        if not left:
            return None
        self._told |= dict.fromkeys(left, taker)
        owed = self._owed()
        return TrustNews(
            tuple(der for der in owed.certificates if der in left), tuple(der for der in owed.crls if der in left)
        )

    def heard(self, ders: Iterable[bytes]) -> None:
        """The destination has said these itself."""
        self._told |= dict.fromkeys(ders)

    def let_go(self, taker: Taker, *, was_cut: bool) -> None:
        """A stream has ended. If it was cut, what it told may not have arrived."""
        if was_cut:
            self._told = {der: teller for der, teller in self._told.items() if teller is not taker}

    def _left(self) -> set[bytes]:
        owed = self._owed()
        return {*owed.certificates, *owed.crls} - self._told.keys()
