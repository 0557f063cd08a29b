"""At most so many of something in a minute: what a relay does for whoever asks, it does not do without end."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from relay.errors import Code, NotNow

_MINUTE_SECONDS = 60.0
_KEYS_MAX = 1024


class Throttle:
    """Counts by key, such as an address; the keys that were met last are remembered."""

    def __init__(self, most: int, sentence: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._sentence = sentence
        self._clock = clock
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str = "") -> None:
        """`NotNow` if a minute has had as many as it may."""
        now, moments = self._clock(), self._moments.get(key, deque())
        while moments and now - moments[0] >= _MINUTE_SECONDS:
            moments.popleft()
        if len(moments) >= self._most:
            raise NotNow(Code.BUSY, self._sentence, _MINUTE_SECONDS - (now - moments[0]))

    def count(self, key: str = "") -> None:
        """One more."""
        self._moments.setdefault(key, deque(maxlen=self._most)).append(self._clock())
        self._moments.move_to_end(key)
        if len(self._moments) > _KEYS_MAX:
            self._moments.popitem(last=False)
