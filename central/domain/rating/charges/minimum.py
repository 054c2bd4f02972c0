"""Minimums: a top-up of named lines to an amount per month or per year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.counted_quantity import counted_over
from central.domain.rating.charges.draft import Draft, VersionSpan, named
from central.domain.rating.charges.monthly_need import MonthlyNeed
from central.domain.rating.charges.years import (
    first_day,
    is_over,
    share_so_far,
    since,
    sum_so_far,
)
from central.domain.rating.determinants.context import HeldError, average_fact
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.carried_state import Origin, YearSum
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.credit_rules import Commitment
from central.domain.tariff.determinant_rules import CounterDeterminant, MaxDeterminant
from central.domain.tariff.document import Minimum, TariffDocument
from central.domain.tariff.input_units import POWER

_LineT = TypeVar("_LineT")


def price_minimum(minimum: Minimum, span: VersionSpan) -> Iterator[Draft]:
    """Price a minimum.

        per month: top-up = max(0, amount x quantity x months - sum of the lines), once a bill: each
                   version's amount for its days, with the lines of all, under the last that has it
        per year:  the same with the share of the year, over the sums since the last year's end, on
                   the bill that ends the year, or with which the minimum ends

    Lines count as rounded, a month below zero as zero. `before_credits` leaves credits out of it.

    Source: docs/reference/charges.md, "Minimums"
    """
    if minimum.per == "year":
        yield from _top_up_year(minimum, span)
        return
    need = month_need(minimum, span, _counted(minimum, span))
    if need is None:
        return
    total = Fraction(sum((line.amount for line in need.of), Decimal(0)))
    yield from _top_up(need.days, need.needed - max(Fraction(0), total), need.of, need.note, span)


def _top_up_year(minimum: Minimum, span: VersionSpan) -> Iterator[Draft]:
    if not is_over(minimum, span) or not span.applies(minimum.unless, minimum.only):
        return
    counted = _counted(minimum, span)
    total = max(Fraction(0), Fraction(sum((line.amount for line in counted), Decimal(0))))
    total += Fraction(sum_so_far(minimum.id, span))
    total += Fraction(sum((line.amount for line in _earlier(minimum, span)), Decimal(0)))
    share, text = share_so_far(minimum, span)
    needed = Fraction(minimum.amount) * minimum_count(minimum, span) * share
    note = ", ".join(filter(None, (f"{minimum.amount} per year", text)))
    yield from _top_up(span.days, needed - total, counted, note, span)


def _top_up(
    days: DayRange, short: Fraction, of: Sequence[RatedLine], note: str, span: VersionSpan
) -> Iterator[Draft]:
    if short > 0:
        keys, number = tuple(line.key for line in of), span.segments[0].number
        yield Draft(days, number, None, "", None, short, of=keys, note=note)


def month_need(
    minimum: Minimum, span: VersionSpan, of: Sequence[_LineT]
) -> MonthlyNeed[_LineT] | None:
    """What a monthly minimum needs of the bill; None until the last of its versions that has it.

    Days on which a fact drops it need nothing, and their lines do not count.

    Args:
        minimum: Of the span's version.
        span: The days under that.
        of: Its lines that count.
    """
    need = span.needs.pop(minimum.id, None)
    if span.applies(minimum.unless, minimum.only):
        shares = ((minimum.amount, span.days.count),)
        needed = MonthlyNeed(span.days, _needed(minimum, span), tuple(of), shares)
        need = needed if need is None else need.joined(needed)
    if need is not None and any(_has(document, minimum.id) for document in span.after):
        span.needs[minimum.id] = need
        return None
    return need


def _has(document: TariffDocument, identifier: str) -> bool:
    return any(rule.id == identifier and rule.per == "month" for rule in document.minimums)


def _needed(minimum: Minimum, span: VersionSpan) -> Fraction:
    """What the days under one version need of a month's amount.

    What measures power or counts things is shared as time is; energy of some days is theirs alone.
    """
    amount, base = Fraction(minimum.amount), (minimum.qty or "").partition(".")[0]
    rule = next((r for r in span.document.determinants if r.name == base), None)
    if rule is None:
        return amount * _fact_over(minimum, span) * _months(minimum, span, span.days)
    needed = Fraction(0)
    for segment in span.segments:
        for quantity in span.context.of(minimum.qty or "", segment.number):
            as_time = isinstance(rule, MaxDeterminant | CounterDeterminant)
            as_time = as_time or quantity.unit in POWER.values()
            days = segment.days if as_time else span.occupied
            needed += amount * quantity.value * _months(minimum, span, days)
    return needed


def _months(minimum: Minimum, span: VersionSpan, days: DayRange) -> Fraction:
    """How many times some days need the amount of a monthly minimum."""
    if minimum.prorate == "cycle":
        return span.month_share(days)
    return Fraction(span.whole_months * days.count, span.occupied.count)


def _fact_over(minimum: Minimum, span: VersionSpan) -> Fraction:
    """The fact that a monthly amount is multiplied by, over the days of one version."""
    if minimum.qty is None:
        return Fraction(1)
    first = span.segments[0]
    whole = Segment(first.number, span.days, first.version, first.season)
    return average_fact(minimum.qty, whole, span.context.facts)


def minimum_count(minimum: Minimum | Commitment, span: VersionSpan) -> Fraction:
    """What the amount of a yearly minimum or a commitment is multiplied by: all of the bill's days.

    Where no days are billed it is what the last bill of days left.

    Raises:
        HeldError: That is not known.
    """
    if minimum.qty is None:
        return Fraction(1)
    left = span.context.quantities.get(minimum.id)
    if left is not None:
        return left
    counted = counted_over(minimum, span.segments_so_far, span.context)
    if counted is not None:
        return counted
    with suppress(HeldError):
        return average_fact(minimum.qty, span.segments[-1], span.context.facts)
    # A bill of an earlier release did not keep it.
    message = (
        f"No {minimum.qty!r} is known that {minimum.id!r} is multiplied by on {span.days.last}. Set"
        f" it as the agreement's fact of that name: `agreement fact ACCOUNT POINT {minimum.qty}"
        f" VALUE --from {span.days.last} --reason TEXT`."
    )
    raise HeldError(Hold("NO_QUANTITY", message, minimum.id))


def carried_sum(minimum: Minimum, span: VersionSpan, total: Decimal) -> YearSum:
    """What a yearly minimum leaves to later bills.

    Args:
        minimum: Of the bill's last version.
        span: The bill's last.
        total: What all of the bill's versions come to. [currency]
    """
    if is_over(minimum, span):
        origin = Origin(span.bill.end, span.bill.end, minimum.owner)
        return YearSum(minimum.id, Decimal(0), origin)
    begins = first_day(minimum.begins, span)
    if begins is not None and span.bill.end <= begins:
        return YearSum(minimum.id, Decimal(0), Origin(begins, begins, minimum.owner))
    origin = Origin(since(minimum.id, span), span.bill.end, minimum.owner)
    return YearSum(minimum.id, sum_so_far(minimum.id, span) + total, origin)


def year_sum(minimum: Minimum, span: VersionSpan) -> Decimal:
    """What a yearly minimum has to remember of this bill's lines; never below zero."""
    return max(Decimal(0), sum((line.amount for line in _counted(minimum, span)), Decimal(0)))


def _earlier(minimum: Minimum, span: VersionSpan) -> list[RatedLine]:
    since_end = span.context.closed.get(minimum.id, span.bill.first)
    lines = (line for line in named(span.before, minimum.of) if line.first >= since_end)
    return [line for line in lines if minimum.basis == "after_credits" or line.kind != "credit"]


def _counted(minimum: Minimum, span: VersionSpan) -> list[RatedLine]:
    lines = span.based_on(minimum.of)
    return [line for line in lines if minimum.basis == "after_credits" or line.kind != "credit"]
