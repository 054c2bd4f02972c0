"""Figures that a regulator asks for: of all of a month, how many were so. Pure.

Source: docs/reference/figures.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

_PLACES = 4


class FigureName(StrEnum):
    """Which figure. Never renamed."""

    ERRONEOUS = "erroneous_bills"
    ESTIMATED = "estimated_bills"
    TOUCHED = "bills_touched_by_hand"
    CLOSED = "exceptions_closed_in_3_days"
    READ = "read_rate"


@dataclass(frozen=True, slots=True)
class FigureTarget:
    """What a figure is to be.

    Args:
        share: Of all.
        at_most: Whether it is to be that or less; else that or more.
    """

    share: Fraction
    at_most: bool


TARGETS: dict[FigureName, FigureTarget] = {
    FigureName.ERRONEOUS: FigureTarget(Fraction(4, 1000), at_most=True),
    FigureName.ESTIMATED: FigureTarget(Fraction(1, 100), at_most=True),
    FigureName.TOUCHED: FigureTarget(Fraction(1, 100), at_most=True),
    FigureName.CLOSED: FigureTarget(Fraction(84, 100), at_most=False),
}
"""What is aimed at; the read rate has no target."""


@dataclass(frozen=True, slots=True)
class RegulatorFigure:
    """A figure of a month.

    Args:
        name: Which.
        count: How many were so.
        of: Of how many.
    """

    name: FigureName
    count: int
    of: int

    @property
    def share(self) -> Fraction | None:
        """The exact share; None of nothing."""
        return Fraction(self.count, self.of) if self.of else None

    @property
    def met(self) -> bool | None:
        """Whether it is what is aimed at; None where nothing is, or of nothing."""
        target, share = TARGETS.get(self.name), self.share
        if target is None or share is None:
            return None
        return share <= target.share if target.at_most else share >= target.share

    @property
    def percent(self) -> str | None:
        """The share in percent, cut after four places; the fraction is exact."""
        if self.share is None:
            return None
        cut = self.share * 100 * 10**_PLACES // 1
        return f"{cut // 10**_PLACES}.{cut % 10**_PLACES:0{_PLACES}d}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        target = TARGETS.get(self.name)
        aimed = None if target is None else f"{'<=' if target.at_most else '>='} {target.share}"
        return {
            "figure": self.name.value,
            "count": self.count,
            "of": self.of,
            "percent": self.percent,
            "target": aimed,
            "met": self.met,
        }
