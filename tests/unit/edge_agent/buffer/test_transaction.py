"""A transaction changes the buffer's file at once, and memory only when it is committed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle, WaitingReadings
from edge_agent.buffer.transaction import RETENTION, Transaction, no_hash
from edge_agent.errors import BatchMissingError, BufferOwnerError
from firmware_bridge.contract.body import READINGS_MAX
from firmware_bridge.contract.envelope import NO_HASH, Sealed, open_batch
from firmware_bridge.contract.reading import TimeQuality
from tests.support.edge_parts import NOON, entry, value


@pytest.fixture
async def buffer(tmp_path: Path) -> AsyncIterator[Buffer]:
    opened = await Buffer.open(tmp_path / "buffer.db", "gw-1", NOON)
    yield opened
    await opened.close()


async def store(buffer: Buffer, *numbers: int, now: datetime = NOON) -> list[Sealed]:
    return [
        sealed
        for number in numbers
        for sealed in await buffer.store(Cycle(now, [entry(number)], synchronised=True))
    ]


async def test_memory_follows_the_file_and_not_a_transaction_that_failed(buffer: Buffer) -> None:
    async def work(transaction: Transaction) -> None:
        current = buffer.engine.ledger.current
        await transaction.seal(current, NOON, [entry(1)], [])
        transaction.add("total.read", 1)
        await transaction.write_marks({"m": 5})
        message = "Something else broke."
        raise RuntimeError(message)

    with pytest.raises(RuntimeError):
        await buffer.engine.transact(work, NOON)
    assert (buffer.last, dict(buffer.marks)) == (0, {})
    assert await buffer.engine.database.rows("SELECT * FROM batch") == []
    assert await store(buffer, 1) != []
    assert buffer.last == 1


async def test_counts_that_are_asked_while_a_cycle_is_stored_add_up(buffer: Buffer) -> None:
    await store(buffer, 1)
    counts, _, again = await asyncio.gather(buffer.counts(), store(buffer, 2), buffer.counts())
    assert (counts.reconcile, again.reconcile) == (True, True)
    assert (await buffer.counts()).read == 2


async def test_what_counts_after_the_commit_is_called_after_it(buffer: Buffer) -> None:
    seen: list[int] = []
    await buffer.store(Cycle(NOON, [entry(1)]), lambda: seen.append(buffer.last))
    assert seen == [1]


async def test_more_readings_than_a_batch_holds_are_sealed_into_several(buffer: Buffer) -> None:
    readings = [entry(number) for number in range(READINGS_MAX + 1)]
    first, second = await buffer.store(Cycle(NOON, readings))
    assert (first.count, second.count) == (READINGS_MAX, 1)
    assert open_batch("gw-1", second.payload).prev_hash == first.sha256
    assert buffer.marks["total.read"] == READINGS_MAX + 1


async def test_readings_too_wide_for_one_message_are_sealed_in_halves(buffer: Buffer) -> None:
    narrow = [entry(number, f"{number:032}") for number in range(READINGS_MAX)]
    readings = [
        replace(reading, channel=replace(reading.channel, manufacturer="M" * 16), mantissa=2**62)
        for reading in narrow
    ]
    sealed = await buffer.store(Cycle(NOON, readings))
    assert len(sealed) > 1
    assert sum(batch.count for batch in sealed) == READINGS_MAX
    found = [open_batch("gw-1", batch.payload) for batch in sealed]
    assert [b.prev_hash for b in found[1:]] == [batch.sha256 for batch in sealed[:-1]]


async def test_a_new_epoch_takes_over_what_is_not_acknowledged(buffer: Buffer) -> None:
    first, *_ = await store(buffer, 1, 2, 3)
    old = buffer.current
    buffer.acknowledge(old, 1, first.sha256, NOON, synchronised=True)
    assert await buffer.new_epoch(old, NOON)
    assert not await buffer.new_epoch(old, NOON)
    closed, current = buffer.views()
    assert (closed.epoch, closed.last, closed.cum) == (old, 1, 1)
    assert (current.first, current.last) == (1, 2)
    values = [
        open_batch("gw-1", await buffer.fetch(current.epoch, sequence, NOON)).columns.mantissa
        for sequence in (1, 2)
    ]
    assert [list(one) for one in values] == [[2], [3]]
    assert (await buffer.counts()).reconcile
    with pytest.raises(BatchMissingError):
        await buffer.fetch(old, 2, NOON)


async def test_batches_go_when_their_retention_is_over_and_the_last_one_stays(
    buffer: Buffer,
) -> None:
    sealed = await store(buffer, 1, 2, 3)
    epoch = buffer.current
    buffer.acknowledge(epoch, 3, sealed[2].sha256, NOON, synchronised=True)
    await buffer.flush()
    await store(buffer, 4, now=NOON + RETENTION + timedelta(hours=2))
    view, *_ = buffer.views()
    assert (view.first, view.last) == (3, 4)
    counts = await buffer.counts()
    assert (counts.reconcile, counts.acknowledged, counts.unacknowledged) == (True, 3, 1)


async def test_an_acknowledgement_of_unknown_time_gets_one_before_its_retention(
    buffer: Buffer,
) -> None:
    sealed = await store(buffer, 1, 2)
    buffer.acknowledge(buffer.current, 2, sealed[1].sha256, NOON, synchronised=False)
    await buffer.flush()
    later = NOON + timedelta(days=400)
    await store(buffer, 3, now=later)
    assert buffer.views()[0].first == 1
    await store(buffer, 4, now=later + RETENTION + timedelta(hours=2))
    assert buffer.views()[0].first == 3


async def test_waiting_readings_are_counted_once_wherever_they_are(buffer: Buffer) -> None:
    reading = value(5).reading(NOON, 900, TimeQuality.UNSYNCHRONISED)
    held = [WaitingReadings("boot-1", 100, [reading]), WaitingReadings("boot-2", 50, [reading])]
    await buffer.store(Cycle(NOON, held=held))
    assert await buffer.waiting_boots() == {"boot-1": 100, "boot-2": 50}
    first, _ = await buffer.waiting()
    await buffer.store(Cycle(NOON, [reading], release=[first.identity]))
    counts = await buffer.counts()
    assert (counts.read, counts.held, counts.unacknowledged, counts.reconcile) == (2, 1, 1, True)


async def test_the_oldest_that_is_not_acknowledged_is_known(buffer: Buffer) -> None:
    assert await buffer.oldest_unacknowledged_ms() is None
    first, _ = await store(buffer, 1, 2)
    assert await buffer.oldest_unacknowledged_ms() == int(NOON.timestamp() * 1_000)
    later = NOON + timedelta(minutes=1)
    await store(buffer, 3, now=later)
    buffer.acknowledge(buffer.current, 1, first.sha256, NOON, synchronised=True)
    assert await buffer.oldest_unacknowledged_ms() == int(NOON.timestamp() * 1_000)


async def test_the_newest_batches_come_oldest_first_within_the_bound(buffer: Buffer) -> None:
    await store(buffer, 1, 2, 3)
    newest = [list(batch.columns.mantissa) async for batch in buffer.newest(2)]
    assert newest == [[2], [3]]


async def test_a_centre_that_went_back_reopens_what_it_had(buffer: Buffer) -> None:
    sealed = await store(buffer, 1, 2, 3)
    epoch = buffer.current
    buffer.acknowledge(epoch, 3, sealed[2].sha256, NOON, synchronised=True)
    buffer.reopen(epoch, 1, sealed[0].sha256)
    await buffer.flush()
    assert buffer.backlog == 2
    await buffer.close()
    again = await Buffer.open(buffer.path, "gw-1", NOON)
    assert again.views()[0].cum == 1
    assert await again.has_batch(epoch, 1, sealed[0].sha256, NOON)
    assert await again.has_batch(epoch, 2, sealed[1].sha256, NOON)
    assert not await again.has_batch(epoch, 2, sealed[0].sha256, NOON)
    assert not await again.has_batch(UUID(int=1), 0, NO_HASH, NOON)
    await again.close()


@pytest.mark.parametrize("lost", ["total.read", "meter.m"])
async def test_a_total_whose_checksum_fails_is_found_from_the_rows(
    tmp_path: Path, lost: str
) -> None:
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, "gw-1", NOON)
    await buffer.store(Cycle(NOON, [entry(1), entry(2)], {"meter.m": 9}))
    await buffer.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE mark SET crc = crc + 1 WHERE name = ?", (lost,))
    again = await Buffer.open(path, "gw-1", NOON)
    assert ("meter.m" in again.marks) == (lost != "meter.m")
    counts = await again.counts()
    assert (counts.read, counts.reconcile) == (2, True)
    await again.close()


async def test_a_buffer_of_another_gateway_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    await (await Buffer.open(path, "gw-1", NOON)).close()
    with pytest.raises(BufferOwnerError, match="gw-1"):
        await Buffer.open(path, "gw-2", NOON)


@pytest.mark.parametrize(
    ("stored", "hash_"), [(b"\x01" * 32, b"\x01" * 32), (b"short", NO_HASH), ("text", NO_HASH)]
)
def test_what_is_no_hash_is_read_as_none(stored: object, hash_: bytes) -> None:
    assert no_hash(stored) == hash_
