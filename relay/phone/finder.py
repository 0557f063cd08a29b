"""Finding the relay of a station among those that announce themselves. A hint; TLS and slips say who it is."""

from collections.abc import Iterable, Sequence

from relay.discovery import SECONDS, Candidate, search
from relay.protocol import codes

__all__ = ["SECONDS", "Candidate", "best_first", "find"]


async def find(
    tps: str = "", *, seconds: float = SECONDS, interfaces: Sequence[str] = (), until_covered: bool = True
) -> list[Candidate]:
    """The relays that answer within `seconds`, best for `tps` first.

    Ends early once a relay answers whose scope covers `tps` (unless not `until_covered`). Without mDNS on this
    machine the list is empty; a fixed address always works.
    """

    def covers(candidate: Candidate) -> bool:
        return bool(until_covered and tps and candidate.scope) and codes.covers(candidate.scope, tps)

    return best_first(await search(seconds=seconds, interfaces=interfaces, is_enough=covers), tps)


def best_first(candidates: Iterable[Candidate], tps: str) -> list[Candidate]:
    """Those whose scope covers `tps` first, then those with the longest common beginning."""
    return sorted(
        candidates, key=lambda c: (not codes.covers(c.scope, tps), -_common_length(c.scope, tps), c.name, c.port)
    )


def _common_length(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
