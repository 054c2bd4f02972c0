"""What a regulator's figures need of a store: counts, each from what was kept when it happened."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from central.domain.rating.inputs.segments import DayRange


class BillCounts(NamedTuple):
    """Bills that were issued on some days, and how many of them were so.

    Args:
        issued: All of them, without credit notes.
        erroneous: Cancelled, or adjusted by another amount than none, for a cause of ours.
        estimated: Rated with an interval that was estimated.
        touched: Of which a person decided something before they were issued.
    """

    issued: int
    erroneous: int
    estimated: int
    touched: int


class ExceptionCounts(NamedTuple):
    """Exceptions that were raised in a time.

    Args:
        over: Those that are closed, or were open for longer than three days.
        in_time: Those that were closed within three days.
    """

    over: int
    in_time: int


class IntervalCounts(NamedTuple):
    """Intervals of closed days.

    Args:
        due: All of them.
        read: Those that a meter gave.
    """

    due: int
    read: int


class RegulatorFigureStore(Protocol):
    """Where it is counted."""

    async def bills(self, days: DayRange) -> BillCounts:
        """Count bills by the local day of their issue."""

    async def exceptions(self, since: datetime, until: datetime, now: datetime) -> ExceptionCounts:
        """Count exceptions that were raised in a time.

        Args:
            since: Aware.
            until: Aware, excluded.
            now: Aware; what is open and not three days old then is not counted.
        """

    async def intervals(self, days: DayRange) -> IntervalCounts:
        """Count intervals of channels by their local day, as validation left them."""
