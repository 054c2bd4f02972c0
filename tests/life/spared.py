"""Days that are not billed, by decision: what the books write down of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

Place = tuple[str, str, str]
"""Account, service point and service."""


@dataclass(frozen=True)
class Spared:
    """Days of an occupancy that are not billed, while that is not lifted.

    Args:
        place: Whose they are, and of what.
        first: The first local day.
        end: The day after the last.
        uid: By which the product knows them.
    """

    place: Place
    first: date
    end: date
    uid: UUID

    def __str__(self) -> str:
        return f"{self.place} {self.first}..{self.end} (suppressed)"


class SparedDays:
    """All of them, in the order in which they were decided."""

    def __init__(self) -> None:
        self._spared: list[Spared] = []

    def __iter__(self) -> Iterator[Spared]:
        return iter(self._spared)

    def add(self, one: Spared) -> None:
        self._spared.append(one)

    def lift(self, one: Spared) -> None:
        self._spared.remove(one)

    def of(self, place: Place, first: date, end: date | None) -> list[Spared]:
        """Those of an occupancy."""
        return [
            one
            for one in self._spared
            if one.place == place and first <= one.first and (end is None or one.first < end)
        ]

    def before(self, place: Place, day: date) -> date:
        """Where days before a day begin that are not billed; the day itself where all are."""
        for one in sorted(self._spared, key=lambda each: each.end, reverse=True):
            if (one.place, one.end) == (place, day):
                day = one.first
        return day

    def reached(self, place: Place, day: date) -> date:
        """Where the days from a day on end that are not billed; likewise."""
        for one in sorted(self._spared, key=lambda each: each.first):
            if (one.place, one.first) == (place, day):
                day = one.end
        return day

    def holds(self, place: Place, day: date) -> bool:
        """Whether a day is not billed."""
        return any(one.place == place and one.first <= day < one.end for one in self._spared)
