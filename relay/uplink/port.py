"""What an uplink is: something that opens a stream of whole messages, in order, both ways."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from relay.protocol.window import Path


class Stream(Protocol):
    """An open stream. Messages arrive whole and in order, or the stream breaks with `UplinkDown`."""

    async def send(self, message: bytes) -> None:
        """Hands a message to the link; returns when the link has room for more."""

    async def receive(self) -> bytes:
        """The next message."""


class Connection(Stream, Protocol):
    """A stream that we opened over a network."""

    local_address: str
    """This machine's address on it: when that goes, so has the connection."""
    peer: bytes
    """The certificate (DER) that the other side has shown in TLS."""

    def path(self) -> Path | None:
        """What the kernel knows of the way to the other side; None if it tells nothing."""

    @property
    def is_alive(self) -> bool:
        """Whether nobody has closed or reset it, as far as is known."""

    async def until_reachable(self) -> None:
        """Returns as soon as the other side's machine answers again; tried several times a second."""

    def abandon(self) -> None:
        """What is not delivered yet is not to be delivered any more: closing sends nothing and waits for nothing."""


class Uplink(Protocol):
    """One way. `open` raises `UplinkDown` if it does not work now, `NotNow` if the other side says when."""

    name: str

    def open(self) -> AbstractAsyncContextManager[Stream]:
        """Connects and yields the stream; closes it on the way out."""


class NetworkUplink(Uplink, Protocol):
    """One way over a network."""

    def open(self) -> AbstractAsyncContextManager[Connection]:
        """Connects and yields the connection; closes it on the way out."""
