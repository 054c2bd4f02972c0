"""Polling on a real buffer, with a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from edge_agent.buffer.batches import readings_of
from edge_agent.buffer.buffer import Buffer
from edge_agent.cancellation import end
from edge_agent.clock import ClockSource, SystemClock
from edge_agent.polling.claims import Claims
from edge_agent.polling.meter import Meter
from edge_agent.polling.poller import Poller
from edge_agent.polling.recorder import Recorder
from firmware_bridge.contract.envelope import open_batch
from firmware_bridge.contract.reading import Reading, TimeQuality
from firmware_bridge.driver.interface import ReadOut
from tests.support.edge_clock import HandClock, ScriptedMeter

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = "gw-1"


async def stored(buffer: Buffer) -> list[Reading]:
    found: list[Reading] = []
    for view in buffer.views():
        for sequence in range(view.first, view.last + 1):
            payload = await buffer.fetch(view.epoch, sequence, datetime.now(UTC))
            found += readings_of(open_batch(GATEWAY, payload))
    return found


async def poll_until(
    clock: HandClock, buffer: Buffer, meters: list[ScriptedMeter], passed: float
) -> None:
    stations = [Meter(meter.meter.serial, meter, period_s=60) for meter in meters]
    poller = Poller(stations, Recorder(buffer, clock, lambda: None), buffer, clock)
    task = asyncio.create_task(poller.run())
    while clock.passed < passed:  # noqa: ASYNC110 - the clock is turned by the poller's own sleep
        await asyncio.sleep(0)
    await end(task)
    await buffer.flush()


async def test_steps_of_the_clock_neither_skip_nor_repeat_a_poll(tmp_path: Path) -> None:
    clock = HandClock()
    begin = clock.passed
    clock.steps = [
        (begin + 119.5, timedelta(seconds=4)),
        (begin + 300.5, timedelta(seconds=-3)),
        (begin + 500, timedelta(hours=-2)),
        (begin + 700, timedelta(days=400)),
    ]
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, clock.now)
    meter = ScriptedMeter(clock)
    await poll_until(clock, buffer, [meter], begin + 1_200)
    moments = [passed for passed, _ in meter.reads[1:]]
    gaps = [after - before for before, after in pairwise(moments)]
    assert max(gaps) < 66
    assert min(gaps) > 53
    labels = [round(at.timestamp() / 60) for _, at in meter.reads[1:]]
    assert len(labels) == len(set(labels))
    assert len(await stored(buffer)) == len(meter.reads)
    rows = await buffer.engine.database.rows("SELECT code FROM event")
    assert [row[0] for row in rows] == ["clock_stepped"] * 4
    await buffer.close()


class SlowMeter(ScriptedMeter):
    """Answers after a while, by the real clock."""

    async def read(self) -> ReadOut:
        await asyncio.sleep(2.2)
        return await super().read()


async def test_a_meter_that_takes_its_time_makes_no_other_miss_a_boundary(tmp_path: Path) -> None:
    clock = SystemClock(ClockSource.TRUSTED)
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, clock.wall())
    meters = [SlowMeter(HandClock(), "slow"), ScriptedMeter(HandClock(), "quick")]
    stations = [Meter(meter.meter.serial, meter, period_s=1) for meter in meters]
    poller = Poller(stations, Recorder(buffer, clock, lambda: None), buffer, clock)
    task = asyncio.create_task(poller.run())
    await asyncio.sleep(5)
    await end(task)
    found = Counter(reading.channel.serial for reading in await stored(buffer))
    await buffer.close()
    assert found["slow"] >= 1
    # They would be as many if the one waited for the other.
    assert found["quick"] >= found["slow"] + 2


async def test_one_cycle_is_one_batch_and_a_failure_is_an_event_with_its_bytes(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, clock.now)
    meters = [ScriptedMeter(clock, str(serial)) for serial in range(5)]
    meters[2].silent = True
    await poll_until(clock, buffer, meters, clock.passed + 130)
    assert buffer.last == 3
    assert len(await stored(buffer)) == 4 * 3
    rows = await buffer.engine.database.rows("SELECT code, raw FROM event")
    assert ("meter_timeout", b"\x01\x02") in [tuple(row) for row in rows]
    await buffer.close()


async def test_readings_before_the_clock_is_known_wait_and_get_their_true_time(
    tmp_path: Path,
) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    clock = HandClock(
        now=datetime(1970, 1, 1, tzinfo=UTC), passed=10.0, known=TimeQuality.UNSYNCHRONISED
    )
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    first = ScriptedMeter(clock)
    await poll_until(clock, buffer, [first], 200.0)
    assert (buffer.last, (await buffer.counts()).held) == (0, len(first.reads))
    await buffer.close()
    # The power goes; the next boot still has no clock, and then it is set.
    clock.boot, clock.passed, clock.now = "boot-2", 5.0, datetime(1970, 1, 1, tzinfo=UTC)
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    second = ScriptedMeter(clock)
    await poll_until(clock, buffer, [second], 100.0)
    clock.now, clock.known = begin, TimeQuality.SYNCHRONISED
    booted = begin - timedelta(seconds=clock.passed)
    third = ScriptedMeter(clock)
    await poll_until(clock, buffer, [third], clock.passed + 70)
    counts = await buffer.counts()
    assert (counts.held, counts.reconcile) == (0, True)
    found = await stored(buffer)
    bounded = [r for r in found if r.time_quality is TimeQuality.UNSYNCHRONISED]
    assert len(bounded) == len(first.reads)
    for reading in bounded:
        assert reading.at < booted
        assert reading.span_ms > 0
        assert reading.at + timedelta(milliseconds=reading.span_ms) <= booted
    true = sorted(r.at for r in found if r.time_quality is TimeQuality.HOLDOVER)
    assert len(true) == len(second.reads)
    for at, (passed, _) in zip(true, second.reads, strict=True):
        assert abs(at - booted - timedelta(seconds=passed)) < timedelta(milliseconds=5)
    live = [r for r in found if r.time_quality is TimeQuality.SYNCHRONISED]
    assert len(live) == len(third.reads)
    await buffer.close()


class TwiceMeter(ScriptedMeter):
    """Shows its register twice, in its first reads as two floats say it and then no more."""

    async def read(self) -> ReadOut:
        out = await super().read()
        if len(self.reads) % 10 > 5:
            return out
        (value,) = out.values
        return ReadOut(self.meter, (replace(value, approximate=True), value))


async def test_a_register_that_is_shown_twice_is_read_once_and_told_of(tmp_path: Path) -> None:
    clock = HandClock()
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, clock.now)
    meter = TwiceMeter(clock)
    await poll_until(clock, buffer, [meter], clock.passed + 14.5 * 60)
    assert len(meter.reads) == 15
    assert len(await stored(buffer)) == len(meter.reads)
    rows = await buffer.engine.database.rows("SELECT code, detail FROM event")
    assert [row[0] for row in rows] == ["value_repeated"] * 2
    assert (
        "1: 1-0:1.8.0*255: 1 Wh is not stored; the meter also shows 1 Wh under this code."
        in str(rows[0][1])
    )
    await buffer.close()


async def test_two_meters_that_name_one_number_do_not_become_one(tmp_path: Path) -> None:
    clock = HandClock()
    path = tmp_path / "buffer.db"
    buffer = await Buffer.open(path, GATEWAY, clock.now)
    first, second = ScriptedMeter(clock, "7"), ScriptedMeter(clock, "7")
    await poll_together(clock, buffer, {"a": first, "b": second}, 10)
    kept = await stored(buffer)
    assert len(kept) == len(first.reads) == len(second.reads)
    rows = await buffer.engine.database.rows("SELECT code, detail FROM event")
    assert [row[0] for row in rows] == ["meter_identity_shared"]
    assert "b: EAS/7 is read as meter 'a' already." in str(rows[0][1])
    await buffer.close()
    again = await Buffer.open(path, GATEWAY, clock.now)
    await poll_together(clock, again, {"b": second, "a": first}, 10)
    assert len(await stored(again)) == len(first.reads)
    second.meter = replace(second.meter, serial="8")
    stations = await poll_together(clock, again, {"b": second, "a": first}, 10)
    assert {reading.channel.serial for reading in await stored(again)} == {"7", "8"}
    assert [station.failure for station in stations] == [None, None]
    await again.close()


async def poll_together(
    clock: HandClock, buffer: Buffer, meters: dict[str, ScriptedMeter], minutes: int
) -> list[Meter]:
    """Poll with the claims of one gateway, as its meter_set has them."""
    claims = Claims(buffer.marks)
    claims.configure(meters)
    stations = [Meter(name, meter, period_s=60) for name, meter in meters.items()]
    for station in stations:
        station.claims = claims
    poller = Poller(stations, Recorder(buffer, clock, lambda: None), buffer, clock)
    task = asyncio.create_task(poller.run())
    until = clock.passed + minutes * 60
    while clock.passed < until:  # noqa: ASYNC110 - the clock is turned by the poller's own sleep
        await asyncio.sleep(0)
    if minutes and any(station.shared for station in stations):
        shared = [station.failure for station in stations if station.shared]
        assert shared == ["METER_IDENTITY_SHARED"]
    await end(task)
    await buffer.flush()
    return stations
