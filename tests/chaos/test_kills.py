"""SIGKILL anything, at random, during a back-fill: nothing is lost, doubled or changed.

The meters are asked last: what they say they showed is what the buffer sealed and the database has.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
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
from tests.support.servers import PostgresKind, postgres_servers
from tests.support.size import sized
from tests.support.utility import GATEWAY, PERIOD_S, Utility, utility

KILLS = sized("METERLINE_KILLS", 15, 500)
SEED = int(os.environ.get("METERLINE_CHAOS_SEED", "20261101"))
METERS = 6
# As many as the killing needs, and a request takes this long while it goes on: the back-fill then
# outlasts it by far.
DAYS = max(20, min(60, KILLS * 3 // 2))
SLOW_S = 0.18 * KILLS / DAYS
VICTIMS = ("edge", "ingest", "ingest-2", "broker", "postgres")

# (serial, OBIS code, source, time in ms, revision) -> (mantissa, exponent, flags)
Key = tuple[str, bytes, int, int, int]
Value = tuple[int, int, int]


@dataclass
class SlowLine:
    """What stands between agent and meters; each answer waits its turn."""

    pause_s: float = SLOW_S
    answers: int = 0

    def pass_on(self, answer: bytes) -> bytes:
        self.answers += 1
        time.sleep(self.pause_s)
        return answer


@dataclass
class Reaper:
    """Kills at random, and brings back what it killed."""

    running: Utility
    random: random.Random
    killed: Counter[str] = field(default_factory=Counter)

    async def strike(self) -> None:
        # Everybody once before anybody is twice.
        spared = [victim for victim in VICTIMS if victim not in self.killed]
        victim = self.random.choice(spared or VICTIMS)
        await asyncio.to_thread(self._kill, victim)
        self.killed[victim] += 1
        await asyncio.sleep(self.random.uniform(0, 0.3))
        await asyncio.to_thread(self._revive, victim)
        await asyncio.sleep(self.random.uniform(0.1, 1.2))

    def _kill(self, victim: str) -> None:
        servers = self.running.servers
        if victim == "broker":
            servers.broker.kill()
        elif victim == "postgres":
            servers.postgres.kill()
        else:
            self.running.children[victim].kill()

    def _revive(self, victim: str) -> None:
        servers = self.running.servers
        if victim == "broker":
            servers.broker.start()
        elif victim == "postgres":
            servers.postgres.start()
        elif victim == "edge":
            self.running.start_edge()
        else:
            self.running.start_ingest(victim)


def street(line: SlowLine) -> dict[int, VirtualMeter]:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    meters = {}
    for unit in range(1, METERS + 1):
        noise = random.Random(unit)  # noqa: S311 - a load, no secret
        load = from_kw([Decimal(noise.randrange(-400, 4000)).scaleb(-3) for _ in range(960)], 900)
        meter = compose(str(8000 + unit), load, script=Script(start=start, loop=True))
        meter.faults.tamper = line.pass_on
        meters[unit] = meter
    return meters


def in_meters(meters: dict[int, VirtualMeter], since: datetime, until: datetime) -> dict[Key, int]:
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


@pytest.mark.parametrize("kind", postgres_servers()[:1], ids=str)
async def test_nothing_is_lost_doubled_or_changed_whatever_is_killed(
    kind: PostgresKind, server_home: Path, record_property: Callable[[str, object], None]
) -> None:
    line = SlowLine()
    meters = street(line)
    since = floor_boundary(datetime.now(UTC) - timedelta(days=DAYS), PERIOD_S)
    target = floor_boundary(datetime.now(UTC), PERIOD_S)
    async with utility(
        server_home, kind, meters, dict.fromkeys(meters, since), durable=True, threaded=True
    ) as running:
        running.start_ingest()
        running.start_ingest("ingest-2")
        running.start_edge()
        reaper = Reaper(running, random.Random(SEED))  # noqa: S311 - repeatable
        while sum(reaper.killed.values()) < KILLS:
            await reaper.strike()
        reached = await running.stored_until()
        during = len(reached) < METERS or any(at is None or at < target for at in reached.values())
        line.pause_s = 0
        await running.wait_stored({meter.serial: target for meter in meters.values()}, seconds=120)
        await drained(running, seconds=120)
        stored = await in_database(running)
        wrong = await unreconciled(running)
        await asyncio.to_thread(running.children["edge"].stop)
    record_property("seed", SEED)
    record_property("kills", dict(reaper.killed))
    record_property("readings", len(stored))
    assert set(reaper.killed) == set(VICTIMS)
    assert during, "the back-fill was over before the last kill: it proves nothing"
    sealed, buffered = in_buffer(running.buffer)
    rows = dict(stored)
    shown = in_meters(meters, since, target)
    lost = shown.keys() - rows.keys()
    different = {key for key in shown.keys() & rows.keys() if rows[key][:2] != (shown[key], 0)}
    assert not lost, f"{len(lost)} lost"
    assert not different, f"{len(different)} different from the meter"
    assert len(rows) == len(stored), "a reading is stored twice"
    assert max(sealed.values()) == 1, "a reading was sealed twice"
    assert rows == buffered, "buffer and database differ"
    assert not wrong, wrong
    assert inspect_file(running.buffer).readings["reconcile"]


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
