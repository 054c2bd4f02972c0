from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.disk_reserve import Reserve
from edge_agent.buffer.records import Cycle
from edge_agent.errors import BufferFullError, BufferInUseError, BufferOwnerError
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GATEWAY = "gw-1"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
FLIPS = 80
SEED = 20261002


def cycle(number: int, readings: int = 1, *, days: int = 0) -> Cycle:
    now = T0 + timedelta(minutes=15 * number, days=days)
    some = [
        Reading(CHANNEL, now + timedelta(seconds=i), number * 10_000 + i, 0)
        for i in range(readings)
    ]
    return Cycle(now, some, {"meter.m1.profile_ms": number})


def alarmed(buffer: Buffer) -> bool:
    return buffer.engine.short


async def fill_up(buffer: Buffer, number: int) -> int:
    """Store until there is no room; the number of the cycle that was refused."""
    while True:
        try:
            await buffer.store(cycle(number, 300))
        except BufferFullError:
            return number
        number += 1


async def values(buffer: Buffer) -> tuple[list[int], int]:
    """Every reading that is kept, and how many batches are void."""
    found: list[int] = []
    void = 0
    for view in buffer.views():
        for sequence in range(view.first, view.last + 1):
            payload = await buffer.fetch(view.epoch, sequence, T0)
            batch = open_batch(GATEWAY, payload)
            found += batch.columns.mantissa
            void += batch.void is not None
    return sorted(found), void


