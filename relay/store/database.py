"""The door to SQLite: opening, migrating, and the one writer that commits in groups.

A file is opened only if it is ours and not newer than this software. WAL with `synchronous=FULL`: a commit
that has returned is on disk.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiosqlite

from relay.errors import Code, NotNow, Rejected, StoreBroken

Row = tuple[Any, ...]
Item = TypeVar("Item")
Result = TypeVar("Result")

_APPLICATION_IDS = {"relay": 0x4B505552, "centre": 0x4B505543}  # "KPUR", "KPUC"
_FULL_RETRY_SECONDS = 30.0
_BUSY_RETRY_SECONDS = 2.0
_NAMED_MAX = 512


class Database:
    """One SQLite file: a connection that only the writer uses, and one that only reads."""

    def __init__(self, path: Path, writing: aiosqlite.Connection, reading: aiosqlite.Connection) -> None:
        self.path = path
        self.writing = writing
        self._reading = reading

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of a query over what is committed."""
        try:
            return [tuple(row) for row in await self._reading.execute_fetchall(sql, parameters)]
        except sqlite3.Error as error:
            raise StoreBroken(f"{self.path} cannot be read: {error}.") from error


@asynccontextmanager
async def open_database(path: Path, schema: str) -> AsyncIterator[Database]:
    """Opens or creates the database of `schema` ("relay" or "centre"), migrated to this software's version.

    Raises `StoreBroken` if the file is another program's, newer than this software, or damaged.
    """
    try:
        # a transaction begins by itself with the first change of a group: each call here is a hop between threads
        async with aiosqlite.connect(path, isolation_level="IMMEDIATE") as writing:
            await _prepare(writing, path, schema)
            async with aiosqlite.connect(path, isolation_level=None) as reading:
                await reading.execute("PRAGMA query_only = ON")
                yield Database(path, writing, reading)
    except sqlite3.Error as error:
        raise StoreBroken(f"{path} cannot be used: {error}.") from error


def marks(values: Sequence[object]) -> str:
    """As many question marks as there are values, for `IN (…)`."""
    return ",".join("?" * len(values))


def in_portions(values: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The values, so few at a time that one question can name them all."""
    return (values[at : at + _NAMED_MAX] for at in range(0, len(values), _NAMED_MAX))


async def _prepare(connection: aiosqlite.Connection, path: Path, schema: str) -> None:
    application, version = await _pragma(connection, "application_id"), await _pragma(connection, "user_version")
    migrations = _migrations(schema)
    tables = await connection.execute_fetchall("SELECT count(*) FROM sqlite_master")
    empty = next(iter(tables))[0] == 0 and application == 0 and version == 0
    if not empty and application != _APPLICATION_IDS[schema]:
        raise StoreBroken(f"{path} is not a {schema}'s database; it is left as it is. Name another data directory.")
    if version > len(migrations):
        raise StoreBroken(
            f"{path} was written by newer software (schema {version}, known here {len(migrations)}). "
            "Install that version again; the data is left as it is."
        )
    await connection.execute("PRAGMA journal_mode = WAL")
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA foreign_keys = ON")
    for number, script in enumerate(migrations[version:], start=version + 1):
        # one transaction a migration: after a crash it has happened or it has not
        await connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA application_id = {_APPLICATION_IDS[schema]};\n"
            f"PRAGMA user_version = {number};\nCOMMIT;"
        )


def _migrations(schema: str) -> list[str]:
    files = resources.files(__package__).joinpath("schema", schema).iterdir()
    return [file.read_text("utf-8") for file in sorted(files, key=lambda file: file.name) if file.name.endswith(".sql")]


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    rows = await connection.execute_fetchall(f"PRAGMA {name}")
    return int(next(iter(rows))[0])


class GroupCommit(Generic[Item, Result]):
    """The one writer: takes what has queued up, applies it in one transaction, and answers after the fsync.

    `apply` gets a group in the order of submission and returns one result for each; `on_commit` is told, without
    waiting, what is on disk now.
    """

    def __init__(
        self,
        database: Database,
        apply: Callable[[list[Item]], Awaitable[list[Result]]],
        *,
        queue_max: int,
        group_max: int = 256,
        on_commit: Callable[[list[Item]], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._apply = apply
        self._on_commit = on_commit
        self._queue_max = queue_max
        self._group_max = group_max
        self._queue: deque[tuple[tuple[Item, ...], asyncio.Future[list[Result]]]] = deque()
        self._queued = 0
        self._arrived = asyncio.Event()

    async def submit(self, *items: Item) -> list[Result]:
        """Returns once `items`, which stay together, are on disk: one result each.

        `NotNow` if the queue or the disk is full. Cancelling does not undo anything.
        """
        if self._queued and self._queued + len(items) > self._queue_max:
            raise NotNow(Code.BUSY, "Too much is arriving at once; ask again in a moment.", _BUSY_RETRY_SECONDS)
        future: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
        self._queue.append((items, future))
        self._queued += len(items)
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Commits for ever; ends only by cancellation or by `StoreBroken`."""
        try:
            while True:
                await self._arrived.wait()
                await self._commit(self._next_group())
                if not self._queue:
                    self._arrived.clear()
        finally:
            for _, future in self._queue:
                future.cancel()

    def _next_group(self) -> list[tuple[tuple[Item, ...], "asyncio.Future[list[Result]]"]]:
        group: list[tuple[tuple[Item, ...], asyncio.Future[list[Result]]]] = []
        size = 0
        while self._queue and (not group or size + len(self._queue[0][0]) <= self._group_max):
            group.append(self._queue.popleft())
            size += len(group[-1][0])
        self._queued -= size
        return group

    async def _commit(self, group: list[tuple[tuple[Item, ...], "asyncio.Future[list[Result]]"]]) -> None:
        try:
            results = await self._transaction([item for items, _ in group for item in items])
        except (StoreBroken, asyncio.CancelledError):
            for _, future in group:
                future.cancel()
            raise
        except NotNow as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        # from here on a crash changes nothing: what is answered now is on disk
        self._on_commit([item for items, _ in group for item in items])
        at = 0
        for items, future in group:
            if not future.done():
                future.set_result(results[at : at + len(items)])
            at += len(items)

    async def _transaction(self, items: list[Item]) -> list[Result]:
        connection = self._database.writing
        try:
            outcome = await self._apply(items)
            await connection.commit()
        except sqlite3.Error as error:
            await _roll_back(connection)
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):  # another program is reading or writing beside us
                raise NotNow(
                    Code.BUSY, "The database is in use; send again in a moment.", _BUSY_RETRY_SECONDS
                ) from error
            if name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):
                raise NotNow(
                    Code.DISK_FULL, "The disk is full: free some space, then send again.", _FULL_RETRY_SECONDS
                ) from error
            raise StoreBroken(f"{self._database.path} cannot be written: {error}.") from error
        except Rejected:
            await _roll_back(connection)
            raise
        return outcome


async def _roll_back(connection: aiosqlite.Connection) -> None:
    await connection.rollback()
