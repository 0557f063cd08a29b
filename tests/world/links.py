"""What both emulators of a bad link can do: `packet_link` at packet level, `proxy_link` without privileges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.world.schedule import Conditions

Result = TypeVar("Result")
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """What has gone into a link so far: bytes as the link counts them, with headers at packet level."""

    up_bytes: int
    up_bytes_lost: int
    """Of these, what did not arrive."""
    up_bytes_dropped: int
    """Not sent at all: the queue was full, or it was emptied by a reset."""
    up_waiting: int
    """Packets (or blocks) in the queue now."""
    down_bytes: int
    resets: int


class Side(Protocol):
    """One end of a link, where processes run."""

    def words(self, *command: str) -> list[str]:
        """The command line that runs `command` there."""

    def call(self, function: Callable[[], Result]) -> Result:
        """What `function` returns when it is called there."""


class BadLink(Protocol):
    """A link that is closed until `open`; it ends with the block that made it."""

    conditions: Conditions
    reaches: Address
    """Where the near side finds the server at the far side."""
    listens: Address
    """Where that server has to listen."""

    @property
    def near(self) -> Side:
        """The sender's end."""

    @property
    def far(self) -> Side:
        """The receiver's end."""

    @property
    def seconds(self) -> float:
        """How long ago it was opened."""

    def open(self) -> None:
        """It comes up, and the clock begins."""

    def counts(self) -> Counts:
        """What has crossed so far."""
