"""Rule: a meter whose own intervals all have one value, for longer than they ever did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import MOST_DAYS, ChannelHistory, PastDay, run_until
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule
from central.domain.vee.rules.zero_days import RUN_AGAIN
from firmware_bridge.contract.reading import Kind

STATIC = Threshold(
    "static",
    ThresholdKind.DURATION,
    timedelta(hours=24),
    "",
    "one value other than zero may stand for so long; whole days are counted",
)
_DAY = timedelta(days=1)


def _screen(days: JudgedDays, _: Limits) -> Chosen:
    # A register that advances evenly proves an even use; one that stands still shows zero.
    chosen = days.irregular & (days.highest == days.lowest) & (days.highest != 0)
    if days.shape.intervals == 1 or not chosen.any():
        return np.zeros_like(chosen)
    chosen &= (days.quality == IntervalQuality.ACTUAL).all(axis=1)
    return days.which(chosen, _has_own_intervals)


def _has_own_intervals(day: JudgedDay) -> bool:
    return any(
        series.kind is Kind.INTERVAL and len(series.at_ms)
        for segment in day.segments
        for series in segment.series
    )


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """A day that ends such a run; once a run, and again while it goes on."""
    value = PastDay.of(day.block).highest

    def is_alike(past: PastDay) -> bool:
        return not past.summary.missing and past.lowest == value == past.highest

    run = run_until(day.day, history.days, is_alike)
    allowed = -(-limits[STATIC] // _DAY)
    if run.is_due(allowed + 1, limits[RUN_AGAIN]):
        figures = {
            "days": str(run.length),
            "longest_before": str(run.longest),
            "value": str(int(day.block.values[0])),
            "exponent": str(day.block.exponent),
        }
        message = f"All intervals of {run.length} days have the same value."
        yield RULE.finding(day.interval, message, figures)


RULE = VeeRule(
    code=VeeCode("STANDING_STILL"),
    severity=Severity.WARNING,
    text=ClerkText(
        "all intervals that the meter itself made have one value other than zero, for longer than"
        " in this channel's last 13 months",
        "todos los intervalos que hizo el propio contador tienen un mismo valor distinto de cero,"
        " durante más tiempo que en los últimos 13 meses de este canal",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(STATIC, RUN_AGAIN),
    history=HistoryNeed(days=MOST_DAYS),
)
