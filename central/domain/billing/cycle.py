"""Names of billing periods: calendar months, months between anchor days, others by their cycle."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval

CYCLE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_TEXT = re.compile(rf"(\d{{4}})-(\d{{2}})(?:@(\d{{1,2}})|\.({CYCLE_NAME.pattern})(?:\.([2-9]))?)?")
_MONTHS = 12
_YEARS = range(1900, 3000)
_WRITE = (
    "Write a month as 2026-10, a period of a cycle as it is named, such as 2026-03.route-7 or"
    " 2026-10@15."
)


class UnlistedPeriodError(InvalidValueError):
    """A period whose days stand in its cycle's list, not in its name."""


@dataclass(frozen=True, slots=True, order=True)
class Cycle:
    """The name of a period; that of a month tells its days as well.

    Args:
        year: 1900 .. 2999, of the month that names it: of its first day, or with `of` of its last.
        month: 1 .. 12.
        anchor: Day of the month on which it starts; 29 to 31 fall on the last day of shorter
            months and come back in longer ones.
        of: The cycle whose list holds it, "" for a month.
        number: From 1, among the periods of that cycle that end in the month.

    Raises:
        InvalidValueError: Year, month or anchor is out of range.
    """

    year: int
    month: int
    anchor: int = 1
    of: str = ""
    number: int = 1

    def __post_init__(self) -> None:
        in_range = self.year in _YEARS and 1 <= self.month <= _MONTHS
        if not (in_range and 1 <= self.anchor <= 31):  # noqa: PLR2004 - days of a month
            message = f"{self.year}-{self.month}@{self.anchor} is not a billing cycle."
            raise InvalidValueError(message, value=(self.year, self.month, self.anchor))

    @classmethod
    def parse(cls, text: str) -> Cycle:
        """The period of `2026-10`, `2026-10@15` (from the 15th on) or `2026-10.bimonthly`.

        Raises:
            InvalidValueError: The text is not a billing cycle.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            message = f"{text!r} is not a billing cycle."
            raise InvalidValueError(message, value=text, remedy=_WRITE)
        year, month, anchor, of, number = match.groups()
        return cls(int(year), int(month), int(anchor or 1), of or "", int(number or 1))

    @property
    def first(self) -> date:
        """Its first local day.

        Raises:
            UnlistedPeriodError: Only its cycle's list knows.
        """
        if self.of:
            message = f"The days of {self} stand in the list of the cycle {self.of!r}."
            raise UnlistedPeriodError(message, value=str(self))
        last = calendar.monthrange(self.year, self.month)[1]
        return date(self.year, self.month, min(self.anchor, last))

    @property
    def next(self) -> Cycle:
        """The month after it."""
        years, month = divmod(self.month, _MONTHS)
        return Cycle(self.year + years, month + 1, self.anchor)

    @property
    def previous(self) -> Cycle:
        """The month before it."""
        if self.month == 1:
            return Cycle(self.year - 1, _MONTHS, self.anchor)
        return Cycle(self.year, self.month - 1, self.anchor)

    @property
    def days(self) -> DayRange:
        """Its local days.

        Raises:
            UnlistedPeriodError: Only its cycle's list knows.
        """
        return DayRange(self.first, self.next.first)

    @property
    def period(self) -> BillingPeriod:
        """The month as a period, billed on the day after its last.

        Raises:
            UnlistedPeriodError: Only its cycle's list knows.
        """
        return BillingPeriod.month(self.days, str(self))

    def interval(self, zone: str) -> Interval:
        """From local midnight to local midnight, in UTC.

        Raises:
            InvalidValueError: The zone is unknown.
            UnlistedPeriodError: Only its cycle's list knows its days.
        """
        return self.days.interval(zone)

    def __str__(self) -> str:
        month = f"{self.year:04}-{self.month:02}"
        if self.of:
            return f"{month}.{self.of}" + (f".{self.number}" if self.number > 1 else "")
        return month if self.anchor == 1 else f"{month}@{self.anchor}"
