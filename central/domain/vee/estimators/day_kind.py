"""Estimator: the same local time on the nearest days of the same kind, working days or weekends."""

from __future__ import annotations

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimator import (
    LIKE_DAY_REACH,
    LIKE_DAYS,
    Basis,
    Estimator,
    Expectation,
    GapSlot,
    longest,
)
from central.domain.vee.finding import ClerkText


def _expect(slot: GapSlot, basis: Basis) -> Expectation | None:
    return basis.like(slot, basis.days.same_kind)


ESTIMATOR = Estimator(
    name="DAY_KIND",
    quality=IntervalQuality.ESTIMATED_LIKE_DAY,
    text=ClerkText(
        "average of the same local time on the nearest working days, or days of weekends and"
        " holidays (`like_days`, within `like_day_reach`)",
        "media de la misma hora local de los días laborables, o de fin de semana y festivos, más"
        " próximos (`like_days`, dentro de `like_day_reach`)",
    ),
    expect=_expect,
    longest=longest("day_kind_longest", 70, "the longest gap that days of its kind fill"),
    thresholds=(LIKE_DAYS, LIKE_DAY_REACH),
)
