"""Estimator: the same local time on the nearest days of the same weekday."""

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
    return basis.like(slot, basis.days.same_weekday)


ESTIMATOR = Estimator(
    name="LIKE_DAY",
    quality=IntervalQuality.ESTIMATED_LIKE_DAY,
    text=ClerkText(
        "average of the same local time on the nearest days of the same weekday (`like_days`,"
        " within `like_day_reach`)",
        "media de la misma hora local de los días más próximos del mismo día de la semana"
        " (`like_days`, dentro de `like_day_reach`)",
    ),
    expect=_expect,
    longest=longest("like_day_longest", 70, "the longest gap that days of its weekday fill"),
    thresholds=(LIKE_DAYS, LIKE_DAY_REACH),
)
