"""Who is read when, who is waited for, and what is said of those who do not answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from edge_agent.errors import BufferFullError
from edge_agent.polling.claims import Claims
from edge_agent.polling.meter import Meter
from edge_agent.polling.poller import Poller
from edge_agent.polling.profile_clock import recent_look
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.reading import TimeQuality, from_ms, to_ms
from firmware_bridge.driver.interface import (
    Absence,
    AbsentValue,
    MeterAnswerError,
    MeterOfflineError,
    MeterTimeoutError,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
    RefusedTelegrams,
)
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON, Notes, Records, ScriptedDriver, entry, read_out, value


class Site:
    """A poller with its meters, and what came of them."""

    def __init__(self, **drivers: ScriptedDriver) -> None:
        self.clock = HandClock(now=NOON)
        self.notes = Notes()
        self.records = Records(self.notes)
        claims = Claims()
        self.meters = [
            Meter(name, driver, period_s=60, capacity_w=4_000, claims=claims)
            for name, driver in drivers.items()
        ]
        self.poller = Poller(self.meters, self.records.recorder, self.notes.buffer, self.clock)

    async def cycle(self, patience_s: float = 5.0) -> None:
        await self.poller.cycle(self.meters, self.clock.now, patience_s)

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


def gives(*outcomes: ReadOut | Exception) -> ScriptedDriver:
    return ScriptedDriver(list(outcomes) or [read_out(value())])


async def test_all_meters_of_a_cycle_are_stored_together_with_their_read_marks() -> None:
    site = Site(a=gives(), b=gives(read_out(value(7, "2"), serial="2")))
    await site.cycle()
    ((samples, marks),) = site.records.calls
    assert [(s.meter, s.device.serial, s.period_s, s.capacity_w) for s in samples] == [
        ("a", "1", 60, 4_000),
        ("b", "2", 60, 4_000),
    ]
    assert all(sample.taken == site.clock.passed for sample in samples)
    assert marks == {"meter.a.read_ms": to_ms(NOON), "meter.b.read_ms": to_ms(NOON)}
    assert site.notes.events == []


async def test_a_silent_meter_is_noted_once_and_no_longer_waited_for() -> None:
    error = MeterTimeoutError("The meter does not answer.", value=b"\x01")
    site = Site(a=gives(error, MeterTimeoutError("Still not."), read_out(value(3))))
    (meter,) = site.meters
    await site.cycle()
    assert (meter.answering, meter.failure, meter.bad_frames) == (False, "METER_TIMEOUT", 1)
    assert site.notes.events == [("meter_timeout", f"a: {error}", b"\x01")]
    await site.cycle()
    await site.settle()
    assert (meter.bad_frames, site.notes.codes) == (1, ["meter_timeout"])
    await site.cycle()
    assert site.records.samples == []
    await site.settle()
    assert [sample.meter for sample in site.records.samples] == ["a"]
    assert (meter.answering, meter.failure) == (True, None)


async def test_a_meter_that_takes_too_long_fails_by_its_own_time_limit() -> None:
    site = Site(a=ScriptedDriver([read_out(value())], hold=asyncio.Event()))
    site.meters[0].timeout_s = 0.01
    await site.cycle()
    assert site.notes.events == [
        ("meter_timeout", "a: The meter did not answer within 0.01 s.", None)
    ]


async def test_a_fault_of_a_driver_ends_no_other_meters_read() -> None:
    site = Site(a=gives(RuntimeError("boom")), b=gives())
    await site.cycle()
    assert [sample.meter for sample in site.records.samples] == ["b"]
    assert site.meters[0].failure == "DRIVER_FAULT"
    assert site.notes.events == [("driver_fault", "a: RuntimeError: boom", None)]


async def test_a_slow_meter_is_stored_by_itself_and_asked_once_at_a_time() -> None:
    slow = ScriptedDriver([read_out(value())], hold=asyncio.Event())
    site = Site(a=slow, b=gives(read_out(value(1, "2"), serial="2")))
    await site.cycle(0.01)
    assert [sample.meter for sample in site.records.samples] == ["b"]
    await site.cycle(0.01)
    assert slow.hold is not None
    slow.hold.set()
    await site.settle()
    assert slow.reads == 1
    assert [sample.meter for sample in site.records.samples] == ["b", "b", "a"]
    assert site.meters[0].under_way == set()


async def test_what_a_meters_own_memory_keeps_waits_while_the_disk_is_short() -> None:
    profile = ScriptedDriver([read_out(value())], has_profile=True)
    site = Site(a=profile, b=gives(read_out(value(1, "2"), serial="2")))
    site.meters[0].profile_readable = True
    site.notes.engine.short = True
    await site.cycle()
    assert [sample.meter for sample in site.records.samples] == ["b"]
    assert profile.reads == 0


@pytest.mark.parametrize(
    ("readable", "earlier", "reads"),
    [(None, False, 1), (None, True, 0), (False, True, 1), (False, False, 1), (True, False, 0)],
)
async def test_a_load_profile_is_believed_only_after_it_was_read(
    readable: bool | None,  # noqa: FBT001 - an outcome
    earlier: bool,  # noqa: FBT001
    reads: int,
) -> None:
    profile = ScriptedDriver([read_out(value())], has_profile=True)
    site = Site(a=profile)
    (meter,) = site.meters
    meter.profile_readable = readable
    if earlier:
        site.notes.marks[meter.profile_mark] = to_ms(NOON)
    site.notes.engine.short = True
    await site.cycle()
    assert profile.reads == reads


async def test_what_was_refused_beside_a_read_is_counted_and_named_once_while_it_lasts() -> None:
    refused = RefusedTelegrams("TELEGRAM_SYNTAX", "The payload is not valid JSON.", b"{", 3)
    bad, good = replace(read_out(value()), refused=(refused,)), read_out(value())
    site = Site(a=gives(bad, bad, good, bad))
    (meter,) = site.meters
    for counted in (3, 6, 6, 9):
        await site.cycle()
        assert meter.bad_frames == counted
    note = ("telegram_syntax", "a: The payload is not valid JSON.", b"{")
    assert site.notes.events == [note, note]
    assert meter.answering


async def test_a_register_without_a_value_is_named_once_while_it_lasts() -> None:
    gone = AbsentValue(ACTIVE_IMPORT, Absence.REFUSED, b"")
    bad, good = replace(read_out(value()), absent=(gone,)), read_out(value())
    site = Site(a=gives(bad, bad, good, bad))
    for _ in range(4):
        await site.cycle()
    assert site.notes.events == [("value_absent", f"a: {ACTIVE_IMPORT}: refused.", b"")] * 2


async def test_a_cycle_that_cannot_be_stored_does_not_end_the_agent() -> None:
    site = Site(a=gives())
    site.records.failure = BufferFullError("No room.")
    await site.cycle()
    site.records.failure = None
    await site.cycle()
    assert len(site.records.samples) == 1


async def test_a_cycle_without_an_answer_is_stored_all_the_same() -> None:
    site = Site(a=gives(MeterTimeoutError("No.")))
    await site.cycle()
    assert site.records.calls == [((), {})]


async def test_values_that_somebody_kept_count_only_while_they_are_of_now() -> None:
    old = read_out(value(1, meter_time=NOON - timedelta(hours=1), kept=True))
    now = read_out(value(2, meter_time=NOON, kept=True))
    site = Site(a=gives(old, now))
    await site.cycle()
    assert [v.quantity.mantissa for s in site.records.samples for v in s.values] == [2]


async def test_a_meter_of_which_only_old_values_come_is_stale() -> None:
    at = NOON - timedelta(hours=1)
    old = read_out(value(1, meter_time=at, kept=True))
    site = Site(a=gives(old, MeterTimeoutError("No more.")))
    await site.cycle()
    ((code, detail, _),) = site.notes.events
    assert code == "meter_stale"
    assert at.isoformat() in detail
    assert site.records.samples == []


async def test_kept_values_prove_nothing_while_the_clock_is_not_known() -> None:
    site = Site(a=gives(read_out(value(2, meter_time=NOON, kept=True)), MeterTimeoutError("No.")))
    site.clock.known = TimeQuality.UNSYNCHRONISED
    await site.cycle()
    assert site.notes.codes == ["meter_stale"]


async def test_a_meter_said_to_be_offline_is_offline_whatever_was_kept() -> None:
    old = read_out(value(1, kept=True))
    site = Site(a=gives(old, MeterOfflineError("The broker says so.")))
    await site.cycle()
    assert site.notes.codes == ["meter_offline"]


async def test_devices_behind_a_meter_are_noted_when_they_go_and_come() -> None:
    gone = replace(read_out(value()), offline=("gas",))
    site = Site(a=gives(gone, gone, read_out(value())))
    for _ in range(3):
        await site.cycle()
    assert [(code, detail) for code, detail, _ in site.notes.events] == [
        ("device_offline", "a: The broker reports gas as offline."),
        ("device_online", "a: gas is online again."),
    ]


async def test_what_a_meter_holds_no_value_for_is_noted_and_never_a_reading() -> None:
    absent = AbsentValue(ACTIVE_IMPORT, Absence.NOT_A_NUMBER, b"\x7f\xc0")
    site = Site(a=gives(replace(read_out(value()), absent=(absent,))))
    await site.cycle()
    assert site.notes.events == [
        ("value_absent", f"a: {ACTIVE_IMPORT}: not_a_number.", b"\x7f\xc0")
    ]
    assert len(site.records.samples) == 1


async def test_a_repeated_value_is_noted_once_for_as_long_as_it_is() -> None:
    twice = read_out(value(5), value(9))
    alone = replace(read_out(), repeated=(value(9),))
    site = Site(a=gives(twice, twice, read_out(value(5)), alone))
    for _ in range(4):
        await site.cycle()
    assert [detail for _, detail, _ in site.notes.events] == [
        f"a: {ACTIVE_IMPORT}: 9 Wh is not stored; the meter also shows 5 Wh under this code.",
        f"a: {ACTIVE_IMPORT}: 9 Wh is not stored.",
    ]


async def test_a_device_that_another_meter_shows_is_withheld_and_said_once() -> None:
    site = Site(a=gives(), b=gives())
    await site.cycle()
    await site.cycle()
    assert [sample.meter for sample in site.records.samples] == ["a", "a"]
    assert site.notes.codes == ["meter_identity_shared"]
    assert site.meters[1].failure == "METER_IDENTITY_SHARED"


async def test_a_port_whose_own_device_is_anothers_is_read_for_what_hangs_behind_it() -> None:
    both = read_out(value(1, "1"), value(2, "9"), serial="1")
    site = Site(a=gives(), b=gives(both))
    await site.cycle()
    (_, behind) = site.records.samples
    assert [v.meter.serial for v in behind.values] == ["9"]
    assert behind.entries == ()


def chunk(first: int, count: int) -> ProfileChunk:
    entries = tuple(entry(number) for number in range(first, first + count))
    end = NOON + timedelta(seconds=(first + count) * 900)
    return ProfileChunk(Interval(entries[0].at, end), entries)


def current(driver: ScriptedDriver, *, behind: int = 1) -> Site:
    """A meter whose load profile is current, some entries ago."""
    driver.has_profile = True
    held = Interval(NOON - timedelta(days=1), NOON + timedelta(seconds=900))
    driver.memory = ProfileMemory(read_out().meter, 900, held)
    site = Site(a=driver)
    meter = site.meters[0]
    meter.current, meter.profile_period_s = True, 900
    site.notes.marks[meter.profile_mark] = to_ms(NOON - timedelta(seconds=behind * 900))
    return site


async def test_new_entries_of_a_load_profile_are_stored_with_the_cycle() -> None:
    driver = gives()
    driver.chunks = [chunk(-2, 1), chunk(-1, 2)]
    site = current(driver, behind=2)
    await site.cycle()
    (sample,) = site.records.samples
    assert [reading.mantissa for reading in sample.entries] == [-2, -1, 0]
    # Up to now and the tolerance: the mark names no instant that has not come.
    until = NOON + timedelta(minutes=3, milliseconds=1)
    assert from_ms(site.notes.marks["meter.a.profile_ms"]) == until
    assert driver.asked == [Interval(NOON - timedelta(minutes=30), until)]
    await site.cycle()
    assert len(driver.asked) == 1


async def test_a_load_profile_that_is_far_behind_is_caught_up_on_beside_the_cycles() -> None:
    driver = gives()
    site = current(driver, behind=30)
    await site.cycle()
    assert driver.asked == []
    assert site.meters[0].behind.is_set()
    assert not site.meters[0].current


async def test_a_load_profile_that_breaks_off_keeps_what_came() -> None:
    driver = gives()
    driver.chunks = [chunk(0, 1), MeterAnswerError("Garbled.", value=b"\x00")]
    site = current(driver)
    await site.cycle()
    (sample,) = site.records.samples
    assert len(sample.entries) == 1
    assert sample.marks["meter.a.profile_ms"] == to_ms(NOON + timedelta(minutes=3)) + 1
    assert site.meters[0].failure == "METER_ANSWER"
    assert site.meters[0].behind.is_set()


async def run_for(site: Site, cycles: int) -> None:
    task = asyncio.create_task(site.poller.run())
    for _ in range(100_000):
        if len(site.records.calls) >= cycles or task.done():
            break
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_meter_is_read_at_once_and_then_at_each_boundary() -> None:
    site = Site(a=gives())
    site.clock.now = NOON + timedelta(seconds=17)
    await run_for(site, 3)
    ats = [marks["meter.a.read_ms"] for _, marks in site.records.calls]
    minute = to_ms(NOON + timedelta(minutes=1))
    assert ats[0] == to_ms(NOON + timedelta(seconds=17))
    assert ats[1:] == [minute, minute + 60_000]


async def test_a_clock_that_jumps_is_noted_with_its_sign() -> None:
    site = Site(a=gives())
    site.clock.steps = [(site.clock.passed + 10, timedelta(seconds=-7))]
    await run_for(site, 2)
    assert site.poller.clock_steps == 1
    assert ("clock_stepped", "The wall clock stepped by -7.000 s.", None) in site.notes.events


async def test_reads_under_way_end_with_the_poller() -> None:
    held = ScriptedDriver([read_out(value())], hold=asyncio.Event())
    site = Site(a=held, b=gives(read_out(value(1, "2"), serial="2")))
    site.meters[0].answering = False
    await run_for(site, 2)
    await site.settle()
    assert site.meters[0].under_way == set()
    assert [sample.meter for sample in site.records.samples if sample.meter == "a"] == []


@pytest.mark.parametrize("patience_s", [0.0, 5.0])
async def test_a_cycle_of_nobody_is_stored(patience_s: float) -> None:
    site = Site()
    await site.cycle(patience_s)
    assert site.records.calls == [((), {})]


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=26_000)])
async def test_entries_of_a_meter_whose_clock_is_ahead_are_left_in_it(ahead: timedelta) -> None:
    driver = gives()
    driver.chunks = [chunk(0, 3)]
    site = current(driver)
    mark = dict(site.notes.marks)
    driver.memory = ProfileMemory(read_out().meter, 900, Interval(NOON, NOON + ahead))
    await site.cycle()
    (sample,) = site.records.samples
    assert (sample.entries, driver.asked) == ((), [])
    assert site.notes.marks.items() >= mark.items()
    assert site.meters[0].behind.is_set()
    # The read itself was good, and what was seen of the clock goes with it.
    assert (site.meters[0].answering, site.notes.codes) == (True, [])
    assert sample.profile_look is not None
    assert sample.profile_look.offset == ahead - timedelta(minutes=15)


async def test_what_was_seen_of_a_clock_long_ago_or_of_another_device_says_nothing() -> None:
    site = current(gives())
    (meter,) = site.meters
    await site.cycle()
    assert meter.profile_look is not None
    assert recent_look(meter, read_out().meter, site.clock.passed + 600) is meter.profile_look
    assert recent_look(meter, read_out().meter, site.clock.passed + 601) is None
    assert recent_look(meter, read_out(serial="2").meter, site.clock.passed) is None
