"""What a monthly minimum needs of a bill, added up over the versions that have it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

from central.domain.rating.inputs.segments import DayRange

_LineT = TypeVar("_LineT")


@dataclass(frozen=True, slots=True)
class MonthlyNeed(Generic[_LineT]):
    """What a monthly minimum needs, and the lines that count for it.

    Args:
        days: From the first day under a version that has it to the end of the last such.
        needed: What its lines have to come to. [currency]
        of: The lines.
        shares: The amount per month of each version, and for how many days it is the bill's.
    """

    days: DayRange
    needed: Fraction
    of: tuple[_LineT, ...]
    shares: tuple[tuple[Decimal, int], ...]

    def joined(self, later: MonthlyNeed[_LineT]) -> MonthlyNeed[_LineT]:
        """With what a later version of the same bill needs."""
        return MonthlyNeed(
            DayRange(self.days.first, later.days.end),
            self.needed + later.needed,
            (*self.of, *later.of),
            (*self.shares, *later.shares),
        )

    @property
    def note(self) -> str:
        """How the amount comes about."""
        if len({amount for amount, _ in self.shares}) == 1:
            return f"{self.shares[0][0]} per month"
        return ", ".join(f"{amount} per month for {days} days" for amount, days in self.shares)
