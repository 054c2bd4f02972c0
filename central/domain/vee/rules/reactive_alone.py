"""Rule: reactive energy was counted on a day without any active energy."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory, PastDay
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit

FLOOR = Threshold(
    "reactive_floor",
    ThresholdKind.QUANTITY,
    Fraction(50),
    "units/h",
    "what a day of reactive energy has to amount to on average, at least",
    may_be_zero=True,
)
_ACTIVE = (ACTIVE_IMPORT, Obis.parse("1-0:2.8.0*255"))


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    chosen = days.average_exceeds(limits[FLOOR])
    return chosen if days.shape.unit is Unit.VAR_HOUR else np.zeros_like(chosen)


def _judge(day: JudgedDay, _: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """A day whose active channels are closed, complete and all at zero."""
    active = list(history.beside.values())
    if active and not any(past.summary.total or past.summary.missing for past in active):
        figures = {"total": str(PastDay.of(day.block).total), "unit": day.block.unit.value}
        message = "Reactive energy was counted, and no active energy."
        yield RULE.finding(day.interval, message, figures)


RULE = VeeRule(
    code=VeeCode("REACTIVE_ALONE"),
    severity=Severity.WARNING,
    text=ClerkText(
        "kvarh without kWh: reactive energy on a day without any active energy",
        "kvarh sin kWh: energía reactiva en un día sin energía activa",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(FLOOR,),
    history=HistoryNeed(beside=_ACTIVE),
)
