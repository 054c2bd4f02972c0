"""Rule: a day on which far more is used than on any of the days before."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from central.domain.metering.block import exact_sum
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory, PastDay
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule

FLOOR = Threshold(
    "high_use_floor",
    ThresholdKind.QUANTITY,
    Fraction(2_000),
    "units/h",
    "what a day has to amount to on average, at least",
    may_be_zero=True,
)
SHARE = Threshold(
    "high_use_share",
    ThresholdKind.RATIO,
    Fraction(3, 10),
    "",
    "of the point's capacity, where that is known, that the average has to exceed as well",
)
RATIO = Threshold(
    "high_use_ratio", ThresholdKind.RATIO, Fraction(2), "", "of the highest day of those before"
)
DAYS = Threshold("high_use_days", ThresholdKind.COUNT, 60, "days", "how far back that looks")
LEAST = Threshold(
    "high_use_least", ThresholdKind.COUNT, 14, "days", "how many days have to be known for it"
)


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    """Those above the floor; one with missing intervals is not judged."""

    def is_above_share(day: JudgedDay) -> bool:
        capacity = day.channel.point.capacity
        if capacity is None:
            return True
        floor = day.per_interval(capacity * limits[SHARE])
        return exact_sum(day.block.values) > floor * len(day.block.values)

    return days.which(days.average_exceeds(limits[FLOOR]), is_above_share)


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """A day above all others."""
    before = [past for past in history.back(day.day, limits[DAYS]) if not past.summary.missing]
    if len(before) < limits[LEAST]:
        return
    today, most = PastDay.of(day.block).total, max(past.total for past in before)
    if today > most * limits[RATIO]:
        figures = {
            "total": str(today),
            "highest_day_before": str(most),
            "days_before": str(len(before)),
        }
        message = "The day's use is far above that of every day before."
        yield RULE.finding(day.interval, message, figures)


RULE = VeeRule(
    code=VeeCode("HIGH_USE"),
    severity=Severity.WARNING,
    text=ClerkText(
        "a day's use far above that of each of the days before",
        "el consumo de un día muy por encima del de cada uno de los días anteriores",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(FLOOR, SHARE, RATIO, DAYS, LEAST),
    history=HistoryNeed(days=DAYS),
)
