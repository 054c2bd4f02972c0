"""A buffer at work, to be recorded: every way in which the agent changes its files.

`python -m tests.support.power_cut.workload FOLDER [PRAGMA]` with the recorder as its parent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar
from unittest.mock import patch
from uuid import UUID

import aiosqlite

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.connection import Database
from edge_agent.buffer.disk_reserve import Reserve
from edge_agent.buffer.records import Cycle
from edge_agent.buffer.wal import HEADER_BYTES
from firmware_bridge.contract.envelope import open_batch
from tests.support.power_cut import contents
from tests.support.power_cut.contents import BUFFER, GATEWAY, T0, cycle, held, moment, values
from tests.support.power_cut.ptrace import be_traced
from tests.support.power_cut.recorder import MARKS

T = TypeVar("T")
Then = Callable[[], None]

CHECKPOINT_PAGES = 24


class Say(Protocol):
    """Leaves a mark in the trace."""

    def __call__(self, **said: Any) -> None:  # noqa: ANN401 - anything of JSON
        """Anything of JSON."""
        ...


def say_to(folder: Path) -> Say:
    """Say something to whoever records what happens to a folder."""
    marks = os.open(folder.with_name(MARKS), os.O_WRONLY | os.O_CREAT, 0o600)

    def say(**said: Any) -> None:  # noqa: ANN401 - anything of JSON
        os.write(marks, json.dumps(said).encode())

    return say


class Workload:
    """One gateway's life, in chapters.

    Args:
        folder: For its files.
        pragma: Set on each connection, to spoil it; a test of the tests.
    """

    def __init__(self, folder: Path, pragma: str | None) -> None:
        self.path = folder / BUFFER
        self._pragma = pragma
        self.say = say_to(folder)
        self._names = count(1)
        self._numbers = count(1)
        self._buffer: Buffer | None = None

    @property
    def buffer(self) -> Buffer:
        """The open one."""
        assert self._buffer is not None
        return self._buffer

    async def committed(self, connection: aiosqlite.Connection) -> None:
        """A transaction is in the file, as its caller has just been told."""
        self.say(committed=await contents.digest(connection))

    async def sound(self) -> None:
        """What is there now, reading by reading."""
        self.say(
            readings=sorted(await contents.readings(self.buffer)),
            hashes=await contents.hashes(self.buffer),
        )

    async def open(self, now: datetime = T0) -> None:
        """Open the buffer."""
        self._buffer = await Buffer.open(
            self.path, GATEWAY, now, new_id=lambda: UUID(int=next(self._names))
        )
        await self.buffer.engine.database.rows(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if self._pragma is not None:
            await self.buffer.engine.database.rows(f"PRAGMA {self._pragma}")

    async def store(self, *sizes: int, **more: Any) -> None:  # noqa: ANN401 - a cycle's own
        """Store cycles of these many readings."""
        for size in sizes:
            await self.buffer.store(cycle(next(self._numbers), size, **more))

    async def acknowledge(self, sequence: int) -> None:
        """The centre has everything up to there."""
        epoch = self.buffer.current
        header = open_batch(GATEWAY, await self.buffer.fetch(epoch, sequence, T0)).header
        self.buffer.acknowledge(epoch, sequence, header.sha256, moment(sequence))

    async def chapter(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do one, and say so."""
        self.say(chapter=work.__name__)
        await work()
        await self.sound()

    # --- chapters ---

    async def begin(self) -> None:
        """A new file, and cycles of all sizes; the largest spill over several pages."""
        await self.open()
        await self.store(1, 3, 40, 1, 900, 2)

    async def hold(self) -> None:
        """Readings without a time, which then get one."""
        for number in range(3):
            await self.buffer.store(
                Cycle(moment(next(self._numbers)), held=[held(500 + number, 4)], synchronised=False)
            )
        rows = await self.buffer.waiting()
        release = [row.identity for row in rows]
        stamped = [reading for n in range(3) for reading in values(500 + n, 4)]
        await self.buffer.store(Cycle(moment(next(self._numbers)), stamped, release=release))

    async def checkpoint(self) -> None:
        """The log goes into the file now and then, and begins again from its start."""
        await self.store(*[5, 120, 30] * 4)

    async def release(self) -> None:
        """Acknowledgements, written with a cycle and on their own, and one taken back."""
        await self.acknowledge(4)
        await self.store(2)
        await self.acknowledge(9)
        await self.buffer.flush()
        first = self.buffer.views()[0]
        header = open_batch(GATEWAY, await self.buffer.fetch(first.epoch, 7, T0)).header
        self.buffer.reopen(first.epoch, 7, header.sha256)
        await self.store(2)

    async def restart(self) -> None:
        """A clean stop and start: the log goes, and comes again."""
        await self.buffer.close()
        await self.open()
        await self.store(10, 1)

    async def crash(self) -> None:
        """The log of a killed agent is found and read."""
        await self.store(6, 1)
        await self.kill()
        await self.open()
        await self.store(1)

    async def prune(self) -> None:
        """Retention is over for the acknowledged ones."""
        late = timedelta(days=60)
        number = next(self._numbers)
        await self.buffer.store(Cycle(moment(number) + late, values(number, 3)))
        await self.store(1)

    async def mend(self) -> None:
        """A batch with two flipped bits becomes void; that is a transaction too."""
        life = self.buffer.engine.ledger.current
        row = await self.buffer._row(life, life.last)
        spoilt = row.payload[:-9] + bytes(byte ^ 0x55 for byte in row.payload[-9:])

        async def work(connection: aiosqlite.Connection) -> None:
            await connection.execute(
                "UPDATE batch SET payload = ? WHERE id = ?", (spoilt, life.id_of(life.last))
            )

        await self.buffer.engine.database.transact(work, lambda: None)
        await self.buffer.fetch(life.epoch, life.last, T0)
        await self.store(1)

    async def renew(self) -> None:
        """A new epoch: everything unacknowledged is sealed anew."""
        await self.buffer.new_epoch(self.buffer.current, moment(next(self._numbers)))
        await self.store(20, 1)
        await self.acknowledge(2)

    async def run_short(self) -> None:
        """The disk is short: acknowledged batches go, and the reserve."""
        with patch.object(Reserve, "_free", return_value=1_000_000):
            await self.store(5, 60, 5)
        await self.store(5)

    async def set_aside_at_work(self) -> None:
        """Damage shows under a running agent."""
        await self.buffer.engine.database.rows("PRAGMA wal_checkpoint(PASSIVE)")
        await self.sound()
        await self.spoil()
        await self.buffer.engine.database.rows("PRAGMA shrink_memory")
        await self.store(7)
        await self.salvaged(1)
        await self.store(1, 30)

    async def set_aside_at_start(self) -> None:
        """Damage shows when the agent starts, and part of the readings are in the log."""
        await self.buffer.engine.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        await self.store(1, 2, 1)
        await self.kill()
        await self.spoil()
        await self.open()
        await self.salvaged(2)
        await self.store(1, 2)

    async def set_aside_with_log(self) -> None:
        """The log is what is damaged: a checksum is gone, and commits stand behind it."""
        await self.buffer.engine.database.rows("PRAGMA wal_autocheckpoint = 0")
        await self.store(1, 2, 40, 1)
        await self.kill()
        self.say(damaged=True)
        overwrite(self.path.with_name(BUFFER + "-wal"), HEADER_BYTES + 16, bytes(8))
        await self.open()
        await self.salvaged(3)
        await self.store(1, 2)

    async def salvaged(self, times: int) -> None:
        """What was damaged was noticed, and is set aside."""
        aside = [path.name for path in self.path.parent.iterdir() if "damaged" in path.name]
        assert sum(not name.endswith("-wal") for name in aside) == times, aside
        self.say(salvaged=True)

    async def end(self) -> None:
        """A clean stop, and a look at what is left."""
        await self.store(1)
        await self.buffer.close()
        await self.open()

    async def spoil(self) -> None:
        """Overwrite the first page, so that SQLite gives the file up."""
        self.say(damaged=True)
        overwrite(self.path, 0, bytes(4096))

    async def kill(self) -> None:
        """Leave the log where it is, as a killed process does."""
        await self.sound()
        log = self.path.with_name(BUFFER + "-wal")
        found = log.read_bytes()
        await self.buffer.close(flush=False)
        # Whole or not at all, for no agent writes it in this way.
        draft = log.with_name(log.name + ".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, found)
        os.fsync(descriptor)
        os.close(descriptor)
        draft.rename(log)
        folder = os.open(self.path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def overwrite(path: Path, at: int, data: bytes) -> None:
    """Damage a file."""
    descriptor = os.open(path, os.O_WRONLY)
    os.pwrite(descriptor, data, at)
    os.fsync(descriptor)
    os.close(descriptor)


async def run(folder: Path, pragma: str | None) -> None:
    """All chapters."""
    life = Workload(folder, pragma)
    transact = Database.transact

    async def and_say(
        self: Database, work: Callable[[aiosqlite.Connection], Awaitable[T]], then: Then
    ) -> T:
        result = await transact(self, work, then)
        await life.committed(self._connection)
        return result

    with patch.object(Database, "transact", and_say):
        try:
            for work in (
                life.begin,
                life.hold,
                life.checkpoint,
                life.release,
                life.restart,
                life.crash,
                life.prune,
                life.mend,
                life.renew,
                life.run_short,
                life.set_aside_at_work,
                life.restart,
                life.set_aside_at_start,
                life.set_aside_with_log,
                life.end,
            ):
                await life.chapter(work)
        finally:
            # The thread of an open one would wait for ever.
            await life.buffer.close()


if __name__ == "__main__":
    be_traced()
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
