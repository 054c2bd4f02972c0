"""Every entry of a load profile once, in full batches, from where the mark stands."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from edge_agent.polling import backfill as module
from edge_agent.polling.backfill import RETRY_MAX_S, RETRY_S, SHORT_S, Backfill
from edge_agent.polling.claims import Claims, MeterIdentitySharedError
from edge_agent.polling.meter import Meter
from edge_agent.polling.profile_clock import (
    ProfileClockError,
    ProfileUnjudgedError,
)
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import TimeQuality, from_ms, to_ms
from firmware_bridge.driver.interface import (
    MeterIdentity,
    MeterTimeoutError,
    ProfileChunk,
    ProfileMemory,
)
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON, Notes, Records, ScriptedDriver, entry, settle, value

DEVICE = MeterIdentity("EAS", "1")
QUARTER = timedelta(minutes=15)


def at(number: int) -> datetime:
    return NOON + number * QUARTER


class Site:
    """One meter whose memory holds entries from `first` up to `end`."""

    def __init__(self, first: int, end: int, per_chunk: int = 4) -> None:
        self.clock = HandClock(now=at(end))
        self.notes = Notes()
        self.records = Records(self.notes)
        self.driver = ScriptedDriver([], has_profile=True)
        self.driver.memory = ProfileMemory(DEVICE, 900, Interval(at(first), at(end)))
        self.driver.chunks = [
            ProfileChunk(
                Interval(at(n), at(min(n + per_chunk, end))),
                tuple(entry(i) for i in range(n, min(n + per_chunk, end))),
            )
            for n in range(first, end, per_chunk)
        ]
        self.meter = Meter("m", self.driver)
        self.backfill = Backfill(self.meter, self.records.recorder, self.notes.buffer, self.clock)

    @property
    def stored(self) -> list[int]:
        return [r.mantissa for sample in self.records.samples for r in sample.entries]

    @property
    def mark(self) -> datetime:
        return from_ms(self.notes.marks[self.meter.profile_mark])


async def test_a_meter_without_a_load_profile_is_left_alone() -> None:
    site = Site(0, 0)
    site.driver.memory = None
    assert await site.backfill.catch_up() is False
    assert await asyncio.wait_for(site.backfill.run(), 60) is None  # type: ignore[func-returns-value]
    assert site.records.calls == []


async def test_all_entries_are_stored_and_the_meter_is_current() -> None:
    site = Site(0, 10)
    assert await site.backfill.catch_up() is True
    assert site.stored == list(range(10))
    assert site.mark == at(10)
    assert (site.meter.current, site.meter.profile_period_s) == (True, 900)
    assert not any(sample.is_live for sample in site.records.samples)


async def test_what_is_stored_is_not_asked_for_again() -> None:
    site = Site(0, 10)
    site.notes.marks[site.meter.profile_mark] = to_ms(at(8))
    site.driver.chunks = site.driver.chunks[2:]
    await site.backfill.catch_up()
    assert site.driver.asked == [Interval(at(8), at(10))]
    assert site.notes.events == []


async def test_entries_before_the_configured_start_are_not_asked_for() -> None:
    site = Site(0, 8)
    site.meter.backfill_from = at(4)
    await site.backfill.catch_up()
    assert site.driver.asked == [Interval(at(4), at(8))]


async def test_entries_that_the_memory_lost_meanwhile_are_noted_as_a_gap() -> None:
    site = Site(6, 8)
    site.notes.marks[site.meter.profile_mark] = to_ms(at(2))
    await site.backfill.catch_up()
    ((code, detail, _),) = site.notes.events
    assert code == "profile_gap"
    assert str(at(2)) in detail
    assert str(at(6)) in detail


async def test_a_memory_that_holds_nothing_yet_gets_its_mark() -> None:
    site = Site(3, 3)
    assert await site.backfill.catch_up() is True
    assert site.mark == at(3)
    assert site.stored == []
    await site.backfill.catch_up()
    assert len(site.records.calls) == 1


async def test_a_full_batch_never_cuts_between_values_of_one_instant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "READINGS_MAX", 3)
    site = Site(0, 0)
    pairs = tuple(entry(number // 2) for number in range(8))
    site.clock.now = at(4)
    site.driver.memory = ProfileMemory(DEVICE, 900, Interval(at(0), at(4)))
    site.driver.chunks = [ProfileChunk(Interval(at(0), at(4)), pairs)]
    await site.backfill.catch_up()
    batches = [[r.mantissa for r in sample.entries] for sample in site.records.samples]
    assert batches == [[0, 0], [1, 1], [2, 2], [3, 3]]
    marks = [from_ms(s.marks[site.meter.profile_mark]) for s in site.records.samples]
    assert marks == [at(1), at(2), at(3), at(4)]


async def test_what_came_before_a_failure_is_stored() -> None:
    site = Site(0, 8)
    site.driver.chunks[1] = MeterTimeoutError("Broken off.")
    with pytest.raises(MeterTimeoutError):
        await site.backfill.catch_up()
    assert site.stored == [0, 1, 2, 3]
    assert site.mark == at(4)
    assert not site.meter.current


async def test_entries_of_a_device_that_is_another_meters_are_not_read() -> None:
    site = Site(0, 8)
    site.meter.claims = Claims()
    site.meter.claims.admit("first", DEVICE, [value()])
    site.meter.claims.admit("m", DEVICE, [value()])
    with pytest.raises(MeterIdentitySharedError):
        await site.backfill.catch_up()
    assert site.driver.asked == []


class Waits(HandClock):
    """Remembers each wait, and ends the work at the last."""

    def __init__(self, most: int) -> None:
        super().__init__(now=at(8))
        self.most = most
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self.most:
            raise asyncio.CancelledError
        await super().sleep(seconds)


async def test_a_meter_that_does_not_answer_is_tried_ever_later_and_noted_once() -> None:
    site = Site(0, 8)
    site.driver.memory = MeterTimeoutError("No.")
    clock = Waits(9)
    backfill = Backfill(site.meter, site.records.recorder, site.notes.buffer, clock)
    with pytest.raises(asyncio.CancelledError):
        await backfill.run()
    assert clock.waits[:3] == [RETRY_S, 2 * RETRY_S, 4 * RETRY_S]
    assert clock.waits[-1] == RETRY_MAX_S
    assert site.notes.codes == ["meter_timeout"]
    assert site.meter.profile_readable is False


async def test_a_full_disk_holds_a_back_fill_up() -> None:
    site = Site(0, 8)
    site.notes.engine.short = True
    clock = Waits(2)
    backfill = Backfill(site.meter, site.records.recorder, site.notes.buffer, clock)
    with pytest.raises(asyncio.CancelledError):
        await backfill.catch_up()
    assert clock.waits == [SHORT_S, SHORT_S]
    assert site.stored == [0, 1, 2, 3]


async def test_a_meter_that_falls_behind_is_caught_up_on_again() -> None:
    site = Site(0, 4)
    task = asyncio.create_task(site.backfill.run())
    await settle()
    assert site.stored == [0, 1, 2, 3]
    assert site.meter.profile_readable is True
    site.clock.now = at(6)
    site.driver.memory = ProfileMemory(DEVICE, 900, Interval(at(0), at(6)))
    site.driver.chunks = [ProfileChunk(Interval(at(4), at(6)), (entry(4), entry(5)))]
    site.meter.behind.set()
    await settle()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert site.stored == [0, 1, 2, 3, 4, 5]
    assert site.mark == at(6)


def shows(site: Site, end: datetime, clock: datetime | None = None) -> None:
    """What the meter's memory now holds, a day of it, and its clock where that tells."""
    held = Interval(end - timedelta(days=1), end)
    site.driver.memory = ProfileMemory(DEVICE, 900, held, clock)


