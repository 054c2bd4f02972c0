"""The storage engine: a file that keeps every commit, whatever happens to the disk.

How it works. A transaction is whole or not at all. A file that turns out to be damaged is set
aside and salvaged into a new one, and the transaction tried once more. A disk that is short, or
that takes no writes, raises one alarm each, which ends by itself with the first commit that
succeeds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID, uuid4

import aiosqlite

from edge_agent.buffer import damaged_file
from edge_agent.buffer.connection import Database
from edge_agent.buffer.disk_reserve import Reserve
from edge_agent.buffer.epochs import EpochRecord, Ledger
from edge_agent.buffer.file_lock import FileLock
from edge_agent.buffer.load_state import load_ledger, load_marks
from edge_agent.buffer.path_check import check_file
from edge_agent.buffer.recovery.salvage import salvage_into
from edge_agent.buffer.transaction import Transaction, insert_epoch
from edge_agent.buffer.write_behind import WriteBehind
from edge_agent.errors import BufferDamagedError, BufferFullError, BufferUnavailableError
from firmware_bridge.contract.errors import MeterlineError
from firmware_bridge.contract.reading import to_ms

T = TypeVar("T")
Work = Callable[[Transaction], Awaitable[T]]

COMMITS_TIMED = 1_000
_FOR_EVER_MS = 2**62


class StorageEngine:
    """One gateway's file. Made by `open`.

    Attributes:
        path: The file.
        gateway: Whose it is.
        short: True while the disk is nearly full: an alarm, and no reason to read what a meter's
            own load profile keeps.
        failing: True while the disk takes no writes (an I/O error, a read-only mount): an alarm.
        generation: Raised whenever the epochs changed under a session's feet.
        commit_s: How long the last commits took, for the metrics. [s]
        database: The file as it is open now; another one after a recovery.
        marks: All named integers, as of the last commit.
        ledger: Its epochs, as of the last commit.
        new_id: Where epoch names come from.
        notes: What counts already and waits to be written.
        carry_over: Asked after a recovery, with the ledger of the file that was set aside and the
            time: takes over what only memory knew of it.
    """

    def __init__(
        self, database: Database, gateway: str, ledger: Ledger, marks: dict[str, int]
    ) -> None:
        self.path = database.path
        self.gateway = gateway
        self.short = False
        self.failing = False
        self.generation = 0
        self.commit_s: deque[float] = deque(maxlen=COMMITS_TIMED)
        self.database = database
        self.ledger = ledger
        self.marks = marks
        self._reserve = Reserve(database.path)
        self.notes = WriteBehind()
        self._lock: FileLock | None = None
        self.new_id: Callable[[], UUID] = uuid4
        self._recovering = asyncio.Lock()
        self._set_aside = False
        self.carry_over: Callable[[Ledger, datetime], Awaitable[None]] = _nothing_to_carry_over

    @classmethod
    async def open(
        cls, path: Path, gateway: str, now: datetime, *, new_id: Callable[[], UUID] = uuid4
    ) -> Self:
        """Open, create, or set aside and salvage a buffer file.

        Args:
            path: The file; its folder must exist.
            gateway: Whose buffer it is.
            now: By the gateway's clock. Aware.
            new_id: Where epoch names come from.

        Raises:
            BufferInUseError: Another agent has it open.
            BufferOwnerError: It belongs to another gateway.
            BufferForeignError: The file is not a buffer.
            BufferUnavailableError, BufferFullError: The environment does not let us.
        """
        check_file(path)
        lock = FileLock.take(path)
        try:
            database, ledger, marks = await _open_sound(path, gateway, now, new_id)
        except BaseException:
            lock.release()
            raise
        engine = cls(database, gateway, ledger, marks)
        engine._lock, engine.new_id = lock, new_id
        engine._reserve.keep()
        return engine

    async def close(self, *, flush: bool = True) -> None:
        """Close the file.

        Args:
            flush: False leaves the notes unwritten, as a crash does.
        """
        lock, self._lock = self._lock, None
        if lock is None:
            return
        try:
            if flush:
                await self.flush()
        finally:
            await self.database.close()
            lock.release()

    @property
    def pending(self) -> bool:
        """Whether notes wait to be written."""
        return bool(self.notes)

    @property
    def alarmed(self) -> bool:
        """Whether the disk is short or failing; a commit that succeeds may end it."""
        return self.short or self.failing

    def note(self, at: datetime, code: str, detail: str, raw: bytes | None = None) -> None:
        """Record an event; it is written with the next transaction.

        Args:
            at: By the gateway's clock.
            code: Stable.
            detail: One sentence for people.
            raw: The bytes it is about.
        """
        self.notes.event(to_ms(at), code, detail, raw)

    async def flush(self) -> None:
        """Write the notes that wait, in a transaction of their own.

        Raises:
            BufferFullError, BufferUnavailableError, BufferDamagedError: They still wait.
        """
        if self.notes:
            await self._commit(_nothing)

    # --- a disk that is full or takes no writes ---

    async def persist(self, work: Work[T], now: datetime) -> T:
        """Commit what must not wait; raise and end the disk's alarms by how that goes.

        Args:
            work: What to do in the transaction.
            now: By the gateway's clock.

        Raises:
            BufferFullError: No room even after acknowledged batches went; nothing was committed.
            BufferUnavailableError: The file cannot be written; nothing was committed.
        """
        try:
            if self._reserve.is_short():
                await self._make_room(now)
            try:
                result = await self.transact(work, now)
            except BufferFullError:
                await self._make_room(now)
                result = await self.transact(work, now)
        except BufferUnavailableError as error:
            if not self.failing:
                self.failing = True
                self.note(now, "disk_failing", str(error))
            raise
        self._relieve(now)
        return result

    async def _make_room(self, now: datetime) -> None:
        """Acknowledged batches go first, and the alarm is raised."""
        self._reserve.give_up()

        async def work(transaction: Transaction) -> None:
            await transaction.drop_acknowledged(_FOR_EVER_MS, 2**31)
            await transaction.write_marks()

        try:
            await self._commit(work)
            await self.database.checkpoint()
        finally:
            if not self.short:
                self.short = True
                self.note(now, "disk_short", "The disk is nearly full. Unsent readings are kept.")

    def _relieve(self, now: datetime) -> None:
        if self.failing:
            self.failing = False
            self.note(now, "disk_works", "Writes to the disk succeed again.")
        if self.short and self._reserve.keep():
            self.short = False
            self.note(now, "disk_relieved", "The disk has free space again.")

    # --- a file that is damaged ---

    async def recover(self, broken: Database, now: datetime, why: str) -> None:
        """Set the file aside, salvage what is good, and go on in a new one with a new epoch.

        Args:
            broken: The file as it was open when the damage showed; once recovered, nothing happens.
            now: By the gateway's clock.
            why: For the event.
        """
        async with self._recovering:
            if self.database is not broken:
                return
            await broken.close()
            if not self._set_aside:
                damaged_file.begin(self.path)
                self._set_aside = True
            before = self.ledger
            self.database, self.ledger, self.marks = await _open_salvaged(
                self.path, self.gateway, now, self.new_id
            )
            self._set_aside = False
            await self.carry_over(before, now)
            self.note(now, "buffer_damaged", why)
            self.generation += 1
            damaged_file.finish(self.path, now)

    async def transact(self, work: Work[T], now: datetime) -> T:
        """Commit; where the file turns out to be damaged, recover, and try once more.

        Args:
            work: What to do in the transaction.
            now: By the gateway's clock.

        Raises:
            BufferFullError, BufferUnavailableError: Nothing was committed.
        """
        database = self.database
        try:
            return await self._commit(work)
        except BufferDamagedError as error:
            await self.recover(database, now, str(error))
            return await self._commit(work)

    async def _commit(self, work: Work[T]) -> T:
        written = WriteBehind()
        transaction: Transaction | None = None
        began = 0.0

        async def both(connection: aiosqlite.Connection) -> T:
            nonlocal written, transaction, began
            began = time.perf_counter()
            written = self.notes.take()
            transaction = Transaction(connection, self.gateway, self.ledger, self.marks)
            await written.write(connection)
            return await work(transaction)

        def then() -> None:
            self.commit_s.append(time.perf_counter() - began)
            if transaction is not None:
                transaction.apply()

        try:
            return await self.database.transact(both, then)
        except MeterlineError:
            self.notes.put_back(written)
            raise


async def _nothing_to_carry_over(_before: Ledger, _now: datetime) -> None:
    return


async def _nothing(_transaction: Transaction) -> None:
    return


async def _open_sound(
    path: Path, gateway: str, now: datetime, new_id: Callable[[], UUID]
) -> tuple[Database, Ledger, dict[str, int]]:
    try:
        # Begun by an agent that was cut off.
        if not damaged_file.waiting(path):
            return await _open_whole(path, gateway, now, new_id)
        opened = await _open_salvaged(path, gateway, now, new_id)
    except BufferDamagedError:
        damaged_file.begin(path)
        opened = await _open_salvaged(path, gateway, now, new_id)
    damaged_file.finish(path, now)
    return opened


async def _open_whole(
    path: Path, gateway: str, now: datetime, new_id: Callable[[], UUID]
) -> tuple[Database, Ledger, dict[str, int]]:
    async def begin(database: Database) -> None:
        if not await database.rows("SELECT 1 FROM batch LIMIT 1"):
            record = EpochRecord(1, new_id(), to_ms(now))
            await database.transact(
                lambda connection: insert_epoch(connection, gateway, record), lambda: None
            )

    return await _open_once(path, gateway, begin)


async def _open_salvaged(
    path: Path, gateway: str, now: datetime, new_id: Callable[[], UUID]
) -> tuple[Database, Ledger, dict[str, int]]:
    async def begin(database: Database) -> None:
        await salvage_into(database, gateway, now, new_id)

    return await _open_once(path, gateway, begin)


async def _open_once(
    path: Path, gateway: str, begin: Callable[[Database], Awaitable[None]]
) -> tuple[Database, Ledger, dict[str, int]]:
    database = await Database.open(path)
    try:
        if not await database.rows("SELECT 1 FROM epoch LIMIT 1"):
            await begin(database)
        return database, await load_ledger(database, gateway), await load_marks(database)
    except BaseException:
        await database.close()
        raise
