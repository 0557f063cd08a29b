"""When an uplink may be used, and for how many bytes a day."""

import time
from collections.abc import Sequence

_DAY_SECONDS = 86400
_SAVE_BYTES = 16 * 1024


def is_within(hours: Sequence[str], now: str) -> bool:
    """Whether `now` ("HH:MM", local clock) is in one of `hours`, such as "18:00-06:00"; with an empty list, always."""
    return not hours or any(_contains(*span.partition("-")[::2], now) for span in hours)


def _contains(begin: str, end: str, now: str) -> bool:
    return begin <= now < end if begin < end else now >= begin or now < end


class DailyBudget:
    """Bytes that may still be sent today (UTC). `most` 0 means no limit."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._day = 0
        self._spent = 0
        self._saved = 0

    def restore(self, day: int, spent: int) -> None:
        """What an earlier process had spent."""
        self._day, self._spent, self._saved = day, spent, spent

    def to_save(self) -> tuple[int, int] | None:
        """The day and the bytes spent, if they have grown enough since the last time that a restart should know."""
        if not self.most or abs(self._spent - self._saved) < _SAVE_BYTES:
            return None
        self._saved = self._spent
        return self._day, self._spent

    def spend(self, size_bytes: int, now: int) -> None:
        """`size_bytes` went out at `now` (Unix seconds)."""
        self._turn(now)
        self._spent += size_bytes

    def spent(self, now: int) -> int:
        """Bytes sent on the day of `now`."""
        self._turn(now)
        return self._spent

    def left(self, now: int) -> int | None:
        """Bytes left for the day of `now`; None if there is no limit."""
        return max(0, self.most - self.spent(now)) if self.most else None

    def _turn(self, now: int) -> None:
        """A clock that is set back does not give the budget back."""
        if now // _DAY_SECONDS > self._day:
            self._day, self._spent, self._saved = now // _DAY_SECONDS, 0, 0


def local_time(now: int) -> str:
    """Unix seconds as "HH:MM" by this machine's local clock."""
    return time.strftime("%H:%M", time.localtime(now))
