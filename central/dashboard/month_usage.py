"""A month of a channel as the chart draws it where no script runs: one bar a day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from central.dashboard.present import day as spell_day
from central.dashboard.present import energy, month_name
from central.domain.metering.display_unit import display_unit
from central.domain.rating.daily_usage import DailyUsage
from central.service.operator.month import ChannelMonth, MonthDay
from central.service.views.usage_chart import DayMark, draw_usage


@dataclass(frozen=True, slots=True)
class MonthDrawing:
    """What stands in the page.

    Args:
        svg: The chart.
        caption: What it shows, in one sentence.
    """

    svg: str
    caption: str


def draw_month(month: ChannelMonth) -> MonthDrawing:
    """The drawing of a channel's month."""
    unit = display_unit(month.channel.unit).name
    caption = f"{month.channel.name.capitalize()} per day in {unit}, {month_name(month.first)}"
    days = tuple(day.day for day in month.days)
    usage = DailyUsage(unit, ("",), days, tuple((_value(day),) for day in month.days))
    return MonthDrawing(
        draw_usage(usage, title=caption, marks={day.day: _mark(day) for day in month.days}),
        caption,
    )


def _value(day: MonthDay) -> Decimal:
    if day.block is None:
        return Decimal(0)
    return display_unit(day.block.unit).decimal(day.total, day.block.exponent)


def _mark(day: MonthDay) -> DayMark:
    return DayMark(_text(day), day.estimated > 0, day.block is None or day.missing > 0)


def _text(day: MonthDay) -> str:
    if day.block is None:
        return f"{spell_day(day.day)}: not validated yet"
    text = f"{spell_day(day.day)}: {energy(day.total, day.block.exponent, day.block.unit)}"
    if day.estimated:
        text = f"{text}, {day.estimated} intervals estimated"
    return f"{text}, {day.missing} missing" if day.missing else text
