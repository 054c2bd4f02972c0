"""Rule: every interval that the local day should have is there."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import Limits, Threshold, ThresholdKind, VeeRule

MISSING = Threshold(
    "missing_intervals",
    ThresholdKind.COUNT,
    0,
    "intervals",
    "a day may lack so many",
    may_be_zero=True,
)


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    return days.missing > limits[MISSING]


def _judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Each stretch of the day without a value, against the DST-aware expected count."""
    mask = day.block.quality == IntervalQuality.MISSING
    for stretch in day.runs(mask):
        absent = int(stretch.duration.total_seconds()) // day.block.period_s
        yield RULE.finding(
            stretch,
            f"{absent} of {len(mask)} intervals have no value.",
            {"missing": str(absent), "expected": str(len(mask))},
        )


RULE = VeeRule(
    code=VeeCode("MISSING_INTERVALS"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "intervals of the local day without a value, against the count that the day has (92, 96,"
        " 100 quarter-hours; 94 or 98 at Lord Howe)",
        "intervalos del día local sin valor, frente a los que tiene el día (92, 96 o 100 cuartos"
        " de hora; 94 o 98 en Lord Howe)",
    ),
    accepted=False,
    filled=True,
    screen=_screen,
    judge=_judge,
    thresholds=(MISSING,),
)
