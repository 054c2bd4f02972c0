"""Billing cycles: calendar months, or months between anchor days, cut at local midnight."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval

_TEXT = re.compile(r"(\d{4})-(\d{2})(?:@(\d{1,2}))?")
_MONTHS = 12


@dataclass(frozen=True, slots=True, order=True)
class Cycle:
    """One month of bills.

    Args:
        year: Of the month that names it.
        month: 1 .. 12.
        anchor: Day of the month on which it starts; 29 to 31 fall on the last day of shorter
            months and come back in longer ones.

    Raises:
        InvalidValueError: Month or anchor is out of range.
    """

    year: int
    month: int
    anchor: int = 1

    def __post_init__(self) -> None:
        if not (1 <= self.month <= _MONTHS and 1 <= self.anchor <= 31 and self.year >= 1):  # noqa: PLR2004 - days of a month
            message = f"{self.year}-{self.month}@{self.anchor} is not a billing cycle."
            raise InvalidValueError(message, value=(self.year, self.month, self.anchor))

    @classmethod
    def parse(cls, text: str) -> Cycle:
        """The cycle of `2026-10`, or of `2026-10@15` from the 15th on.

        Raises:
            InvalidValueError: The text is not a billing cycle.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            message = f"{text!r} is not a billing cycle. Write it as 2026-10."
            raise InvalidValueError(message, value=text)
        return cls(int(match[1]), int(match[2]), int(match[3] or 1))

    @property
    def first(self) -> date:
        """Its first local day."""
        last = calendar.monthrange(self.year, self.month)[1]
        return date(self.year, self.month, min(self.anchor, last))

    @property
    def next(self) -> Cycle:
        """The cycle after it."""
        years, month = divmod(self.month, _MONTHS)
        return Cycle(self.year + years, month + 1, self.anchor)

    @property
    def previous(self) -> Cycle:
        """The cycle before it."""
        if self.month == 1:
            return Cycle(self.year - 1, _MONTHS, self.anchor)
        return Cycle(self.year, self.month - 1, self.anchor)

    @property
    def days(self) -> DayRange:
        """Its local days."""
        return DayRange(self.first, self.next.first)

    def interval(self, zone: str) -> Interval:
        """From local midnight to local midnight, in UTC.

        Raises:
            InvalidValueError: The zone is unknown.
        """
        return self.days.interval(zone)

    def __str__(self) -> str:
        anchor = "" if self.anchor == 1 else f"@{self.anchor}"
        return f"{self.year:04}-{self.month:02}{anchor}"
