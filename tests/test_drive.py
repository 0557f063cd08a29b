"""The uplink that is carried: nothing is lost, nothing is doubled, whatever becomes of the stick."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import aiohttp
import pytest

from relay.config import UplinkConfig
from relay.drive import answers
from relay.drive.batches import BatchFile
from relay.drive.progress import Progress, StickState
from relay.drive.replay import Replay
from relay.drive.stick import Stick, StickFailed, StickReadOnly
from relay.errors import NotNow, UplinkDown
from relay.protocol import cose
from relay.uplink.https import HttpsUplink
from relay.verifier import Verifier
from tests.world.nodes import Country, running_centre
from tests.world.sticks import (
    PHOTOGRAPH_BYTES,
    Custody,
    Job,
    check_manifest,
    counts,
    custody,
    fill,
    found_on,
    hand_over,
    own_folder,
    receipts_on,
    stick_of,
)

P = ParamSpec("P")
T = TypeVar("T")


# --- the whole way


async def test_a_stick_carries_everything_and_brings_the_receipts_back(
    country: Country, http: aiohttp.ClientSession
) -> None:
    stick = stick_of(country)
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        job = await fill(kept, country)
        told = await kept.export(stick)
        assert told.state is StickState.SAFE
        check_manifest(stick, kept)
        came = await hand_over(country, stick.folder, centre)
        assert (came.complete, came.sentences) == (True, [])
        await job.arrived(http, centre)
        filed = await kept.filing().file_all(stick)
        assert filed == came.receipts > 0
        assert await kept.waiting() == 0
        await kept.export(stick)
        assert found_on(stick, own_folder(kept)) == []  # all of it has receipts: room for others
        check_manifest(stick, kept)


async def test_handing_over_twice_changes_nothing(country: Country, http: aiohttp.ClientSession) -> None:
    stick = stick_of(country)
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        job = await fill(kept, country)
        await kept.export(stick)
        once = await hand_over(country, stick.folder, centre)
        first = {path: path.read_bytes() for path in stick.folder.rglob("*") if path.is_file()}
        before = await counts(http, centre)
        again = await hand_over(country, stick.folder, centre)
        assert (again.complete, again.sentences, again.receipts) == (True, [], once.receipts)
        assert await counts(http, centre) == before
        assert {path: path.read_bytes() for path in stick.folder.rglob("*") if path.is_file()} == first
        await job.arrived(http, centre)


def as_written(stick: Stick) -> dict[Path, tuple[int, int, int]]:
    """Each file's inode, size and time of writing, which nobody changes by reading it."""
    found = {path: path.stat() for path in stick.folder.rglob("*.seq")}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


async def test_a_second_export_adds_only_what_is_new(country: Country) -> None:
    stick = stick_of(country)
    async with custody(country) as kept:
        await fill(kept, country)
        await kept.export(stick)
        before = as_written(stick)
        await kept.export(stick)
        assert as_written(stick) == before
        await fill(kept, country, stations=1, first=7, pages=1)
        await kept.export(stick)
        check_manifest(stick, kept)
        after = as_written(stick)
        assert {path: after[path] for path in before} == before
        assert len(after) - len(before) == 3  # a tally, a list, a photograph


async def test_figures_go_before_lists_and_the_page_with_the_votes_before_others(country: Country) -> None:
    stick = stick_of(country)
    async with custody(country) as kept:
        job = await fill(kept, country, stations=2, pages=3)
        await kept.export(stick)
        there = found_on(stick, own_folder(kept))
        tallies = {item.id for item in job.statements[::2]}
        assert set(there[0].statements) == tallies
        assert set(there[1].statements) == {item.id for item in job.statements} - tallies
        order = [job.photographs.index(data) for data in in_order(there[2:], job)]
        pages = [at % 3 + 1 for at in order]
        assert pages == [2, 2, 1, 1, 3, 3]  # of form 2401 the votes are on page 2


def in_order(there: list[BatchFile], job: Job) -> list[bytes]:
    by_name = {cose.sha256(data): data for data in job.photographs}
    return [by_name[name] for item in there for name in item.cells]


async def test_several_relays_share_a_stick_with_other_peoples_files(
    country: Country, http: aiohttp.ClientSession
) -> None:
    stick = stick_of(country)
    foreign = {
        stick.folder / "foto liburan.jpg": b"a holiday",
        stick.folder / "relay-drive" / "notes.txt": b"not ours",
        stick.folder / "relay-drive" / "1-000001.seq": b"in the wrong place",
    }
    (stick.folder / "relay-drive").mkdir()
    for path, data in foreign.items():
        path.write_bytes(data)
    async with (
        running_centre(country.centre_config()) as centre,
        custody(country) as kept,
        custody(country, "other", "650107") as other,
    ):
        mine = await fill(kept, country, stations=1)
        await kept.export(stick)
        before = {path: path.read_bytes() for path in stick.folder.rglob("*") if path.is_file()}
        theirs = await fill(other, country, stations=1, first=5)
        await other.export(stick)
        assert {path: path.read_bytes() for path in before} == before
        came = await hand_over(country, stick.folder, centre)
        assert (came.complete, came.relays) == (True, 2)
        await Job(mine.statements + theirs.statements, mine.photographs + theirs.photographs).arrived(http, centre)
        for relay in (kept, other):
            await relay.filing().file_all(stick)
            assert await relay.waiting() == 0
        await kept.export(stick)
        check_manifest(stick, other)
        assert {path: path.read_bytes() for path in foreign} == foreign


