"""Meters that are backfilled, and whether what they showed is what was stored.

The meters are asked last: what they say they showed is what the buffer sealed and the database has.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from edge_agent.monitoring.health import inspect_file
from edge_agent.monitoring.status_socket import ask, socket_path
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.interval import floor_boundary
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.reading import Source
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import VirtualMeter
from tests.support.utility import GATEWAY, PERIOD_S, Utility

METERS = 6

# (serial, OBIS code, source, time in ms, revision) -> (mantissa, exponent, flags)
Key = tuple[str, bytes, int, int, int]
Value = tuple[int, int, int]


@dataclass
class SlowLine:
    """What stands between agent and meters; each answer waits its turn."""

    pause_s: float
    answers: int = 0

    def pass_on(self, answer: bytes) -> bytes:
        self.answers += 1
        time.sleep(self.pause_s)
        return answer


def virtual_meters(line: SlowLine) -> dict[int, VirtualMeter]:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    meters = {}
    for unit in range(1, METERS + 1):
        noise = random.Random(unit)  # noqa: S311 - a load, no secret
        load = from_kw([Decimal(noise.randrange(-400, 4000)).scaleb(-3) for _ in range(960)], 900)
        meter = compose(str(8000 + unit), load, script=Script(start=start, loop=True))
        meter.faults.tamper = line.pass_on
        meters[unit] = meter
    return meters


def in_meters(
    meters: Mapping[int, VirtualMeter], since: datetime, until: datetime
) -> dict[Key, int]:
    """What every load-profile entry shows, straight from the meters' counters."""
    shown: dict[Key, int] = {}
    for meter in meters.values():
        at = since
        while at <= until:
            for obis in (ACTIVE_IMPORT, ACTIVE_EXPORT):
                key = (meter.serial, obis.code, int(Source.PROFILE), ms(at), 0)
                shown[key] = meter.register_wh(obis, at)
            at += timedelta(seconds=PERIOD_S)
    return shown


def ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def in_buffer(path: Path) -> tuple[Counter[Key], dict[Key, Value]]:
    """Every reading that the agent sealed, how often, and what it said."""
    times: Counter[Key] = Counter()
    values: dict[Key, Value] = {}
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT payload FROM batch ORDER BY id").fetchall()
    for (payload,) in rows:
        batch = open_batch(GATEWAY, payload)
        columns = batch.columns
        for index, at, exponent, mantissa, flags in zip(
            columns.channel,
            columns.at_ms,
            columns.exponent,
            columns.mantissa,
            columns.flags,
            strict=True,
        ):
            channel = batch.channels[index]
            key = (channel.serial, channel.obis.code, int(channel.source), at, 0)
            times[key] += 1
            values[key] = (mantissa, exponent, flags)
    return times, values


async def in_database(running: Utility) -> list[tuple[Key, Value]]:
    async with running.pool.connection() as connection:
        rows = await connection.execute(
            "SELECT m.serial, c.obis, c.source, (extract(epoch FROM r.at) * 1000)::bigint,"
            " r.revision, r.mantissa, r.exponent, r.flags"
            " FROM reading r JOIN channel c ON c.id = r.channel_id"
            " JOIN meter m ON m.id = c.meter_id"
        )
        return [
            ((serial, bytes(obis), source, at, revision), (mantissa, exponent, flags))
            for serial, obis, source, at, revision, mantissa, exponent, flags in (
                await rows.fetchall()
            )
        ]


async def unreconciled(running: Utility) -> list[tuple[object, ...]]:
    """Batches whose counts do not add up, conflicts, and findings of a loss."""
    async with running.pool.connection() as connection:
        rows = await connection.execute(
            "SELECT 'batch', id::text FROM batch WHERE outcome <> 'stored'"
            " OR received <> stored + duplicate + conflict + quarantined"
            " UNION ALL SELECT 'conflict', channel_id::text FROM conflict"
        )
        return list(await rows.fetchall())


async def drained(running: Utility, seconds: float) -> None:
    """Wait until the agent has nothing unacknowledged, as it says itself."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await asyncio.to_thread(ask, socket_path(running.buffer))
        health = None if answer is None else json.loads(answer)
        if health is not None and not health["backlog"]:
            return
        if time.monotonic() > deadline:
            pytest.fail(f"not drained after {seconds:g} s: {health}")
        await asyncio.sleep(0.5)


@dataclass(frozen=True, slots=True)
class BackFill:
    """What meters are asked for: their profiles since an instant, until another."""

    line: SlowLine
    meters: dict[int, VirtualMeter]
    since: datetime
    target: datetime

    @classmethod
    def of_days(cls, days: int, pause_s: float) -> BackFill:
        line = SlowLine(pause_s)
        since = floor_boundary(datetime.now(UTC) - timedelta(days=days), PERIOD_S)
        return cls(line, virtual_meters(line), since, floor_boundary(datetime.now(UTC), PERIOD_S))

    async def goes_on(self, running: Utility) -> bool:
        reached = await running.stored_until()
        return len(reached) < METERS or any(
            at is None or at < self.target for at in reached.values()
        )

    async def is_exact(self, running: Utility) -> int:
        """Let it come to its end, and compare meters, buffer and database; how many readings."""
        self.line.pause_s = 0
        await running.wait_stored(
            {meter.serial: self.target for meter in self.meters.values()}, seconds=120
        )
        await drained(running, seconds=120)
        stored = await in_database(running)
        wrong = await unreconciled(running)
        await asyncio.to_thread(running.children["edge"].stop)
        sealed, buffered = in_buffer(running.buffer)
        rows = dict(stored)
        shown = in_meters(self.meters, self.since, self.target)
        lost = shown.keys() - rows.keys()
        different = {key for key in shown.keys() & rows.keys() if rows[key][:2] != (shown[key], 0)}
        assert not lost, f"{len(lost)} lost"
        assert not different, f"{len(different)} different from the meter"
        assert len(rows) == len(stored), "a reading is stored twice"
        assert max(sealed.values()) == 1, "a reading was sealed twice"
        assert rows == buffered, "buffer and database differ"
        assert not wrong, wrong
        assert inspect_file(running.buffer).readings["reconcile"]
        return len(stored)
