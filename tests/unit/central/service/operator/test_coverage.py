"""What of a month is validated, in intervals that add up."""

from __future__ import annotations

from datetime import date

from central.service.operator.coverage import coverage_csv, months_of
from central.service.views.field import PointChannelView, ValidatedMonth
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit

CHANNEL = PointChannelView(
    "7", "p", "Home", "Europe/Madrid", ACTIVE_IMPORT, 900, Unit.WATT_HOUR, None
)
SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)


def test_the_parts_of_a_month_make_up_the_hours_of_its_days() -> None:
    validated = (
        ValidatedMonth(OCTOBER, 2 * 96 + 100, 8, 22),
        ValidatedMonth(SEPTEMBER, 96, 0, 0),
    )
    november, october, september = months_of(
        CHANNEL, SEPTEMBER, date(2026, 12, 1), date(2026, 11, 3), validated
    )
    assert (october.intervals, september.intervals) == (31 * 96 + 4, 30 * 96)
    assert october.parts == (
        ("metered", 262), ("estimated", 8), ("missing", 22), ("unvalidated", 2688),
    )  # fmt: skip
    assert sum(count for _, count in october.parts) == october.intervals
    assert october.complete_tenths == 1000 * 270 // 2980
    assert (november.month, november.intervals, november.unvalidated) == (NOVEMBER, 192, 192)


def test_a_day_that_is_validated_before_its_end_counts() -> None:
    (november,) = months_of(
        CHANNEL,
        NOVEMBER,
        date(2026, 12, 1),
        date(2026, 11, 2),
        (ValidatedMonth(NOVEMBER, 192, 0, 0),),
    )
    assert (november.intervals, november.unvalidated) == (192, 0)


def test_nothing_is_shown_of_a_month_that_has_not_begun() -> None:
    assert months_of(CHANNEL, NOVEMBER, date(2026, 12, 1), NOVEMBER, ()) == ()


def test_months_before_the_first_validated_day_are_left_out() -> None:
    rows = months_of(CHANNEL, SEPTEMBER, NOVEMBER, NOVEMBER, (ValidatedMonth(OCTOBER, 96, 0, 0),))
    assert [row.month for row in rows] == [OCTOBER]
    rows = months_of(CHANNEL, SEPTEMBER, NOVEMBER, NOVEMBER, ())
    assert [(row.month, row.unvalidated) for row in rows] == [(OCTOBER, 2980)]


def test_a_spreadsheet_reads_the_same() -> None:
    rows = months_of(CHANNEL, OCTOBER, NOVEMBER, NOVEMBER, (ValidatedMonth(OCTOBER, 2980, 1, 2),))
    assert coverage_csv(rows).splitlines() == [
        "month,intervals,metered,estimated,without_value,not_validated",
        "2026-10,2980,2977,1,2,0",
    ]
