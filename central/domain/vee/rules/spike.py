"""Rule: one or two intervals far above all others of the day, and above what the channel knows."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from central.domain.metering.display_unit import spelled
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays, above
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule
from firmware_bridge.contract.interval import Interval

RATIO = Threshold(
    "spike_ratio",
    ThresholdKind.RATIO,
    Fraction(9, 5),
    "",
    "the highest interval of a day less the third highest, over the third highest",
)
FLOOR = Threshold(
    "spike_floor",
    ThresholdKind.QUANTITY,
    Fraction(10_000),
    "units/h",
    "what an interval has to amount to, at least",
    may_be_zero=True,
)
KNOWN = Threshold(
    "spike_known",
    ThresholdKind.RATIO,
    Fraction(3, 2),
    "",
    "of the highest interval of the days before, which is no spike yet",
)
DAYS = Threshold("spike_days", ThresholdKind.COUNT, 60, "days", "how far back that looks")
LEAST = Threshold(
    "spike_least", ThresholdKind.COUNT, 7, "days", "how many days have to be known for it"
)
_THIRD = 3


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    """Days that by themselves have one: the field's own rule, above the floor."""
    chosen = days.highest > days.per_interval(limits[FLOOR])
    if days.shape.intervals < _THIRD or not chosen.any():
        return np.zeros_like(chosen)
    # A missing interval is far below zero, so that it is never among them.
    values = days.values[chosen]
    third = np.maximum(np.partition(values, -_THIRD, axis=1)[:, -_THIRD], 0)
    chosen[chosen] = above(days.highest[chosen] - third, limits[RATIO], third)
    return chosen


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """The highest interval of such a day."""
    block, before = day.block, history.back(day.day, limits[DAYS])
    index = int(block.values.argmax())
    highest = int(block.values[index])
    scale = Fraction(10) ** block.exponent
    most = max((past.highest for past in before if past.highest is not None), default=None)
    if most is None or len(before) < limits[LEAST] or highest * scale <= most * limits[KNOWN]:
        return
    third = int(np.partition(block.values, -_THIRD)[-_THIRD])
    inside = Interval(day.instant(index), day.instant(index + 1))
    shown = spelled(highest, block.exponent, block.unit)
    figures = {
        "highest": str(highest),
        "third": str(third) if third >= 0 else "",
        "exponent": str(block.exponent),
        "highest_before": str(most / scale),
        "days_before": str(len(before)),
    }
    message = f"An interval of {shown} stands far above the others of its day and of those before."
    yield RULE.finding(inside, message, figures)


RULE = VeeRule(
    code=VeeCode("SPIKE"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "an interval far above the others of its day, and above all of the days before",
        "un intervalo muy por encima de los demás de su día y de todos los días anteriores",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(RATIO, FLOOR, KNOWN, DAYS, LEAST),
    history=HistoryNeed(days=DAYS),
)
