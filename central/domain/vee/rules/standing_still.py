"""Rule: a meter whose own intervals all have one value, for longer than they ever did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import MOST_DAYS, ChannelHistory, PastDay, run_until
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


def _when(day: JudgedDay, _: Limits) -> bool:
    values = day.block.values
    if len(values) == 1 or values[0] != values[-1] or values[0] == 0:
        return False
    if not np.all(values == values[0]) or np.any(day.block.quality != IntervalQuality.ACTUAL):
        return False
    # A register that advances evenly proves an even use; one that stands still shows zero.
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
    judge=_judge,
    thresholds=(STATIC, RUN_AGAIN),
    history=HistoryNeed(when=_when, days=MOST_DAYS),
)
