"""Rule: within a day, use steps up to a level that the channel never had, and stays there."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays, above
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule
from firmware_bridge.contract.interval import Interval

RATIO = Threshold(
    "step_ratio",
    ThresholdKind.RATIO,
    Fraction(3),
    "",
    "the lowest interval after the step, over the highest before it",
)
FLOOR = Threshold(
    "step_floor",
    ThresholdKind.QUANTITY,
    Fraction(1_000),
    "units/h",
    "what the intervals after the step have to amount to, at least",
    may_be_zero=True,
)
DAYS = Threshold("step_days", ThresholdKind.COUNT, 30, "days", "how far back the level is new")
_PART = 6


def _step(day: JudgedDay, ratio: Fraction) -> int | None:
    """The interval from which on all are so far above all before it, a sixth of a day each."""
    values = day.block.values
    least = len(values) // _PART
    if least < 1:
        return None
    before = np.maximum.accumulate(values)[:-1]
    after = np.minimum.accumulate(values[::-1])[::-1][1:]
    # Only few can be: all after it are above all before it.
    steps = np.flatnonzero(after > np.maximum(before, 0)) + 1
    steps = steps[(steps >= least) & (steps <= len(values) - least)]
    for step in steps.tolist():
        if int(after[step - 1]) > ratio * max(int(before[step - 1]), 0):
            return int(step)
    return None


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    floor = days.per_interval(limits[FLOOR])

    def steps_above(day: JudgedDay) -> bool:
        step = _step(day, limits[RATIO])
        return step is not None and int(day.block.values[step:].min()) > floor

    # The last interval must be far above the first already; ordinary days end here.
    first, last = np.maximum(days.values[:, 0], 0), days.values[:, -1]
    chosen = (last > floor) & (days.missing == 0)
    chosen[chosen] = above(last[chosen], limits[RATIO], first[chosen])
    return days.which(chosen, steps_above)


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """The step, where no interval of the days before reached the level after it."""
    step = _step(day, limits[RATIO])
    before = history.back(day.day, limits[DAYS])
    most = max((past.highest for past in before if past.highest is not None), default=None)
    if step is None or most is None:
        return
    values, scale = day.block.values, Fraction(10) ** day.block.exponent
    level = int(values[step:].min())
    if level * scale > most:
        figures = {
            "highest_before_step": str(int(values[:step].max())),
            "lowest_after_step": str(level),
            "exponent": str(day.block.exponent),
            "highest_of_days_before": str(most / scale),
            "days_before": str(len(before)),
        }
        message = "Use steps up to a level that it never had, and stays there."
        yield RULE.finding(Interval(day.instant(step), day.interval.end), message, figures)


RULE = VeeRule(
    code=VeeCode("STEP_CHANGE"),
    severity=Severity.WARNING,
    text=ClerkText(
        "use steps up within a day to a level above all intervals of the days before, and stays",
        "el consumo sube de golpe dentro de un día a un nivel superior a todos los intervalos de"
        " los días anteriores, y se mantiene",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(RATIO, FLOOR, DAYS),
    history=HistoryNeed(days=DAYS),
)
