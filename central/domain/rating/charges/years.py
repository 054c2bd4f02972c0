"""Years and terms: where they end, and what a part of one needs of its amount."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import DayRange, months_after
from central.domain.tariff.state_rules import YearShare

_MONTHS = 12


def month_ends(month: int, span: VersionSpan) -> bool:
    """Whether a year that ends with a named month ends with the bill.

    The month of a bill is that of its last day; where periods are longer than a month, the year
    ends with the first of them that reaches the named month.
    """
    period = span.period.measures
    if span.bill.end < period[-1].days.end or not span.is_last:
        return False
    last = _number(span.bill.last)
    before = min(_number(period[0].days.first - timedelta(days=1)), last - 1)
    return any(number % _MONTHS + 1 == month for number in range(before + 1, last + 1))


def _number(day: date) -> int:
    return day.year * _MONTHS + day.month - 1


def first_day(begins: date | str | None, span: VersionSpan) -> date | None:
    """The first day of the first term, as the tariff or a fact of the agreement says it.

    Raises:
        HeldError: The fact is no date.
    """
    if not isinstance(begins, str):
        return begins
    text = span.context.facts.at(begins, span.bill.last)
    try:
        return date.fromisoformat(text) if isinstance(text, str) else _no_date(begins)
    except ValueError:
        return _no_date(begins)


def _no_date(fact: str) -> date:
    message = f"The agreement's {fact!r} is not a date such as 2026-07-01."
    raise HeldError(Hold("MISSING_FACT", message, fact))


def term_end(begins: date, months: int, span: VersionSpan) -> date:
    """The end of the term that holds the first day of the bill, or of the first one."""
    terms = 1
    end = months_after(begins, months)
    while end <= span.bill.first:
        terms += 1
        end = months_after(begins, terms * months)
    return end


def year_end(month: int, span: VersionSpan) -> date:
    """The end of the year that holds the bill's last day, by the month that ends it."""
    if month_ends(month, span):
        return span.bill.end
    last = span.bill.last
    year = last.year if last.month <= month else last.year + 1
    return months_after(date(year, month, 1), 1)


def since(identifier: str, span: VersionSpan) -> date | None:
    """The first day that the sum of a year or term counts; None where it was not kept.

    A sum that nothing is kept of begins with the bill.
    """
    entry = span.context.opening.sum_entry(identifier)
    return span.bill.first if entry is None else entry.origin.first


def share_of(
    share: YearShare, months: int, end: date, first: date | None, until: date
) -> tuple[Fraction, str]:
    """What a part of a year or term needs of its amount, and how to say it.

        days:   days counted / days of the year
        months: the months counted, those in part by their days, / months of the year

    Args:
        share: As the tariff says.
        months: Of the whole year or term.
        end: Its end.
        first: First day counted; None for its own first day.
        until: The end of what is counted.

    Source: docs/reference/charges.md, "Minimums"
    """
    whole = DayRange(months_after(end, -months), end)
    counted = DayRange(max(first or whole.first, whole.first), min(until, end))
    all_of_it = first is not None and months_after(first, months) <= until
    if share == "none" or all_of_it or counted == whole:
        return Fraction(1), ""
    if share == "days":
        return Fraction(counted.count, whole.count), f"{counted.count} of {whole.count} days"
    count = Fraction(0)
    for number in range(months):
        month = DayRange(months_after(whole.first, number), months_after(whole.first, number + 1))
        inside = counted.within(month)
        count += 0 if inside is None else Fraction(inside.count, month.count)
    return count / months, f"{count} of {months} months"
