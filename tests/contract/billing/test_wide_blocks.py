"""Blocks of the former layout are brought over with their hashes, by whoever continues too."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
import pytest

from central.adapters.timescale.migrate import MIGRATIONS, Flavour, migrate, render
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.blocks import read_blocks
from central.adapters.timescale.wide_blocks import bring_over
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from firmware_bridge.contract.quantity import Unit
from tests.support.servers import Database

BEFORE = 46
MADE = datetime(2026, 11, 20, 3, tzinfo=UTC)
_WIDE = """\
INSERT INTO {} (
    channel_id, day, version, start_at, period_s, exponent, zone, unit, sha256, quality,
    consumption, made_at, actor, reason
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_PACKED = """\
SELECT channel_id, day, version, made_at, actor, nullif(reason, '') FROM day_block
JOIN block_heading ON block_heading.id = heading_id ORDER BY 1, 2, 3
"""


def former(folder: Path, name: str) -> Path:
    """The migrations before this one."""
    for script in sorted(MIGRATIONS.glob("*.sql")):
        if script.name < name:
            shutil.copy(script, folder)
    return folder


def blocks() -> list[DayBlock]:
    """Two channels over the autumn's clock change and years apart, with versions and holes."""
    return [
        one_block(channel, first + timedelta(days=number), number, version)
        for channel, first in ((7, date(2026, 10, 20)), (1, date(2019, 3, 30)))
        for number in range(12)
        for version in range(1, 2 + (number == 4))
    ]


def one_block(channel: int, day: date, number: int, version: int) -> DayBlock:
    count = 25 if number == 5 else 24
    values = np.arange(count, dtype=np.int64) * channel * 131 + number
    quality = np.zeros(count, dtype=np.uint8)
    quality[: number % 3] = (IntervalQuality.EDITED, IntervalQuality.MISSING)[number % 2]
    return DayBlock(
        channel_id=channel,
        day=day,
        zone="Europe/Madrid",
        start=datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2),
        period_s=3600,
        exponent=-1,
        unit=Unit.WATT_HOUR,
        values=np.where(quality == IntervalQuality.MISSING, NULL, values),
        quality=quality,
        version=version,
    )


def written(owner: psycopg.Connection[tuple[object, ...]], made: list[DayBlock]) -> None:
    for block in made:
        actor, reason = ("job:estimate", "why") if block.day.day % 2 else ("job:validate", None)
        facts = block.start, block.period_s, block.exponent, block.zone, block.unit.value
        packed = block.sha256, block.pack_quality(), block.pack_values()
        key = block.channel_id, block.day, block.version
        owner.execute(
            _WIDE.format("day_block").encode(), (*key, *facts, *packed, MADE, actor, reason)
        )


class KilledError(Exception):
    """In the middle of it."""


async def test_they_are_what_they_were(database: Database, tmp_path: Path) -> None:
    migrate(database.dsn, former(tmp_path, f"{BEFORE:04d}"))
    made = blocks()
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        written(owner, made)
    # What carries them is interrupted after each part; the last one ends.
    shutil.copytree(
        MIGRATIONS, tmp_path / "all", ignore=shutil.ignore_patterns(f"{BEFORE + 1:04d}*")
    )

    def kill(done: int, whole: int) -> None:
        assert whole == len(made)
        raise KilledError(done)

    for script in MIGRATIONS.glob(f"{BEFORE:04d}*"):
        shutil.copy(script, tmp_path)
    migrate(database.dsn, tmp_path)
    parts = []
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        for _ in range(3):
            with pytest.raises(KilledError) as killed:
                bring_over(owner, kill, batch=7)
            parts.append(killed.value.args[0])
    assert parts == [7, 14, 21]
    told: list[tuple[int, int]] = []
    migrate(database.dsn, moved=lambda done, whole: told.append((done, whole)))
    assert told == [(len(made), len(made))]
    keys = {(block.channel_id, block.day): None for block in made}
    async with make_pool(database.dsn, max_size=1) as pool, pool.connection() as connection:
        newest = await read_blocks(connection, keys)
    assert newest == {(block.channel_id, block.day): block for block in made}
    assert all(block.verified for block in newest.values())
    assert {block.start for block in newest.values()} == {block.start for block in made}
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        rows = owner.execute(_PACKED).fetchall()
        assert owner.execute("SELECT to_regclass('day_block_wide')").fetchone() == (None,)
    assert rows == [
        (
            *(block.channel_id, block.day, block.version, MADE),
            *(("job:estimate", "why") if block.day.day % 2 else ("job:validate", None)),
        )
        for block in sorted(made, key=lambda b: (b.channel_id, b.day, b.version))
    ]


def test_sql_alone_drops_none_that_is_not_brought_over(
    plain_database: Database, tmp_path: Path
) -> None:
    migrate(plain_database.dsn, former(tmp_path, f"{BEFORE:04d}"))
    scripts = sorted(MIGRATIONS.glob(f"{BEFORE:04d}*"))
    with psycopg.connect(plain_database.dsn, autocommit=True) as owner:
        written(owner, blocks()[:1])
        owner.execute("SET meterline.migrating = 'on'")
        for script in (scripts[-1], *scripts[:-1]):
            if script.suffixes in ([".sql"], [".plain", ".sql"]):
                owner.execute(script.read_bytes())
        with pytest.raises(psycopg.errors.RaiseException, match="not brought over"):
            owner.execute((MIGRATIONS / f"{BEFORE + 1:04d}_wide_blocks.sql").read_bytes())
        assert owner.execute("SELECT count(*) FROM day_block_wide").fetchone() == (1,)
    assert "wide_blocks" in render(Flavour.PLAIN)
