"""Sums by step of time are exact, and say what is missing; a profile counts hours as clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from central.domain.consumption.change import PeriodUse, RankedBy, UseChange, largest
from central.domain.consumption.load_profile import load_profile
from central.domain.consumption.percent import percent_text
from central.domain.consumption.step_totals import LoadTotal, StepTotals
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.quantity import Unit

ZONE = "Europe/Madrid"
BACK = date(2026, 10, 25)
QUARTER_S, HOUR_S = 900, 3600
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def day_of(values: list[int], quality: int = 0, channel: int = 1, day: date = BACK) -> DayBlock:
    kept = np.array(values, dtype=np.int64)
    marks = np.where(kept == NULL, 255, quality).astype(np.uint8)
    start, unit = local_day(day, ZONE).start, Unit.WATT_HOUR
    return DayBlock(channel, day, ZONE, start, QUARTER_S, 0, unit, kept, marks)


def summed(*blocks: DayBlock, step_s: int = HOUR_S, until: datetime = LATER) -> StepTotals:
    begin = local_day(BACK, ZONE).start
    steps = StepTotals(begin, begin + timedelta(hours=25), step_s)
    for block in blocks:
        steps.add(block, Fraction(1, 1000), until)
    return steps


def test_sums_beyond_64_bits_are_exact() -> None:
    high = 2**62 + 1
    totals = [total for _, total in summed(*(day_of([high] * 100) for _ in range(9)))]
    assert len(totals) == 25
    assert {total.total for total in totals} == {Fraction(9 * 4 * high, 1000)}


def test_negative_values_missing_and_estimated_ones_are_counted() -> None:
    first = day_of([-5, NULL, 1, 1] * 25)
    second = day_of([10] * 100, quality=2, channel=2)
    (_, total), *_ = summed(first, second)
    assert total == LoadTotal(Fraction(-3 + 40, 1000), 2, 1, 4)


def test_what_is_not_over_is_not_due() -> None:
    begin = local_day(BACK, ZONE).start
    until = begin + timedelta(minutes=59)
    ((at, total),) = summed(day_of([1, NULL, 1, NULL] + [NULL] * 96), until=until)
    assert (at, total) == (begin, LoadTotal(Fraction(2, 1000), 1, 1, 0))
    assert list(summed(day_of([1] * 100), until=begin)) == []


def test_an_hour_that_comes_twice_counts_as_two() -> None:
    # 4 kWh in each hour, and 8 in the second hour from two to three.
    hours = [1000] * 100
    hours[12:16] = [2000] * 4
    profile = load_profile(summed(day_of(hours), step_s=QUARTER_S), QUARTER_S, ZONE)
    assert profile.weekend[2] == 6
    assert profile.weekend[3] == profile.days[3] == 4
    assert profile.weekday == (None,) * 24
    assert profile.mean == Fraction(24 * 4 + 8, 25)
    assert profile.peak == 8
    assert profile.peak_at == datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert profile.load_factor == profile.mean / 8
    nothing = load_profile([], HOUR_S, ZONE)
    assert (nothing.load_factor, nothing.peak_at) == (None, None)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Fraction(1, 3), "33.3333"),
        (Fraction(-3, 4), "-75.0000"),
        (Fraction(1, 4_000_000), "0.0000"),
        (None, None),
    ],
)
def test_a_share_as_percent(share: Fraction | None, text: str | None) -> None:
    assert percent_text(share) == text


def test_changes_are_ranked_by_size_and_then_by_name() -> None:
    def change(name: str, before: int, after: int, days: int = 1) -> UseChange:
        return UseChange(name, PeriodUse(Fraction(before), 1), PeriodUse(Fraction(after), days))

    changes = [
        change("b", 100, 90),
        change("a", 10, 20),
        change("new", 0, 1),
        change("none", 0, 0),
        # Twice as much in twice as many days is no change.
        change("long", 5, 10, days=2),
    ]
    names = [each.name for each in largest(changes, RankedBy.ABSOLUTE, 4)]
    assert names == ["a", "b", "new", "long"]
    relative = [each.name for each in largest(changes, RankedBy.RELATIVE, 3)]
    assert relative == ["new", "a", "b"]
