"""Which days a change of readings may give another content."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.metering.service_point import DAY_S, PointChannel, ServicePoint
from central.domain.vee.day import Thresholds
from central.domain.vee.reopened import days_reached, days_reopened
from firmware_bridge.contract.interval import Interval, day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit

ZONE = "Europe/Madrid"
MIDNIGHT, SIX = time(0), time(6)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
FIRST = date(2026, 11, 1)
LIKE, MISSING = IntervalQuality.ESTIMATED_LIKE_DAY, IntervalQuality.MISSING
ACTUAL = IntervalQuality.ACTUAL


def reached(period_s: int, begins: time, at: datetime) -> tuple[date, date]:
    channel = PointChannel(
        1, ServicePoint("SP-1", ZONE), ACTIVE_IMPORT, period_s, Unit.WATT_HOUR, begins
    )
    return days_reached(channel, Interval(at, at + SECOND / 1000), Thresholds())


@pytest.mark.parametrize(
    ("period_s", "begins", "hours"),
    [
        (900, MIDNIGHT, 2),
        (3600, MIDNIGHT, 2),
        (4 * 3600, MIDNIGHT, 4),
        (3600, SIX, 2),
        (DAY_S, MIDNIGHT, 25),
        (DAY_S, SIX, 25),
    ],
)
def test_a_reading_reaches_an_interval_or_two_hours_far(
    period_s: int, begins: time, hours: int
) -> None:
    start, reach = day_start(FIRST, ZONE, begins), timedelta(hours=hours, seconds=10)
    assert reached(period_s, begins, start + reach - SECOND)[0] == FIRST - DAY
    assert reached(period_s, begins, start + reach)[0] >= FIRST
    assert reached(period_s, begins, start - reach)[1] == FIRST
    assert reached(period_s, begins, start - reach - SECOND)[1] < FIRST


def days(qualities: Sequence[IntervalQuality], first: date = FIRST) -> list[DayBlock]:
    return [
        DayBlock(
            channel_id=1,
            day=first + DAY * number,
            zone="UTC",
            start=datetime(2026, 11, 1, tzinfo=UTC) + DAY * number,
            period_s=DAY_S,
            exponent=0,
            unit=Unit.WATT_HOUR,
            values=np.array([NULL if one is MISSING else 5], dtype=np.int64),
            quality=np.array([one], dtype=np.uint8),
            version=1,
        )
        for number, one in enumerate(qualities)
    ]


def test_estimates_in_a_row_up_to_a_change_may_be_made_again() -> None:
    blocks = days([ACTUAL, LIKE, MISSING, LIKE, ACTUAL, LIKE])
    day = [FIRST + DAY * number for number in range(10)]
    assert days_reopened((day[3], day[3]), blocks) == (day[1], day[3])
    # The day of the change is not closed yet, or was complete until now.
    assert days_reopened((day[4], day[4]), blocks) == (day[1], day[5])
    assert days_reopened((day[6], day[7]), blocks) == (day[5], day[7])
    assert days_reopened((day[8], day[8]), blocks) == (day[8], day[8])
    assert days_reopened((day[0], day[0]), blocks[3:]) == (day[0], day[0])
