"""Estimator: a register's advance in equal shares, where nothing says more."""

from __future__ import annotations

from fractions import Fraction

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot, longest
from central.domain.vee.finding import ClerkText

_EQUAL = Expectation(Fraction(1))


def _expect(_: GapSlot, __: Basis) -> Expectation:
    """Equal weights: what they are scaled to is the register's advance."""
    return _EQUAL


ESTIMATOR = Estimator(
    name="EVEN",
    quality=IntervalQuality.ESTIMATED_PROFILE,
    text=ClerkText(
        "equal shares of what the register advanced, only between registers",
        "partes iguales de lo que avanzó el registro, solo entre registros",
    ),
    expect=_expect,
    longest=longest("even_longest", 400, "the longest gap that is shared evenly"),
    anchored=True,
)
