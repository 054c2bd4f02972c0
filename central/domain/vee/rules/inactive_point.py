"""Rule: energy is used at a point where nobody is a customer."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory, PastDay
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import Limits, Threshold, ThresholdKind, VeeRule

FLOOR = Threshold(
    "inactive_floor",
    ThresholdKind.QUANTITY,
    Fraction(40),
    "units/h",
    "what a day may amount to on average at a vacant point: the losses of the installation",
    may_be_zero=True,
)


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    return days.which(days.average_exceeds(limits[FLOOR]), lambda day: day.is_vacant)


def _judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """A day of a vacant point with more use than the installation's own."""
    figures = {"total": str(PastDay.of(day.block).total), "unit": day.block.unit.value}
    yield RULE.finding(day.interval, "Energy was used, and nobody is a customer here.", figures)


RULE = VeeRule(
    code=VeeCode("INACTIVE_POINT"),
    severity=Severity.WARNING,
    text=ClerkText(
        "energy at a point whose customers have left",
        "energía en un punto de suministro cuyos clientes se han dado de baja",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(FLOOR,),
)
