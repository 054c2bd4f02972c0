from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from edge_agent.buffer.records import VOIDED
from edge_agent.polling.repeats import DATES_MAX, RepeatedReadings
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, TimeQuality

EPOCH = UUID(int=1)
AT = datetime(2026, 3, 1, tzinfo=UTC)
CHANNEL = Channel("ACME", "42", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)


def reading(value: int, at: datetime = AT, quality: TimeQuality = TimeQuality.METER) -> Reading:
    return Reading(CHANNEL, at, value, 0, time_quality=quality)


def stored(repeats: RepeatedReadings, *shown: Reading) -> list[Reading]:
    fresh = repeats.fresh(shown, EPOCH)
    repeats.commit(fresh)
    return fresh


def test_a_dated_value_is_stored_once_and_another_of_its_time_as_well() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    assert stored(repeats, reading(5)) == [reading(5)]
    assert stored(repeats, reading(5)) == []
    assert stored(repeats, reading(6)) == [reading(6)]
    other = replace(reading(5), channel=replace(CHANNEL, obis=Obis.parse("1-0:2.8.0")))
    assert stored(repeats, reading(6), other) == [other]


def test_what_was_not_committed_is_shown_again() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    assert repeats.fresh([reading(5)], EPOCH) == [reading(5)]
    assert repeats.fresh([reading(5)], EPOCH) == [reading(5)]


def test_the_months_that_a_meter_shows_at_once_are_remembered_and_no_more() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    months = [reading(n, AT + timedelta(days=31 * n)) for n in range(13)]
    assert stored(repeats, *months) == months
    assert stored(repeats, *months) == []
    moved = [*months[1:], reading(13, AT + timedelta(days=31 * 13))]
    assert stored(repeats, *moved) == moved[-1:]
    assert stored(repeats, *moved) == []
    assert len(repeats._stored[CHANNEL]) == 13
    for n in range(100):
        stored(repeats, reading(n, AT + timedelta(days=1000, minutes=n)))
    assert len(repeats._stored[CHANNEL]) == 1


def test_a_start_recalls_the_newest() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    repeats.recall([reading(6)])
    repeats.recall([reading(5), *(reading(1, AT - timedelta(days=n)) for n in range(1, 99))])
    assert len(repeats._stored[CHANNEL]) == DATES_MAX
    assert stored(repeats, reading(6)) == []
    assert stored(repeats, reading(5)) == [reading(5)]


def cycle(marks: dict[str, int], repeats: RepeatedReadings, *shown: Reading) -> list[Reading]:
    fresh = repeats.fresh(shown, EPOCH)
    changed = repeats.marks()
    repeats.commit(fresh)
    marks |= changed
    return fresh


def test_what_the_buffer_no_longer_holds_is_known_after_a_start_once_it_was_shown_again() -> None:
    marks: dict[str, int] = {}
    months = [reading(n, AT + timedelta(days=31 * n)) for n in range(13)]
    before = RepeatedReadings(EPOCH, marks)
    assert cycle(marks, before, *months) == months
    assert marks == {}
    assert cycle(marks, before, *months) == []
    assert len(marks) == 2 * 13
    # Nothing is recalled: the buffer's newest readings are others by now.
    after = RepeatedReadings(EPOCH, marks)
    other = replace(months[3], mantissa=77)
    assert cycle(marks, after, *months) == []
    assert cycle(marks, after, other, *months[4:]) == [other]
    assert cycle(marks, after, other, *months[4:]) == []
    assert len(marks) == 2 * 13
    again = RepeatedReadings(EPOCH, marks)
    assert cycle(marks, again, other, *months[4:]) == []


def test_marks_have_a_bound_by_dates_and_keep_the_newest() -> None:
    marks: dict[str, int] = {}
    before = RepeatedReadings(EPOCH, marks)
    hours = [reading(n, AT + timedelta(hours=n)) for n in range(100)]
    for each in hours:
        assert cycle(marks, before, each) == [each]
        assert cycle(marks, before, each) == []
    assert len(marks) == 2 * DATES_MAX
    after = RepeatedReadings(EPOCH, marks)
    assert cycle(marks, after, *hours) == hours[:-DATES_MAX]


def test_values_that_are_shown_once_cost_no_mark() -> None:
    marks: dict[str, int] = {}
    repeats = RepeatedReadings(EPOCH, marks)
    for n in range(100):
        cycle(marks, repeats, reading(n, AT + timedelta(seconds=n)))
    assert marks == {}


def test_a_commit_that_fails_leaves_its_marks_to_the_next() -> None:
    marks: dict[str, int] = {}
    repeats = RepeatedReadings(EPOCH, marks)
    cycle(marks, repeats, reading(5))
    assert repeats.fresh([reading(5)], EPOCH) == []
    lost = repeats.marks()
    assert cycle(marks, repeats, reading(5)) == []
    assert marks == lost != {}


def test_marks_of_another_life_of_the_buffer_vouch_for_nothing() -> None:
    marks: dict[str, int] = {}
    repeats = RepeatedReadings(EPOCH, marks)
    for _ in range(2):
        cycle(marks, repeats, reading(5))
    assert RepeatedReadings(UUID(int=2), marks).fresh([reading(5)], UUID(int=2)) == [reading(5)]
    # A batch was given up: it may have held the reading.
    marks[VOIDED] = 1
    assert RepeatedReadings(EPOCH, marks).fresh([reading(5)], EPOCH) == [reading(5)]
    assert cycle(marks, repeats, reading(5)) == [reading(5)]
    assert cycle(marks, repeats, reading(5)) == []
    assert RepeatedReadings(EPOCH, marks).fresh([reading(5)], EPOCH) == []


def test_a_reading_by_the_gateways_clock_is_always_stored() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    live = reading(5, quality=TimeQuality.SYNCHRONISED)
    assert stored(repeats, live) == stored(repeats, live) == [live]


def test_a_buffer_that_begins_anew_gets_all_of_it_again() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    assert stored(repeats, reading(5)) == [reading(5)]
    assert repeats.fresh([reading(5)], UUID(int=2)) == [reading(5)]


def test_entries_of_a_load_profile_are_always_stored() -> None:
    repeats = RepeatedReadings(EPOCH, {})
    entry = replace(reading(5), channel=replace(CHANNEL, source=Source.PROFILE))
    assert stored(repeats, entry) == stored(repeats, entry) == [entry]
