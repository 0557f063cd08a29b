"""Sticks that are cut, forged or mixed up: a sentence each time, and no harm to anything else on them."""

import errno
import os
from collections.abc import Generator
from pathlib import Path

import aiohttp
import pytest

from relay.drive import batches
from relay.drive.batches import BatchFile
from relay.drive.stick import Stick
from relay.errors import Rejected, UplinkDown
from relay.protocol import cose, manifests
from tests.authorities import Party
from tests.world.nodes import Country, running_centre
from tests.world.sticks import (
    PHOTOGRAPH_BYTES,
    Job,
    check_manifest,
    custody,
    fill,
    filled_stick,
    found_on,
    hand_over,
    own_folder,
    stick_of,
)


async def test_a_cut_file_gives_what_is_whole_of_it(country: Country, http: aiohttp.ClientSession) -> None:
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        stick, job = await filled_stick(kept, country)
        for path in batches.batch_paths(stick, own_folder(kept)):
            if "/3-" in path:
                os.truncate(stick.folder / path, PHOTOGRAPH_BYTES // 2)
        came = await hand_over(country, stick.folder, centre)
        assert not came.complete
        assert sum("1 of its 3 frames are whole" in sentence for sentence in came.sentences) == 2, came.sentences
        assert any("not as its manifest says" in sentence for sentence in came.sentences)
        await Job(job.statements[::2]).arrived_among(http, centre, len(job.statements))
        await kept.export(stick)  # the relay sees the damage and mends it
        check_manifest(stick, kept)
        assert (await hand_over(country, stick.folder, centre)).complete
        await job.arrived(http, centre)


async def test_every_cut_of_a_file_is_refused_or_taken_in_part(country: Country) -> None:
    """No byte at which a file may end makes reading it fail in another way, or gives what was not written."""
    async with custody(country) as kept:
        stick, _ = await filled_stick(kept, country)
        path = batches.batch_paths(stick, own_folder(kept))[0]
        whole = batches.read_batch(stick, path)
        data = (stick.folder / path).read_bytes()
        for size in range(len(data)):
            (stick.folder / path).write_bytes(data[:size])
            try:
                cut = batches.read_batch(stick, path)
            except Rejected:
                continue
            assert cut.fault
            assert cut.whole == whole.whole[: len(cut.whole)]
            assert len(cut.whole) < len(whole.whole)


async def test_every_altered_byte_is_noticed(country: Country) -> None:
    async with custody(country) as kept:
        await fill(kept, country, stations=1, pages=0)
        stick = stick_of(country)
        await kept.export(stick)
        path = batches.batch_paths(stick, own_folder(kept))[0]
        data = (stick.folder / path).read_bytes()
        taken = []
        for at in range(len(data)):
            (stick.folder / path).write_bytes(data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :])
            try:
                found = batches.read_batch(stick, path)
                if found.fault or found.header.signed.x5t != kept.node.signer.x5t:
                    continue
                cose.check(found.header.signed, kept.node.identity.public_key)
            except Rejected:
                continue
            if found.header.signed.chain == kept.node.identity.chain:
                taken.append(at)
        assert taken == []


