"""One channel's local month, day by day: what is validated, estimated, missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

import numpy as np

from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.quality import IntervalQuality
from central.service.ports.overview import FieldOverview
from central.service.views.field import PointChannelView
from central.service.views.lookup import require
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval, local_day, zone_info
from firmware_bridge.contract.quantity import Quantity

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_DECEMBER = 12
ESTIMATED = (
    IntervalQuality.ESTIMATED_LINEAR,
    IntervalQuality.ESTIMATED_LIKE_DAY,
    IntervalQuality.ESTIMATED_PROFILE,
    IntervalQuality.ESTIMATED_BY_METER,
)


def parse_month(text: str) -> date:
    """The first day of a month such as 2026-10.

    Raises:
        InvalidValueError: The text is not a month, or not of the years 2000 to 2999.
    """
    match = _MONTH.fullmatch(text)
    if match is None or not 2000 <= int(match[1]) < 3000:  # noqa: PLR2004 - of smart meters
        message = f"{text!r} is not a month such as 2026-10."
        raise InvalidValueError(message, value=text)
    return date(int(match[1]), int(match[2]), 1)


def month_after(month: date) -> date:
    """The first day of the month that follows."""
    if month.month == _DECEMBER:
        return date(month.year + 1, 1, 1)
    return date(month.year, month.month + 1, 1)


def month_before(month: date) -> date:
    """The first day of the month that precedes."""
    return (month - timedelta(days=1)).replace(day=1)


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One local day of a channel.

    Args:
        day: The local date.
        interval: Its first instant and the first of the next day.
        block: Its validated block, None where there is none yet.
        total: Sum of the intervals that have a value. [block.unit x 10 ** block.exponent]
        estimated: How many intervals are estimated.
        missing: How many have no value.
    """

    day: date
    interval: Interval
    block: DayBlock | None
    total: int
    estimated: int
    missing: int

    def gaps(self) -> Iterator[Interval]:
        """The runs of intervals without a value, ascending."""
        if self.block is None:
            return
        start, step = self.block.start, timedelta(seconds=self.block.period_s)
        marks = enumerate((self.block.quality == IntervalQuality.MISSING).tolist())
        for missing, run in groupby(marks, key=lambda mark: mark[1]):
            places = [place for place, _ in run]
            if missing:
                yield Interval(start + places[0] * step, start + (places[-1] + 1) * step)


@dataclass(frozen=True, slots=True)
class ChannelMonth:
    """One channel's local month.

    Args:
        channel: The channel.
        first: First day of the month.
        days: Every day of the month, ascending.
        total: Sum of all intervals that have a value.
        peak: The largest interval's start and value; None without any value.
    """

    channel: PointChannelView
    first: date
    days: tuple[MonthDay, ...]
    total: Quantity | None
    peak: tuple[datetime, Quantity] | None

    @property
    def zone(self) -> str:
        """IANA zone in which its days are cut."""
        return self.channel.zone

    @property
    def interval(self) -> Interval:
        """The month's first instant and the first of the next."""
        return Interval(self.days[0].interval.start, self.days[-1].interval.end)

    @property
    def estimated(self) -> int:
        """How many intervals are estimated."""
        return sum(day.estimated for day in self.days)

    @property
    def missing(self) -> int:
        """How many intervals of validated days have no value."""
        return sum(day.missing for day in self.days)

    @property
    def validated(self) -> int:
        """How many days have a validated block."""
        return sum(day.block is not None for day in self.days)

    def gaps(self) -> tuple[Interval, ...]:
        """All runs of intervals without a value; those of adjoining days are one."""
        merged: list[Interval] = []
        for gap in (gap for day in self.days for gap in day.gaps()):
            if merged and merged[-1].end == gap.start:
                merged[-1] = Interval(merged[-1].start, gap.end)
            else:
                merged.append(gap)
        return tuple(merged)


async def view_month(
    overview: FieldOverview, channel: str, month: date | None, now: datetime
) -> ChannelMonth:
    """A channel's month from its newest validated blocks.

    Args:
        overview: The store.
        channel: The channel's identifier.
        month: First day of the month; None takes the newest month that has data.
        now: The present.

    Raises:
        NotFoundError: There is no such channel.
    """
    view = require(await overview.point_channel(channel), "channel of a service point", channel)
    first = month or _newest(view, now)
    return assemble_month(view, first, await overview.blocks(channel, first, month_after(first)))


def _newest(channel: PointChannelView, now: datetime) -> date:
    day = channel.last_day or now.astimezone(zone_info(channel.zone)).date()
    return day.replace(day=1)


def assemble_month(
    channel: PointChannelView, first: date, blocks: tuple[DayBlock, ...]
) -> ChannelMonth:
    """The month that some blocks of one channel make.

    Args:
        channel: The channel.
        first: First day of the month.
        blocks: At most one per day.
    """
    by_day = {block.day: block for block in blocks}
    count = (month_after(first) - first).days
    days = tuple(
        _day(first + timedelta(days=place), channel.zone, by_day.get(first + timedelta(days=place)))
        for place in range(count)
    )
    return ChannelMonth(channel, first, days, _total(days), _peak(days))


def _day(day: date, zone: str, block: DayBlock | None) -> MonthDay:
    if block is None:
        return MonthDay(day, local_day(day, zone), None, 0, 0, 0)
    present = block.values[block.quality != IntervalQuality.MISSING]
    estimated = int(np.count_nonzero(np.isin(block.quality, ESTIMATED)))
    return MonthDay(day, block.interval, block, exact_sum(present), estimated, block.missing)


def _total(days: tuple[MonthDay, ...]) -> Quantity | None:
    parts = [(day.total, day.block) for day in days if day.block is not None]
    if not parts:
        return None
    lowest = min(block.exponent for _, block in parts)
    total = sum(part * 10 ** (block.exponent - lowest) for part, block in parts)
    return Quantity(total, lowest, parts[0][1].unit)


def _peak(days: tuple[MonthDay, ...]) -> tuple[datetime, Quantity] | None:
    """The largest interval; of equal ones, the earliest."""
    best: tuple[datetime, Quantity] | None = None
    for block in (day.block for day in days if day.block is not None):
        present = block.quality != IntervalQuality.MISSING
        if not present.any():
            continue
        place = int(np.flatnonzero(present)[np.argmax(block.values[present])])
        value = Quantity(int(block.values[place]), block.exponent, block.unit)
        if best is None or value.decimal() > best[1].decimal():
            best = (block.start + place * timedelta(seconds=block.period_s), value)
    return best


async def view_point_months(
    overview: FieldOverview, point: str, month: date | None, now: datetime
) -> tuple[ChannelMonth, ...]:
    """The month of everything that is counted at a service point.

    Args:
        overview: The store.
        point: The service point's identifier.
        month: First day of the month; None takes the newest month of each channel.
        now: The present.

    Raises:
        NotFoundError: There is no such service point.
    """
    require(await overview.point(point, now), "service point", point)
    channels = await overview.point_channels(point)
    return tuple([await view_month(overview, view.channel, month, now) for view in channels])
