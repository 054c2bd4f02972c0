"""How much of each month of a channel is validated, estimated and missing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from central.service.operator.month import month_after, month_before
from central.service.ports.overview import FieldOverview
from central.service.spreadsheet import harmless_cell
from central.service.views.field import PointChannelView, ValidatedMonth
from firmware_bridge.contract.interval import local_day, zone_info

MONTHS = 13
HEADING = ("month", "intervals", "metered", "estimated", "without_value", "not_validated")


@dataclass(frozen=True, slots=True)
class MonthCoverage:
    """One local month of a channel, in intervals; the four parts make up the whole.

    Args:
        month: Its first day.
        intervals: Intervals of the days that are over.
        metered: Validated, with a value that a meter or a person gave.
        estimated: Validated, with an estimate.
        missing: Validated, without a value.
        unvalidated: Of days that are over and not validated.
    """

    month: date
    intervals: int
    metered: int
    estimated: int
    missing: int
    unvalidated: int

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """What the month is made of, in the order of a bar."""
        return (
            ("metered", self.metered),
            ("estimated", self.estimated),
            ("missing", self.missing),
            ("unvalidated", self.unvalidated),
        )

    @property
    def complete_tenths(self) -> int:
        """How much has a value, in tenths of a percent, rounded down: 1000 is all."""
        return 1000 * (self.metered + self.estimated) // self.intervals


async def view_coverage(
    overview: FieldOverview, channel: PointChannelView, newest: date, now: datetime
) -> tuple[MonthCoverage, ...]:
    """The months up to one, newest first; those with no day that is over are left out.

    Args:
        overview: The store.
        channel: The channel.
        newest: First day of the last month.
        now: The present.
    """
    first = newest
    for _ in range(MONTHS - 1):
        first = month_before(first)
    validated = await overview.validated_months(channel.channel, first, month_after(newest))
    today = now.astimezone(zone_info(channel.zone)).date()
    return months_of(channel, first, month_after(newest), today, validated)


def months_of(
    channel: PointChannelView,
    first: date,
    until: date,
    today: date,
    validated: Sequence[ValidatedMonth],
) -> tuple[MonthCoverage, ...]:
    """The coverage of months, newest first, back to the first that has a validated day.

    Args:
        channel: The channel.
        first: First day of the first month.
        until: The day after the last month.
        today: The local date; it and what follows are not over.
        validated: What is validated of each month that has such days.
    """
    by_month = {month.first: month for month in validated}
    rows, month = [], max(first, min([*by_month, month_before(until)]))
    while month < min(until, today):
        following = month_after(month)
        there = by_month.get(month, ValidatedMonth(month, 0, 0, 0))
        over = _intervals(channel, month, min(following, today))
        intervals = max(over, there.intervals)
        rows.append(
            MonthCoverage(
                month,
                intervals,
                there.intervals - there.estimated - there.missing,
                there.estimated,
                there.missing,
                intervals - there.intervals,
            )
        )
        month = following
    return tuple(reversed(rows))


def _intervals(channel: PointChannelView, first: date, until: date) -> int:
    """Intervals of the local days in [first, until), which have 23 to 25 hours."""
    begin, end = (local_day(day, channel.zone).start for day in (first, until))
    return (end - begin) // timedelta(seconds=channel.period_s)


def coverage_csv(months: Sequence[MonthCoverage]) -> str:
    """The same for a spreadsheet: counts of intervals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADING)
    for each in months:
        row = (f"{each.month:%Y-%m}", each.intervals, *(count for _, count in each.parts))
        writer.writerow([harmless_cell(value) for value in row])
    return text.getvalue()
