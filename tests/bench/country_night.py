"""The night the centre comes back, in virtual time: every relay of the country, one centre, and the real rules.

Relays knock, are let in or sent away, bring tallies and then photographs, and try again. What decides is the code that
runs: `planning.backoff_seconds` and `turns.Turns`, with the defaults of `relay.config`. Modelled are the links, the
kernel's listen queue, and a centre that does one thing after the other on one core. Photographs hold streams; what they
cost the centre in CPU is left out.
"""

import heapq
import random
from collections.abc import Callable, Sequence
from functools import partial

from relay.protocol.turns import Turns
from tests.bench.country_model import EXCHANGE, KECAMATAN, NEVER, UPLINK, Centre, Outage, Outcome, Relay, Rules, country

_SYN_AGAIN_SECONDS = (1.0, 3.0, 7.0, 15.0)  # after the first (RFC 6298, as Linux does it)
_PATIENCE = 3  # times connect_seconds_max, for TLS and the WebSocket's handshake: as relay.uplink.https
_STATEMENTS_IN_FRAME = 64  # as relay.forwarder.delivery
_CHUNK_BYTES = 32_768
_NOTICE_SECONDS = 10.0  # within which all relays notice that the centre is gone


def night(
    rules: Rules,
    outage: Outage,
    *,
    relays: int = KECAMATAN,
    streams_max: int = EXCHANGE.streams_max,
    seed: int = 1,
    horizon: float = 3600.0,
) -> Outcome:
    """What becomes of so many relays, and a centre that is strong in proportion, until all tallies are in."""
    chance = random.Random(seed)
    centre = Centre(relays / KECAMATAN, streams_max)
    return Night(rules, country(relays, outage, chance), outage, centre, chance).run(horizon)


