"""Estimator: the same local time on the nearest days of the same weekday."""

from __future__ import annotations

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot, longest
from central.domain.vee.finding import ClerkText

LIKE_DAYS = 4
"""How many days are averaged."""


def _expect(slot: GapSlot, basis: Basis) -> Expectation | None:
    days = basis.days.same_weekday(slot.day)
    average = basis.days.average(slot.start, days, LIKE_DAYS)
    return None if average is None else Expectation(*average)


ESTIMATOR = Estimator(
    name="LIKE_DAY",
    quality=IntervalQuality.ESTIMATED_LIKE_DAY,
    text=ClerkText(
        "average of the same local time on the four nearest days of the same weekday within five"
        " weeks",
        "media de la misma hora local de los cuatro días más próximos del mismo día de la semana,"
        " dentro de cinco semanas",
    ),
    expect=_expect,
    longest=longest("like_day_longest", 70, "the longest gap that days of its weekday fill"),
)
