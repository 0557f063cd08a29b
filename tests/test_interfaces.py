"""Connections leave by the interface that is named, and interfaces coming and going are noticed. Real ones."""

import contextlib
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.errors import UplinkDown
from relay.uplink import interfaces
from tests.world.cables import FAR, Cables, cables
from tests.world.namespaces import Namespace, can_make
from tests.world.waiting import eventually
from tests.world.watcher import Watcher

ROOT = Path(__file__).parent.parent
_SECONDS_MAX = 30
_PAUSE_SECONDS = 1.0
WHY_NO_NAMESPACES = can_make()
needs_namespaces = pytest.mark.skipif(bool(WHY_NO_NAMESPACES), reason=WHY_NO_NAMESPACES)


@pytest.fixture
def near() -> Iterator[Namespace]:
    """The relay's network, without IPv6, which does things by itself some seconds later."""
    with contextlib.closing(Namespace()) as made:
        made.set("net.ipv6.conf.all.disable_ipv6", "1")
        made.set("net.ipv6.conf.default.disable_ipv6", "1")
        yield made


@pytest.fixture
def two() -> Iterator[Cables]:
    """Two interfaces, both plugged in."""
    with cables() as made:
        made.plug(1)
        made.plug(2)
        yield made


@needs_namespaces
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_whatever_comes_or_goes_is_noticed(near: Namespace, loop: str) -> None:
    with contextlib.closing(Watcher(near, loop)) as watcher:
        watcher.lines_until(lambda words: "lo:" in words)
        near.veth("up1", near, "other")
        watcher.lines_until(lambda words: "up1@other:" in words)
        near.ip("link", "set", "other", "up")
        near.ip("link", "set", "up1", "up")
        watcher.lines_until(lambda words: any("LOWER_UP" in word for word in flags_of("up1@other:", words)))
        near.ip("address", "add", "10.1.0.1/24", "dev", "up1")
        watcher.lines_until(lambda words: "10.1.0.1/24" in words)
        near.ip("route", "add", "default", "via", "10.1.0.2")
        watcher.lines_until(lambda words: "default" in words)
        near.ip("route", "add", "10.77.0.0/16", "via", "10.1.0.2", "table", "100")
        watcher.lines_until(lambda words: "10.77.0.0/16" in words)
        near.ip("link", "set", "other", "down")  # as when a cable is pulled
        watcher.lines_until(lambda words: any("NO-CARRIER" in word for word in flags_of("up1@other:", words)))
        near.ip("address", "del", "10.1.0.1/24", "dev", "up1")
        watcher.lines_until(lambda words: "10.1.0.1/24" not in words)
        near.ip("link", "del", "up1")
        watcher.lines_until(lambda words: "up1@other:" not in words)


@needs_namespaces
def test_ipv6_is_noticed_as_well() -> None:
    with contextlib.closing(Namespace()) as near, contextlib.closing(Watcher(near, "uvloop")) as watcher:
        watcher.lines_until(lambda words: "lo:" in words)
        near.ip("address", "add", "fd00::1/128", "dev", "lo")
        watcher.lines_until(lambda words: "fd00::1/128" in words)
        near.ip("route", "add", "blackhole", "fd77::/64")
        watcher.lines_until(lambda words: "fd77::/64" in words)
        near.ip("route", "del", "fd77::/64")
        watcher.lines_until(lambda words: "fd77::/64" not in words)


@needs_namespaces
def test_a_lease_that_is_renewed_is_no_change(near: Namespace) -> None:
    near.veth("up1", near, "other")
    near.ip("address", "add", "10.1.0.1/24", "dev", "up1", "valid_lft", "900", "preferred_lft", "900")
    with contextlib.closing(Watcher(near, "uvloop")) as watcher:
        watcher.lines_until(lambda words: "10.1.0.1/24" in words)
        for seconds in ("901", "902"):
            near.ip("address", "change", "10.1.0.1/24", "dev", "up1", "valid_lft", seconds, "preferred_lft", seconds)
            time.sleep(_PAUSE_SECONDS)  # so that it is not taken together with what follows
        near.ip("address", "add", "10.1.0.9/24", "dev", "up1")
        assert watcher.lines_until(lambda words: "10.1.0.9/24" in words) == 1


@needs_namespaces
def test_more_changes_than_the_kernel_keeps_are_still_noticed(near: Namespace) -> None:
    near.veth("up1", near, "other")
    batch = "".join(f"address add 10.{at // 250}.{at % 250}.1/24 dev up1\n" for at in range(2000))
    with contextlib.closing(Watcher(near, "uvloop")) as watcher:
        watcher.lines_until(lambda words: "up1@other:" in words)
        subprocess.run(near.words("ip", "-batch", "-"), input=batch.encode(), check=True)
        watcher.lines_until(lambda words: "10.7.249.1/24" in words)
        near.ip("link", "del", "up1")
        watcher.lines_until(lambda words: "up1@other:" not in words)


@needs_namespaces
def test_where_the_kernel_may_not_tell_one_looks(near: Namespace) -> None:
    with contextlib.closing(Watcher(near, "uvloop", "no-netlink")) as watcher:
        watcher.lines_until(lambda words: "lo:" in words)
        near.veth("up1", near, "other")
        watcher.lines_until(lambda words: "up1@other:" in words)


