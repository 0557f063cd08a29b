"""What an uplink is: something that opens a stream of whole messages, in order, both ways."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Stream(Protocol):
    """An open stream. Messages arrive whole and in order, or the stream breaks with `UplinkDown`."""

    async def send(self, message: bytes) -> None:
        """Hands a message to the link; returns when the link has room for more."""

    async def receive(self) -> bytes:
        """The next message."""


class Uplink(Protocol):
    """One way. `open` raises `UplinkDown` if it does not work now, `NotNow` if the other side says when."""

    name: str

    def open(self) -> AbstractAsyncContextManager[Stream]:
        """Connects and yields the stream; closes it on the way out."""
