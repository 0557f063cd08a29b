"""The promises of the disk: what is answered is on it, what it does not know it leaves alone, full is not broken."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.errors import Code, NotNow, Rejected, StoreBroken
from relay.files import lock_folder, write_durably
from relay.protocol import cose, receipts, slips, statements
from relay.protocol.lifecycle import State
from relay.protocol.receipts import Outcome, Verdict
from relay.protocol.statements import DocumentHash, StatementId
from relay.store.changes import Custody, TakeStatement
from relay.store.custody import CustodyStore, open_custody
from relay.store.database import open_database
from relay.store.documents import DocumentFiles
from tests.authorities import World
from tests.world.nodes import tally

WORLD = World()
RELAY = WORLD.relay()[0]
CENTRE = WORLD.centre()[0]
OFFICER = WORLD.officer()


def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
    return RELAY.sign(slips.payload(kind, subject, number, 1_763_700_000, True)).bare, 1_763_700_000


@asynccontextmanager
async def opened(path: Path, queue_max: int = 1000) -> AsyncIterator[CustodyStore]:
    async with open_custody(path, sign_slip, queue_max=queue_max) as store:
        writing = asyncio.create_task(store.run())
        try:
            yield store
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


def take(revision: int = 1, votes: tuple[int, int, int] = (1, 2, 3)) -> TakeStatement:
    signed = tally(OFFICER, revision=revision, votes=votes)
    return TakeStatement(statements.read(signed), OFFICER[1])


def number_of(custody: Custody) -> int:
    return slips.read(cose.parse(custody.slip)).number


def receipt(verdict: Verdict, *ids: bytes) -> receipts.Receipt:
    outcomes = [Outcome(StatementId(identifier), verdict) for identifier in ids]
    return receipts.read(CENTRE.sign(receipts.payload(1_763_700_500, outcomes)))


async def _refusal(store: CustodyStore, revision: int) -> Code | None:
    try:
        await store.take_custody(take(revision))
    except NotNow as error:
        return error.code
    return None


async def test_a_commit_that_returned_is_synced(tmp_path: Path) -> None:
    async with open_database(tmp_path / "relay.db", "relay") as database:
        settings = {
            name: (await (await database.writing.execute(f"PRAGMA {name}")).fetchone())
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert {name: row[0] for name, row in settings.items() if row} == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
    }


async def test_slips_are_numbered_without_gaps_across_restarts(tmp_path: Path) -> None:
    numbers = []
    for start in (1, 4, 7):
        async with opened(tmp_path / "relay.db") as store:
            taken = await asyncio.gather(*(store.take_custody(take(start + at)) for at in range(3)))
            numbers += [number_of(custody) for custody in taken]
    assert sorted(numbers) == list(range(1, 10))


async def test_the_same_statement_gets_the_same_slip_even_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "relay.db") as store:
        taken = await asyncio.gather(*(store.take_custody(take()) for _ in range(5)))
        later = await store.take_custody(take())
    assert len({custody.slip for custody in [*taken, later]}) == 1
    assert [custody.new for custody in [*taken, later]].count(True) == 1


async def test_who_goes_away_while_it_is_written_loses_nothing(tmp_path: Path) -> None:
    item = take()
    async with opened(tmp_path / "relay.db") as store:
        leaving = asyncio.create_task(store.take_custody(item))
        await asyncio.sleep(0)
        leaving.cancel()
        await store.take_custody(take(2))
        assert await store.holdings.statement(item.statement.id) is not None


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "relay.db", queue_max=2) as store:
        asked = [asyncio.create_task(store.take_custody(take(at))) for at in range(1, 6)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, NotNow)]
        assert [error.code for error in refused] == [Code.BUSY] * 3
        assert all(error.retry_after_seconds > 0 for error in refused)
        assert len(await store.holdings.statements_after(0, 10)) == 2


async def test_a_full_disk_refuses_for_now_and_leaves_no_gap(tmp_path: Path) -> None:
    async with opened(tmp_path / "relay.db") as store:
        writing = store._database.writing
        first = await store.take_custody(take(1))
        pages = await (await writing.execute("PRAGMA page_count")).fetchone()
        assert pages is not None
        await writing.execute(f"PRAGMA max_page_count = {pages[0]}")
        answers = [await _refusal(store, revision) for revision in range(2, 90)]
        assert set(answers) == {None, Code.DISK_FULL}
        held = len(await store.holdings.statements_after(0, 1000))
        await writing.execute("PRAGMA max_page_count = 1000000")
        after = await store.take_custody(take(95))
    assert number_of(first) == 1
    assert number_of(after) == held + 1


async def test_a_receipt_settles_and_what_is_recorded_stays_so(tmp_path: Path) -> None:
    item = take()
    async with opened(tmp_path / "relay.db") as store:
        await store.take_custody(item)
        identifier = item.statement.id
        for verdict, state in [
            (Verdict.RECORDED, State.AT_CENTRE),
            (Verdict.REFUSED, State.AT_CENTRE),
            (Verdict.CONFLICT, State.IN_CONFLICT),
            (Verdict.RECORDED, State.IN_CONFLICT),
        ]:
            await store.settle(receipt(verdict, identifier, bytes(32)), 1_763_700_500)
            held = await store.holdings.statement(identifier)
            assert held is not None
            assert held.state is state
        assert await store.waiting.names() == []


@pytest.mark.parametrize("schema", ["relay", "centre"])
async def test_another_programs_database_is_left_as_it_is(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(StoreBroken, match="left as it is"):
        async with open_database(path, schema):
            pass
    assert path.read_bytes() == before


async def test_a_relays_database_is_not_a_centres(tmp_path: Path) -> None:
    async with open_database(tmp_path / "relay.db", "relay"):
        pass
    with pytest.raises(StoreBroken, match="is not a centre's database"):
        async with open_database(tmp_path / "relay.db", "centre"):
            pass


async def test_newer_softwares_database_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    async with open_database(path, "relay"):
        pass
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 999")
        newer.commit()
    with pytest.raises(StoreBroken, match="newer software"):
        async with open_database(path, "relay"):
            pass


async def test_a_file_that_is_no_database_is_said_to_be_broken(tmp_path: Path) -> None:
    (tmp_path / "relay.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreBroken, match="cannot be used"):
        async with open_database(tmp_path / "relay.db", "relay"):
            pass


async def test_a_writer_whose_file_is_taken_away_stops(tmp_path: Path) -> None:
    async with open_custody(tmp_path / "relay.db", sign_slip, queue_max=10) as store:
        writing = asyncio.create_task(store.run())
        await store.take_custody(take(1))
        await store._database.writing.execute("DROP TABLE statement")
        waiting = asyncio.create_task(store.take_custody(take(2)))
        with pytest.raises(StoreBroken):
            await writing
        await asyncio.wait([waiting])
        assert waiting.cancelled()


def test_one_process_alone_uses_a_folder(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(Rejected, match="Another process"), lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass


def test_a_file_is_never_replaced_by_accident(tmp_path: Path) -> None:
    write_durably(tmp_path / "a", b"first")
    with pytest.raises(Rejected, match="left as it is"):
        write_durably(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    write_durably(tmp_path / "a", b"second", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# photographs


def test_a_photograph_spoilt_by_a_power_cut_begins_again(tmp_path: Path) -> None:
    files = DocumentFiles(tmp_path, reserve_bytes=0)
    data = bytes(range(256)) * 40
    name = DocumentHash(cose.sha256(data))
    files.append(name, 0, data[:5000] + bytes(len(data) - 5000))  # the tail was never written, as after a power cut
    with pytest.raises(Rejected) as caught:
        files.finish(name, len(data))
    assert caught.value.code is Code.DOCUMENT_ALTERED
    assert files.arrived_bytes(name) == 0
    files.append(name, 0, data)
    files.finish(name, len(data))
    assert files.verify(name)


def test_cells_come_in_any_order_and_more_than_once(tmp_path: Path) -> None:
    files = DocumentFiles(tmp_path, reserve_bytes=0)
    data = bytes(range(256)) * 40  # 2.5 cells
    name = DocumentHash(cose.sha256(data))
    for first in (2, 0, 2, 1):
        assert files.complete_size(name, [len(data)]) is None
        files.write_cells(name, [len(data)], first, data[first * 4096 : first * 4096 + 4096])
    assert files.complete_size(name, [len(data)]) == len(data)
    files.finish(name, len(data))
    assert files.path(name).read_bytes() == data
    assert files.cells_held(name, len(data)) == b"\x07"


def test_photographs_leave_the_space_that_is_reserved(tmp_path: Path) -> None:
    plenty = DocumentFiles(tmp_path, reserve_bytes=0)
    full = DocumentFiles(tmp_path, reserve_bytes=plenty.free_for_documents() + 2**40)
    for attempt in (
        lambda: full.append(DocumentHash(bytes(32)), 0, b"x"),
        lambda: full.write_cells(DocumentHash(bytes(32)), [1], 0, b"x"),
    ):
        with pytest.raises(NotNow) as caught:
            attempt()
        assert caught.value.code is Code.DISK_FULL
