"""Day blocks in months or chunks, on every server found: each finds its place, late ones too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import psycopg
import pytest

from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.load import ShardLoader
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.blocks import read_blocks, write_blocks
from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import expected_count, local_day
from firmware_bridge.contract.quantity import Unit
from tests.support import block_rows
from tests.support.books import ZONE
from tests.support.servers import Database

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
VALIDATE = Actor.job("validate")
SPAN = DayRange(date(2026, 9, 10), date(2026, 11, 10))


def block(channel: int, day: date, version: int = 1, period_s: int = 3600) -> DayBlock:
    span = local_day(day, ZONE)
    count = 1 if period_s == 86400 else expected_count(span, period_s)
    values = np.arange(count, dtype=np.int64) * 97 % 350 + channel + version
    quality = np.zeros(count, dtype=np.uint8)
    if day.day % 7 == 0:
        quality[:1] = IntervalQuality.MISSING
        values = np.where(quality == IntervalQuality.MISSING, NULL, values)
    return DayBlock(
        channel_id=channel,
        day=day,
        zone=ZONE,
        start=span.start,
        period_s=period_s,
        exponent=0,
        unit=Unit.WATT_HOUR,
        values=values,
        quality=quality,
        version=version,
    )


def of_days(version: int, days: Sequence[date]) -> list[DayBlock]:
    periods = {1: 900, 2: 3600, 3: 86400}
    return [block(key, day, version, step) for key, step in periods.items() for day in days]


async def test_a_late_version_is_the_newest_in_a_packed_chunk_too(migrated: Database) -> None:
    first, late = of_days(1, SPAN.days()), of_days(2, SPAN.days()[3::9])
    async with make_pool(migrated.dsn, max_size=1) as pool:
        async with pool.connection() as connection:
            await write_blocks(connection, first, VALIDATE, NOW)
        with psycopg.connect(migrated.dsn, autocommit=True) as owner:
            if migrated.timescaledb:
                owner.execute("SET meterline.migrating = 'on'")
                owner.execute(
                    "ALTER TABLE day_block SET (timescaledb.enable_columnstore,"
                    " timescaledb.segmentby = 'channel_id', timescaledb.orderby = 'day, version')"
                )
                owner.execute("SELECT compress_chunk(chunk) FROM show_chunks('day_block') AS chunk")
        async with pool.connection() as connection:
            await write_blocks(connection, late, VALIDATE, NOW)
            newest = {(made.channel_id, made.day): made for made in (*first, *late)}
            assert await read_blocks(connection, dict.fromkeys(newest)) == newest
            pinned = {(made.channel_id, made.day): made for made in first}
            assert await read_blocks(connection, dict.fromkeys(pinned, 1)) == pinned
            loader = ShardLoader(connection, ShardClaims(connection), NOW)
            shard = await loader._blocks([1, 2, 3], SPAN)
        assert [made for key in (1, 2, 3) for made in shard[key]] == [
            newest[key, day] for key in (1, 2, 3) for day in SPAN.days()
        ]
        # The same version twice is refused, wherever the first one is.
        async with pool.connection() as connection:
            for again in (first[0], late[0]):
                with pytest.raises(psycopg.errors.UniqueViolation):
                    async with connection.transaction():
                        await write_blocks(connection, [again], VALIDATE, NOW)


async def test_months_are_attached_as_days_come_and_no_day_falls_beside_them(
    plain_migrated: Database,
) -> None:
    months = (
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'day_block'::regclass ORDER BY 1"
    )
    days = [date(2024, 2, 29), date(2026, 9, 30), date(2026, 10, 1)]
    async with make_pool(plain_migrated.dsn, max_size=1) as pool, pool.connection() as connection:
        # Of a transaction that is undone, the months are too.
        async with connection.transaction(force_rollback=True):
            await write_blocks(connection, [block(1, day) for day in days[1:]], VALIDATE, NOW)
        for day in days:
            await write_blocks(connection, [block(1, day)], VALIDATE, NOW)
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        # The zone of the session has no say in where a month ends.
        owner.execute("SET timezone TO 'America/Bogota'")
        made = [name for (name,) in owner.execute(months.encode()).fetchall()]
        assert made == ["day_block_2024_02", "day_block_2026_09", "day_block_2026_10"]
        held = [owner.execute(f"SELECT day FROM {name}").fetchall() for name in made]  # noqa: S608
        assert held == [[(day,)] for day in days]
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(block_rows.INSERT.replace("2026-10-01", "2025-10-01").encode())


async def test_headings_are_shared_and_two_alike_do_no_harm(plain_migrated: Database) -> None:
    day = date(2026, 10, 5)
    async with (
        make_pool(plain_migrated.dsn, max_size=2) as pool,
        pool.connection() as one,
        pool.connection() as other,
    ):
        await one.execute(block_rows.ATTACH)
        async with one.transaction(), other.transaction():
            await write_blocks(one, [block(1, day)], VALIDATE, NOW)
            # Neither sees what the other adds, nor waits for it.
            await write_blocks(other, [block(2, day)], VALIDATE, NOW)
        await write_blocks(one, [block(3, day), block(3, day, 2)], VALIDATE, NOW)
        found = await read_blocks(one, dict.fromkeys([(1, day), (2, day), (3, day)]))
    assert found == {(1, day): block(1, day), (2, day): block(2, day), (3, day): block(3, day, 2)}
    with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
        assert owner.execute("SELECT count(*) FROM block_heading").fetchone() == (2,)


async def test_a_day_s_summary_is_in_its_row(migrated: Database) -> None:
    day = date(2026, 10, 14)
    made = block(1, day)
    async with make_pool(migrated.dsn, max_size=1) as pool, pool.connection() as connection:
        await write_blocks(connection, [made], VALIDATE, NOW + timedelta(hours=1))
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        row = owner.execute(
            "SELECT missing, estimated, zeros, edited, total FROM day_block"
        ).fetchone()
    assert row == (1, 0, 0, False, sum(made.values[1:].tolist()))
