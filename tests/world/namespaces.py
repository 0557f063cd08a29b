"""Network namespaces without names: each is gone with the process that made it, however that ends. Needs root.

What runs inside one is a child started with `words`, or a function called by `call`.
"""

import contextlib
import ctypes
import fcntl
import os
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_TUN_DEVICE = "/dev/net/tun"
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network of its own, with nothing in it but a loopback that is up."""

    def __init__(self) -> None:
        self.descriptor = _in_thread(_unshared)
        self.ip("link", "set", "lo", "up")

    @property
    def inode(self) -> int:
        """What names it in /proc."""
        return os.fstat(self.descriptor).st_ino

    def words(self, *command: str) -> list[str]:
        """The command line that runs `command` in here, as long as this process lives."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.descriptor}", *command]

    def call(self, function: Callable[[], Result]) -> Result:
        """What `function` returns when it is called in here, in a thread of its own."""

        def inside() -> Result:
            _check(_libc.setns(self.descriptor, _CLONE_NEWNET))
            return function()

        return _in_thread(inside)

    def ip(self, *words: str) -> None:
        """`ip WORD…` in here."""
        subprocess.run(self.words("ip", *words), check=True, capture_output=True, timeout=10)

    def set(self, name: str, value: str) -> None:
        """A kernel setting of this network, such as net.ipv4.tcp_fastopen."""
        path = Path("/proc/sys", *name.split("."))
        self.call(lambda: path.write_text(value))

    def tun(self, name: str, own: str) -> int:
        """A device that is down still; the descriptor that gives and takes its packets (IPv4)."""
        descriptor = self.call(lambda: _open_tun(name))
        self.ip("address", "add", own, "dev", name)
        return descriptor

    def veth(self, name: str, other: "Namespace", other_name: str) -> None:
        """A cable from `name` in here to `other_name` over there, both ends still down."""
        there = f"/proc/{os.getpid()}/fd/{other.descriptor}"
        self.ip("link", "add", name, "type", "veth", "peer", "name", other_name, "netns", there)

    def close(self) -> None:
        """Lets go of it; what still runs inside keeps it."""
        os.close(self.descriptor)


def can_make() -> str:
    """Why there can be no namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "it needs root"
    try:
        namespace = Namespace()
        with contextlib.closing(namespace):
            os.close(namespace.tun("probe", "10.77.0.1"))
    except (OSError, subprocess.SubprocessError) as error:
        return f"no network namespaces with TUN devices here: {error}"
    return ""


def _unshared() -> int:
    _check(_libc.unshare(_CLONE_NEWNET))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _open_tun(name: str) -> int:
    descriptor = os.open(_TUN_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _in_thread(function: Callable[[], Result]) -> Result:
    """A thread has a network of its own to change, and takes the change with it when it ends."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
