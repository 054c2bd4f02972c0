"""Rule: a channel that only counts up has no interval below zero."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import Limits, VeeRule


def _screen(days: JudgedDays, _: Limits) -> Chosen:
    chosen: Chosen = ((days.values < 0) & (days.values != NULL)).any(axis=1)
    return chosen


def _judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Stretches below zero."""
    block = day.block
    mask = (block.quality != IntervalQuality.MISSING) & (block.values < 0)
    for stretch in day.runs(mask):
        yield RULE.finding(stretch, "An interval is below zero.")


RULE = VeeRule(
    code=VeeCode("NEGATIVE_USE"),
    severity=Severity.CRITICAL,
    text=ClerkText("an interval below zero", "un intervalo por debajo de cero"),
    screen=_screen,
    judge=_judge,
)
