"""Billing cycles: dated periods that tile, made by a rule or written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from central.domain.billing.cycle import CYCLE_NAME, Cycle
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.segments import DayRange, months_after
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

LENGTHS = (1, 2, 3, 6, 12)
"""Months that a period made by rule may have."""
MONTHLY = "monthly"
_MONTHS = 12


class NoBillingPeriodError(OperatorError):
    """A cycle has no period on a day."""

    code = "NO_BILLING_PERIOD"
    default_remedy = "Choose a day that the cycle lists, or extend its list with `cycle extend`."


@dataclass(frozen=True, slots=True)
class BillingCycle:
    """A cycle: its periods follow each other without a gap.

    The dates have no zone; each service cuts them at its own point's start of day.

    Args:
        name: Lower-case letters, digits, `-` and `_`.
        first: First day of its first period; the others begin on that day of their month, on the
            last day of shorter months.
        months: Length of a period: 1, 2, 3, 6 or 12.
        bill_after: Days from the end of a period to the day on which its bill is due to be listed.
        listed: Periods as they were written down, ascending; where there are any, there are no
            others.

    Raises:
        InvalidValueError: The name or the length is not valid, or the list has gaps or overlaps.
    """

    name: str
    first: date
    months: int = 1
    bill_after: int = 0
    listed: tuple[BillingPeriod, ...] = ()

    def __post_init__(self) -> None:
        if not CYCLE_NAME.fullmatch(self.name):
            message = f"{self.name!r} is not a name of a billing cycle. Write it as bimonthly."
            raise InvalidValueError(message, value=self.name)
        if self.months not in LENGTHS or self.bill_after < 0:
            message = (
                f"The periods of {self.name!r} have 1, 2, 3, 6 or 12 months, billed afterwards."
            )
            raise InvalidValueError(message, value=(self.months, self.bill_after))
        for before, after in pairwise(self.listed):
            if before.days.end != after.days.first:
                message = f"{after} begins on {after.days.first}, not on {before.days.end}."
                raise InvalidValueError(message, value=str(after))
        doubled = [name for name, count in Counter(map(str, self.listed)).items() if count > 1]
        if doubled:
            message = f"The cycle {self.name!r} has two periods named {doubled[0]}."
            raise InvalidValueError(message, value=doubled[0])
        if any(period.lies_in for period in self.listed):
            message = f"The cycle {self.name!r} lists a period that is not one of its own."
            raise InvalidValueError(message, value=self.name)

    @classmethod
    def by_hand(
        cls, name: str, ends: Sequence[date], months: int = 1, bill_after: int = 0
    ) -> BillingCycle:
        """A cycle of written dates, such as a route's read dates.

        Args:
            name: Of the cycle.
            ends: First day of the first period, then each period's end, which is the first day of
                the next; ascending.
            months: How many months each is.
            bill_after: Days from the end of a period to its bill.

        Raises:
            InvalidValueError: The dates do not ascend, or there are fewer than two.
        """
        if len(ends) < 2 or any(end <= first for first, end in pairwise(ends)):  # noqa: PLR2004 - two ends of a period
            message = f"The dates of {name!r} do not ascend, or are fewer than two."
            raise InvalidValueError(message, value=[day.isoformat() for day in ends])
        numbers: Counter[tuple[int, int]] = Counter()
        listed = []
        for days in (DayRange(first, end) for first, end in pairwise(ends)):
            month = (days.last.year, days.last.month)
            numbers[month] += 1
            label = str(Cycle(*month, of=name, number=numbers[month]))
            bill_day = days.end + timedelta(days=bill_after)
            listed.append(BillingPeriod(label, days, months, bill_day))
        return cls(name, ends[0], months, bill_after, tuple(listed))

    def listed_until(self, until: date) -> BillingCycle:
        """The cycle with its periods written down, up to the one that holds a day's eve.

        Periods that are written down already stay as they are, and the rule goes on after them.
        """
        listed = list(self.listed)
        first = listed[-1].days.end if listed else self.first
        rule = replace(self, listed=())
        if first < self.first or rule.period_of(first).days.first != first:
            rule = replace(rule, first=first)
        listed += rule.periods(first, until) if first < until else ()
        return replace(self, listed=tuple(listed))

    def period_of(self, day: date) -> BillingPeriod:
        """The period that holds a local day.

        Raises:
            NoBillingPeriodError: The cycle begins later, or its list ends before.
        """
        if self.listed:
            for period in self.listed:
                if period.days.first <= day < period.days.end:
                    return period
        elif day >= self.first:
            return self._period(self._number_of(day))
        message = f"The cycle {self.name!r} has no period on {day}."
        raise NoBillingPeriodError(message, value=day, remedy="Add periods to its list.")

    def periods(self, first: date, until: date) -> Iterator[BillingPeriod]:
        """The periods that hold any of some days, ascending.

        Args:
            first: First day.
            until: The day after the last.
        """
        if self.listed:
            wanted = (p for p in self.listed if p.days.end > first and p.days.first < until)
            yield from wanted
            return
        number = self._number_of(max(first, self.first))
        period = self._period(number)
        while period.days.first < until:
            if period.days.end > first:
                yield period
            number += 1
            period = self._period(number)

    def cut_to(self, days: DayRange) -> BillingPeriod:
        """Days of the cycle as one bill's period: an own one, or one shortened or lengthened.

        It is named after the period that holds its last day. One that ends before that period does
        is billed as many days after its own end.

        Raises:
            NoBillingPeriodError: The cycle does not reach as far.
        """
        last = self.period_of(days.last)
        if last.days == days:
            return last
        self.period_of(days.first)
        stretches = tuple(WholeMonths(p.days, p.months) for p in self.periods(days.first, days.end))
        bill_day = days.end + (last.bill_day - last.days.end)
        return BillingPeriod(last.name, days, last.months, bill_day, stretches)

    def _number_of(self, day: date) -> int:
        apart = (day.year - self.first.year) * _MONTHS + day.month - self.first.month
        number = apart // self.months
        return number if self._start(number) <= day else number - 1

    def _start(self, number: int) -> date:
        return months_after(self.first, number * self.months)

    def _period(self, number: int) -> BillingPeriod:
        days = DayRange(self._start(number), self._start(number + 1))
        bill_day = days.end + timedelta(days=self.bill_after)
        return BillingPeriod(self._name_of(days), days, self.months, bill_day)

    def _name_of(self, days: DayRange) -> str:
        if self.months == 1:
            return str(Cycle(days.first.year, days.first.month, self.first.day))
        return str(Cycle(days.last.year, days.last.month, of=self.name))


CALENDAR_MONTHS = BillingCycle(MONTHLY, date(1, 1, 1))
"""The cycle of every account that is put into no other."""
