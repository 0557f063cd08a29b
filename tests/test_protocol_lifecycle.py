"""Every statement is in one state at any time, whatever comes in whatever order."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.protocol.lifecycle import EVENT_OF, NEXT, SETTLED, Event, State, state_of, step
from relay.protocol.receipts import Verdict

events = st.lists(st.sampled_from(Event), max_size=12)
seeded = settings(deadline=None, derandomize=True, max_examples=200)


def test_every_event_leads_somewhere_from_every_state() -> None:
    assert set(NEXT) == set(product(State, Event))


def test_every_verdict_is_an_event() -> None:
    assert set(EVENT_OF) == set(Verdict)


@pytest.mark.parametrize(("state", "event"), sorted(NEXT))
def test_what_is_settled_stays_settled(state: State, event: Event) -> None:
    assert state not in SETTLED or step(state, event) in SETTLED


@given(history=events)
@seeded
def test_the_state_tells_whether_there_is_a_receipt_and_whether_a_slip(history: list[Event]) -> None:
    state = state_of(history)
    receipts = [event for event in history if event is not Event.SLIP]
    assert (state in SETTLED) == bool(receipts)
    assert (state is State.ON_PHONE) == (not history)


@given(history=events, event=st.sampled_from(Event))
@seeded
def test_twice_is_once(history: list[Event], event: Event) -> None:
    assert state_of([*history, event, event]) is state_of([*history, event])


@given(history=events)
@seeded
def test_a_slip_changes_nothing_once_there_is_a_receipt(history: list[Event]) -> None:
    receipts: list[Event] = [event for event in history if event is not Event.SLIP]
    if receipts:
        assert state_of(history) is state_of(receipts)


@given(history=events)
@seeded
def test_a_conflict_is_never_forgotten(history: list[Event]) -> None:
    assert (state_of(history) is State.IN_CONFLICT) == (Event.CONFLICT in history)


@given(history=events)
@seeded
def test_what_was_recorded_is_never_refused_afterwards(history: list[Event]) -> None:
    if Event.RECORDED in history:
        assert state_of(history) in (State.AT_CENTRE, State.IN_CONFLICT)


@given(history=st.lists(st.sampled_from([Event.SLIP, Event.RECORDED, Event.CONFLICT, Event.REFUSED]), max_size=6))
@seeded
def test_the_order_of_proofs_does_not_matter(history: list[Event]) -> None:
    """Slips and receipts arrive by different ways, in different orders, at different people."""
    assert state_of(history) is state_of(sorted(history)) is state_of(history[::-1])


def test_a_pair_that_is_not_in_the_table_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        step("lost", Event.SLIP)  # type: ignore[arg-type]
