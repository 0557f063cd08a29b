"""A relay whose interfaces come and go while it delivers: real processes, real networks. Needs root."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.world.cables import Cables, cables
from tests.world.namespaces import can_make
from tests.world.nodes import Country
from tests.world.scene import Scene, client

WHY_NO_NAMESPACES = can_make()
pytestmark = pytest.mark.skipif(bool(WHY_NO_NAMESPACES), reason=WHY_NO_NAMESPACES)


@pytest.fixture
def ways() -> Iterator[Cables]:
    """Two interfaces, neither plugged in, of a megabyte a second each."""
    with cables("8mbit") as made:
        yield made


@pytest.fixture
async def scene(tmp_path: Path, country: Country, ways: Cables) -> AsyncIterator[Scene]:
    async with client(ways.near, country) as near, client(ways.far, country) as far:
        made = Scene(ways, country, near, far, tmp_path)
        try:
            yield made
        finally:
            for node in made.nodes:
                node.kill()


async def test_interfaces_come_and_go_and_everything_arrives_once(scene: Scene) -> None:
    ways = scene.ways
    ways.plug(2)
    ways.lose_signal(2)
    scene.start("up1", "up2")
    handed = await scene.hand_over()
    await scene.until_down("up1", "up1 is not there")
    await scene.until_down("up2", "up2 has no link")
    ways.plug(1)
    ways.find_signal(2)
    await scene.until_both_carry(800_000)
    ways.pull(1)
    await scene.until_down("up1", "")
    await scene.until_sent("up2", 200_000)
    ways.plug(1)
    await scene.until_sent("up1", 200_000)
    await scene.until_all_is_settled()
    await scene.nothing_is_lost_or_doubled(handed)
    crossed = ways.bytes_sent(1) + ways.bytes_sent(2)
    assert crossed < 1.25 * handed.useful_bytes  # each parcel on one of them; 2 would be everything on both


async def test_an_uplink_without_an_interface_follows_the_routes(scene: Scene) -> None:
    ways = scene.ways
    ways.plug(1)
    ways.plug(2)
    scene.start("")
    handed = await scene.hand_over()
    await scene.until_sent("any", 400_000)
    assert ways.bytes_sent(1) > 400_000 > ways.bytes_sent(2)
    ways.lose_address(1)
    await scene.until_all_is_settled()
    await scene.nothing_is_lost_or_doubled(handed)
    assert ways.bytes_sent(2) > 400_000


async def test_a_modem_that_hangs_is_used_once_it_is_plugged_in_again(scene: Scene) -> None:
    ways = scene.ways
    ways.plug(2)
    ways.swallow(2)
    scene.start("up2")
    handed = await scene.hand_over()
    await scene.until_connecting("up2")
    ways.pull(2)
    ways.plug(2)
    await scene.until_all_is_settled()
    await scene.nothing_is_lost_or_doubled(handed)
