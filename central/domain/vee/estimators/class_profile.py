"""Estimator: the profile of the channel's class, at the channel's own level where that is known."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot, longest
from central.domain.vee.finding import ClerkText

LEAST = timedelta(days=7)
"""How much metered time has to be there for the level of the channel itself."""


def _expect(slot: GapSlot, basis: Basis) -> Expectation | None:
    profile = basis.profile
    used = None if profile is None else profile.used(slot.start, slot.end)
    if profile is None or used is None:
        return None
    if slot.day not in basis.levels:
        basis.levels[slot.day] = _level(basis, profile, slot.day)
    return Expectation(used * basis.levels[slot.day], (), profile.source)


def _level(basis: Basis, profile: ClassProfile, day: date) -> Fraction:
    """What the channel uses of what the profile says; 1 where too little is known of it."""
    metered, expected, time = Fraction(0), Fraction(0), timedelta()
    for start, end, value in basis.days.metered(day):
        used = profile.used(start, end)
        if used is not None:
            metered, expected = metered + value, expected + used
            time += end - start
    if time < LEAST or not expected or metered < 0:
        return Fraction(1)
    return metered / expected


ESTIMATOR = Estimator(
    name="CLASS_PROFILE",
    quality=IntervalQuality.ESTIMATED_PROFILE,
    text=ClerkText(
        "the profile that the policy of the channel's class names, a series, times what the channel"
        " used of it in the five weeks around, where a week of that is known",
        "el perfil que nombra la política de la clase del canal, una serie, por lo que el canal"
        " consumió respecto a él en las cinco semanas próximas, si se conoce una semana",
    ),
    expect=_expect,
    longest=longest("class_profile_longest", 70, "the longest gap that the class's profile fills"),
)
