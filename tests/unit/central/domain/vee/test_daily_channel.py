"""A channel that is read once a day has one interval per local day, however long the day is."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import grid_of
from central.domain.metering.installation import Installation
from central.domain.metering.quality import IntervalQuality
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import DAY_S, PointChannel, ServicePoint
from central.domain.metering.track import InstallationSegment
from central.domain.vee.day import Thresholds
from central.domain.vee.estimate import estimate_days
from central.domain.vee.estimator import Basis, GapSlot
from central.domain.vee.estimators import like_day
from central.domain.vee.own_days import OwnDays
from central.domain.vee.validate import Validated, measure, validate_day
from firmware_bridge.contract.interval import MIDNIGHT, local_day
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Kind, Source, to_ms

DAY, FIRST = timedelta(days=1), date(2026, 1, 1)
MADRID, SANTIAGO, LORD_HOWE = "Europe/Madrid", "America/Santiago", "Australia/Lord_Howe"
GAS = time(6)
YEAR = [FIRST + DAY * number for number in range(365)]


def channel(zone: str, at: time = MIDNIGHT) -> PointChannel:
    point = ServicePoint("SP-1", zone)
    return PointChannel(1, point, Obis.parse("7-0:3.0.0"), DAY_S, Unit.LITRE, at)


def used(day: date) -> int:
    """No two neighbours are alike. [L]."""
    return 1_000 + (day - FIRST).days * 7 % 97


def meter(
    zone: str, at: time, days: list[date], shift_s: tuple[int, ...] = (0,)
) -> list[InstallationSegment]:
    """A register that is read where each day begins and at the end, and a few seconds beside it."""
    shown, rows = 50_000, []
    for number, day in enumerate([*days, days[-1] + DAY]):
        begin = to_ms(local_day(day, zone, at).start)
        rows.append((begin + shift_s[number % len(shift_s)] * 1000, shown, 0, 0))
        shown += used(day)
    series = ReadingSeries.of(
        rows, kind=Kind.REGISTER, source=Source.LIVE, period_s=DAY_S, unit=Unit.LITRE
    )
    start = local_day(days[0] - DAY, zone, at).start
    return [InstallationSegment(Installation("M", start), (series,))]


def validated(zone: str, at: time, day: date, meters: list[InstallationSegment]) -> Validated:
    return validate_day(channel(zone, at), day, meters)


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        (MADRID, MIDNIGHT, {date(2026, 3, 29): 23, date(2026, 10, 25): 25}),
        (MADRID, GAS, {date(2026, 3, 28): 23, date(2026, 10, 24): 25}),
        (SANTIAGO, MIDNIGHT, {date(2026, 4, 4): 25, date(2026, 9, 6): 23}),
        (SANTIAGO, GAS, {date(2026, 4, 4): 25, date(2026, 9, 5): 23}),
        (LORD_HOWE, MIDNIGHT, {date(2026, 4, 5): 24.5, date(2026, 10, 4): 23.5}),
    ],
)
def test_a_year_of_days_sums_to_the_register(zone: str, at: time, hours: dict[date, float]) -> None:
    meters = meter(zone, at, YEAR, (0, 9, -9))
    total, end = 0, local_day(FIRST, zone, at).start
    for day in YEAR:
        found = validated(zone, at, day, meters)
        assert found.findings == ()
        assert found.block.values.tolist() == [used(day)], day
        assert found.block.interval == local_day(day, zone, at)
        assert found.block.start == end
        assert found.block.period_s == hours.get(day, 24) * 3600
        total, end = total + found.block.total(), found.block.end
    assert total == sum(map(used, YEAR))
    assert end == local_day(date(2027, 1, 1), zone, at).start


def test_a_reading_further_from_the_boundary_is_none_of_the_day() -> None:
    day = date(2026, 10, 25)
    days = [day - DAY, day, day + DAY]
    for shift_s in (11, 3_600, -3_600):
        found = validated(MADRID, MIDNIGHT, day, meter(MADRID, MIDNIGHT, days, (shift_s,)))
        assert found.block.missing == 1
        assert [one.code for one in found.findings] == ["MISSING_INTERVALS"]
        assert found.findings[0].evidence == {"missing": "1", "expected": "1"}


def test_a_days_own_value_counts_where_it_begins_with_the_local_day() -> None:
    day = date(2026, 10, 25)
    begins = [local_day(one, MADRID).start for one in (day, day + DAY)]

    def profile(at: list[datetime]) -> list[InstallationSegment]:
        series = ReadingSeries.of(
            [(to_ms(begin), 700 + number, 0, 0) for number, begin in enumerate(at)],
            kind=Kind.INTERVAL,
            source=Source.PROFILE,
            period_s=DAY_S,
            unit=Unit.LITRE,
        )
        return [InstallationSegment(Installation("M", begins[0] - DAY), (series,))]

    assert validated(MADRID, MIDNIGHT, day, profile(begins)).block.values.tolist() == [700]
    # A meter whose days all have 24 hours begins the next one in the 25th.
    drifted = [begins[0], begins[0] + DAY]
    found = validated(MADRID, MIDNIGHT, day + DAY, profile(drifted))
    assert found.block.missing == 1
    odd = validated(MADRID, MIDNIGHT, day, profile(drifted)).findings
    assert "EXTRA_INTERVALS" in {one.code for one in odd}


def block(day: date, value: int | None, zone: str = SANTIAGO) -> DayBlock:
    span = local_day(day, zone)
    missing = value is None
    return DayBlock(
        1,
        day,
        zone,
        span.start,
        int(span.duration.total_seconds()),
        0,
        Unit.LITRE,
        np.array([-(2**63) if value is None else value]),
        np.array([IntervalQuality.MISSING if missing else IntervalQuality.ACTUAL]),
    )


def test_a_day_that_begins_an_hour_late_is_like_other_days() -> None:
    sunday = date(2026, 9, 6)
    history = [block(sunday - DAY * 7 * weeks, 100 * weeks) for weeks in (1, 2, 3, 4)]
    own = OwnDays(SANTIAGO, history)
    span = local_day(sunday, SANTIAGO)
    expected = like_day.ESTIMATOR.expect(GapSlot(span.start, span.end, sunday), Basis(own))
    assert expected is not None
    assert expected.value == 250


def test_a_gap_over_a_clock_change_is_shared_to_the_register() -> None:
    days = [date(2026, 9, day) for day in (4, 5, 6, 7, 8)]
    ends = [to_ms(local_day(day, SANTIAGO).start) for day in (days[0], days[-1] + DAY)]
    (segment,) = meter(SANTIAGO, MIDNIGHT, days)
    (shown,) = segment.series
    shown = shown.where(np.isin(shown.at_ms, ends))
    counter, limits = channel(SANTIAGO), Thresholds()
    grid = grid_of(counter, days[0], days[-1], limits.linear_gap)
    meters = [InstallationSegment(segment.installation, (shown,))]
    _, metered = measure(counter, grid, meters, limits)
    found = estimate_days([block(day, None) for day in days], metered, [])
    assert [one.block.day for one in found] == days
    assert sum(one.block.total() for one in found) == sum(map(used, days))
