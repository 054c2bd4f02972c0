"""Minimums: a top-up of named lines to an amount per month or per year."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.draft import Draft, VersionSpan, named
from central.domain.rating.charges.years import (
    first_day,
    is_over,
    share_so_far,
    since,
    sum_so_far,
)
from central.domain.rating.determinants.context import average_fact
from central.domain.rating.inputs.carried_state import Origin, YearSum
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.credit_rules import Commitment
from central.domain.tariff.document import Minimum


def price_minimum(minimum: Minimum, span: VersionSpan) -> Iterator[Draft]:
    """Price a minimum.

        per month: top-up = max(0, amount x quantity x months - sum of the lines)
        per year:  the same with the share of the year, over the sums since the last year's end, on
                   the bill that ends the year, or with which the minimum ends

    Lines count as rounded, a month below zero as zero. `before_credits` leaves credits out of it.

    Source: docs/reference/charges.md, "Minimums"
    """
    counted = _counted(minimum, span)
    total = Fraction(sum((line.amount for line in counted), Decimal(0)))
    total = max(Fraction(0), total)
    note = ""
    if minimum.per == "month":
        share = months_needed(minimum, span)
    else:
        if not is_over(minimum, span):
            return
        share, note = share_so_far(minimum, span)
        total += Fraction(sum_so_far(minimum.id, span))
        total += Fraction(sum((line.amount for line in _earlier(minimum, span)), Decimal(0)))
    needed = Fraction(minimum.amount) * minimum_count(minimum, span) * share
    if needed > total:
        yield Draft(
            span.days,
            span.segments[0].number,
            None,
            "",
            None,
            needed - total,
            of=tuple(line.key for line in counted),
            note=", ".join(filter(None, (f"{minimum.amount} per {minimum.per}", note))),
        )


def months_needed(minimum: Minimum, span: VersionSpan) -> Fraction:
    """How many times the bill needs the amount of a monthly minimum."""
    if minimum.prorate == "cycle":
        return span.month_share(span.days)
    return Fraction(span.whole_months)


def minimum_count(minimum: Minimum | Commitment, span: VersionSpan) -> Fraction:
    """What the amount of a minimum or commitment is multiplied by."""
    if minimum.qty is None:
        return Fraction(1)
    last = span.segments[-1]
    found = span.context.of(minimum.qty, last.number)
    if found:
        return sum((part.value for part in found), Fraction(0))
    first = span.segments[0]
    whole = Segment(first.number, span.days, first.version, first.season)
    return average_fact(minimum.qty, whole, span.context.facts)


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
