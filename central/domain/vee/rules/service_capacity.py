"""Rule: no interval carries more than the connection can."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache

import numpy as np

from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import IntervalQuality
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import Limits, Threshold, ThresholdKind, VeeRule

_HOUR_S = 3600
CAPACITY = Threshold(
    "class_capacity",
    ThresholdKind.QUANTITY,
    Fraction(2_000_000),
    "units/h",
    "what the connection of a point without a capacity of its own is taken to carry",
)
MARGIN = Threshold(
    "capacity_margin",
    ThresholdKind.RATIO,
    Fraction(11, 10),
    "",
    "an interval may use the service capacity times this",
)


def _screen(days: JudgedDays, limits: Limits) -> Chosen:
    # A missing interval is far below zero.
    return days.highest > days.column(lambda day: _most(day, limits))


def _most(day: JudgedDay, limits: Limits) -> int:
    """What an interval of a day may carry. [unit x 10 ** exponent]."""
    given, block = day.channel.point.capacity, day.block
    capacity = limits[CAPACITY] if given is None else given
    return _ceiling(capacity, limits[MARGIN], block.period_s, block.exponent)


def _judge(day: JudgedDay, limits: Limits, _: ChannelHistory) -> Iterator[VeeFinding]:
    """Stretches above the service capacity times its margin."""
    given, block, ceiling = day.channel.point.capacity, day.block, _most(day, limits)
    mask = (block.quality != IntervalQuality.MISSING) & (block.values > ceiling)
    shown = display_unit(block.unit)
    most, step = shown.decimal(ceiling, block.exponent), timedelta(seconds=block.period_s)
    for stretch in day.runs(mask):
        first, end = ((at - block.start) // step for at in (stretch.start, stretch.end))
        largest = shown.decimal(int(block.values[first:end].max()), block.exponent)
        yield RULE.finding(
            stretch,
            f"An interval has {largest:f} {shown.name}, more than the {most:f} {shown.name} that"
            " the connection carries in one.",
            {
                "most_per_interval": str(ceiling),
                "exponent": str(block.exponent),
                "capacity_of": "class" if given is None else "point",
            },
        )


@lru_cache(maxsize=4_096)
def _ceiling(capacity: Fraction, margin: Fraction, period_s: int, exponent: int) -> int:
    """What an interval may carry. [unit x 10 ** exponent]."""
    most = capacity * margin * period_s / _HOUR_S / Fraction(10) ** exponent
    # Values are whole, so that the floor separates the same ones.
    return min(int(most // 1), np.iinfo(np.int64).max)


RULE = VeeRule(
    code=VeeCode("SERVICE_CAPACITY"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "an interval above the service capacity, or that of its class, with its margin",
        "un intervalo por encima de la capacidad del suministro, o la de su clase, con su margen",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(CAPACITY, MARGIN),
)
