"""Rule: a channel that has lived on estimates for days."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from central.domain.metering.quality import is_estimate
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import MOST_DAYS, ChannelHistory, PastDay, run_until
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule
from central.domain.vee.rules.zero_days import RUN_AGAIN

SHARE = Threshold(
    "estimated_share",
    ThresholdKind.RATIO,
    Fraction(1, 2),
    "",
    "of a day's intervals that are estimated, from which on the day counts",
)
DAYS = Threshold(
    "estimated_days", ThresholdKind.COUNT, 5, "days", "such days in a row, from which on it asks"
)


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    share = limits[SHARE]
    estimated = np.count_nonzero(is_estimate(days.quality), axis=1)
    enough = estimated * share.denominator >= days.shape.intervals * share.numerator
    chosen: Chosen = enough & (estimated > 0)
    return chosen


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """A day that ends such a run; once a run, and again while it goes on."""
    share = limits[SHARE]

    def is_alike(past: PastDay) -> bool:
        return past.summary.estimated >= share * past.intervals

    run = run_until(day.day, history.days, is_alike)
    # A longer run in the past excuses none: somebody has to see to the meter.
    over = run.length - limits[DAYS]
    if over >= 0 and over % limits[RUN_AGAIN] == 0:
        figures = {"days": str(run.length), "share": str(share)}
        message = f"{run.length} days in a row are mostly estimates."
        yield RULE.finding(day.interval, message, figures)


RULE = VeeRule(
    code=VeeCode("PROLONGED_ESTIMATION"),
    severity=Severity.WARNING,
    text=ClerkText(
        "days in a row are mostly estimates, by the meter or between its registers",
        "días seguidos son en su mayoría estimaciones, del contador o entre sus registros",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(SHARE, DAYS, RUN_AGAIN),
    history=HistoryNeed(days=MOST_DAYS),
)
