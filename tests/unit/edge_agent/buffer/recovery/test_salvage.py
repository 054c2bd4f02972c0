"""What is good in damaged buffers goes on in a new one, and what is lost is counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from edge_agent.buffer import damaged_file, schema
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.connection import Database
from edge_agent.buffer.records import Cycle, WaitingReadings
from edge_agent.buffer.recovery.salvage import salvage_into
from firmware_bridge.contract.envelope import open_batch, open_header
from firmware_bridge.contract.reading import TimeQuality
from tests.support.edge_parts import NOON, entry, value

Damage = Callable[[sqlite3.Connection], object]
LATER = NOON + timedelta(days=1)


def waiting() -> WaitingReadings:
    reading = value(77).reading(NOON, 900, TimeQuality.UNSYNCHRONISED)
    return WaitingReadings("boot-1", 5_000, [reading])


async def lived(path: Path, batches: int = 5, acknowledged: int = 2) -> UUID:
    """A buffer that some batches were stored in, and the first acknowledged."""
    buffer = await Buffer.open(path, "gw-1", NOON)
    hashes = []
    for number in range(batches):
        sealed = await buffer.store(Cycle(NOON, [entry(number)], {"meter.m.read_ms": number}))
        hashes.append(sealed[0].sha256)
    await buffer.store(Cycle(NOON, held=[waiting()]))
    epoch = buffer.current
    if acknowledged:
        buffer.acknowledge(epoch, acknowledged, hashes[acknowledged - 1], NOON, synchronised=True)
    buffer.note(NOON, "something", "It happened.")
    await buffer.close()
    return epoch


async def salvaged(path: Path, *damages: Damage) -> Buffer:
    """The buffer after its file was set aside with that damage."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for damage in damages:
            damage(connection)
    damaged_file.begin(path)
    return await Buffer.open(path, "gw-1", LATER)


async def readings(buffer: Buffer, epoch: UUID) -> list[int | None]:
    """The value of each batch of an epoch that is kept; None for a void one."""
    view = next(view for view in buffer.views() if view.epoch == epoch)
    found: list[int | None] = []
    for sequence in range(view.first, view.last + 1):
        batch = open_batch("gw-1", await buffer.fetch(epoch, sequence, LATER))
        found.append(None if batch.void else batch.columns.mantissa[0])
    return found


async def test_everything_good_keeps_its_identity(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    epoch = await lived(path)
    buffer = await salvaged(path)
    assert await readings(buffer, epoch) == [0, 1, 2, 3, 4]
    closed, current = buffer.views()
    assert (closed.epoch, closed.cum, closed.last) == (epoch, 2, 5)
    assert (current.epoch, current.last) == (buffer.current, 0)
    assert buffer.marks["meter.m.read_ms"] == 4
    (row,) = await buffer.waiting()
    assert (row.boot, row.taken_ms) == ("boot-1", 5_000)
    counts = await buffer.counts()
    assert counts.reconcile
    assert (counts.read, counts.voided) == (6, 0)
    (state, after) = buffer.states()
    assert (after.previous, after.previous_last) == (state.epoch, 5)
    events = await buffer.engine.database.rows("SELECT code FROM event ORDER BY id")
    assert [code for (code,) in events][:2] == ["something", "buffer_set_aside"]
    await buffer.close()


async def test_a_batch_that_is_gone_is_filled_with_a_void_one_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    epoch = await lived(path)
    buffer = await salvaged(
        path,
        lambda connection: connection.execute("PRAGMA secure_delete = ON"),
        lambda connection: connection.execute(
            "DELETE FROM batch WHERE id = ?", (schema.row_id(1, 4),)
        ),
        lambda connection: connection.execute("VACUUM"),
    )
    assert await readings(buffer, epoch) == [0, 1, 2, None, 4]
    void = open_batch("gw-1", await buffer.fetch(epoch, 4, LATER))
    before = open_header("gw-1", await buffer.fetch(epoch, 3, LATER))
    assert void.prev_hash == before.sha256
    counts = await buffer.counts()
    assert (counts.reconcile, counts.read, counts.voided) == (True, 6, 1)
    await buffer.close()


async def test_a_flipped_bit_in_a_batch_is_turned_back(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    epoch = await lived(path)

    def flip(connection: sqlite3.Connection) -> None:
        identity = (schema.row_id(1, 3),)
        ((payload,),) = connection.execute("SELECT payload FROM batch WHERE id = ?", identity)
        bent = bytearray(payload)
        bent[-3] ^= 4
        connection.execute("UPDATE batch SET payload = ? WHERE id = ?", (bytes(bent), *identity))
        # The page with the row as it was must not be found.
        connection.execute("VACUUM")

    buffer = await salvaged(path, flip)
    assert await readings(buffer, epoch) == [0, 1, 2, 3, 4]
    counts = await buffer.counts()
    assert (counts.reconcile, counts.voided) == (True, 0)
    await buffer.close()


async def test_rows_that_fail_their_checksum_are_as_if_they_had_not_come(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    epoch = await lived(path)
    buffer = await salvaged(
        path,
        lambda connection: connection.execute("UPDATE ack SET crc = crc + 1"),
        lambda connection: connection.execute("UPDATE mark SET crc = crc + 1"),
        lambda connection: connection.execute("UPDATE held SET crc = crc + 1"),
        lambda connection: connection.execute("UPDATE event SET code = 5, at_ms = 'x'"),
        lambda connection: connection.execute("VACUUM"),
    )
    closed, _ = buffer.views()
    assert (closed.epoch, closed.cum) == (epoch, 0)
    assert "meter.m.read_ms" not in buffer.marks
    assert await buffer.waiting() == ()
    counts = await buffer.counts()
    assert (counts.reconcile, counts.read, counts.unacknowledged) == (True, 5, 5)
    await buffer.close()


async def test_an_epoch_whose_row_is_lost_is_found_from_its_batches(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    epoch = await lived(path)
    buffer = await salvaged(
        path,
        lambda connection: connection.execute("UPDATE epoch SET crc = crc + 1"),
        lambda connection: connection.execute("VACUUM"),
    )
    assert await readings(buffer, epoch) == [0, 1, 2, 3, 4]
    closed, _ = buffer.views()
    assert closed.cum == 2
    await buffer.close()


async def test_batches_of_another_gateway_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    await lived(path)
    damaged_file.begin(path)
    buffer = await Buffer.open(path, "gw-2", LATER)
    assert len(buffer.views()) == 1
    assert (await buffer.counts()).unacknowledged == 0
    await buffer.close()


@pytest.mark.parametrize("content", [b"", b"Dear diary, " * 1_000])
async def test_a_file_without_anything_good_gives_an_empty_buffer(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "buffer.db"
    path.with_name(path.name + ".damaged").write_bytes(content)
    database = await Database.open(path)
    await salvage_into(database, "gw-1", NOON, uuid4)
    assert await database.rows("SELECT count(*) FROM batch") == [(0,)]
    assert await database.rows("SELECT count(*) FROM epoch") == [(1,)]
    await database.close()
