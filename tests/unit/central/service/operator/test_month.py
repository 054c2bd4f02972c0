from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.service.operator.month import assemble_month, month_after, month_before, parse_month
from central.service.views.field import PointChannelView
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit

ZONE = "Europe/Madrid"
CHANNEL = PointChannelView("7", "p", "Home", ZONE, ACTIVE_IMPORT, 900, Unit.WATT_HOUR, None)
OCTOBER = date(2026, 10, 1)


def block(day: date, *, value: int = 10, missing: range = range(0), exponent: int = 0) -> DayBlock:
    span = local_day(day, ZONE)
    count = span.duration // timedelta(minutes=15)
    values = np.full(count, value, dtype=np.int64)
    quality = np.zeros(count, np.uint8)
    for place in missing:
        values[place], quality[place] = NULL, IntervalQuality.MISSING
    return DayBlock(7, day, ZONE, span.start, 900, exponent, Unit.WATT_HOUR, values, quality)


def test_a_month_has_all_its_days_and_the_autumn_one_is_25_hours_long() -> None:
    month = assemble_month(CHANNEL, OCTOBER, (block(date(2026, 10, 25)),))
    assert len(month.days) == 31
    assert month.days[24].interval.duration == timedelta(hours=25)
    assert month.days[24].total == 1000
    assert month.validated == 1
    assert month.interval.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert month.interval.end == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_a_total_adds_days_of_different_exponents_exactly() -> None:
    blocks = (block(OCTOBER, value=3), block(date(2026, 10, 2), value=7, exponent=-1))
    assert assemble_month(CHANNEL, OCTOBER, blocks).total == Quantity(
        3 * 96 * 10 + 7 * 96, -1, Unit.WATT_HOUR
    )


def test_missing_intervals_are_gaps_and_never_zeros() -> None:
    month = assemble_month(CHANNEL, OCTOBER, (block(OCTOBER, missing=range(4, 8)),))
    assert month.missing == 4
    assert month.days[0].total == 92 * 10
    start = month.days[0].interval.start
    assert [(gap.start - start, gap.duration) for gap in month.gaps()] == [
        (timedelta(hours=1), timedelta(hours=1))
    ]


def test_a_gap_over_midnight_is_one() -> None:
    blocks = (
        block(OCTOBER, missing=range(90, 96)),
        block(date(2026, 10, 2), missing=range(2)),
        block(date(2026, 10, 3), missing=range(2)),
    )
    gaps = assemble_month(CHANNEL, OCTOBER, blocks).gaps()
    assert [gap.duration for gap in gaps] == [timedelta(hours=2), timedelta(minutes=30)]


def test_the_peak_is_the_earliest_of_the_largest_intervals() -> None:
    second = block(date(2026, 10, 2))
    values = second.values.copy()
    values[[20, 50]] = 99
    month = assemble_month(CHANNEL, OCTOBER, (block(OCTOBER), replace(second, values=values)))
    assert month.peak is not None
    assert month.peak[0] == second.start + 20 * timedelta(minutes=15)
    assert month.peak[1].decimal() == Decimal(99)


def test_a_month_without_blocks_has_no_total() -> None:
    month = assemble_month(CHANNEL, OCTOBER, ())
    assert (month.total, month.peak, month.validated, month.gaps()) == (None, None, 0, ())


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "1999-12", "october", "", "2026-10-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_month(text)


def test_months_follow_each_other_over_the_year() -> None:
    assert month_after(parse_month("2026-12")) == date(2027, 1, 1)
    assert month_before(parse_month("2027-01")) == date(2026, 12, 1)