@pytest.mark.parametrize("ahead", [4 * QUARTER, timedelta(hours=2), timedelta(days=26_000)])
@pytest.mark.parametrize("told", [False, True])
async def test_a_profile_dated_ahead_of_now_is_left_in_the_meter(
    ahead: timedelta, *, told: bool
) -> None:
    site = Site(0, 8)
    site.notes.marks[site.meter.profile_mark] = to_ms(at(4))
    shows(site, at(8) + ahead, site.clock.now + ahead if told else None)
    for _ in range(2):
        with pytest.raises(ProfileClockError):
            await site.backfill.catch_up()
    assert (site.driver.asked, site.records.calls, site.mark) == ([], [], at(4))
    assert site.meter.profile_look is not None
    assert site.meter.profile_look.offset >= ahead - QUARTER
    # Its clock is right again: it is read from where it was last good.
    shows(site, at(8))
    site.driver.chunks = site.driver.chunks[1:]
    assert await site.backfill.catch_up() is True
    assert site.driver.asked == [Interval(at(4), at(8))]
    assert site.stored == [4, 5, 6, 7]


async def test_a_clock_that_the_meter_tells_is_judged_to_the_minute() -> None:
    site = Site(0, 8)
    off = timedelta(minutes=4)
    shows(site, at(8), site.clock.now + off)
    with pytest.raises(ProfileClockError):
        await site.backfill.catch_up()
    assert site.meter.profile_look is not None
    assert site.meter.profile_look.offset == off
    shows(site, at(8), site.clock.now - timedelta(minutes=3))
    assert await site.backfill.catch_up() is True


