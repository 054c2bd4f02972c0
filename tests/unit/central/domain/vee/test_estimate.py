"""Estimates of long gaps: like days, scaled to the registers at both ends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import Grid
from central.domain.metering.intervals import Gap, Metered
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.vee.allowed import ALL_ALLOWED
from central.domain.vee.estimate import (
    EstimatedDay,
    estimate_days,
    still_stands,
    without_estimates,
)
from central.domain.vee.estimator import Basis, GapSlot
from central.domain.vee.own_days import OwnDays
from central.domain.vee.shares import shares
from firmware_bridge.contract.interval import expected_count, local_day
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import to_ms

ZONE = "Europe/Madrid"
HOUR = 3600
MONDAY = date(2026, 10, 5)
LIKE, PROFILE = IntervalQuality.ESTIMATED_LIKE_DAY, IntervalQuality.ESTIMATED_PROFILE


def block(day: date, values: list[int | None], *, exponent: int = 0, version: int = 1) -> DayBlock:
    missing = [value is None for value in values]
    return DayBlock(
        channel_id=1,
        day=day,
        zone=ZONE,
        start=local_day(day, ZONE).start,
        period_s=HOUR,
        exponent=exponent,
        unit=Unit.WATT_HOUR,
        values=np.array([NULL if value is None else value for value in values]),
        quality=np.where(missing, IntervalQuality.MISSING, IntervalQuality.ACTUAL),
        version=version,
    )


def hours(day: date) -> int:
    return expected_count(local_day(day, ZONE), HOUR)


def flat(day: date, value: int) -> DayBlock:
    return block(day, [value + hour for hour in range(hours(day))])


def empty(day: date) -> DayBlock:
    return block(day, [None] * hours(day), version=3)


def metered(first: date, days: int, gaps: Mapping[tuple[int, int], int] | None = None) -> Metered:
    """What registers say of some days: gaps as (first hour, hours): advance."""
    start, end = local_day(first, ZONE).start, local_day(first + timedelta(days=days), ZONE).start
    count = (end - start) // timedelta(seconds=HOUR)
    return Metered(
        Grid(to_ms(start), HOUR * 1000, count),
        np.full(count, NULL),
        np.full(count, IntervalQuality.MISSING),
        0,
        tuple(Gap(at, long, sums, firm=True) for (at, long), sums in (gaps or {}).items()),
    )


def expected(instant: datetime, day: date, history: Sequence[DayBlock]) -> Fraction | None:
    """What the same local time on other days says of an hour."""
    slot = GapSlot(instant, instant + timedelta(hours=1), day)
    basis = Basis(OwnDays(ZONE, history))
    said = ALL_ALLOWED.expected(slot, basis, timedelta(hours=1), daily=False)
    return None if said is None else said[1].value


def one_day(found: tuple[EstimatedDay, ...]) -> EstimatedDay:
    (day,) = found
    return day


def test_without_registers_the_average_of_the_nearest_same_weekdays_stands() -> None:
    history = [flat(MONDAY - timedelta(days=7 * weeks), 100 * weeks) for weeks in (1, 2, 3, 4, 5)]
    history.append(flat(MONDAY - timedelta(days=1), 9_000))
    day = one_day(estimate_days([empty(MONDAY)], metered(MONDAY, 1), history))
    assert day.block.values.tolist() == [250 + hour for hour in range(24)]
    assert set(day.block.quality.tolist()) == {LIKE}
    assert (day.block.version, day.block.missing) == (4, 0)
    evidence = json.loads(day.evidence)
    assert evidence["like_days"] == [
        f"{MONDAY - timedelta(days=7 * weeks)}:1" for weeks in (4, 3, 2, 1)
    ]
    assert evidence["registers"] == []


def test_registers_at_both_ends_are_met_exactly() -> None:
    history = [flat(MONDAY - timedelta(days=7), 100)]
    gap = {(0, 24): 10_007}
    day = one_day(estimate_days([empty(MONDAY)], metered(MONDAY, 1, gap), history))
    assert day.block.total() == 10_007
    expected = [100 + hour for hour in range(24)]
    shape = [Fraction(value * 10_007, sum(expected)) for value in expected]
    pairs = zip(day.block.values.tolist(), shape, strict=True)
    assert all(abs(value - wanted) < 1 for value, wanted in pairs)
    assert json.loads(day.evidence)["registers"][0]["advance"] == "10007e0"


def test_what_is_known_inside_the_gap_is_kept() -> None:
    values: list[int | None] = [None] * 24
    values[10] = 700
    gap = metered(MONDAY, 1, {(2, 20): 1_000})
    # Hours before and after the gap have nothing to go by.
    assert estimate_days([block(MONDAY, values)], gap, []) == ()
    history = [flat(MONDAY - timedelta(days=7), 0)]
    filled = one_day(estimate_days([block(MONDAY, values)], gap, history)).block
    assert filled.values[10] == 700
    assert filled.quality[10] == IntervalQuality.ACTUAL
    assert int(filled.values[2:22].sum()) == 1_000


def test_a_gap_over_days_is_shared_among_them() -> None:
    days = [MONDAY, MONDAY + timedelta(days=1)]
    history = [flat(MONDAY - timedelta(days=7), 50), flat(MONDAY - timedelta(days=6), 150)]
    found = estimate_days(
        [empty(day) for day in days], metered(MONDAY, 2, {(0, 48): 9_999}), history
    )
    assert sum(one.block.total() for one in found) == 9_999
    assert found[0].block.total() < found[1].block.total()


def test_a_gap_that_reaches_beyond_the_days_waits() -> None:
    history = [flat(MONDAY - timedelta(days=7), 50)]
    assert estimate_days([empty(MONDAY)], metered(MONDAY, 2, {(0, 48): 9_999}), history) == ()


def test_registers_without_any_history_are_shared_evenly() -> None:
    day = one_day(estimate_days([empty(MONDAY)], metered(MONDAY, 1, {(0, 24): 241}), []))
    assert sorted(set(day.block.values.tolist())) == [10, 11]
    assert day.block.total() == 241
    assert set(day.block.quality.tolist()) == {PROFILE}


def test_nothing_to_go_by_gives_nothing() -> None:
    assert estimate_days([empty(MONDAY)], metered(MONDAY, 1), []) == ()
    assert estimate_days([], metered(MONDAY, 1), []) == ()


def test_registers_that_contradict_what_is_known_give_nothing() -> None:
    values: list[int | None] = [None] * 24
    values[10] = 700
    history = [flat(MONDAY - timedelta(days=7), 50)]
    gap = metered(MONDAY, 1, {(0, 24): 699})
    assert estimate_days([block(MONDAY, values)], gap, history) == ()


def test_working_days_stand_in_for_each_other_but_not_for_weekends() -> None:
    tuesday, sunday = MONDAY - timedelta(days=6), MONDAY - timedelta(days=1)
    history = [flat(tuesday, 100), flat(sunday, 900)]
    day = one_day(estimate_days([empty(MONDAY)], metered(MONDAY, 1), history))
    assert day.block.values[0] == 100
    assert set(day.block.quality.tolist()) == {LIKE}
    profile = one_day(estimate_days([empty(MONDAY)], metered(MONDAY, 1), history[1:]))
    assert profile.block.values[0] == 900
    assert set(profile.block.quality.tolist()) == {PROFILE}


def test_a_holiday_is_like_sundays_and_no_working_day_is_like_it() -> None:
    holiday, sundays = MONDAY - timedelta(days=7), (MONDAY - timedelta(days=1), MONDAY)
    history = [flat(MONDAY - timedelta(days=14), 100), flat(holiday, 900), flat(sundays[0], 700)]

    def first_hour(day: date, history: list[DayBlock], *holidays: date) -> int:
        found = one_day(estimate_days([empty(day)], metered(day, 1), history, holidays))
        assert ("holiday" in json.loads(found.evidence)) is (day in holidays)
        return int(found.block.values[0])

    assert first_hour(MONDAY, history) == 500
    assert first_hour(MONDAY, history, holiday) == 100
    assert first_hour(MONDAY, history, holiday, MONDAY) == 800
    # A Sunday, and a Saturday that is a holiday, are like both.
    assert first_hour(MONDAY + timedelta(days=6), history, holiday) == 800
    saturday = MONDAY + timedelta(days=5)
    assert first_hour(saturday, history, holiday, saturday) == 800


@pytest.mark.parametrize("day", [date(2026, 10, 25), date(2026, 3, 29)])
def test_a_clock_change_is_estimated_by_local_time(day: date) -> None:
    history = [block(day - timedelta(days=7), list(range(24)))]
    found = one_day(estimate_days([empty(day)], metered(day, 1), history)).block
    local = [hour for hour in range(24) if hours(day) > 23 or hour != 2]
    if hours(day) == 25:
        local.insert(3, 2)
    assert found.values.tolist() == local


def test_decimals_of_blocks_and_registers_meet() -> None:
    history = [block(MONDAY - timedelta(days=7), [125] * 24, exponent=-2)]
    day = one_day(estimate_days([empty(MONDAY)], metered(MONDAY, 1), history))
    # 1.25 an hour in whole counts: the sum is kept.
    assert day.block.total() == 30
    half = block(MONDAY, [5, *([None] * 23)], exponent=-1)
    fine = one_day(estimate_days([half], metered(MONDAY, 1, {(0, 24): 100}), history))
    assert fine.block.total() * Fraction(10) ** fine.block.exponent == 100


def test_an_estimate_stands_until_validation_finds_more() -> None:
    history = [block(MONDAY - timedelta(days=7), [15] * 24, exponent=-1)]
    judged = block(MONDAY, [7, *([None] * 23)], version=5)
    gap = metered(MONDAY, 1, {(0, 24): 100})
    estimated = one_day(estimate_days([judged], gap, history)).block
    assert without_estimates(estimated).sha256 == judged.sha256
    assert still_stands(estimated, judged)
    assert not still_stands(estimated, block(MONDAY, [7, 3, *([None] * 22)]))
    assert not still_stands(estimated, block(MONDAY, [7, *([4] * 23)]))
    assert not still_stands(estimated, estimated)


def test_estimates_are_no_history() -> None:
    guessed = empty(MONDAY - timedelta(days=7))
    guess = one_day(estimate_days([guessed], metered(guessed.day, 1, {(0, 24): 240}), [])).block
    assert expected(local_day(MONDAY, ZONE).start, MONDAY, [guess]) is None


def test_days_further_than_five_weeks_are_no_history() -> None:
    start: datetime = local_day(MONDAY, ZONE).start
    assert expected(start, MONDAY, [flat(MONDAY - timedelta(days=42), 1)]) is None
    assert expected(start, MONDAY, [flat(MONDAY - timedelta(days=35), 1)]) is not None


@pytest.mark.parametrize(
    ("weights", "total", "steps"),
    [
        ([1, 1, 1], 10, [3, 3, 4]),
        ([0, 0], 5, [2, 3]),
        ([0, 3, 1], 8, [0, 6, 2]),
        ([Fraction(1, 2)] * 4, None, [0, 1, 0, 1]),
        ([], None, []),
    ],
)
def test_shares_sum_to_the_whole(
    weights: list[int | Fraction], total: int | None, steps: list[int]
) -> None:
    assert shares([Fraction(weight) for weight in weights], total) == steps


def test_the_night_after_a_gas_day_is_like_the_nights_after_its_weekday() -> None:
    six, hour = time(6), timedelta(hours=1)
    friday = MONDAY + timedelta(days=4)

    def gas_day(day: date, night: int) -> DayBlock:
        span = local_day(day, ZONE, six)
        count = span.duration // hour
        values = np.array([night if number >= 18 else 1 for number in range(count)], dtype=np.int64)
        marks = np.zeros(count, dtype=np.uint8)
        return DayBlock(7, day, ZONE, span.start, 3600, 0, Unit.WATT_HOUR, values, marks)

    weeks = [friday - timedelta(days=7 * number) for number in range(1, 4)]
    history = [gas_day(day, 50) for day in weeks]
    history += [gas_day(day + timedelta(days=1), 900) for day in weeks]
    three = local_day(friday, ZONE, six).start + 21 * hour
    assert expected(three, friday, history) == 50
    assert expected(three, friday + timedelta(days=1), history) == 900