async def test_a_file_that_cannot_be_read_keeps_no_other_back(
    country: Country, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        stick, job = await filled_stick(kept, country)
        bad = max(batches.batch_paths(stick, own_folder(kept)))
        read = os.read

        def with_a_bad_sector(descriptor: int, size: int) -> bytes:
            if str(Path(f"/proc/self/fd/{descriptor}").readlink()).endswith(bad):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return read(descriptor, size)

        with monkeypatch.context() as patch:
            patch.setattr("relay.drive.stick.os.read", with_a_bad_sector)
            came = await hand_over(country, stick.folder, centre)
        assert not came.complete
        assert any("cannot be read" in sentence for sentence in came.sentences)
        await Job(job.statements[::2], job.photographs[:1]).arrived_among(http, centre, len(job.statements))


async def test_what_cannot_be_read_a_second_time_is_said(
    country: Country, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick is read twice: to see what is on it, and to hand it over. It may break in between."""
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        stick, job = await filled_stick(kept, country)
        frames_of = batches.frames_of

        def breaks(stick: Stick, batch: BatchFile) -> Generator[bytes]:
            if "/3-000002" in batch.path:
                os.truncate(stick.folder / batch.path, 70_000)
            yield from frames_of(stick, batch)

        with monkeypatch.context() as patch:
            patch.setattr(batches, "frames_of", breaks)
            came = await hand_over(country, stick.folder, centre)
        assert not came.complete
        assert any("could not be read a second time" in sentence for sentence in came.sentences)
        await kept.export(stick)
        assert (await hand_over(country, stick.folder, centre)).complete
        await job.arrived(http, centre)


async def test_a_forged_batch_harms_no_other(country: Country, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    stranger = Country(tmp_path / "elsewhere")
    stranger.folder.mkdir()
    async with running_centre(country.centre_config()) as centre, custody(country) as kept, custody(stranger) as forger:
        stick, job = await filled_stick(kept, country)
        await fill(forger, stranger)
        await forger.export(stick)
        folder = own_folder(kept)
        copied = found_on(stick, own_folder(forger))[0].path
        (stick.folder / folder / "1-000099.seq").write_bytes((stick.folder / copied).read_bytes())
        (stick.folder / folder / "1-000098.seq").write_bytes(b"nonsense")
        came = await hand_over(country, stick.folder, centre)
        assert not came.complete
        assert came.relays == 1
        assert any("1-000099.seq is passed over" in sentence for sentence in came.sentences)
        assert any("1-000098.seq is passed over" in sentence for sentence in came.sentences)
        assert any(f"The manifest of {own_folder(forger)} does not hold" in sentence for sentence in came.sentences)
        await job.arrived(http, centre)
        await kept.export(stick)  # removes the nonsense with its own name, leaves what somebody else has signed
        assert not (stick.folder / folder / "1-000098.seq").exists()
        assert (stick.folder / folder / "1-000099.seq").exists()


async def test_a_stick_mixed_up_by_hand_is_sorted_by_signature(country: Country, http: aiohttp.ClientSession) -> None:
    async with (
        running_centre(country.centre_config()) as centre,
        custody(country) as kept,
        custody(country, "other", "650107") as other,
    ):
        mine = await fill(kept, country, stations=1)
        theirs = await fill(other, country, stations=1, first=5)
        stick = stick_of(country)
        await kept.export(stick)
        await other.export(stick)
        for path in batches.batch_paths(stick, own_folder(other)):  # as FAT and hasty hands may leave it
            name = path.rpartition("-")[2].upper()
            (stick.folder / path).rename(stick.folder / own_folder(kept) / f"{path.rpartition('/')[2][0]}-9{name}")
        came = await hand_over(country, stick.folder, centre)
        assert came.relays == 2
        assert any("not as its manifest says" in sentence for sentence in came.sentences)
        await Job(mine.statements + theirs.statements, mine.photographs + theirs.photographs).arrived(http, centre)
        await other.export(stick)
        check_manifest(stick, other)


async def test_a_forged_manifest_changes_nothing_of_what_is_taken(
    country: Country, http: aiohttp.ClientSession
) -> None:
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        stick, job = await filled_stick(kept, country)
        path = stick.folder / own_folder(kept) / batches.MANIFEST
        good = path.read_bytes()
        officer: Party = country.world.officer()
        payload = manifests.payload(1, 0, 0, 0, manifests.root_of([]))
        for bad in (b"", good[:-1], good[:-1] + b"\x00", officer[0].sign(payload).with_chain(officer[1])):
            path.write_bytes(bad)
            came = await hand_over(country, stick.folder, centre)
            assert any("does not hold" in sentence for sentence in came.sentences), came.sentences
        await job.arrived(http, centre)
        await kept.export(stick)
        check_manifest(stick, kept)


async def test_a_revoked_relay_is_not_let_in_and_others_are(country: Country, http: aiohttp.ClientSession) -> None:
    config = country.centre_config()
    async with custody(country) as kept, custody(country, "other", "650107") as other:
        await fill(kept, country, stations=1, pages=0)
        theirs = await fill(other, country, stations=1, first=5, pages=0)
        country.trust_folder.joinpath("crl.der").write_bytes(country.world.crl(kept.node.identity.chain[0]))
        stick = stick_of(country)
        await kept.export(stick)
        await other.export(stick)
        async with running_centre(config) as centre:
            came = await hand_over(country, stick.folder, centre)
            assert not came.complete
            assert any("signer-revoked" in sentence for sentence in came.sentences), came.sentences
            await theirs.arrived(http, centre)


async def test_links_and_pipes_on_a_stick_lead_nowhere(country: Country) -> None:
    async with custody(country) as kept:
        await fill(kept, country, stations=1)
        stick, elsewhere = stick_of(country), country.folder / "precious"
        elsewhere.mkdir()
        (stick.folder / batches.DRIVE).symlink_to(elsewhere)
        with pytest.raises(UplinkDown):
            await kept.export(stick)
        assert list(elsewhere.iterdir()) == []
        (stick.folder / batches.DRIVE).unlink()
        (stick.folder / own_folder(kept)).mkdir(parents=True)
        os.mkfifo(stick.folder / own_folder(kept) / "1-000001.seq")
        await kept.export(stick)
        check_manifest(stick, kept)
