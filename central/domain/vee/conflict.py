"""Rule: no second value waits for a decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Severity, VeeCode, VeeFinding
from firmware_bridge.contract.interval import Interval

_INSTANT = timedelta(milliseconds=1)


def conflicting_readings(day: JudgedDay) -> Iterator[VeeFinding]:
    """Each instant that two values claim; a register at the day's end belongs to it too."""
    for at in sorted(set(day.conflicts)):
        if day.interval.start <= at <= day.interval.end:
            yield VeeFinding(
                VeeCode.CONFLICTING_READINGS,
                Severity.CRITICAL,
                Interval(at, at + _INSTANT),
                "A reading has two different values; an operator must decide.",
            )
