"""Commitments: what named lines come to over a term, and what is short of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.draft import Draft, VersionSpan, named
from central.domain.rating.charges.minimum import minimum_count
from central.domain.rating.charges.years import (
    first_day,
    is_over,
    share_so_far,
    since,
    sum_so_far,
)
from central.domain.rating.rounding import half_away
from central.domain.tariff.credit_rules import Commitment


def price_commitment(rule: Commitment, span: VersionSpan) -> Iterator[Draft]:
    """Price a commitment on the bill that holds the last day of its term.

        come to   = what earlier bills of the term left + sum of the bill's named lines
        shortfall = max(0, amount x quantity - come to)

    Lines count as rounded, on the bill that charges them. `charge` bills the shortfall and begins
    the next term at nothing; `carry` begins it that much lower. What is beyond the amount lapses,
    or is where the next term begins. A term that ends early needs its share of the amount, and
    charges what is short whatever else it would do. Bills that end before the first term do not
    count.

    Source: docs/reference/charges.md, "Commitments and credits"
    """
    over, begins = is_over(rule, span), first_day(rule.begins, span)
    if not over and not span.is_last:
        return
    if begins is not None and span.days.end <= begins:
        return
    since_end = span.context.closed.get(rule.id, span.bill.first)
    lines = [
        line
        for line in named((*span.before, *span.lines), rule.of)
        if _counts(line, rule) and line.first >= since_end
    ]
    billed = sum((line.amount for line in lines), Decimal(0))
    if not over:
        carry_on(rule, span, billed)
        return
    total = Fraction(sum_so_far(rule.id, span)) + Fraction(billed)
    digits = span.document.currency.digits
    ended = span.ends(rule.id)
    share, note = _share(rule, span)
    needed = Fraction(rule.amount) * minimum_count(rule, span) * share
    carried = rule.shortfall if total < needed else rule.excess
    left = half_away(total - needed, digits) if carried == "carry" else Decimal(0)
    span.context.sums[rule.id] = left
    span.context.since[rule.id] = span.context.closed[rule.id] = span.days.end
    applies = span.applies(rule.unless, rule.only)
    if total < needed and applies and (ended or rule.shortfall == "charge"):
        code = span.document.currency.code
        yield Draft(
            span.days,
            span.segments[0].number,
            None,
            "",
            None,
            needed - total,
            of=tuple(line.key for line in lines),
            note=f"{half_away(total, digits)} of {half_away(needed, digits)} {code} come to{note}",
        )


def carry_on(rule: Commitment, span: VersionSpan, billed: Decimal) -> None:
    """Note what a term that goes on has come to; days before its first one do not count.

    Args:
        rule: Of a commitment.
        span: The bill's last.
        billed: What the bill's named lines come to. [currency]
    """
    begins, first = first_day(rule.begins, span), since(rule.id, span)
    if begins is not None and span.days.end <= begins:
        return
    total = Fraction(sum_so_far(rule.id, span)) + Fraction(billed)
    span.context.sums[rule.id] = half_away(total, span.document.currency.digits)
    span.context.since[rule.id] = max(first, begins) if first and begins else first


def _counts(line: RatedLine, rule: Commitment) -> bool:
    return rule.basis == "after_credits" or line.kind != "credit"


def _share(rule: Commitment, span: VersionSpan) -> tuple[Fraction, str]:
    """How many times the amount a term needs: a month of each of the bill, or a part of a term."""
    if rule.begins is None and rule.months == 1 and rule.ends == "period":
        return _months(rule, span), ""
    share, how = share_so_far(rule, span)
    return share, f", {how}" if how else ""


def _months(rule: Commitment, span: VersionSpan) -> Fraction:
    """How many months a bill needs: whole ones, shared by the parts of it, or by its days."""
    match rule.share:
        case "days":
            return span.period.share(span.bill)
        case "months":
            inside = ((month, month.within(span.bill)) for month in span.period.months_of_it)
            shares = (Fraction(billed.count, month.count) for month, billed in inside if billed)
            return sum(shares, Fraction(0))
        case _:
            return Fraction(span.whole_months * span.bill.count, span.occupied.count)
