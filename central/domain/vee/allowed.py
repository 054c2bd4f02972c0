"""Which estimators may fill the gaps of a class of channels, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.rule import Limits


@dataclass(frozen=True, slots=True)
class AllowedEstimators:
    """Estimators in the order in which they are tried.

    Args:
        chain: They.
        limits: How long a gap each may fill, where that differs from its default.
        profile: That of the class.
    """

    chain: tuple[Estimator, ...] = CHOSEN
    limits: Limits = field(default_factory=Limits)
    profile: ClassProfile | None = None

    def expected(
        self, slot: GapSlot, basis: Basis, gap: timedelta, *, daily: bool
    ) -> tuple[Estimator, Expectation] | None:
        """What the first estimator says that may fill a gap, registers or not, and can say it.

        Args:
            slot: The interval.
            basis: What it rests on.
            gap: How long the stretch around it is of which nothing was metered.
            daily: Whether the channel counts once a day.
        """
        for estimator in self._fitting(gap, daily=daily, anchored=False):
            expectation = estimator.expect(slot, basis)
            if expectation is not None and expectation.value >= 0:
                return estimator, expectation
        return None

    def between_registers(
        self, slot: GapSlot, basis: Basis, gap: timedelta, *, daily: bool
    ) -> tuple[Estimator, Expectation] | None:
        """What the first of the estimators says that need registers at both ends."""
        for estimator in self._fitting(gap, daily=daily, anchored=True):
            expectation = estimator.expect(slot, basis) if estimator.anchored else None
            if expectation is not None:
                return estimator, expectation
        return None

    def _fitting(self, gap: timedelta, *, daily: bool, anchored: bool) -> Iterator[Estimator]:
        return (
            estimator
            for estimator in self.chain
            if estimator.may_fill(gap, self.limits, daily=daily, anchored=anchored)
        )


ALL_ALLOWED = AllowedEstimators()
