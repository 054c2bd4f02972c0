"""A month of a channel as the chart draws it where no script runs: one bar a day."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from central.dashboard.present import Presenter, sentence
from central.domain.metering.display_unit import display_unit
from central.domain.rating.daily_usage import DailyUsage
from central.service.operator.month import ChannelMonth, MonthDay
from central.service.views.usage_chart import ChartTexts, DayMark, draw_usage


@dataclass(frozen=True, slots=True)
class MonthDrawing:
    """What stands in the page.

    Args:
        svg: The chart.
        caption: What it shows, in one sentence.
    """

    svg: str
    caption: str


def draw_month(month: ChannelMonth, presenter: Presenter) -> MonthDrawing:
    """The drawing of a channel's month, in the language of the page."""
    language = presenter.language
    unit = display_unit(month.channel.unit).name
    caption = language.gettext("%(quantity)s per day in %(unit)s, %(month)s") % {
        "quantity": sentence(presenter.word(month.channel.name)),
        "unit": unit,
        "month": presenter.month_name(month.first),
    }
    days = tuple(day.day for day in month.days)
    usage = DailyUsage(unit, ("",), days, tuple((_value(day),) for day in month.days))
    drawn = draw_usage(
        usage,
        title=caption,
        marks={day.day: _mark(day, presenter) for day in month.days},
        texts=ChartTexts(
            language.gettext("%(unit)s per day") % {"unit": unit},
            language.short_day,
            language.numeral,
        ),
    )
    return MonthDrawing(drawn, caption)


def _value(day: MonthDay) -> Decimal:
    if day.block is None:
        return Decimal(0)
    return display_unit(day.block.unit).decimal(day.total, day.block.exponent)


def _mark(day: MonthDay, presenter: Presenter) -> DayMark:
    text = day_text(day, presenter)
    return DayMark(text, day.estimated > 0, day.block is None or day.missing > 0)


def day_text(day: MonthDay, presenter: Presenter) -> str:
    """A day, what was used on it, and what of that is estimated or missing."""
    language, spelled_day = presenter.language, presenter.day(day.day)
    if day.block is None:
        return f"{spelled_day}: {language.gettext('not validated yet')}"
    text = f"{spelled_day}: {presenter.energy(day.total, day.block.exponent, day.block.unit)}"
    if day.estimated:
        estimated = language.ngettext(
            "%(count)s interval estimated", "%(count)s intervals estimated", day.estimated
        )
        text = f"{text}, {estimated % {'count': day.estimated}}"
    if not day.missing:
        return text
    missing = language.ngettext("%(count)s missing", "%(count)s missing", day.missing)
    return f"{text}, {missing % {'count': day.missing}}"
