"""Estimator: values that a person gives."""

from __future__ import annotations

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot
from central.domain.vee.finding import ClerkText


def _expect(slot: GapSlot, basis: Basis) -> Expectation | None:
    value = basis.given.get(slot.start)
    return None if value is None else Expectation(value)


ESTIMATOR = Estimator(
    name="MANUAL",
    quality=IntervalQuality.EDITED,
    text=ClerkText(
        "values that a person gives, with a reason",
        "valores que da una persona, con un motivo",
    ),
    expect=_expect,
    chosen=False,
)
