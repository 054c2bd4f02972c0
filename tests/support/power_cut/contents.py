"""Everything that a buffer holds, as one digest, and reading by reading."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import aiosqlite

from edge_agent.buffer.batches import unpack_waiting
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.connection import Database
from edge_agent.buffer.records import Cycle, WaitingReadings
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source

GATEWAY = "gw-1"
BUFFER = "buffer.db"
PROGRESS = "meter.m1.profile_ms"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
TABLES = ("epoch", "batch", "ack", "held", "mark", "event")


def moment(number: int) -> datetime:
    """When a cycle happens."""
    return T0 + timedelta(minutes=15 * number)


def values(number: int, count: int) -> list[Reading]:
    """Readings that are unlike any of another cycle's, and do not compress well."""
    noise = Random(number)  # noqa: S311 - repeatable
    return [
        Reading(CHANNEL, moment(number) + timedelta(seconds=at), noise.getrandbits(60), 0)
        for at in range(count)
    ]


def cycle(number: int, count: int = 1, **more: Any) -> Cycle:  # noqa: ANN401 - a cycle's own
    """A poll cycle whose progress is its number."""
    return Cycle(moment(number), values(number, count), {PROGRESS: number}, **more)


def held(number: int, count: int) -> WaitingReadings:
    """Readings that wait for the clock."""
    return WaitingReadings("boot-1", number * 1000, values(number, count))


async def digest(source: aiosqlite.Connection | Database) -> str:
    """Of every row of every table."""
    found = hashlib.sha256()
    for table in TABLES:
        query = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - one of ours
        if isinstance(source, Database):
            rows: Any = await source.rows(query)
        else:
            rows = await source.execute_fetchall(query)
        found.update(repr([table, [tuple(row) for row in rows]]).encode())
    return found.hexdigest()


async def readings(buffer: Buffer) -> Counter[int]:
    """How often each reading's value is there, as it would be sent or stamped."""
    found: Counter[int] = Counter()
    for view in buffer.views():
        for sequence in range(view.first, view.last + 1):
            payload = await buffer.fetch(view.epoch, sequence, T0)
            found.update(open_batch(GATEWAY, payload).columns.mantissa)
    for row in await buffer.waiting():
        found.update(reading.mantissa for reading in unpack_waiting(row.data, T0))
    return found


async def hashes(buffer: Buffer) -> dict[str, str]:
    """The hash of each batch, by epoch and sequence."""
    rows = await buffer.engine.database.rows(
        "SELECT hex(e.id), b.id & ?, hex(b.sha256) FROM batch b "
        "JOIN epoch e ON e.ordinal = b.id >> 40",
        (2**40 - 1,),
    )
    return {f"{epoch}/{sequence}": sha256 for epoch, sequence, sha256 in rows}
