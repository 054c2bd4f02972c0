"""Estimator: the same local time on the nearest days of any kind."""

from __future__ import annotations

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot, longest
from central.domain.vee.finding import ClerkText

PROFILE_DAYS = 10
"""How many days are averaged."""


def _expect(slot: GapSlot, basis: Basis) -> Expectation | None:
    days = basis.days.nearest(slot.day)
    average = basis.days.average(slot.start, days, PROFILE_DAYS)
    return None if average is None else Expectation(*average)


ESTIMATOR = Estimator(
    name="OWN_PROFILE",
    quality=IntervalQuality.ESTIMATED_PROFILE,
    text=ClerkText(
        "average of the same local time on the ten nearest days of any kind within five weeks",
        "media de la misma hora local de los diez días más próximos de cualquier tipo, dentro de"
        " cinco semanas",
    ),
    expect=_expect,
    longest=longest("own_profile_longest", 70, "the longest gap that days of any kind fill"),
)
