"""What all systems have in common: a receiver that is asked what has arrived."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from relay.demo import leash
from tests.bench.uplink.job import Job
from tests.world.links import BadLink, Side


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is at the receiver, whole."""

    tallies: int
    photographs: int


@dataclass(frozen=True, slots=True)
class Account:
    """What came of it: counts of what was expected and is not there, and of what is there more than once."""

    missing: int
    doubled: int
    again_bytes: int | None = None
    """Bytes that the sender says it sent more than once; None if it does not tell."""
    sent_bytes: int | None = None
    twice_bytes: int | None = None
    """Bytes of photographs that the receiver got though it had them; None if it does not tell."""


class Receiver(Protocol):
    """The far end of a system."""

    def arrived(self) -> Arrived:
        """How much is there now."""

    def account(self) -> Account:
        """What became of everything, byte for byte."""


System = Callable[[BadLink, Job, Path], AbstractContextManager[Receiver]]
"""Started before the link opens, so that all are waiting for it; it gives the receiver, and ends with the block."""


def leashed(side: Side, *words: str) -> list[str]:
    """The command on one side of a link, which ends when this process does, however it does."""
    return [sys.executable, leash.__file__, str(os.getpid()), "/usr/bin/env", *side.words(*words)]