async def test_a_flipped_bit_anywhere_in_the_file_loses_no_reading(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    for number in range(120):
        await buffer.store(cycle(number, 40 if number % 10 == 0 else 3))
    view = buffer.views()[0]
    ack = open_batch(GATEWAY, await buffer.fetch(view.epoch, 30, T0)).header.sha256
    buffer.acknowledge(view.epoch, 30, ack, T0)
    await buffer.close()
    buffer = await Buffer.open(path, GATEWAY, T0)
    whole, _ = await values(buffer)
    await buffer.close()
    sound = path.read_bytes()
    random = Random(SEED)  # noqa: S311 - repeatable
    record_property("seed", SEED)
    record_property("flips", FLIPS)
    aside = 0
    for number in range(FLIPS):
        # The first page is where most of what SQLite cannot do without stands.
        position = random.randrange(4096 if number % 4 == 0 else len(sound))
        damaged = bytearray(sound)
        damaged[position] ^= 1 << random.randrange(8)
        home = tmp_path / str(number)
        home.mkdir()
        (home / "buffer.db").write_bytes(damaged)
        buffer = await Buffer.open(home / "buffer.db", GATEWAY, T0)
        found, void = await values(buffer)
        views = buffer.views()
        counts = await buffer.counts()
        await buffer.close()
        aside += len(list(home.glob("*.damaged*"))) > 0
        shutil.rmtree(home)
        assert set(found) == set(whole), f"bit of byte {position}: {void} batches void"
        assert views[0].epoch == view.epoch
        assert counts.reconcile
    record_property("files set aside", aside)


async def test_a_file_that_is_no_database_is_set_aside_and_names_its_epoch(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    for number in range(5):
        await buffer.store(cycle(number))
    epoch = buffer.current
    await buffer.close()
    raw = bytearray(path.read_bytes())
    raw[:100] = bytes(100)
    path.write_bytes(raw)
    buffer = await Buffer.open(path, GATEWAY, T0)
    old, new = buffer.states()
    assert (old.epoch, old.first, old.last) == (epoch, 1, 5)
    assert (new.previous, new.previous_last) == (epoch, 5)
    await buffer.store(cycle(9))
    assert (await values(buffer))[0] == [0, 10_000, 20_000, 30_000, 40_000, 90_000]
    await buffer.close()
    assert (tmp_path / "buffer.db.damaged-20260101T000000").exists()


def set_aside_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.damaged-*"))


async def test_what_is_left_of_a_buffer_is_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    await buffer.store(cycle(0))
    await buffer.close()
    path.write_bytes(b"no database at all" * 1000)
    buffer = await Buffer.open(path, GATEWAY, T0)
    await buffer.store(cycle(1))
    assert (await buffer.counts()).reconcile
    await buffer.close()
    assert set_aside_in(tmp_path)


async def test_damage_that_shows_while_running_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    for number in range(50):
        await buffer.store(cycle(number, 20))
    await buffer.engine.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    await buffer.engine.database.rows("PRAGMA shrink_memory")
    raw = bytearray(path.read_bytes())
    for page in range(1, len(raw) // 4096):
        raw[page * 4096] ^= 0x40
    path.write_bytes(raw)
    generation = buffer.engine.generation
    await buffer.store(cycle(50, 20))
    assert buffer.engine.generation == generation + 1
    assert 500_000 in (await values(buffer))[0]
    await buffer.close()


async def test_a_full_disk_drops_the_acknowledged_first_and_heals(tmp_path: Path) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    for number in range(40):
        await buffer.store(cycle(number, 300))
    epoch = buffer.current
    header = open_batch(GATEWAY, await buffer.fetch(epoch, 30, T0)).header
    buffer.acknowledge(epoch, 30, header.sha256, T0)
    pages = (await buffer.engine.database.rows("PRAGMA page_count"))[0][0]
    await buffer.engine.database.rows(f"PRAGMA max_page_count = {pages + 1}")
    number = await fill_up(buffer, 40)
    assert number > 45, "the acknowledged ones made room"
    assert alarmed(buffer)
    assert buffer.views()[0].first == 31
    assert (await buffer.counts()).reconcile
    await buffer.engine.database.rows("PRAGMA max_page_count = 100000")
    await buffer.store(cycle(number, 300))
    assert not alarmed(buffer)
    kept, void = await values(buffer)
    assert void == 0
    assert len(kept) == (number + 1 - 30) * 300
    await buffer.flush()
    rows = await buffer.engine.database.rows("SELECT code FROM event")
    assert {row[0] for row in rows} == {"disk_short", "disk_relieved"}
    await buffer.close()


async def test_a_disk_that_runs_short_raises_one_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    monkeypatch.setattr(Reserve, "_free", lambda _self: 1_000_000)
    for number in range(5):
        await buffer.store(cycle(number))
    assert alarmed(buffer)
    monkeypatch.undo()
    await buffer.store(cycle(5))
    assert not alarmed(buffer)
    await buffer.flush()
    rows = await buffer.engine.database.rows("SELECT code FROM event ORDER BY id")
    assert [row[0] for row in rows] == ["disk_short", "disk_relieved"]
    await buffer.close()


async def test_retention_runs_from_the_acknowledgement_and_needs_the_clock(tmp_path: Path) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    for number in range(10):
        await buffer.store(cycle(number))
    epoch = buffer.current
    header = open_batch(GATEWAY, await buffer.fetch(epoch, 6, T0)).header
    buffer.acknowledge(epoch, 6, header.sha256, T0 + timedelta(days=10))
    await buffer.store(cycle(10, days=44))
    assert buffer.views()[0].first == 1
    late = cycle(11, days=46)
    await buffer.store(Cycle(late.made_at, late.readings, synchronised=False))
    assert buffer.views()[0].first == 1
    await buffer.store(cycle(12, days=46))
    view = buffer.views()[0]
    assert (view.first, view.last, view.cum) == (7, 13, 6)
    assert (await buffer.counts()).acknowledged == 6
    assert (await buffer.counts()).reconcile
    await buffer.close()


async def test_nobody_else_gets_the_file(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, T0)
    with pytest.raises(BufferInUseError):
        await Buffer.open(path, GATEWAY, T0)
    await buffer.close()
    with pytest.raises(BufferOwnerError, match="belongs to gateway 'gw-1'"):
        await Buffer.open(path, "gw-2", T0)
