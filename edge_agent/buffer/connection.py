"""The buffer's one SQLite connection: settings, transactions, and what its errors mean."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import aiosqlite

from edge_agent.buffer import schema
from edge_agent.buffer.wal import check_log
from edge_agent.errors import (
    BufferDamagedError,
    BufferFullError,
    BufferUnavailableError,
)
from firmware_bridge.contract.errors import MeterlineError

T = TypeVar("T")

# A file up to this size is read through on opening, which takes well under a second; in a larger
# one damage shows when its page is touched, and in a batch by its hash.
CHECK_MAX_PAGES = 64 * 1024 * 1024 // schema.PAGE_BYTES

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
# What a query says when the schema itself was hit, or a row holds what its column cannot.
_DAMAGE_PRIMARY = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT}


def explain(error: sqlite3.Error, path: Path) -> MeterlineError:
    """The error of ours that a SQLite error is."""
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        message = f"The disk of the buffer {path} is full."
        return BufferFullError(message, value=str(error), remedy="Free space on the disk.")
    if primary in _DAMAGE or primary in _DAMAGE_PRIMARY:
        message = f"The buffer {path} is damaged: {error}."
        return BufferDamagedError(message, value=str(error))
    message = f"The buffer {path} is unusable: {error}."
    return BufferUnavailableError(
        message, value=str(error), remedy="Check its folder's permissions, the mount and the disk."
    )


class Database:
    """One connection, one transaction at a time, each of them whole or not at all.

    Args:
        path: The file.
        connection: Open, in autocommit mode.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = connection
        self._turn = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open or create the file.

        Raises:
            BufferDamagedError: It is not an intact database of ours.
            BufferUnavailableError, BufferFullError: The environment does not let us.
        """
        check_log(path)
        connection = await _connect(path)
        try:
            await _prepare(connection, path)
        except sqlite3.Error as error:
            await connection.close()
            raise explain(error, path) from error
        except BaseException:
            await connection.close()
            raise
        return cls(path, connection)

    async def close(self) -> None:
        """Wait for the transaction under way, then close."""
        async with self._turn:
            self._closed = True
            await self._connection.close()

    async def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query.

        Raises:
            BufferDamagedError, BufferUnavailableError: As SQLite says.
        """
        return await self.snapshot(lambda connection: _all(connection, sql, parameters))

    async def snapshot(self, work: Callable[[aiosqlite.Connection], Awaitable[T]]) -> T:
        """Run several queries with no transaction between them, so that they tell of one moment.

        Raises:
            BufferDamagedError, BufferUnavailableError: As SQLite says.
        """
        async with self._turn:
            self._check_open()
            try:
                return await work(self._connection)
            except sqlite3.Error as error:
                raise explain(error, self.path) from error

    async def transact(
        self, work: Callable[[aiosqlite.Connection], Awaitable[T]], then: Callable[[], None]
    ) -> T:
        """Run `work` in one transaction, commit it, and call `then` before the next can begin.

        A caller that is cancelled meanwhile leaves the transaction to end by itself, so that what
        memory and file say never differ.

        Raises:
            BufferFullError, BufferDamagedError, BufferUnavailableError: Nothing was written.
        """
        return await asyncio.shield(asyncio.ensure_future(self._transact(work, then)))

    async def _transact(
        self, work: Callable[[aiosqlite.Connection], Awaitable[T]], then: Callable[[], None]
    ) -> T:
        async with self._turn:
            self._check_open()
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                result = await work(self._connection)
                await self._connection.commit()
            except sqlite3.Error as error:
                await self._roll_back()
                raise explain(error, self.path) from error
            except BaseException:
                await self._roll_back()
                raise
            then()
            return result

    def _check_open(self) -> None:
        # Whoever waited for their turn while the file was set aside tries again with the new one.
        if self._closed:
            message = f"The buffer {self.path} is closed, or was set aside as damaged."
            raise BufferDamagedError(message)

    async def _roll_back(self) -> None:
        if self._connection.in_transaction:
            await self._connection.rollback()

    async def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, so that the log's space is free.

        Raises:
            BufferFullError, BufferDamagedError, BufferUnavailableError: As SQLite says.
        """
        await self.rows("PRAGMA wal_checkpoint(PASSIVE)")


async def _all(
    connection: aiosqlite.Connection, sql: str, parameters: Iterable[Any]
) -> list[sqlite3.Row]:
    return list(await connection.execute_fetchall(sql, parameters))


async def _connect(path: Path) -> aiosqlite.Connection:
    try:
        # SQLite's own wait for a lock: only `status` reads beside us.
        connection = aiosqlite.connect(path, isolation_level=None, timeout=5.0)
        # A buffer that was left open must not keep its process from ending; whatever was committed
        # is safe.
        if isinstance(thread := getattr(connection, "_thread", None), Thread):
            thread.daemon = True
        return await connection
    except sqlite3.Error as error:
        raise explain(error, path) from error


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    fresh = (await _pragma(connection, "schema_version")) == 0
    if fresh:
        await connection.executescript(schema.CREATE)
    await _pragma(connection, "journal_mode = WAL")
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA cache_size = -1024")
    await connection.execute("PRAGMA temp_store = MEMORY")
    await connection.execute("PRAGMA cell_size_check = ON")
    found = (await _pragma(connection, "application_id"), await _pragma(connection, "user_version"))
    if found != (schema.APPLICATION_ID, schema.VERSION):
        message = f"{path} is not a buffer of this release: its application and schema are {found}."
        raise BufferDamagedError(message, value=found)
    pages = await _pragma(connection, "page_count")
    if not fresh and isinstance(pages, int) and pages <= CHECK_MAX_PAGES:
        verdict = await _pragma(connection, "quick_check(1)")
        if verdict != "ok":
            message = f"The buffer {path} is damaged: {verdict}."
            raise BufferDamagedError(message, value=verdict)


async def _pragma(connection: aiosqlite.Connection, pragma: str) -> object:
    rows = list(await connection.execute_fetchall(f"PRAGMA {pragma}"))
    return rows[0][0] if rows else None
