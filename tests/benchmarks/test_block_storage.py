"""What day blocks cost on disk, and how fast a shard's month of them is read.

`make bench`, or `pytest tests/benchmarks/test_block_storage.py --bench -s`;
METERLINE_BENCH_CHANNELS sets how many channels of each kind. Real loads from the data folder, each
channel at a scale of its own; hours become quarters by drawn shares. Blocks come as they do in
life: night after night, all channels. Bytes are those of the tables with their indexes;
milliseconds are the processor's, of this process and of its server process. The budgets: 3 bytes an
interval in blocks of 96, 200 bytes a row of hourly and daily channels.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.load import ShardLoader
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.process.gc_tuning import tune_gc
from firmware_bridge.contract.interval import expected_count, local_day
from firmware_bridge.contract.quantity import Unit
from tests.support.books import NOVEMBER, NOW, OCTOBER, ZONE
from tests.support.data import data_root
from tests.support.servers import Database

CHANNELS = int(os.environ.get("METERLINE_BENCH_CHANNELS", "1000"))
SHARD = 250
ROUNDS, WARM = 30, 3
MONTH = DayRange(OCTOBER, NOVEMBER)
_SIZE = """\
SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0), coalesce(sum(pg_table_size(oid)), 0)
FROM pg_class
WHERE relkind IN ('r', 'm') AND (
    relname ~ '^(day_block|block_heading)' AND relnamespace = 'public'::regnamespace
    OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'day_block'::regclass)
)
"""
KINDS = {
    "15 min, household": ("load_residential.csv", 900, True),
    "15 min, solar": ("gen_residential_1_year_15min.csv", 900, False),
    "15 min, large commercial": ("load_commercial_large.csv", 900, True),
    "hourly, household": ("load_residential.csv", 3600, False),
    "hourly, large commercial": ("load_commercial_large.csv", 3600, False),
    "daily, household": ("load_residential.csv", 86400, False),
}


def days_of_load(folder: Path, kind: str, draw: np.random.Generator) -> NDArray[np.int64]:
    """Days of a kind, a row each. [Wh per interval]."""
    name, period_s, split = KINDS[kind]
    power = np.loadtxt(folder / name, dtype=np.float64)  # [kW]
    if split:
        # A quarter has a share of its hour: gamma-distributed, as of appliances that switch.
        shape = 3.0 if "household" in kind else 60.0
        power = (power[:, None] * draw.gamma(shape, 1 / shape, (power.size, 4))).ravel()
    watt_hours = np.clip(power, 0, None) * (1000 * 8760 / power.size)
    a_day = watt_hours.reshape(365, -1)
    if period_s == 86400:
        a_day = a_day.sum(axis=1, keepdims=True)
    return np.round(a_day).astype(np.int64)


def night(
    loads: NDArray[np.int64], channels: range, day: date, period_s: int
) -> Iterator[DayBlock]:
    """A block per channel of one day."""
    span = local_day(day, ZONE)
    count = 1 if period_s == 86400 else expected_count(span, period_s)
    for channel in channels:
        row = loads[(channel * 37 + day.toordinal()) % len(loads)] * (50 + channel % 150) // 100
        yield DayBlock(
            channel_id=channel,
            day=day,
            zone=ZONE,
            start=span.start,
            period_s=period_s,
            exponent=0,
            unit=Unit.WATT_HOUR,
            values=np.resize(row, count),
            # One day in fifty has an estimated stretch.
            quality=np.where(
                (np.arange(count) < count // 4) & ((channel + day.day) % 50 == 0), 1, 0
            ).astype(np.uint8),
        )


def size(dsn: str) -> tuple[int, int]:
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("CHECKPOINT")
        row = owner.execute(_SIZE).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


async def fill(dsn: str, kind: str, channels: range) -> None:
    loads = days_of_load(data_root("loads"), kind, np.random.default_rng(1))
    async with make_pool(dsn, max_size=2) as pool:
        store = TimescaleValidationStore(pool)
        for day in MONTH.days():
            for first in range(channels.start, channels.stop, SHARD):
                some = range(first, min(first + SHARD, channels.stop))
                async with store.transaction() as work:
                    blocks = list(night(loads, some, day, KINDS[kind][1]))
                    await work.add_blocks(blocks, Actor.job("validate"), NOW)


def cpu_s(process: int) -> float:
    """Processor seconds of a process until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def read(dsn: str, channels: range) -> tuple[float, float, int]:
    """Processor milliseconds that a shard's month takes here and in the server; intervals."""
    intervals = 0
    tune_gc()  # as bill workers do
    async with make_pool(dsn, max_size=1) as pool, pool.connection() as connection:
        loader = ShardLoader(connection, ShardClaims(connection), datetime.now(UTC))
        backend = connection.info.backend_pid
        for turn in range(-WARM, ROUNDS):
            if turn == 0:
                here, there = time.process_time(), cpu_s(backend)
            first = channels.start + turn % ROUNDS * 11 % (len(channels) - SHARD + 1)
            found = await loader._blocks(list(range(first, first + SHARD)), MONTH)
            assert len(found) == SHARD
            intervals = sum(len(block.values) for blocks in found.values() for block in blocks)
        here, there = time.process_time() - here, cpu_s(backend) - there
    return here / ROUNDS * 1e3, there / ROUNDS * 1e3, intervals


async def test_bytes_and_reading(migrated: Database, capsys: pytest.CaptureFixture[str]) -> None:
    lines, first = [], 1
    for kind in KINDS:
        channels = range(first, first + CHANNELS)
        first += CHANNELS
        before = size(migrated.dsn)
        await fill(migrated.dsn, kind, channels)
        after = size(migrated.dsn)
        rows = CHANNELS * MONTH.count
        whole, table = (now - then for now, then in zip(after, before, strict=True))
        with psycopg.connect(migrated.dsn, autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE day_block")
        here, there, intervals = await read(migrated.dsn, channels)
        lines.append(
            f"  {kind:26s} {whole / rows:6.0f} bytes a row ({table / rows:.0f} without index),"
            f" {whole / rows * SHARD * MONTH.count / intervals:5.2f} an interval;"
            f" {SHARD} channels' month in {here:4.1f} ms here and {there:4.1f} in the server"
        )
    with capsys.disabled():
        print(f"\nday blocks of {CHANNELS} channels a kind on {migrated.kind}", *lines, sep="\n")
