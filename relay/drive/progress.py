"""How far the work on a stick is, for screens, the API and the log."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StickState(StrEnum):
    """A stick, as a person sees it."""

    WAITING = "waiting for a stick"
    READING = "reading"
    WRITING = "writing"
    VERIFYING = "verifying"
    SAFE = "safe to remove"
    FULL = "stick full"  # and safe to remove
    READ_ONLY = "read-only"
    FAILED = "failed"


WORKING = frozenset({StickState.READING, StickState.WRITING, StickState.VERIFYING})


@dataclass(slots=True)
class Progress:
    """Bytes count as they are read and written, those that are written twice: once more when they are read back."""

    on_change: Callable[["Progress"], None] = lambda _: None
    state: StickState = StickState.WAITING
    stick: str = ""
    sentence: str = ""
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    left_out: int = 0
    """Photographs and statements for which the stick has no room."""
    receipts_filed: int = 0
    _began: float = field(default_factory=time.monotonic)

    def begin(self, stick: str) -> None:
        """A stick is here, and work on it begins."""
        self.stick, self.sentence = stick, ""
        self.files_done = self.files_total = self.bytes_done = self.bytes_total = self.left_out = 0
        self.receipts_filed = 0
        self._began = time.monotonic()

    def enter(self, state: StickState, sentence: str = "") -> None:
        """What is being done now."""
        self.state, self.sentence = state, sentence
        self.on_change(self)

    def expect(self, files: int, size_bytes: int) -> None:
        """So much more is to be done."""
        self.files_total += files
        self.bytes_total += size_bytes

    def advance(self, size_bytes: int, files: int = 0) -> None:
        """So much has been done."""
        self.bytes_done += size_bytes
        self.files_done += files
        self.on_change(self)

    @property
    def bytes_per_second(self) -> float:
        """Since the work on this stick began."""
        return self.bytes_done / max(time.monotonic() - self._began, 0.001)

    @property
    def seconds_left(self) -> float:
        """At the speed so far; 0 when there is nothing to do."""
        if self.state not in WORKING or not self.bytes_done:
            return 0.0
        return max(0, self.bytes_total - self.bytes_done) / self.bytes_per_second

    def view(self) -> dict[str, Any]:
        """For the status API."""
        return {
            "state": self.state,
            "stick": self.stick,
            "reason": self.sentence,
            "files_done": self.files_done,
            "files_total": self.files_total,
            "bytes_done": self.bytes_done,
            "bytes_total": self.bytes_total,
            "bytes_per_second": round(self.bytes_per_second) if self.state in WORKING else 0,
            "seconds_left": round(self.seconds_left),
            "left_out": self.left_out,
            "receipts_filed": self.receipts_filed,
        }
