"""Years and terms: where they end, and what a part of one needs of its amount."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.determinants.context import date_fact
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange, Segment, months_after
from central.domain.tariff.credit_rules import Commitment
from central.domain.tariff.document import Minimum, TariffDocument
from central.domain.tariff.state_rules import Owner, YearShare

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
    return date_fact(begins, span.context.facts, span.bill.last)


def dates_inside(
    segments: Sequence[Segment], facts: AgreementFacts, days: DayRange
) -> tuple[date, ...]:
    """The days inside a bill on which a year or term ends by its date.

    Raises:
        HeldError: A fact that should hold a date does not.
    """
    dates: set[date] = set()
    for version in dict.fromkeys(segment.version for segment in segments):
        for rule in yearly_rules(version.document):
            begins = date_fact(rule.begins, facts, days.last)
            end = days.first
            while rule.ends == "date":
                end = next_end(rule, begins, end)
                if end >= days.end:
                    break
                dates.add(end)
    return tuple(sorted(dates))


def yearly_rules(document: TariffDocument) -> tuple[Minimum | Commitment, ...]:
    """The minimums of a year and the commitments of a version."""
    minimums = (minimum for minimum in document.minimums if minimum.per == "year")
    return (*minimums, *document.commitments)


def months_of(rule: Minimum | Commitment) -> int:
    """The months of a year or term."""
    return rule.months if isinstance(rule, Commitment) else _MONTHS


def next_end(rule: Minimum | Commitment, begins: date | None, after: date) -> date:
    """The first end of a year or term, by its date, after a day."""
    if begins is not None:
        return _term_end(begins, months_of(rule), after)
    if months_of(rule) == 1:
        return months_after(after.replace(day=1), 1)
    end = months_after(date(after.year, rule.year_end, 1), 1)
    return end if end > after else months_after(end, _MONTHS)


def is_over(rule: Minimum | Commitment, span: VersionSpan) -> bool:
    """Whether a year or term ends with the span, or the rule does.

    Raises:
        HeldError: It is the account's, and days of it are not billed elsewhere yet.
    """
    if span.ends(rule.id):
        begins = first_day(rule.begins, span)
        return begins is None or begins < span.days.end
    if not _ends_within(rule, span):
        return False
    end = span.days.end if rule.ends == "date" else span.bill.end
    return rule.owner is not Owner.ACCOUNT or span.ending.decides(end)


def _ends_within(rule: Minimum | Commitment, span: VersionSpan) -> bool:
    begins = first_day(rule.begins, span)
    if begins is not None and span.days.end <= begins:
        return False
    if rule.ends == "date":
        return next_end(rule, begins, span.days.first) == span.days.end
    if not span.is_last:
        return False
    if begins is None:
        return months_of(rule) == 1 or month_ends(rule.year_end, span)
    return term_end(begins, months_of(rule), span) <= span.bill.end


def share_so_far(rule: Minimum | Commitment, span: VersionSpan) -> tuple[Fraction, str]:
    """What the year or term so far needs of its amount, and how to say it."""
    begins = first_day(rule.begins, span)
    if rule.ends == "date":
        end = next_end(rule, begins, span.days.first)
    elif begins is None:
        end = year_end(rule.year_end, span)
    else:
        end = term_end(begins, months_of(rule), span)
    return share_of(rule.share, months_of(rule), end, since(rule.id, span), span.days.end)


def sum_so_far(identifier: str, span: VersionSpan) -> Decimal:
    """What the year or term has come to: before the bill, or since it ended in it. [currency]."""
    if identifier in span.context.closed:
        return span.context.sums.get(identifier, Decimal(0))
    return span.context.opening.sum_of(identifier)


def term_end(begins: date, months: int, span: VersionSpan) -> date:
    """The end of the term that holds the first day of the bill, or of the first one."""
    return _term_end(begins, months, span.bill.first)


def _term_end(begins: date, months: int, after: date) -> date:
    terms = 1
    end = months_after(begins, months)
    while end <= after:
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
    if identifier in span.context.closed:
        return span.context.closed[identifier]
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
    if first is not None and first >= min(until, end):
        return Fraction(0), ""
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
