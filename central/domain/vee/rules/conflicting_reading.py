"""Rule: no second value waits for a decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import Limits, VeeRule
from firmware_bridge.contract.interval import Interval

_INSTANT = timedelta(milliseconds=1)


def _screen(days: JudgedDays, _: Limits) -> Chosen:
    return days.column(lambda day: len(day.conflicts)) > 0


def _judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Each instant that two values claim; a register at the day's end belongs to it too."""
    for at in sorted(set(day.conflicts)):
        if day.interval.start <= at <= day.interval.end:
            message = "A reading has two different values; an operator must decide."
            yield RULE.finding(Interval(at, at + _INSTANT), message)


RULE = VeeRule(
    code=VeeCode("CONFLICTING_READINGS"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "a second value for one reading waits for a decision",
        "un segundo valor de una lectura espera una decisión",
    ),
    accepted=False,
    screen=_screen,
    judge=_judge,
)
