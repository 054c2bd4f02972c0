"""What is stamped, held, kept in memory, and committed together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.buffer.batches import pack_waiting
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import WaitingRow
from edge_agent.errors import BufferFullError
from edge_agent.polling.recorder import (
    BOOT_MARK,
    SYNCED_MARK,
    SYNCED_SINCE_BOOT_MARK,
    WAITING_MAX,
    Recorder,
    anchor_of,
    boot_number,
)
from edge_agent.register_events.detector import RECALLED
from edge_agent.sample import Sample
from firmware_bridge.contract.envelope import NO_HASH, Link, open_batch, seal
from firmware_bridge.contract.event import EventKind
from firmware_bridge.contract.reading import Reading, TimeQuality, to_ms
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON, Notes, entry, value

HOUR = timedelta(hours=1)


class Site:
    """A recorder over a buffer that only remembers."""

    def __init__(self, known: TimeQuality = TimeQuality.SYNCHRONISED) -> None:
        self.clock = HandClock(now=NOON, known=known)
        self.notes = Notes()
        self.stored = 0
        self.recorder = Recorder(self.notes.buffer, self.clock, self.count)

    def count(self) -> None:
        self.stored += 1

    def sample(self, count: int = 1, *, own: datetime | None = None) -> Sample:
        shown = value(count, meter_time=own)
        return Sample("m", shown.meter, (shown,), self.clock.passed, 900)

    @property
    def readings(self) -> list[Reading]:
        return [reading for cycle in self.notes.cycles for reading in cycle.readings]


async def test_a_value_is_stamped_by_how_long_ago_it_was_taken() -> None:
    site = Site()
    sample = site.sample()
    site.clock.turn(30)
    await site.recorder.record([sample])
    (reading,) = site.readings
    assert reading.at == NOON
    assert reading.time_quality is TimeQuality.SYNCHRONISED
    assert site.stored == 1


async def test_entries_follow_the_live_values_of_all_meters_and_marks_go_with_them() -> None:
    site = Site()
    first = replace(site.sample(1), entries=(entry(7),), marks={"a": 1})
    second = replace(site.sample(2), entries=(entry(8),), marks={"b": 2})
    await site.recorder.record([first, second], {"c": 3})
    (cycle,) = site.notes.cycles
    assert [reading.mantissa for reading in cycle.readings] == [1, 2, 7, 8]
    assert {name: cycle.marks[name] for name in "abc"} == {"a": 1, "b": 2, "c": 3}


async def test_a_sample_of_a_load_profile_alone_needs_no_stamp() -> None:
    site = Site(TimeQuality.UNSYNCHRONISED)
    sample = replace(site.sample(), values=(), taken=None, entries=(entry(7),))
    await site.recorder.record([sample])
    (cycle,) = site.notes.cycles
    assert [reading.mantissa for reading in cycle.readings] == [7]
    assert cycle.held == []


async def test_a_clock_that_is_right_is_remembered_for_this_boot() -> None:
    site = Site()
    await site.recorder.record()
    await site.recorder.record()
    first, second = site.notes.cycles
    assert first.marks[SYNCED_MARK] == to_ms(NOON)
    assert first.marks[SYNCED_SINCE_BOOT_MARK] == 1_000_000
    assert BOOT_MARK in first.marks
    assert BOOT_MARK not in second.marks
    anchor = anchor_of(site.notes.marks, "boot-1")
    assert anchor is not None
    assert (anchor.wall, anchor.monotonic) == (NOON, 1_000.0)
    assert anchor_of(site.notes.marks, "boot-2") is None
    assert anchor_of({BOOT_MARK: boot_number("boot-1")}, "boot-1") is None


async def test_values_of_a_clock_that_is_not_known_wait_with_their_boot() -> None:
    site = Site(TimeQuality.UNSYNCHRONISED)
    await site.recorder.record([site.sample(5)])
    (cycle,) = site.notes.cycles
    assert cycle.readings == []
    (waiting,) = cycle.held
    assert (waiting.boot, waiting.taken_ms) == ("boot-1", 1_000_000)
    assert SYNCED_MARK not in cycle.marks
    assert not cycle.synchronised


def waiting_row(identity: int, boot: str, taken_ms: int, count: int) -> WaitingRow:
    reading = value(count).reading(NOON, 900, TimeQuality.UNSYNCHRONISED)
    return WaitingRow(identity, boot, taken_ms, pack_waiting([reading]))


async def test_what_waited_in_this_boot_gets_its_exact_time() -> None:
    site = Site()
    site.notes.rows = [waiting_row(1, "boot-1", 400_000, 5)]
    site.notes.boots = {"boot-1": 400_000}
    await site.recorder.record([site.sample(9)])
    released, cycle = site.notes.cycles
    assert released.release == [1]
    (reading,) = released.readings
    assert reading.at == NOON - timedelta(seconds=600)
    assert reading.time_quality is TimeQuality.HOLDOVER
    assert [reading.mantissa for reading in cycle.readings] == [9]
    await site.recorder.record()
    assert [cycle.release for cycle in site.notes.cycles[2:]] == [()]


async def test_what_waited_in_an_earlier_boot_is_bounded_by_what_is_known() -> None:
    site = Site()
    site.notes.marks[SYNCED_MARK] = to_ms(NOON - 5 * HOUR)
    site.notes.rows = [
        waiting_row(1, "boot-a", 60_000, 1),
        waiting_row(2, "boot-b", 120_000, 2),
    ]
    site.notes.boots = {"boot-a": 3_600_000, "boot-b": 600_000}
    await site.recorder.record()
    first, second = site.notes.cycles[0].readings
    booted = NOON - timedelta(seconds=1_000)
    assert first.at == NOON - 5 * HOUR + timedelta(seconds=60)
    latest = booted - timedelta(seconds=600) - HOUR + timedelta(seconds=60)
    assert first.span_ms == (latest - first.at) // timedelta(milliseconds=1)
    assert second.at == NOON - 4 * HOUR + timedelta(seconds=120)
    assert {reading.time_quality for reading in (first, second)} == {TimeQuality.UNSYNCHRONISED}


async def test_live_values_wait_in_memory_for_a_disk_with_room_and_profiles_do_not() -> None:
    site = Site()
    site.notes.failure = BufferFullError("No room.")
    lost = replace(site.sample(1), entries=(entry(7),), marks={"m": 1})
    with pytest.raises(BufferFullError):
        await site.recorder.record([lost, replace(site.sample(), taken=None)], {"n": 2})
    assert (site.stored, site.recorder.stored_at) == (0, None)
    assert site.recorder.tried_at == site.clock.passed
    site.notes.failure = None
    site.clock.turn(60)
    await site.recorder.record([site.sample(2)])
    (cycle,) = site.notes.cycles
    assert [(reading.mantissa, reading.at) for reading in cycle.readings] == [
        (1, NOON),
        (2, NOON + timedelta(seconds=60)),
    ]
    assert not {"m", "n"} & cycle.marks.keys()


async def test_memory_keeps_the_newest_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.polling.recorder.WAITING_MAX", 2)
    assert WAITING_MAX > 2
    site = Site()
    site.notes.failure = BufferFullError("No room.")
    for count in range(4):
        with pytest.raises(BufferFullError):
            await site.recorder.record([site.sample(count)])
    site.notes.failure = None
    await site.recorder.record()
    assert [reading.mantissa for reading in site.readings] == [2, 3]


async def test_a_value_whose_time_nobody_can_tell_is_noted_once() -> None:
    site = Site()
    absurd = replace(value(4), meter_time=NOON - timedelta(days=5_000), sampled=True)
    sample = Sample("m", absurd.meter, (absurd,), site.clock.passed, 900)
    await site.recorder.record([sample])
    await site.recorder.record([sample])
    assert site.readings == []
    assert site.notes.codes == ["value_undated"]


async def test_a_clock_in_holdover_is_doubted_since_it_was_right() -> None:
    site = Site()
    await site.recorder.record()
    site.clock.known = TimeQuality.HOLDOVER
    site.clock.turn(10 * 86_400)
    # Drift of 200 ppm makes 172.8 s in ten days, beside the tolerance of three minutes.
    near = site.clock.now + timedelta(seconds=180 + 150)
    await site.recorder.record([site.sample(own=near)])
    (reading,) = site.readings
    assert (reading.at, reading.time_quality) == (near, TimeQuality.METER)


async def test_last_readings_come_back_from_the_buffer() -> None:
    site = Site()
    before = value(500).reading(NOON - HOUR, 900, TimeQuality.SYNCHRONISED)
    sealed = seal(Link("gw-1", UUID(int=1), 1, NO_HASH), NOON, [before])
    site.notes.batches = [open_batch("gw-1", sealed.payload)]
    await site.recorder.recall()
    await site.recorder.record([site.sample(100)])
    (cycle,) = site.notes.cycles
    assert [(e.kind, e.before and e.before.mantissa) for e in cycle.events] == [
        (EventKind.BACKWARD, 500)
    ]
    assert "meter_backward" in site.notes.codes


async def test_months_that_left_the_newest_readings_are_not_sent_again_after_a_start(
    tmp_path: Path,
) -> None:
    """The meter shows thirteen months at each read; the buffer is asked what it holds."""

    async def read(recorder: Recorder, clock: HandClock) -> None:
        months = [
            replace(value(n, meter_time=NOON - timedelta(days=31 * n)), kept=True)
            for n in range(1, 14)
        ]
        await recorder.record([Sample("m", months[0].meter, tuple(months), clock.passed, 900)])

    clock, path = HandClock(now=NOON), tmp_path / "buffer.db"
    buffer = await Buffer.open(path, "gw-1", NOON)
    recorder = Recorder(buffer, clock, lambda: None)
    await recorder.recall()
    await read(recorder, clock)
    await read(recorder, clock)
    others = tuple(entry(n) for n in range(RECALLED))
    await recorder.record([Sample("m", value(1).meter, (), None, 900, entries=others)])
    await buffer.close()
    buffer = await Buffer.open(path, "gw-1", NOON)
    stored = (await buffer.counts()).read
    recorder = Recorder(buffer, clock, lambda: None)
    await recorder.recall()
    await read(recorder, clock)
    counts = await buffer.counts()
    await buffer.close()
    assert stored == counts.read == 13 + RECALLED
