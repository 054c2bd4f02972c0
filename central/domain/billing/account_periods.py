"""In which billing period the days of accounts lie."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from central.domain.billing.billing_cycle import (
    CALENDAR_MONTHS,
    MONTHLY,
    BillingCycle,
    NoBillingPeriodError,
)
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange

_ANCHORED = re.compile(r"@([2-9]|[12]\d|3[01])")


@cache
def built_in_cycle(name: str) -> BillingCycle | None:
    """The built-in cycle of a name: `monthly`, or `@2` to `@31` for months from that day on.

    Returns:
        None where the name is not a built-in one.
    """
    if name == MONTHLY:
        return CALENDAR_MONTHS
    match = _ANCHORED.fullmatch(name)
    if match is None:
        return None
    return BillingCycle(f"from-{match[1]}", date(1, 1, int(match[1])))


@dataclass(frozen=True, slots=True, order=True)
class CycleAssignment:
    """From which day on an account is in a cycle; until its next assignment.

    Args:
        first: Local day.
        cycle: Name.
    """

    first: date
    cycle: str


def changes_of(assignments: Iterable[CycleAssignment]) -> list[CycleAssignment]:
    """The assignments at which a cycle changes, ascending; before them is the calendar month."""
    changes: list[CycleAssignment] = []
    for assignment in sorted(assignments):
        if assignment.cycle != (changes[-1].cycle if changes else MONTHLY):
            changes.append(assignment)
    return changes


class AccountPeriods:
    """The periods of some accounts: read once, asked for any day.

    Args:
        cycles: By name; built-in ones may be left out.
        assignments: By account; one without any is in the calendar month.
    """

    def __init__(
        self,
        cycles: Mapping[str, BillingCycle],
        assignments: Mapping[int, Sequence[CycleAssignment]],
    ) -> None:
        self._cycles = dict(cycles)
        self._assignments = {key: changes_of(value) for key, value in assignments.items() if value}
        self._periods: dict[tuple[str, date], BillingPeriod | None] = {}

    def on(self, account_id: int, day: date) -> BillingPeriod | None:
        """The period of an account on a day.

        It is shorter than its cycle's own where the account comes into the cycle or leaves it.

        Args:
            account_id: The account's key.
            day: Local day of any of its points.

        Returns:
            None where a list that was written by hand does not hold the day.
        """
        name, first, end = self._assigned(account_id, day)
        period = self._period_of(name, day)
        if period is None or (first <= period.days.first and period.days.end <= end):
            return period
        days = DayRange(max(period.days.first, first), min(period.days.end, end))
        return self._cycle(name).cut_to(days)

    def cut_to(self, account_id: int, days: DayRange) -> BillingPeriod | None:
        """Some days of one period as a bill's period, such as those of a final bill.

        Args:
            account_id: The account's key.
            days: Local days within one period of `on`.

        Returns:
            None where a list that was written by hand does not hold them.
        """
        name, _, _ = self._assigned(account_id, days.first)
        period = self._period_of(name, days.first)
        if period is None or period.days == days:
            return period
        return self._cycle(name).cut_to(days)

    def _assigned(self, account_id: int, day: date) -> tuple[str, date, date]:
        """The cycle on a day, and from when until when the account is in it."""
        assignments = self._assignments.get(account_id)
        if not assignments:
            return MONTHLY, date.min, date.max
        index = bisect_right(assignments, day, key=lambda assignment: assignment.first)
        end = assignments[index].first if index < len(assignments) else date.max
        if not index:
            return MONTHLY, date.min, end
        return assignments[index - 1].cycle, assignments[index - 1].first, end

    def _period_of(self, name: str, day: date) -> BillingPeriod | None:
        key = (name, day)
        if key not in self._periods:
            try:
                self._periods[key] = self._cycle(name).period_of(day)
            except NoBillingPeriodError:
                self._periods[key] = None
        return self._periods[key]

    def _cycle(self, name: str) -> BillingCycle:
        cycle = self._cycles.get(name) or built_in_cycle(name)
        if cycle is None:
            raise KeyError(name)
        return cycle
