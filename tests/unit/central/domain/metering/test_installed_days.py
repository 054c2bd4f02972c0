"""On which local days a meter was there."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from central.domain.metering.installed_days import installed_days, local_date
from central.service.ports.validation import ENDLESS
from firmware_bridge.contract.interval import Interval, local_day

ZONE = "Europe/Madrid"


def between(*spans: Interval, first: date, last: date, zone: str = ZONE) -> list[date]:
    return list(installed_days(spans, zone, first, last))


def test_a_day_counts_from_any_time_of_it() -> None:
    noon = datetime(2026, 10, 24, 10, tzinfo=UTC)
    span = Interval(noon, noon + timedelta(days=2))
    found = between(span, first=date(2026, 10, 1), last=date(2026, 10, 31))
    assert found == [date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)]


def test_a_day_at_whose_midnight_the_meter_went_has_none() -> None:
    out = local_day(date(2026, 10, 25), ZONE)
    span = Interval(out.start - timedelta(days=1), out.end)
    found = between(span, first=date(2026, 10, 1), last=date(2026, 10, 31))
    assert found == [date(2026, 10, 24), date(2026, 10, 25)]


def test_the_day_of_an_exchange_counts_once_and_days_between_meters_not_at_all() -> None:
    swap = datetime(2026, 10, 5, 10, tzinfo=UTC)
    again = datetime(2026, 10, 9, 10, tzinfo=UTC)
    spans = (
        Interval(swap - timedelta(days=1), swap),
        Interval(swap, swap + timedelta(hours=1)),
        Interval(again, ENDLESS),
    )
    found = between(*spans, first=date(2026, 10, 1), last=date(2026, 10, 10))
    assert [day.day for day in found] == [4, 5, 9, 10]


def test_a_date_that_a_zone_skipped_is_no_day() -> None:
    span = Interval(datetime(2011, 12, 28, tzinfo=UTC), ENDLESS)
    found = between(span, first=date(2011, 12, 29), last=date(2011, 12, 31), zone="Pacific/Apia")
    assert found == [date(2011, 12, 29), date(2011, 12, 31)]


def test_nothing_lies_between_days_that_are_out_of_order() -> None:
    span = Interval(datetime(2026, 1, 1, tzinfo=UTC), ENDLESS)
    assert between(span, first=date(2026, 2, 2), last=date(2026, 2, 1)) == []


def test_what_is_before_the_start_of_a_day_belongs_to_the_day_before() -> None:
    six, day = time(6), date(2026, 10, 25)
    begins = local_day(day, ZONE, six).start
    before = begins - timedelta(microseconds=1)
    assert local_date(begins, ZONE, six) == day
    assert local_date(before, ZONE, six) == day - timedelta(days=1)
    span = Interval(begins - timedelta(hours=1), begins + timedelta(hours=1))
    found = installed_days([span], ZONE, date(2026, 10, 1), date(2026, 10, 31), six)
    assert list(found) == [day - timedelta(days=1), day]