async def test_entries_of_the_future_condemn_a_clock_that_was_put_right() -> None:
    site = Site(0, 8)
    shows(site, at(12), site.clock.now)
    with pytest.raises(ProfileClockError):
        await site.backfill.catch_up()
    assert site.driver.asked == []


async def test_a_meter_whose_entries_are_all_of_the_past_is_read() -> None:
    site = Site(0, 8)
    site.clock.now = at(8) + timedelta(days=30)
    assert await site.backfill.catch_up() is True
    assert site.stored == list(range(8))
    assert site.meter.profile_look is None


async def test_a_clock_that_was_wrong_is_believed_once_the_event_says_so() -> None:
    site = Site(0, 8)
    site.notes.marks["clock\tEAS\t1"] = 7_200_000
    with pytest.raises(ProfileClockError):
        await site.backfill.catch_up()
    assert site.meter.profile_look is not None
    assert site.meter.profile_look.offset == timedelta(0)
    site.notes.marks["clock\tEAS\t1"] = 0
    assert await site.backfill.catch_up() is True


async def test_a_gateway_that_does_not_know_the_time_leaves_profiles_in_their_meters() -> None:
    site = Site(0, 8)
    site.clock.known = TimeQuality.UNSYNCHRONISED
    with pytest.raises(ProfileUnjudgedError):
        await site.backfill.catch_up()
    assert (site.records.calls, site.meter.profile_look) == ([], None)
    site.clock.known = TimeQuality.SYNCHRONISED
    assert await site.backfill.catch_up() is True
    assert site.stored == list(range(8))


async def test_in_holdover_the_gateways_own_doubt_is_allowed_for() -> None:
    site = Site(0, 8)
    site.clock.known = TimeQuality.HOLDOVER
    site.clock.passed = 2_000_000.0  # 400 s of doubt
    shows(site, at(8), site.clock.now + timedelta(seconds=580))
    assert await site.backfill.catch_up() is True
    shows(site, at(8), site.clock.now + timedelta(seconds=581))
    with pytest.raises(ProfileClockError):
        await site.backfill.catch_up()


@pytest.mark.parametrize("stored", [timedelta(hours=2), timedelta(days=26_000)])
async def test_a_mark_in_the_future_is_healed_once_the_clock_is_right(stored: timedelta) -> None:
    site = Site(0, 8)
    site.notes.marks[site.meter.profile_mark] = to_ms(at(8) + stored)
    shows(site, at(8) + stored)
    with pytest.raises(ProfileClockError):
        await site.backfill.catch_up()
    assert site.mark == at(8) + stored
    shows(site, at(8))
    assert await site.backfill.catch_up() is True
    assert site.stored == list(range(8))
    assert site.mark == at(8)
    assert site.notes.codes == ["profile_mark_healed"]
    assert await site.backfill.catch_up() is True
    assert len(site.driver.asked) == 1


async def test_the_mark_of_a_version_before_may_name_the_end_of_the_running_period() -> None:
    site = Site(0, 8)
    site.clock.now = at(7) + timedelta(seconds=5)
    site.notes.marks[site.meter.profile_mark] = to_ms(at(8))
    assert await site.backfill.catch_up() is True
    assert (site.driver.asked, site.notes.codes) == ([], [])


async def test_no_mark_passes_now_and_the_tolerance() -> None:
    site = Site(0, 8)
    site.clock.now = at(7) + timedelta(seconds=5)
    await site.backfill.catch_up()
    assert site.mark == site.clock.now + timedelta(minutes=3, milliseconds=1)
    assert site.stored == list(range(8))
    site.clock.now = at(8) + timedelta(seconds=5)
    shows(site, at(9))
    site.driver.chunks = [ProfileChunk(Interval(site.mark, at(9)), (entry(8),))]
    await site.backfill.catch_up()
    assert site.stored == list(range(9))


async def test_why_a_profile_waits_is_said_once() -> None:
    site = Site(0, 8)
    shows(site, at(16))
    clock = Waits(4)
    backfill = Backfill(site.meter, site.records.recorder, site.notes.buffer, clock)
    with pytest.raises(asyncio.CancelledError):
        await backfill.run()
    assert site.notes.codes == ["profile_clock_wrong"]
