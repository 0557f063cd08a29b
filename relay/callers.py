"""How many connections a node holds, of everybody and of each caller. It counts; `listening.py` opens and closes.

Without a bound for each, whoever opens connections fastest would lock all others out.
"""

import ipaddress
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable

THIS_MACHINE = ""
"""The caller that no bound of one concerns: who runs programs on a node can do worse to it than call."""
_SAID_AGAIN_SECONDS = 60.0
_SAID_MAX = 256
_EVERYBODY = "all callers together"

log = logging.getLogger(__name__)


def counted_as(peer: str, here: str) -> str:
    """What a connection from the address `peer` to our address `here` counts as.

    Far away, an IPv6 host has a whole /64 to itself (RFC 6177 2), which therefore counts as one. On our own link the
    phones of a whole hotspot share one, as they do fe80::/64: there each address counts by itself.
    """
    if ":" not in peer:
        return peer
    prefix = _prefix(peer)
    return peer if prefix == _prefix(here) else f"{ipaddress.IPv6Address(prefix + bytes(8))}/64"


def _prefix(address: str) -> bytes:
    """The first 64 bits of an IPv6 address, which may name its interface: fe80::1%wlan0."""
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:8]


class Callers:
    """The connections there are: at most `most`, and `most_of_one` of one caller. Memory is kept for these alone."""

    def __init__(self, most: int, most_of_one: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._clock = clock
        self._all = 0
        self._of: Counter[str] = Counter()
        self._said: dict[str, float] = {}

    def come(self, caller: str) -> bool:
        """Counts a connection; False, and not counted, if it is one too many."""
        if self._all >= self._most:
            self._say(_EVERYBODY, "listen.connections_max", self._most)
        elif caller != THIS_MACHINE and self._of[caller] >= self._most_of_one:
            self._say(caller, "listen.connections_per_address_max", self._most_of_one)
        else:
            self._all += 1
            self._of[caller] += 1
            return True
        return False

    def go(self, caller: str) -> None:
        """A connection that was counted has ended."""
        self._all -= 1
        self._of[caller] -= 1
        if not self._of[caller]:
            del self._of[caller]

    def _say(self, who: str, key: str, most: int) -> None:
        """Once a minute of each; of very many at once, not of all."""
        now = self._clock()
        if now - self._said.get(who, float("-inf")) < _SAID_AGAIN_SECONDS:
            return
        self._said = {one: at for one, at in self._said.items() if now - at < _SAID_AGAIN_SECONDS}
        if len(self._said) < _SAID_MAX:
            self._said[who] = now
            log.warning("%s may have %d connections at once (%s); more are closed", who, most, key)