# --- pulled out, full, locked


class Faulty(Stick):
    """A stick that fails at its k-th operation and ever after, as one does that is pulled out.

    `torn`: of the k-th operation a part has happened, or all of it, and it is reported as failed all the same.
    """

    def __init__(self, folder: Path, at: int, *, torn: bool = False, code: int = errno.EIO) -> None:
        self.operations = 0
        self._at = at
        self._torn = torn
        self._code = code
        super().__init__(folder)

    def _do(self, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        def failing(*arguments: Any, **named: Any) -> T:
            self.operations += 1
            if self.operations < self._at:
                return operation(*arguments, **named)
            if self.operations == self._at and self._torn:
                if operation is os.write:
                    arguments = (arguments[0], arguments[1][: len(arguments[1]) // 2])
                done = operation(*arguments, **named)
                if operation is os.open:
                    os.close(done)  # type: ignore[arg-type]
            raise OSError(self._code, os.strerror(self._code))

        return super()._do(failing, *arguments, **named)


async def operations_of(kept: Custody, folder: Path, work: Callable[[Stick], Any]) -> int:
    """How many operations a piece of work takes on a stick that does not fail."""
    stick = Faulty(folder, 10**9)
    await work(stick)
    return stick.operations


@pytest.mark.parametrize("torn", [False, True], ids=["not done", "done and reported as failed"])
async def test_a_stick_pulled_out_at_any_moment_of_writing_loses_nothing(
    country: Country, http: aiohttp.ClientSession, torn: bool
) -> None:
    """After every k-th operation: what is whole is taken by the centre, and the next export completes it."""
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        job = await fill(kept, country, stations=1, pages=1)
        count = await operations_of(kept, stick_of(country, "whole").folder, kept.export)
        assert count > 50
        for at in range(2, count + 1):
            folder = stick_of(country, f"stick-{at}").folder
            with pytest.raises((UplinkDown, NotNow)):
                await kept.export(Faulty(folder, at, torn=torn))
            assert await kept.waiting() == len(job.statements)
            came = await hand_over(country, folder, centre)
            assert not any("not taken" in sentence for sentence in came.sentences), came.sentences
            whole = await kept.export(Stick(folder))
            assert whole.state is StickState.SAFE
            check_manifest(Stick(folder), kept)
        came = await hand_over(country, folder, centre)
        assert (came.complete, came.sentences) == (True, [])
        await job.arrived(http, centre)


async def test_a_stick_pulled_out_while_it_is_brought_up_to_date_loses_nothing(country: Country) -> None:
    """Half of what is on it has receipts and goes, something new comes: at every k-th operation."""
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        await fill(kept, country, stations=2, pages=1)
        stick = stick_of(country)
        await kept.export(stick)
        await hand_over(country, stick.folder, centre)
        await kept.filing().file_all(stick)
        job = await fill(kept, country, stations=2, first=8, pages=1)

        def copy(name: str) -> Path:
            to = country.folder / name
            for path in stick.folder.rglob("*"):
                if path.is_file():
                    target = to / path.relative_to(stick.folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(path.read_bytes())
            return to

        count = await operations_of(kept, copy("whole"), kept.export)
        for at in range(2, count + 1):
            folder = copy(f"stick-{at}")
            with pytest.raises((UplinkDown, NotNow)):
                await kept.export(Faulty(folder, at))
            await kept.export(Stick(folder))
            check_manifest(Stick(folder), kept)
            there = found_on(Stick(folder), own_folder(kept))
            assert {name for item in there for name in item.statements} == {item.id for item in job.statements}
            assert {name for item in there for name in item.cells} == set(map(cose.sha256, job.photographs))


async def test_a_stick_pulled_out_while_receipts_are_written_keeps_those_of_before(country: Country) -> None:
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        await fill(kept, country, stations=1, pages=0)
        stick = stick_of(country)
        await kept.export(stick)
        await hand_over(country, stick.folder, centre)
        old = await receipts_on(stick)
        assert old
        for at in range(2, 100):
            faulty = Faulty(stick.folder, at, torn=True)
            try:
                answers.write(faulty, kept.node.signer.x5t, [f"receipt {at}".encode()], [])
            except StickFailed:
                pass
            else:
                break
            assert old <= await receipts_on(stick)
        assert at > 10
        came = await hand_over(country, stick.folder, centre)
        assert came.complete
        assert await kept.filing().file_all(stick) > 0
        assert await kept.waiting() == 0


async def test_what_a_broken_stick_gives_back_is_noticed(country: Country) -> None:
    class Forgetful(Stick):
        def rename(self, path: str, to: str) -> None:
            raise AssertionError("nothing gets its name before it was read back")

        def sync(self, path: str) -> None:
            super().sync(path)
            data = bytearray((self.folder / path).read_bytes())
            data[len(data) // 2] ^= 1
            (self.folder / path).write_bytes(data)

    async with custody(country) as kept:
        await fill(kept, country, stations=1)
        stick = Stick(stick_of(country).folder)
        await kept.export(stick)
        await fill(kept, country, stations=1, first=5)
        with pytest.raises(UplinkDown, match="gives back other bytes"):
            await kept.export(Forgetful(stick.folder))
        await kept.export(stick)
        check_manifest(stick, kept)


class Small(Stick):
    """A stick with little room; `lies` about it until it is full, as another program's writing makes it."""

    def __init__(self, folder: Path, size_bytes: int, *, lies: bool = False) -> None:
        super().__init__(folder)
        self._size_bytes = size_bytes
        self._lies = lies

    def _left(self) -> int:
        used = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        return self._size_bytes - used

    def free_bytes(self) -> int:
        return 2**40 if self._lies else self._left()

    def _do(self, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        def limited(*arguments: Any, **named: Any) -> T:
            if operation is os.write and len(arguments[1]) > self._left():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return operation(*arguments, **named)

        return super()._do(limited, *arguments, **named)


@pytest.mark.parametrize("lies", [False, True], ids=["says so", "says so when it is written"])
async def test_a_full_stick_takes_figures_first_and_says_what_is_left_out(country: Country, lies: bool) -> None:
    async with custody(country) as kept:
        job = await fill(kept, country, stations=3, pages=2)
        room = 2 * PHOTOGRAPH_BYTES + 60_000 + (0 if lies else 2**20)
        stick = Small(stick_of(country).folder, room, lies=lies)
        told = await kept.export(stick)
        assert told.state is StickState.FULL
        assert told.left_out == len(job.photographs) - 2
        assert "take another stick" in told.sentence
        check_manifest(stick, kept)
        there = found_on(stick, own_folder(kept))
        assert {name for item in there for name in item.statements} == {item.id for item in job.statements}
        second = stick_of(country, "second")
        assert (await kept.export(second)).state is StickState.SAFE


async def test_figures_displace_photographs_on_a_full_stick(country: Country) -> None:
    async with custody(country) as kept:
        await fill(kept, country, stations=1, pages=2)
        stick = Small(stick_of(country).folder, 2**20 + 2 * PHOTOGRAPH_BYTES + 12_000)
        assert (await kept.export(stick)).state is StickState.SAFE
        job = await fill(kept, country, stations=40, first=20, pages=0)
        assert (await kept.export(stick)).state is StickState.FULL
        there = {name for item in found_on(stick, own_folder(kept)) for name in item.statements}
        assert {item.id for item in job.statements} <= there
        check_manifest(stick, kept)


async def test_a_stick_that_cannot_be_written_is_said_to_be_so(country: Country) -> None:
    class Locked(Stick):
        def _do(self, operation: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
            def locked(*arguments: Any, **named: Any) -> T:
                writes = operation is os.open and arguments[1] & os.O_WRONLY
                if writes or operation in (os.mkdir, os.replace, os.unlink):
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
                return operation(*arguments, **named)

            return super()._do(locked, *arguments, **named)

    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        await fill(kept, country, stations=1)
        stick = stick_of(country)
        with pytest.raises(StickReadOnly, match="slide its lock"):
            await kept.export(Locked(stick.folder))
        await kept.export(stick)
        uplink = HttpsUplink(UplinkConfig(url=centre), country.root_file)
        verifier = Verifier(country.world.trust(), kept.store.signers.chain, cached_max=8)
        came = await Replay(Locked(stick.folder), uplink, verifier, Progress()).run()
        assert came.complete  # all of it was taken; only the receipts must come another way
        assert came.receipts > 0
        assert "The receipts could not be written onto the stick" in came.sentences[0]


async def test_a_wiped_stick_deletes_nothing_and_a_wiped_relay_deletes_nothing_on_the_stick(country: Country) -> None:
    async with custody(country) as kept, custody(country, "wiped") as wiped:
        job = await fill(kept, country, stations=1)
        stick = stick_of(country)
        await kept.export(stick)
        before = [item.statements + list(item.cells) for item in found_on(stick, own_folder(kept))]
        await wiped.export(stick)
        assert [item.statements + list(item.cells) for item in found_on(stick, own_folder(kept))] == before
        for path in stick.folder.rglob("*"):
            if path.is_file():
                path.unlink()
        await kept.export(stick)
        assert await kept.waiting() == len(job.statements)
        check_manifest(stick, kept)


async def test_two_processes_do_not_write_to_one_stick_at_once(country: Country) -> None:
    async with custody(country) as kept:
        await fill(kept, country, stations=1)
        stick = stick_of(country)
        await kept.export(stick)
        with Stick(stick.folder).held(own_folder(kept)), pytest.raises(NotNow, match="Another process is using"):
            await kept.export(stick)
        await kept.export(stick)
