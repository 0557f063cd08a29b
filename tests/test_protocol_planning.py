"""Waiting, the window and the cells that are missing: bounds that hold whatever the link does."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.protocol import planning
from relay.protocol.parcels import CELL_BYTES, cells_in
from relay.protocol.planning import bitmap_of, missing_cells
from relay.protocol.window import Window

seeded = settings(deadline=None, derandomize=True, max_examples=200)
LEAST, MOST = 16_384, 1_048_576
chances = st.floats(0, 1, exclude_max=True)


# --- backoff


@given(attempt=st.integers(1, 10_000), chance=chances, first=st.floats(0.05, 10), most=st.floats(10, 600))
@seeded
def test_a_wait_is_never_longer_than_allowed_nor_too_short(
    attempt: int, chance: float, first: float, most: float
) -> None:
    wait = planning.backoff_seconds(attempt, first=first, most=most, chance=chance)
    assert first / 2 <= wait <= most


@given(attempt=st.integers(1, 40), chance=chances)
@seeded
def test_waits_double_until_they_are_long_enough(attempt: int, chance: float) -> None:
    this, after = (planning.backoff_seconds(n, first=1, most=64, chance=chance) for n in (attempt, attempt + 1))
    assert after == (2 * this if attempt < 7 else this)


def test_relays_that_were_cut_off_together_do_not_return_together() -> None:
    waits = [planning.backoff_seconds(7, first=1, most=60, chance=chance / 100) for chance in range(100)]
    assert (min(waits), len(set(waits))) == (30, 100)


# --- the window, on a link that is simulated


class Link:
    """A pipe with a rate and a delay, and a queue in front of it: when each frame is acknowledged."""

    def __init__(self, window: Window, rate_bytes_per_second: float, delay_seconds: float) -> None:
        self.window, self.rate, self.delay = window, rate_bytes_per_second, delay_seconds
        self.now = 0.0
        self.free_at = 0.0
        self.acknowledgements: deque[float] = deque()
        self.longest_wait = 0.0

    def run(self, seconds: float, frame_bytes: int) -> int:
        """Sends for as long; the bytes acknowledged."""
        end, through = self.now + seconds, 0
        while self.now < end:
            while self.window.has_room():
                self.window.sent(frame_bytes, self.now)
                self.free_at = max(self.free_at, self.now) + frame_bytes / self.rate
                self.acknowledgements.append(self.free_at + self.delay)
                self.longest_wait = self.acknowledgements[-1] - self.now
            self.now = self.acknowledgements.popleft()
            through += self.window.kept(1, self.now)
            self.check()
        return through

    def check(self) -> None:
        assert 0 < self.window.bytes_allowed <= self.window.most_bytes
        assert self.window.bytes_in_flight >= 0


@given(rate=st.sampled_from([2_000, 20_000, 200_000, 2_000_000]), delay=st.sampled_from([0.02, 0.3, 0.7]))
@settings(deadline=None, derandomize=True, max_examples=12)
def test_the_window_fills_the_link_and_keeps_the_queue_short(rate: int, delay: float) -> None:
    window = Window(LEAST, MOST)
    link = Link(window, rate, delay)
    frame = planning.cells_per_chunk(rate, seconds=0.25, most_bytes=32_768) * CELL_BYTES
    link.run(20, frame)
    through = link.run(20, frame)
    reachable = min(rate, MOST / (delay + frame / rate))
    assert through >= 0.6 * 20 * reachable
    # a tally written now waits for what is in flight: at the least window, the link's own slowness; else about a second
    slowest = (LEAST + frame) / rate
    assert link.longest_wait <= delay + max(slowest, 2.0)
    assert window.rate_bytes_per_second == pytest.approx(reachable, rel=0.5)


def test_the_window_shrinks_when_the_link_becomes_slow() -> None:
    window = Window(LEAST, MOST)
    link = Link(window, 2_000_000, 0.05)
    link.run(5, 16_384)
    wide = window.bytes_allowed
    link.rate = 20_000
    link.run(60, 4096)
    assert window.bytes_allowed < wide / 4
    assert link.longest_wait < 3


def test_one_frame_is_always_allowed_and_a_full_window_is_not() -> None:
    window = Window(4096, 8192)
    assert window.has_room()
    window.sent(100_000, 0.0)
    assert not window.has_room()
    assert window.kept(1, 1.0) == 100_000
    assert (window.bytes_in_flight, window.has_room()) == (0, True)


def test_acknowledging_nothing_or_too_much_changes_no_more_than_what_was_sent() -> None:
    window = Window(4096, 8192)
    assert window.kept(3, 1.0) == 0
    window.sent(10, 1.0)
    assert window.kept(5, 2.0) == 10
    assert window.bytes_in_flight == 0


@pytest.mark.parametrize(("rate", "cells"), [(0, 1), (100, 1), (16_384, 1), (32_768, 2), (1e9, 8)])
def test_a_chunk_takes_a_quarter_of_a_second_or_is_one_cell(rate: float, cells: int) -> None:
    assert planning.cells_per_chunk(rate, seconds=0.25, most_bytes=32_768) == cells


# --- cells


@given(count=st.integers(1, 300), data=st.data(), most=st.integers(1, 40))
@seeded
def test_what_is_missing_is_just_what_is_not_held(count: int, data: st.DataObject, most: int) -> None:
    held = data.draw(st.sets(st.integers(0, count - 1)))
    runs = list(planning.runs(missing_cells(bitmap_of(held, count), count), most))
    missing = [cell for first, length in runs for cell in range(first, first + length)]
    assert missing == [cell for cell in range(count) if cell not in held]
    assert all(1 <= length <= most for _, length in runs)


@given(count=st.integers(1, 300), data=st.data())
@seeded
def test_a_bitmap_says_what_was_put_into_it(count: int, data: st.DataObject) -> None:
    held = data.draw(st.sets(st.integers(0, count - 1)))
    bitmap = bitmap_of(held, count)
    assert len(bitmap) == (count + 7) // 8
    missing = planning.missing_cells(bitmap, count)
    assert {cell for cell in range(count) if not missing >> cell & 1} == held


@given(bitmap=st.binary(max_size=40), count=st.integers(0, 100))
@seeded
def test_any_bitmap_from_elsewhere_gives_runs_within_the_document(bitmap: bytes, count: int) -> None:
    for first, length in planning.runs(missing_cells(bitmap, count), 8):
        assert 0 <= first < first + length <= count


def test_an_empty_bitmap_holds_nothing() -> None:
    assert list(planning.runs(missing_cells(b"", 3), 9)) == [(0, 3)]


@pytest.mark.parametrize(("size", "cells"), [(1, 1), (4096, 1), (4097, 2), (64 * 2**20, 16384)])
def test_the_last_cell_may_be_short(size: int, cells: int) -> None:
    assert cells_in(size) == cells


# --- the order of photographs


def test_the_page_with_the_votes_of_every_station_goes_before_any_other_page() -> None:
    pages = [(page, number) for number in (1, 2, 3) for page in (1, 2, 3)]
    ordered = sorted(pages, key=lambda item: planning.page_order(item[0], 2, item[1]))
    assert ordered == [(2, 1), (2, 2), (2, 3), (1, 1), (1, 2), (1, 3), (3, 1), (3, 2), (3, 3)]
