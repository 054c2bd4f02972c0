"""Commitments: what named lines come to over a term, and what is short of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.draft import Draft, VersionSpan, named
from central.domain.rating.charges.minimum import minimum_count
from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import months_after
from central.domain.rating.rounding import half_away
from central.domain.tariff.credit_rules import Commitment


def price_commitment(rule: Commitment, span: VersionSpan) -> Iterator[Draft]:
    """Price a commitment on the bill that holds the last day of its term.

        come to   = what earlier bills of the term left + sum of the bill's named lines
        shortfall = max(0, amount x quantity - come to)

    Lines count as rounded, on the bill that charges them. `charge` bills the shortfall and begins
    the next term at nothing; `carry` begins it that much lower. What is beyond the amount lapses,
    or is where the next term begins. Bills that end before the first term do not count.

    Source: docs/reference/charges.md, "Commitments and credits"
    """
    if not span.is_last:
        return
    begins = _begins(rule, span)
    if begins is not None and span.bill.end <= begins:
        return
    lines = [line for line in named((*span.before, *span.lines), rule.of) if _counts(line, rule)]
    total = Fraction(span.context.opening.sum_of(rule.id))
    total += Fraction(sum((line.amount for line in lines), Decimal(0)))
    digits = span.document.currency.digits
    if not _ends(rule, begins, span):
        span.context.sums[rule.id] = half_away(total, digits)
        return
    needed = Fraction(rule.amount) * minimum_count(rule, span)
    carried = rule.shortfall if total < needed else rule.excess
    left = half_away(total - needed, digits) if carried == "carry" else Decimal(0)
    span.context.sums[rule.id] = left
    if total < needed and rule.shortfall == "charge":
        code = span.document.currency.code
        yield Draft(
            span.days,
            span.segments[0].number,
            None,
            "",
            None,
            needed - total,
            of=tuple(line.key for line in lines),
            note=f"{half_away(total, digits)} of {half_away(needed, digits)} {code} come to",
        )


def _counts(line: RatedLine, rule: Commitment) -> bool:
    return rule.basis == "after_credits" or line.kind != "credit"


def _begins(rule: Commitment, span: VersionSpan) -> date | None:
    if not isinstance(rule.begins, str):
        return rule.begins
    said = span.context.facts.at(rule.begins, span.bill.days()[-1])
    try:
        return date.fromisoformat(said) if isinstance(said, str) else _unknown(rule.begins)
    except ValueError:
        return _unknown(rule.begins)


def _unknown(fact: str) -> date:
    message = f"The agreement's {fact!r} is not a date such as 2026-07-01."
    raise HeldError(Hold("MISSING_FACT", message, fact))


def _ends(rule: Commitment, begins: date | None, span: VersionSpan) -> bool:
    if begins is None:
        return rule.months == 1 or span.context.month.month == rule.year_end
    end, terms = months_after(begins, rule.months), 1
    while end <= span.bill.first:
        terms += 1
        end = months_after(begins, terms * rule.months)
    return end <= span.bill.end