@needs_namespaces
@pytest.mark.parametrize(
    ("interface", "source_address", "leaves_by", "arrives_from"),
    [
        ("", "", 1, "10.1.0.1"),
        ("up1", "", 1, "10.1.0.1"),
        ("up2", "", 2, "10.2.0.1"),
        ("", "10.2.0.1", 2, "10.2.0.1"),
        ("up2", "10.2.0.1", 2, "10.2.0.1"),
    ],
)
def test_packets_leave_by_the_interface_that_is_named(
    two: Cables, interface: str, source_address: str, leaves_by: int, arrives_from: str
) -> None:
    two.near.ip("rule", "add", "from", "10.2.0.1", "table", "102")  # as whoever sets source_address alone has to
    two.near.ip("route", "add", "default", "via", "10.2.0.2", "table", "102")
    listener = two.far.call(lambda: socket.create_server((FAR, 0)))
    client = two.near.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    before = {at: two.packets_sent(at) for at in (1, 2)}
    with listener, client:
        listener.settimeout(_SECONDS_MAX)
        client.settimeout(_SECONDS_MAX)
        two.near.call(lambda: interfaces.require(interface, source_address))
        interfaces.bind(client, interface, source_address)
        client.connect(listener.getsockname())
        accepted, peer = listener.accept()
        with accepted:
            accepted.sendall(b"x")
            assert client.recv(1) == b"x"
        assert peer[0] == arrives_from
    other = 3 - leaves_by
    assert two.packets_sent(leaves_by) > before[leaves_by]
    assert two.packets_sent(other) == before[other]


@needs_namespaces
def test_no_capability_is_needed(two: Cables) -> None:
    program = (
        "import socket; from relay.uplink import interfaces; interfaces.require('up2', ''); "
        f"opened = socket.socket(); interfaces.bind(opened, 'up2', ''); opened.connect(('{FAR}', 9))"
    )
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]
    told = subprocess.run(
        two.near.words(*bare, sys.executable, "-c", program), capture_output=True, text=True, timeout=_SECONDS_MAX
    )
    assert "Connection refused" in told.stderr  # the other side answered: nobody listens on port 9


@needs_namespaces
async def test_what_is_wrong_with_an_interface_is_said(two: Cables) -> None:
    def why_not(interface: str, source_address: str) -> str:
        return two.near.call(lambda: sentence(interface, source_address))

    async def has_no_link() -> bool:
        return "up1 has no link" in why_not("up1", "10.1.0.1")

    assert why_not("up1", "10.1.0.1") == ""
    assert "up9 is not there" in why_not("up9", "")
    two.lose_signal(1)
    await eventually(has_no_link)
    two.lose_address(2)
    assert "10.2.0.1 is no address of this machine now" in why_not("up2", "10.2.0.1")
    two.pull(2)
    assert "up2 is not there" in why_not("up2", "")


@pytest.mark.parametrize(
    ("interface", "source_address", "said"),
    [
        ("wwan-of-a-neighbour", "", "cannot be the name of an interface"),
        ("wwan\x000", "", "cannot be the name of an interface"),
        ("", "192.0.2.300", "is no IP address of this machine"),
        ("", "pusat.example.id", "is no IP address of this machine"),
        ("", "fe80::1%wwan9", "is no IP address of this machine"),
        ("", "192.0.2.1", "192.0.2.1 is no address of this machine now"),
        ("", "2001:db8::1", "2001:db8::1 "),
    ],
)
def test_what_cannot_be_is_said(interface: str, source_address: str, said: str) -> None:
    assert said in sentence(interface, source_address)


def test_what_is_there_may_be_used() -> None:
    interfaces.require("", "")
    interfaces.require("lo", "127.0.0.1")


@pytest.mark.parametrize(
    ("source_address", "own", "other"),
    [("127.0.0.1", socket.AF_INET, socket.AF_INET6), ("::1", socket.AF_INET6, socket.AF_INET)],
)
def test_only_addresses_of_the_same_family_are_tried(
    source_address: str, own: socket.AddressFamily, other: socket.AddressFamily
) -> None:
    assert interfaces.family(source_address) is own
    assert interfaces.family("") is socket.AF_UNSPEC
    with socket.socket(other) as opened, pytest.raises(OSError, match="of another family"):
        interfaces.bind(opened, "", source_address)


def test_the_shipped_kernel_settings_are_ones_that_a_kernel_knows() -> None:
    lines = (ROOT / "deploy/raspberrypi/sysctl.conf").read_text("utf-8").splitlines()
    settings = [line.partition("=")[0].strip() for line in lines if line and not line.startswith("#")]
    assert settings
    assert [name for name in settings if not Path("/proc/sys", *name.split(".")).exists()] == []


def sentence(interface: str, source_address: str) -> str:
    """Why these cannot be used; empty if they can."""
    try:
        interfaces.require(interface, source_address)
    except UplinkDown as error:
        return error.sentence
    return ""


def flags_of(link: str, words: list[str]) -> list[str]:
    """What stands behind the name of a link."""
    return [after for before, after in itertools.pairwise(words) if before == link]
