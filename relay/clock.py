"""The clock of a machine without a battery: what time it is, how sure that is, and the time it cannot be before.

A Raspberry Pi starts at whatever time its disk remembers. Time is never the reason to refuse anything at a
relay; an unsure clock is said, and the newest time that somebody signed is a floor.
"""

import time
from pathlib import Path

_EARLIEST = 1_735_689_600  # 2025-01-01: this software did not exist before


class Clock:
    """Unix time in whole seconds; never earlier than the newest signed time that was seen."""

    def __init__(self, sure_file: Path | None = None, floor: int = _EARLIEST) -> None:
        self._sure_file = sure_file
        self._floor = max(floor, _EARLIEST)

    @property
    def sure(self) -> bool:
        """Whether this machine's time was set from outside since it started."""
        own = int(time.time())
        return own >= self._floor and (self._sure_file is None or self._sure_file.exists())

    @property
    def floor(self) -> int:
        """The newest signed time seen, in Unix seconds."""
        return self._floor

    def now(self) -> int:
        """Unix seconds: the machine's own time, or the floor if that is later."""
        return max(int(time.time()), self._floor)

    def saw_signed_time(self, moment: int) -> None:
        """Raises the floor: it cannot be earlier than `moment`, which a trusted party has signed."""
        self._floor = max(self._floor, moment)
