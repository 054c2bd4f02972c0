"""How use changed from one period to another, a day."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class RankedBy(StrEnum):
    """By what the largest changes are chosen."""

    ABSOLUTE = "absolute"
    """Billing units a day."""
    RELATIVE = "relative"
    """Share of what was used before."""


@dataclass(frozen=True, slots=True)
class PeriodUse:
    """What was used in a period.

    Args:
        total: Of the days that have a block. [billing unit]
        days: How many days those are: of several channels those of the one that has most.
        missing: Intervals of them without a value.
        estimated: Intervals of them whose value is an estimate.
    """

    total: Fraction = Fraction(0)
    days: int = 0
    missing: int = 0
    estimated: int = 0

    @property
    def a_day(self) -> Fraction:
        """Mean of the days. [billing unit/d]."""
        return self.total / self.days


@dataclass(frozen=True, slots=True)
class UseChange:
    """How the use of an account or service point changed.

    Args:
        name: Number of the account, or name of the service point.
        before: In the earlier period; it has a day at least.
        after: In the later one; it has a day at least.
    """

    name: str
    before: PeriodUse
    after: PeriodUse

    @property
    def a_day(self) -> Fraction:
        """What is used more a day; below zero where it is less. [billing unit/d]."""
        return self.after.a_day - self.before.a_day

    @property
    def share(self) -> Fraction | None:
        """The same as a share of what was used before; None where that was nothing."""
        return self.a_day / self.before.a_day if self.before.a_day else None


def largest(changes: list[UseChange], by: RankedBy, limit: int) -> list[UseChange]:
    """The largest changes, up or down, the largest first; of equal ones by name.

    Args:
        changes: All of them.
        by: What counts. What began at nothing has no share, and comes first of all that changed.
        limit: How many.
    """

    def size(change: UseChange) -> tuple[bool, Fraction]:
        if by is RankedBy.ABSOLUTE:
            return False, abs(change.a_day)
        if change.share is None:
            return change.a_day != 0, abs(change.a_day)
        return False, abs(change.share)

    ranked = sorted(changes, key=lambda change: change.name)
    return sorted(ranked, key=size, reverse=True)[:limit]
