"""Where a statement is: one visible state at any time, one table of what leads from which to which."""

from enum import StrEnum

from relay.protocol.receipts import Verdict


class State(StrEnum):
    """The states, as screens and JSON name them."""

    ON_PHONE = "on-phone"
    AT_RELAY = "at-relay"
    AT_CENTRE = "at-centre"
    IN_CONFLICT = "in-conflict"
    REFUSED = "refused"


class Event(StrEnum):
    """What can happen to a statement, each proven by a signature."""

    SLIP = "slip"
    RECORDED = "recorded"
    CONFLICT = "conflict"
    REFUSED = "refused"


NEXT: dict[tuple[State, Event], State] = {
    (State.ON_PHONE, Event.SLIP): State.AT_RELAY,
    (State.ON_PHONE, Event.RECORDED): State.AT_CENTRE,  # by another path, before any slip
    (State.ON_PHONE, Event.CONFLICT): State.IN_CONFLICT,
    (State.ON_PHONE, Event.REFUSED): State.REFUSED,
    (State.AT_RELAY, Event.SLIP): State.AT_RELAY,  # a second relay
    (State.AT_RELAY, Event.RECORDED): State.AT_CENTRE,
    (State.AT_RELAY, Event.CONFLICT): State.IN_CONFLICT,
    (State.AT_RELAY, Event.REFUSED): State.REFUSED,
    (State.AT_CENTRE, Event.SLIP): State.AT_CENTRE,
    (State.AT_CENTRE, Event.RECORDED): State.AT_CENTRE,
    (State.AT_CENTRE, Event.CONFLICT): State.IN_CONFLICT,  # another statement came later and disagrees
    (State.AT_CENTRE, Event.REFUSED): State.AT_CENTRE,  # what is recorded stays recorded
    (State.IN_CONFLICT, Event.SLIP): State.IN_CONFLICT,
    (State.IN_CONFLICT, Event.RECORDED): State.IN_CONFLICT,
    (State.IN_CONFLICT, Event.CONFLICT): State.IN_CONFLICT,
    (State.IN_CONFLICT, Event.REFUSED): State.IN_CONFLICT,
    (State.REFUSED, Event.SLIP): State.REFUSED,
    (State.REFUSED, Event.RECORDED): State.AT_CENTRE,  # the reason went away, and it was sent again
    (State.REFUSED, Event.CONFLICT): State.IN_CONFLICT,
    (State.REFUSED, Event.REFUSED): State.REFUSED,
}

EVENT_OF = {Verdict.RECORDED: Event.RECORDED, Verdict.CONFLICT: Event.CONFLICT, Verdict.REFUSED: Event.REFUSED}
"""The event that a receipt's verdict is."""

SETTLED = frozenset({State.AT_CENTRE, State.IN_CONFLICT, State.REFUSED})
"""The states in which a receipt exists, so that copies may be dropped."""


def step(state: State, event: Event) -> State:
    """The state after `event`; KeyError on a pair that is not in the table."""
    return NEXT[state, event]


def state_of(events: list[Event]) -> State:
    """The state after `events`, in order, starting on the phone."""
    state = State.ON_PHONE
    for event in events:
        state = step(state, event)
    return state
