"""An uplink as it is shown: its state, since when, and why."""

import time
from dataclasses import dataclass, field
from enum import StrEnum


class LinkState(StrEnum):
    """An uplink, as the PPK sees it."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"
    SILENT = "silent"  # connected, and nothing comes back
    RESTING = "resting"  # nothing to send
    STANDBY = "standby"  # a better one works
    CLOSED = "closed"  # outside its hours, or its budget is spent


@dataclass(slots=True)
class View:
    """What is shown of one uplink. Times in Unix seconds, 0 for never."""

    state: LinkState = LinkState.RESTING
    since: float = field(default_factory=time.time)
    last_success: float = 0.0
    retry_at: float = 0.0
    reason: str = ""
    failures: int = 0
    bytes_sent: int = 0

    def enter(self, state: LinkState) -> None:
        """From now on it is in `state`."""
        if state is not self.state:
            self.state, self.since = state, time.time()
