"""What a rule sees of the days before: their figures, never their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from central.domain.metering.block import DayBlock
from central.domain.metering.day_summary import DaySummary
from firmware_bridge.contract.obis import Obis

MOST_DAYS = 400
"""How far back history reaches: 13 months."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PastDay:
    """Another day of the channel that is judged, or one of another channel of its point.

    Args:
        day: The local date.
        intervals: How many it has.
        exponent: Of the figures. [decimal]
        summary: Its figures, in counts of that exponent.
    """

    day: date
    intervals: int
    exponent: int
    summary: DaySummary

    @classmethod
    def of(cls, block: DayBlock) -> PastDay:
        """The figures of a block."""
        return cls(block.day, len(block.values), block.exponent, DaySummary.of(block))

    @property
    def total(self) -> Fraction:
        """What was used. [the channel's unit]."""
        return self.summary.total * Fraction(10) ** self.exponent

    @property
    def highest(self) -> Fraction | None:
        """The highest interval; None where all are missing. [the channel's unit]."""
        highest = self.summary.highest
        return highest[0] * Fraction(10) ** self.exponent if highest else None

    @property
    def lowest(self) -> Fraction | None:
        """The lowest interval; None where all are missing. [the channel's unit]."""
        lowest = self.summary.lowest
        return None if lowest is None else lowest * Fraction(10) ** self.exponent

    @property
    def metered(self) -> int:
        """How many intervals have a value that is not an estimate."""
        return self.intervals - self.summary.missing - self.summary.estimated


@dataclass(frozen=True, slots=True)
class ChannelHistory:
    """The newest versions of other days, as they were known when the day was judged.

    Args:
        days: Those before, ascending; as many as the rules asked for, without days that were
            never closed.
        beside: The same day of other channels of the point, by what they count.
    """

    days: Sequence[PastDay] = ()
    beside: Mapping[Obis, PastDay] = field(default_factory=dict)

    def back(self, day: date, days: int) -> list[PastDay]:
        """Those of so many calendar days before one."""
        return [past for past in self.days if day - days * _DAY <= past.day < day]


NO_HISTORY = ChannelHistory()


@dataclass(frozen=True, slots=True)
class DayRun:
    """Days in a row that are alike, with the one that is judged as the last.

    Args:
        length: How many.
        longest: The longest such run before it, in all that history knows.
    """

    length: int
    longest: int

    def is_due(self, least: int, again: int) -> bool:
        """Whether the run is to be named on its last day: once, and again after so many days.

        Args:
            least: Shorter ones are never named, nor ones that the channel had before.
            again: Days after which it is named again, so that each bill of a long run holds.
        """
        over = self.length - max(least, self.longest + 1)
        return over >= 0 and over % again == 0


def run_until(day: date, history: Sequence[PastDay], is_alike: Callable[[PastDay], bool]) -> DayRun:
    """The run of alike days that a day ends, and the longest before it.

    Args:
        day: One that is alike.
        history: The days before, ascending.
        is_alike: Which of them are; a day that was never closed ends a run.
    """
    runs: list[tuple[date, int]] = []
    for past in history:
        if past.day >= day or not is_alike(past):
            continue
        if runs and runs[-1][0] + _DAY == past.day:
            runs[-1] = past.day, runs[-1][1] + 1
        else:
            runs.append((past.day, 1))
    length = 1
    if runs and runs[-1][0] + _DAY == day:
        length += runs.pop()[1]
    return DayRun(length, max((count for _, count in runs), default=0))
