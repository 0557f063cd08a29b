"""Starts a program that ends when the demo ends, however the demo ends: `python leash.py PARENT PROGRAM WORD…`.

The kernel is asked to kill this process when its parent dies (prctl, Linux), and then becomes the program, which
keeps that. Elsewhere than on Linux there is no leash, and only kill -9 of the demo makes a difference.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> None:
    """Never returns: either becomes the program or ends."""
    parent, program = int(words[0]), words[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the leash was on
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 (the demo says which program, nobody else)


if __name__ == "__main__":
    main(sys.argv[1:])
