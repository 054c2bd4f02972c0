"""kill -9 of the agent at random moments: what was committed stays, once, and as it was.

After each kill the buffer is read as the next agent will find it; nothing of that may ever be
missing or differ afterwards. In the end the meters say what should be there.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from central.adapters.embedded.broker import EmbeddedBroker
from edge_agent.monitoring.health import inspect_file
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Source, from_ms
from tests.support.edge_centre import Centre, listening
from tests.support.forked_agents import ForkedAgents, forked_agents
from tests.support.size import sized
from tests.support.virtual_meter import GATEWAY, as_toml, virtual_meters

KILLS = sized("METERLINE_EDGE_KILLS", 15, 500)
SEED = int(os.environ.get("METERLINE_CHAOS_SEED", "20261101"))
METERS = 3
# As many as the killing needs.
DAYS = max(20, min(60, KILLS * 3 // 2))
ENTRIES = METERS * DAYS * 96 * 2
# Answers of a meter take this long at first, and more or less as the back-fill is ahead or behind.
FASTEST_S, SLOW_S, SLOWEST_S = 0.0002, 0.001, 0.25
SOONEST_S, LATEST_S, LONGEST_S = 0.05, 1.1, 3.0
DRAINED_S = 120.0

# (serial, OBIS code, source, time in ms)
Key = tuple[str, bytes, int, int]
Identity = tuple[str, int]


@dataclass
class Log:
    """What the buffer held after each kill."""

    batches: dict[Identity, str] = field(default_factory=dict)
    lost: set[Identity] = field(default_factory=set)
    different: set[Identity] = field(default_factory=set)
    lives_that_committed: int = 0

    def look(self, found: dict[Identity, str]) -> bool:
        """Compare with what was there; whether there is more."""
        self.lost |= self.batches.keys() - found.keys()
        self.different |= {k for k in self.batches.keys() & found if self.batches[k] != found[k]}
        is_more = len(found) > len(self.batches)
        self.lives_that_committed += is_more
        self.batches = found
        return is_more


def as_found(buffer: Path, desk: Path) -> dict[Identity, tuple[str, int]]:
    """Hash and readings of each batch in a buffer whose agent was killed; a copy is opened."""
    shutil.rmtree(desk, ignore_errors=True)
    desk.mkdir()
    for suffix in ("", "-wal"):
        if buffer.with_name(buffer.name + suffix).exists():
            shutil.copy(buffer.with_name(buffer.name + suffix), desk)
    if not (desk / buffer.name).exists():
        return {}
    with closing(sqlite3.connect(desk / buffer.name)) as connection:
        if not connection.execute("PRAGMA schema_version").fetchone()[0]:
            return {}
        rows = connection.execute(
            "SELECT hex(e.id), b.id & ?, hex(b.sha256), b.count FROM batch b "
            "JOIN epoch e ON e.ordinal = b.id >> 40",
            (2**40 - 1,),
        )
        return {(epoch, sequence): (sha256, n) for epoch, sequence, sha256, n in rows}


def sealed(buffer: Path) -> tuple[Counter[Key], dict[Key, int]]:
    """Every reading in the buffer: how often, and what it says."""
    times: Counter[Key] = Counter()
    values: dict[Key, int] = {}
    with closing(sqlite3.connect(f"{buffer.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT payload FROM batch ORDER BY id").fetchall()
    for (payload,) in rows:
        batch = open_batch(GATEWAY, payload)
        columns = batch.columns
        for index, at, mantissa in zip(
            columns.channel, columns.at_ms, columns.mantissa, strict=True
        ):
            channel = batch.channels[index]
            key = (channel.serial, channel.obis.code, int(channel.source), at)
            times[key] += 1
            values[key] = mantissa
    return times, values


def at_centre(centre: Centre) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for ledger in centre.epochs.values():
        for batch in ledger.batches.values():
            for index, at in zip(batch.columns.channel, batch.columns.at_ms, strict=True):
                channel = batch.channels[index]
                found[channel.serial, channel.obis.code, int(channel.source), at] += 1
    return found


@dataclass
class Line:
    """What stands between agent and meters; each answer waits its turn."""

    pause_s: float = SLOW_S

    def keep_pace(self, read: float, killed: float) -> None:
        """The back-fill is to last as long as the killing, whatever this machine can do."""
        self.pause_s = (
            min(self.pause_s * 2, SLOWEST_S) if read > killed else max(self.pause_s / 2, FASTEST_S)
        )

    def pass_on(self, answer: bytes) -> bytes:
        time.sleep(self.pause_s)
        return answer


async def kill_often(agents: ForkedAgents, line: Line, buffer: Path, desk: Path) -> Log:
    moments = random.Random(SEED)  # noqa: S311 - repeatable
    log, latest_s = Log(), LATEST_S
    for number in range(KILLS):
        await asyncio.to_thread(agents.start)
        await asyncio.sleep(moments.uniform(SOONEST_S, latest_s))
        await asyncio.to_thread(agents.end, signal.SIGKILL)
        found = as_found(buffer, desk)
        has_committed = log.look({identity: sha256 for identity, (sha256, _) in found.items()})
        # Lives last about as long as this machine takes to get something done in every other one.
        latest_s = (
            max(latest_s * 0.9, LATEST_S) if has_committed else min(latest_s * 1.1, LONGEST_S)
        )
        line.keep_pace(sum(count for _, count in found.values()) / ENTRIES, number / KILLS)
    return log


async def drain(centre: Centre, until: dict[str, datetime]) -> None:
    """Wait until each meter's load profile is at the centre and nothing is left to send."""
    deadline = time.monotonic() + DRAINED_S
    while True:
        reached: dict[str, int] = {}
        for serial, _, source, at in at_centre(centre):
            if source == Source.PROFILE:
                reached[serial] = max(at, reached.get(serial, at))
        if all(from_ms(reached.get(serial, 0)) >= at for serial, at in until.items()):
            return
        assert time.monotonic() < deadline, reached
        await asyncio.sleep(0.3)


