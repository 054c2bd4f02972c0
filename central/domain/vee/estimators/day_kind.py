"""Estimator: the same local time on the nearest days of the same kind, working days or weekends."""

from __future__ import annotations

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot, longest
from central.domain.vee.finding import ClerkText

LIKE_DAYS = 4
"""How many days are averaged."""


def _expect(slot: GapSlot, basis: Basis) -> Expectation | None:
    days = basis.days.same_kind(slot.day)
    average = basis.days.average(slot.start, days, LIKE_DAYS)
    return None if average is None else Expectation(*average)


ESTIMATOR = Estimator(
    name="DAY_KIND",
    quality=IntervalQuality.ESTIMATED_LIKE_DAY,
    text=ClerkText(
        "average of the same local time on the four nearest working days, or days of weekends and"
        " holidays, within five weeks",
        "media de la misma hora local de los cuatro días laborables, o de fin de semana y festivos,"
        " más próximos dentro de cinco semanas",
    ),
    expect=_expect,
    longest=longest("day_kind_longest", 70, "the longest gap that days of its kind fill"),
)
