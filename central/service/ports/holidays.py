"""What public holidays need of a store."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.service.ports.decisions import DecisionNote


@dataclass(frozen=True, slots=True)
class HolidayRevision:
    """A year of a calendar as it was recorded.

    Args:
        calendar: What was recorded.
        recorded_at: When.
        recorded_by: Key of who did.
        reason: Why.
    """

    calendar: HolidayCalendar
    recorded_at: datetime
    recorded_by: str
    reason: str


class HolidayTransaction(Protocol):
    """Years of holiday calendars, in one transaction."""

    async def holiday_history(self, name: str | None) -> tuple[HolidayRevision, ...]:
        """Every revision, by name, year and revision.

        Args:
            name: Of the calendar; None takes all.
        """

    async def add_holidays(
        self, calendar: HolidayCalendar, note: DecisionNote, tariffs: Collection[str]
    ) -> bool:
        """Add a revision of a year.

        Args:
            calendar: What to add.
            note: Who says so, why and when.
            tariffs: Those that read the calendar: their bills are compared again.

        Returns:
            Whether it is new; False where somebody else added that revision.
        """
