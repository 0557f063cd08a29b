"""Two real interfaces, up1 and up2, from one network to another: plugged in, pulled out, without a signal. Needs root.

The other side is reached at `FAR` by each of them, as a centre is by two modems. up1 is what routing prefers.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.world.namespaces import Namespace

FAR = "10.9.0.1"


class Cables:
    """The interfaces are 1 and 2; there is none at first."""

    def __init__(self, near: Namespace, far: Namespace, rate: str) -> None:
        self.near = near
        self.far = far
        self._rate = rate
        self._sent_before: dict[int, int] = {1: 0, 2: 0}
        far.ip("address", "add", f"{FAR}/32", "dev", "lo")
        near.set("net.ipv4.conf.all.rp_filter", "2")  # as deploy/raspberrypi/sysctl.conf has it
        for namespace in (near, far):  # IPv6 does things by itself some seconds later
            namespace.set("net.ipv6.conf.all.disable_ipv6", "1")
            namespace.set("net.ipv6.conf.default.disable_ipv6", "1")

    def plug(self, at: int) -> None:
        """An interface appears, with a link, an address and a default route."""
        self.near.veth(f"up{at}", self.far, f"down{at}")
        self.far.ip("address", "add", f"10.{at}.0.2/24", "dev", f"down{at}")
        self.far.ip("link", "set", f"down{at}", "up")
        if self._rate:
            shaping = ("root", "tbf", "rate", self._rate, "burst", "16k", "latency", "300ms")
            subprocess.run(self.near.words("tc", "qdisc", "add", "dev", f"up{at}", *shaping), check=True)
        self.near.ip("link", "set", f"up{at}", "up")
        self.near.ip("address", "add", f"10.{at}.0.1/24", "dev", f"up{at}")
        self.near.ip("route", "add", "default", "via", f"10.{at}.0.2", "metric", str(at))

    def pull(self, at: int) -> None:
        """The interface is gone, and with it all that belonged to it."""
        self._sent_before[at] = self.bytes_sent(at)
        self.near.ip("link", "delete", f"up{at}")

    def lose_signal(self, at: int) -> None:
        """The interface stays, without a link."""
        self.far.ip("link", "set", f"down{at}", "down")

    def find_signal(self, at: int) -> None:
        """The link is there again."""
        self.far.ip("link", "set", f"down{at}", "up")

    def lose_address(self, at: int) -> None:
        """The address and with it the routes are gone, as when a lease ends or a network manager gives a link up."""
        self.near.ip("address", "delete", f"10.{at}.0.1/24", "dev", f"up{at}")

    def swallow(self, at: int) -> None:
        """All looks well from here, and nothing ever comes back: packets go to a machine that is not there."""
        nobody = ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
        self.near.ip("neighbour", "replace", f"10.{at}.0.2", "dev", f"up{at}", *nobody)

    def bytes_sent(self, at: int) -> int:
        """What left by it so far, in all its lives, in bytes on the wire."""
        return self._sent_before[at] + self._counted(at, "bytes")

    def packets_sent(self, at: int) -> int:
        """What left by it since it was plugged in last."""
        return self._counted(at, "packets")

    def _counted(self, at: int, what: str) -> int:
        show = self.near.words("ip", "-json", "-stats", "link", "show", f"up{at}")
        told = subprocess.run(show, capture_output=True, check=False)
        return int(json.loads(told.stdout)[0]["stats64"]["tx"][what]) if told.returncode == 0 else 0


@contextmanager
def cables(rate: str = "") -> Iterator[Cables]:
    """Two networks of their own; `rate` is what passes each interface upward, such as 8mbit, empty for no limit."""
    with contextlib.closing(Namespace()) as near, contextlib.closing(Namespace()) as far:
        yield Cables(near, far, rate)
