"""What a life finds broken, by the number of the invariant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

ORACLE = 0
"""The number of what contradicts the oracle."""


@dataclass(frozen=True, order=True)
class Violation:
    """An invariant that does not hold.

    Args:
        number: As docs/explanation/life.md numbers them; 0 for the oracle.
        message: What was found.
    """

    number: int
    message: str

    def __str__(self) -> str:
        name = "oracle" if self.number == ORACLE else f"invariant {self.number}"
        return f"{name}: {self.message}"


class LifeBrokenError(AssertionError):
    """An invariant does not hold after a step."""

    def __init__(self, day: date, after: str, found: list[Violation]) -> None:
        self.day = day
        self.found = sorted(found)
        self.numbers = sorted({one.number for one in found})
        shown = "\n  ".join(str(one) for one in self.found[:12])
        super().__init__(f"On {day}, after {after}:\n  {shown}")
