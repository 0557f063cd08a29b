"""What goes next on an uplink, how much at once, and how long to wait: decisions without I/O.

Times are monotonic seconds handed in by the caller; randomness is a number in [0, 1) handed in likewise.
"""

from collections.abc import Iterable, Iterator

from relay.protocol.parcels import CELL_BYTES


def backoff_seconds(attempt: int, *, first: float, most: float, chance: float) -> float:
    """How long to wait after failure number `attempt` (1, 2, …): doubling, with full jitter, never above `most`.

    `chance` in [0, 1) spreads the waits over [half, whole], so that relays cut off together do not return together.
    """
    ceiling = min(most, first * 2.0 ** min(attempt - 1, 32))
    return ceiling * (0.5 + 0.5 * chance)


def cells_per_chunk(rate_bytes_per_second: float, *, seconds: float, most_bytes: int) -> int:
    """How many cells one frame should carry so that it takes about `seconds` of the link: at least one."""
    return max(1, min(int(rate_bytes_per_second * seconds), most_bytes) // CELL_BYTES)


def missing_cells(held: bytes, cells: int) -> int:
    """The cells of a document that are not in the bitmap `held`, as an integer with a bit for each."""
    return ((1 << cells) - 1) & ~int.from_bytes(held, "little")


def first_run(cells: int, most: int) -> int:
    """Of an integer with a bit for each cell, the lowest run of set bits, cut to `most` of them; 0 if there is none."""
    first, count = run_of(cells)
    return ((1 << min(count, most)) - 1) << first


def run_of(cells: int) -> tuple[int, int]:
    """Where the lowest run of set bits begins, and how many they are."""
    if not cells:
        return 0, 0
    first = (cells & -cells).bit_length() - 1
    inverted = ~(cells >> first)
    return first, (inverted & -inverted).bit_length() - 1


def runs(cells: int, most: int) -> Iterator[tuple[int, int]]:
    """The runs of set bits as (first, count) in order, `count` at most `most`."""
    while run := first_run(cells, most):
        yield run_of(run)
        cells &= ~run


def bitmap_of(cells: Iterable[int], count: int) -> bytes:
    """A bitmap of `count` bits with those of `cells` set."""
    bitmap = bytearray((count + 7) // 8)
    for cell in cells:
        bitmap[cell // 8] |= 1 << cell % 8
    return bytes(bitmap)


def page_order(page: int, votes_page: int, number: int) -> tuple[int, int, int]:
    """The order of photographs: every station's page with the votes, then all first pages, second, …; oldest first."""
    return (0 if page == votes_page else 1, page, number)