async def test_a_killed_agent_keeps_each_committed_reading_once(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    buffer, config, centre = tmp_path / "buffer.db", tmp_path / "edge.toml", Centre(GATEWAY)
    async with virtual_meters(days=DAYS, meters=METERS) as site:
        line = Line()
        for meter in site.meters.values():
            meter.faults.tamper = line.pass_on
        with mosquitto:
            config.write_text(as_toml(site.config(tmp_path, mosquitto.port, period_s=1)))
            async with listening(centre, mosquitto.port):
                with forked_agents(config, tmp_path / "log") as agents:
                    log = await kill_often(agents, line, buffer, tmp_path / "desk")
                    early = at_centre(centre)
                    line.pause_s = 0.0
                    until = {
                        meter.serial: from_ms(int(time.time()) // 900 * 900_000)
                        for meter in site.meters.values()
                    }
                    await asyncio.to_thread(agents.start)
                    await drain(centre, until)
                    await asyncio.to_thread(agents.end, signal.SIGTERM)
        left = as_found(buffer, tmp_path / "desk")
        log.look({identity: sha256 for identity, (sha256, _) in left.items()})
        times, values = sealed(buffer)
        meters = {meter.serial: meter for meter in site.meters.values()}
        shown = {
            key: meters[key[0]].register_wh(Obis(key[1]), from_ms(key[3]))
            for key in values
            if key[2] == Source.PROFILE
        }
    different = {key for key, value in shown.items() if values[key] != value}
    there = at_centre(centre)
    record_property("seed", SEED)
    record_property("kills", KILLS)
    record_property("lives that committed", log.lives_that_committed)
    record_property("readings committed", times.total())
    record_property("of them at the centre before the last kill", early.total())
    record_property("lost", len(log.lost) + len(there - times))
    record_property("doubled", sum(count - 1 for count in (times | there).values()))
    record_property("different", len(log.different) + len(different))
    assert not log.lost, log.lost
    assert not log.different, log.different
    assert not different, different
    assert max(times.values()) == 1, "a reading was sealed twice"
    assert max(there.values()) == 1, "a reading came twice"
    assert not there - times, "the centre has what the buffer has not"
    for channel in {key[:3] for key in shown}:
        instants = sorted(key[3] for key in shown if key[:3] == channel)
        gaps = {b - a for a, b in pairwise(instants)}
        assert gaps == {900_000}, f"holes in the load profile of {channel}"
        assert len(instants) >= DAYS * 96
    assert log.lives_that_committed > KILLS // 5
    assert inspect_file(buffer).readings["reconcile"]
    assert not [name for name in os.listdir(tmp_path) if "damaged" in name]  # noqa: PTH208 - no Path in async code
