"""What a rule sees of the days before: their figures, never their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from central.domain.metering.day_summary import DaySummary

MOST_DAYS = 400
"""How far back history reaches: 13 months."""


@dataclass(frozen=True, slots=True)
class PastDay:
    """A day before the one that is judged.

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


@dataclass(frozen=True, slots=True)
class ChannelHistory:
    """The newest versions of the days before, as they were known when the day was judged.

    Args:
        days: Ascending; as many as the rules asked for, without days that were never closed.
    """

    days: Sequence[PastDay] = ()


NO_HISTORY = ChannelHistory()
