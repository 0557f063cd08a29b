"""A real disk, really full: photographs are told to wait, and every tally is still taken."""

import os
import shutil
import subprocess
from pathlib import Path

import aiohttp
import pytest

from relay.protocol import cose
from relay.protocol.roles import Role
from tests.world.http import ask, create_upload, patch_upload, post
from tests.world.nodes import Country, documents, tally
from tests.world.processes import relay_process


def can_mount(folder: Path) -> bool:
    """Whether this user may mount a small disk in a namespace of its own."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "none", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.privileged
async def test_a_disk_filled_by_photographs_still_takes_every_tally(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("left out: mounting a small disk needs root")
    relay = relay_process(
        tmp_path / "r",
        country.identity(Role.RELAY, "650108"),
        centre_url=None,
        reserve_bytes=12 * 2**20,
        data=disk,
        wrap=["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=32m none "$0" && exec "$@"', str(disk)],
    )
    officer = country.world.officer()
    try:
        relay.start()
        full = None
        for revision in range(1, 60):
            photograph = os.urandom(2**20)
            listing = documents(officer, [photograph], revision=revision)
            await post(http, relay.url, listing.with_chain(officer[1]))
            full = await create_upload(http, relay.url, photograph)
            if full.status != 201:
                break
            name = cose.sha256(photograph).hex()
            assert (await patch_upload(http, relay.url, name, 0, photograph)).status == 204
        assert full is not None
        assert (full.status, full.code) == (507, "disk-full")
        assert int(full.headers["Retry-After"]) > 0
        for at in range(1, 1000):
            tps = f"6501082001{at:03d}"
            neighbour = country.world.officer(tps)
            answer = await post(http, relay.url, tally(neighbour, tps).with_chain(neighbour[1]))
            assert answer.status == 201, (at, answer.json)
        status = (await ask(http, "GET", f"{relay.url}/v1/status")).json
        assert status["counts"]["tps"] == 999
    finally:
        relay.kill()