class Night:
    """One run."""

    def __init__(
        self, rules: Rules, relays: Sequence[Relay], outage: Outage, centre: Centre, chance: random.Random
    ) -> None:
        self._rules, self._relays, self._outage, self._centre, self._chance = rules, relays, outage, centre, chance
        self._turns = Turns[Relay](centre.places, rules.turn_seconds or NEVER, EXCHANGE.retry_after_seconds)
        self._events: list[tuple[float, int, Callable[[Relay], None], Relay, int]] = []
        self._count = 0
        self._now = 0.0
        self._free_at = 0.0  # when the centre's core has done all that has arrived
        self._answering = 0
        self._behind = len(relays)
        self.outcome = Outcome()

    def run(self, horizon_seconds: float) -> Outcome:
        """Until every tally is recorded, or until the horizon."""
        for relay in self._relays:
            self._wait_out(relay)
        while self._events and self._behind:
            self._now, _, happens, relay, stream = heapq.heappop(self._events)
            if self._now > horizon_seconds:
                break
            if stream == relay.stream:
                happens(relay)
        self.outcome.done_at = [relay.done_at for relay in self._relays]
        return self.outcome

    # a relay knocks

    def _wait_out(self, relay: Relay) -> None:
        """The attempts while the centre is away: nobody is in anybody's way."""
        at = -self._outage.seconds + self._chance.uniform(0, _NOTICE_SECONDS)
        lost = UPLINK.connect_seconds_max if self._outage.silent else relay.round_trip
        while at < 0:
            if self._outage.silent:
                heard = [at + again for again in _SYN_AGAIN_SECONDS if at + again >= 0]
                if heard:
                    at = heard[0]
                    break
            relay.failures += 1
            at += lost + self._rules.wait(relay.failures, self._chance.random(), 0.0)
        self._at(at, self._knock, relay)

    def _knock(self, relay: Relay, again: int = 0) -> None:
        self.outcome.knocks += again == 0
        self.outcome.arrivals[int(self._now)] += 1
        if self._answering < self._centre.listen_queue * self._centre.share:
            self._answering += 1
            self._at(self._now + 2.5 * relay.round_trip, self._greet, relay)
        elif again < len(_SYN_AGAIN_SECONDS):
            before = _SYN_AGAIN_SECONDS[again - 1] if again else 0.0
            self._at(self._now + _SYN_AGAIN_SECONDS[again] - before, partial(self._knock, again=again + 1), relay)
        else:
            self.outcome.knocks_in_vain += 1
            self._fail(relay, self._now + UPLINK.connect_seconds_max - _SYN_AGAIN_SECONDS[-1], 0.0)

    def _fail(self, relay: Relay, at: float, asked: float) -> None:
        relay.failures += 1
        self._at(at + self._rules.wait(relay.failures, self._chance.random(), asked), self._knock, relay)

    # the centre answers

    def _greet(self, relay: Relay) -> None:
        self._at(self._compute(self._centre.knock), partial(self._answer, begun=self._now), relay)

    def _answer(self, relay: Relay, begun: float) -> None:
        self._answering -= 1
        heard_at = self._now + relay.round_trip / 2
        if heard_at - begun > _PATIENCE * UPLINK.connect_seconds_max:
            self.outcome.knocks_in_vain += 1
            self._fail(relay, heard_at, 0.0)
        elif not self._turns.has_room(self._now):
            self.outcome.knocks_in_vain += 1
            self._fail(relay, heard_at, self._return_seconds())
        else:
            leaves = self._turns.enter(relay, self._now)
            if leaves is not None:
                self._send_away(leaves)
            self._at(heard_at, self._introduce, relay)

    def _return_seconds(self) -> float:
        if self._rules.turn_seconds:
            return self._turns.return_seconds(self._now, self._chance.random())
        return EXCHANGE.retry_after_seconds * (1 + self._chance.random())

    def _send_away(self, relay: Relay) -> None:
        relay.stream += 1
        self.outcome.sent_away += 1
        relay.photographs_seconds -= min(relay.photographs_seconds, self._now - relay.resting_since)
        if relay.photographs_seconds:
            self._fail(relay, self._now + relay.round_trip / 2, self._return_seconds())

    def _compute(self, seconds: float) -> float:
        """When work that arrives now is done."""
        self._free_at = max(self._free_at, self._now) + seconds / self._centre.share
        self.outcome.queue_seconds_peak = max(self.outcome.queue_seconds_peak, self._free_at - self._now)
        return self._free_at

    # a relay is let in

    def _introduce(self, relay: Relay) -> None:
        if relay.tallies:
            self._send_frame(relay, self._centre.introduction)
        else:
            self._at(self._now + relay.round_trip / 2, self._rest, relay)

    def _send_frame(self, relay: Relay, more: float = 0.0) -> None:
        count = min(relay.tallies, _STATEMENTS_IN_FRAME)
        arrives = self._now + count * self._outage.tally_bytes / relay.bytes_per_second + relay.round_trip
        self._at(arrives, partial(self._receive, seconds=more + count * self._centre.tally), relay)

    def _receive(self, relay: Relay, seconds: float) -> None:
        self._at(self._compute(seconds), self._record, relay)

    def _record(self, relay: Relay) -> None:
        relay.failures = 0
        relay.tallies -= min(relay.tallies, _STATEMENTS_IN_FRAME)
        if relay.tallies:
            self._send_frame(relay)
            return
        relay.done_at = self._now
        self._behind -= 1
        chunk = relay.round_trip + _CHUNK_BYTES / relay.bytes_per_second
        self._at(self._now + (chunk if relay.photographs_seconds else 0.0), self._rest, relay)

    def _rest(self, relay: Relay) -> None:
        """Photographs, or nothing, until it leaves of itself."""
        relay.failures = 0
        relay.resting_since = self._now
        self._turns.rests(relay, self._now)
        self._at(self._now + (relay.photographs_seconds or UPLINK.idle_seconds_max), self._leave, relay)

    def _leave(self, relay: Relay) -> None:
        self._turns.leave(relay)
        relay.stream += 1

    def _at(self, when: float, happens: Callable[[Relay], None], relay: Relay) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, happens, relay, relay.stream))
