"""Sticks and running nodes: a neighbour, the relay's own watching, the commands."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp

from relay import drive_commands
from relay.config import RelayConfig, UplinkConfig
from relay.drive import batches
from relay.drive.progress import StickState
from relay.drive.stick import Stick
from relay.drive.uplink import DriveUplink, sticks_in
from relay.http import authority_tls, text64
from relay.protocol import messages, receipts, statements
from relay.protocol.messages import Kept, ReceiptGiven, TrustNews
from relay.protocol.roles import Role
from relay.verifier import Verifier
from tests.authorities import KECAMATAN
from tests.world.http import ask, post, settled, upload, where
from tests.world.nodes import Country, documents, running_centre, running_relay, tally
from tests.world.processes import centre_process, relay_process
from tests.world.sticks import (
    PHOTOGRAPH_BYTES,
    Job,
    check_manifest,
    counts,
    custody,
    fill,
    found_on,
    hand_over,
    own_folder,
    stick_of,
)
from tests.world.waiting import eventually

SEQUENCE = {"Content-Type": "application/cbor-seq"}
NODES = (("relay", "relay"), ("centre", "central"))


async def test_another_relay_takes_the_batches_and_the_stick_brings_the_receipts_home(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """A relay without any uplink, a stick, a relay nearby with one: and the way back."""
    stick = stick_of(country)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config("nearby", scope="650107", centre_url=centre)) as nearby,
        custody(country) as kept,
    ):
        job = await fill(kept, country, stations=2, pages=1)
        await kept.export(stick)
        first = await hand_over(country, stick.folder, nearby, role=Role.RELAY)
        assert first.complete, first.sentences
        assert first.slips > 0  # its own promise; the copy stays here until the centre's receipt
        assert await kept.waiting() == len(job.statements)

        async def arrived() -> bool:
            return (await counts(http, centre))["statements"] == len(job.statements) and all(
                [(await where(http, nearby, item.id))["receipt"] for item in job.statements]
            )

        await eventually(arrived)
        await job.arrived(http, centre)
        again = await hand_over(country, stick.folder, nearby, role=Role.RELAY)
        assert again.receipts > 0
        async with running_relay(country.relay_config("home")) as home:  # it has never heard of the centre
            for statement in job.statements:
                chain = await kept.store.signers.chain(statement.x5t)
                await post(http, home, statement.with_chain(chain or ()))
            for _ in range(2):
                filed = await drive_commands.hand_answers(stick, home, authority_tls(country.root_file))
                states = {(await where(http, home, item.id))["state"] for item in job.statements}
                assert states == {"at-centre"}
            assert filed == 0


async def test_a_running_relay_believes_no_receipt_that_is_forged(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer = country.world.officer()
    statement = tally(officer)
    stranger = Country(tmp_path / "elsewhere")
    outcome = [receipts.Outcome(statements.StatementId(statement.id), receipts.Verdict.RECORDED)]
    relay_party, false_centre = country.world.relay(), stranger.world.centre()
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, statement.with_chain(officer[1]))
        for party in (relay_party, false_centre):
            signed = party[0].sign(receipts.payload(1_763_700_000, outcome))
            body = messages.encode(TrustNews(party[1], ())) + messages.encode(ReceiptGiven(signed.bare))
            answer = await ask(http, "POST", f"{relay}/v1/receipts", data=body, headers=SEQUENCE)
            assert (answer.status, answer.json) == (200, {"filed": 0})
            told = await ask(http, "GET", f"{relay}/v1/trust")
            assert text64(party[1][0]) not in told.json["certificates"]  # nor does it keep who is nobody
            assert (await where(http, relay, statement.id))["state"] == "at-relay"
        good = await ask(http, "POST", f"{relay}/v1/receipts", data=b"", headers=SEQUENCE)
        assert good.json == {"filed": 0}
        cut = await ask(http, "POST", f"{relay}/v1/receipts", data=body[:-1], headers=SEQUENCE)
        assert (cut.status, cut.code) == (422, "batch-malformed")
        other = await ask(http, "POST", f"{relay}/v1/receipts", data=messages.encode(Kept(1)), headers=SEQUENCE)
        assert other.code == "batch-malformed"
        wrong = await ask(http, "POST", f"{relay}/v1/receipts", data=body, headers={"Content-Type": "text/plain"})
        assert wrong.code == "unsupported-media-type"


async def test_a_running_relay_serves_sticks_by_itself(country: Country, http: aiohttp.ClientSession) -> None:
    media = country.folder / "media"
    (media / "not-a-stick").mkdir(parents=True)
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        job = await fill(kept, country, stations=1, pages=1)
        uplink = DriveUplink(
            "stick",
            media,
            kept.store,
            kept.files,
            kept.node,
            Verifier(country.world.trust(), kept.store.signers.chain, cached_max=16),
            kept.clock,
            filing=kept.filing(),
            again_seconds=0.0,
        )

        async def reaches(state: StickState) -> None:
            async def look() -> bool:
                return bool(uplink.view()["state"] == state)

            await eventually(look)

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(uplink.run())
            await reaches(StickState.WAITING)
            (media / "usb" / batches.DRIVE).mkdir(parents=True)
            await reaches(StickState.SAFE)
            view = uplink.view()
            assert (view["stick"], view["files_done"]) == ("usb", view["files_total"])
            assert view["bytes_done"] > PHOTOGRAPH_BYTES
            assert list((media / "not-a-stick").iterdir()) == []
            (media / "usb").rename(country.folder / "carried")  # taken out
            await reaches(StickState.WAITING)
            await hand_over(country, country.folder / "carried", centre)
            (country.folder / "carried").rename(media / "usb")

            async def settled() -> bool:
                return await kept.waiting() == 0

            await eventually(settled)
            await reaches(StickState.SAFE)
            assert uplink.view()["receipts_filed"] > 0
            more = await fill(kept, country, stations=1, first=9, pages=0)
            uplink.wake()

            async def written() -> bool:
                there = found_on(Stick(media / "usb"), own_folder(kept))
                return {name for item in there for name in item.statements} == {more.statements[0].id}

            await eventually(written)
            await reaches(StickState.SAFE)
            check_manifest(Stick(media / "usb"), kept)
            running.cancel()
        await job.arrived(http, centre)


async def test_a_stick_goes_up_and_down_the_river_by_itself(country: Country, http: aiohttp.ClientSession) -> None:
    """A relay with a stick for its only uplink, and one in town that is online: all by putting the stick in."""
    upriver, town, stick = (country.folder / name for name in ("media-upriver", "media-town", "boat"))
    upriver.mkdir()
    town.mkdir()
    (stick / batches.DRIVE).mkdir(parents=True)

    def with_drive(config: RelayConfig, folder: Path) -> RelayConfig:
        return replace(config, uplink=(*config.uplink, UplinkConfig(kind="drive", folder=folder)))

    async def says(relay: str, state: StickState) -> None:
        async def look() -> bool:
            answer = await ask(http, "GET", f"{relay}/v1/status")
            return bool(answer.json["drives"][0]["state"] == state)

        await eventually(look)

    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(with_drive(country.relay_config("upriver"), upriver)) as up,
        running_relay(with_drive(country.relay_config("town", scope="650107", centre_url=centre), town)) as down,
    ):
        officer = country.world.officer()
        photograph = os.urandom(PHOTOGRAPH_BYTES)
        job = Job([tally(officer), documents(officer, [photograph])], [photograph])
        for statement in job.statements:
            await post(http, up, statement.with_chain(officer[1]))
        await upload(http, up, photograph)
        for _ in range(2):
            stick.rename(upriver / "boat")
            await says(up, StickState.SAFE)
            (upriver / "boat").rename(stick)
            await says(up, StickState.WAITING)
            stick.rename(town / "boat")
            await says(down, StickState.SAFE)
            for statement in job.statements:
                await settled(http, down, statement.id)
            (town / "boat").rename(stick)
            await says(down, StickState.WAITING)
        stick.rename(upriver / "boat")
        told = [await settled(http, up, statement.id) for statement in job.statements]
        assert [item["state"] for item in told] == ["at-centre", "at-centre"]
        await job.arrived(http, centre)
        await says(up, StickState.SAFE)
        assert batches.batch_paths(Stick(upriver / "boat"), batches.relay_folders(Stick(upriver / "boat"))[0]) == []


def test_only_mounts_and_folders_with_relay_drive_are_sticks(tmp_path: Path) -> None:
    assert sticks_in(tmp_path / "nowhere") == []
    (tmp_path / "a-file").write_bytes(b"")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "stick" / batches.DRIVE).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "stick")
    assert sticks_in(tmp_path) == [tmp_path / "stick"]


async def run(*words: str) -> tuple[int, str, str]:
    """A command in a process of its own: status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_commands_carry_a_stick_from_relay_to_centre_and_back(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Two real processes, and an operator at each."""
    stick = stick_of(country).folder
    relay = relay_process(tmp_path / "relay-node", country.identity(Role.RELAY, KECAMATAN), centre_url=None)
    centre = centre_process(tmp_path / "centre-node", country.identity(Role.CENTRE))
    relay_toml, central_toml = (tmp_path / f"{name}-node" / f"{file}.toml" for name, file in NODES)
    try:
        relay.start()
        centre.start()
        officer = country.world.officer()
        photograph = os.urandom(PHOTOGRAPH_BYTES)
        job = Job([tally(officer), documents(officer, [photograph])], [photograph])
        for statement in job.statements:
            await post(http, relay.url, statement.with_chain(officer[1]))
        await upload(http, relay.url, photograph)
        status, out, err = await run("drive", "export", str(stick), "--config", str(relay_toml))
        assert status == 0, err
        assert "safe to remove" in out
        status, out, err = await run("drive", "status", str(stick), "--config", str(relay_toml))
        assert status == 0, err
        assert "finished" in out
        assert "3 files" in out
        status, out, err = await run("central", "import", str(stick), "--config", str(central_toml))
        assert (status, "2 statements were handed over" in out) == (0, True), out + err
        await job.arrived(http, centre.url)
        status, out, err = await run("drive", "import", str(stick), "--config", str(relay_toml))
        assert status == 0, out + err
        assert (await where(http, relay.url, job.statements[0].id))["state"] == "at-centre"
        assert (await where(http, relay.url, job.statements[1].id))["state"] == "at-centre"
        status, out, err = await run("drive", "export", str(stick / "nowhere"), "--config", str(relay_toml))
        assert (status, "is no folder" in err) == (1, True)
        centre.stop()
        status, out, err = await run("central", "import", str(stick), "--config", str(central_toml))
        assert (status, "is not reached" in err) == (1, True), out + err
    finally:
        relay.kill()
        centre.kill()


async def test_what_another_relay_wrote_is_not_written_once_more(country: Country, http: aiohttp.ClientSession) -> None:
    """A relay that takes over what is on a stick, and is offline as well, adds only its own to that stick."""
    stick = stick_of(country)
    async with custody(country) as kept:
        await fill(kept, country, stations=2, pages=1)
        await kept.export(stick)
        nearby = country.relay_config("nearby", scope="650107")
        async with running_relay(nearby) as relay:
            assert (await hand_over(country, stick.folder, relay, role=Role.RELAY)).complete
            officer = country.world.officer("6501082001050")
            own = tally(officer, "6501082001050")
            await post(http, relay, own.with_chain(officer[1]))
    async with custody(country, "nearby", "650107") as near:
        assert await near.waiting() == 5
        await near.export(stick)
        assert [item.statements for item in found_on(stick, own_folder(near))] == [[own.id]]
        elsewhere = stick_of(country, "another")
        await near.export(elsewhere)
        there = found_on(elsewhere, own_folder(near))
        assert len({name for item in there for name in item.statements}) == 5
        assert len({name for item in there for name in item.cells}) == 2
