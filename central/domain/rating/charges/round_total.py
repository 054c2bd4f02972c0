"""What is due, rounded to coins or notes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.rounding import half_away
from central.domain.tariff.credit_rules import ROUND_TOTAL, RoundTotal


def round_total(span: VersionSpan) -> Iterator[tuple[str, Draft]]:
    """The difference between what is due and the nearest multiple of an amount, with its id.

        rounding = nearest multiple of the amount, halves away from zero - lines, taxes, settlements

    It is the last line of a bill, and there is none where nothing is to be rounded.

    Source: docs/reference/charges.md, "Rounding of the total"
    """
    for rule in span.document.settlement:
        if isinstance(rule, RoundTotal):
            due = Fraction(sum((line.amount for line in (*span.before, *span.lines)), Decimal(0)))
            step = Fraction(rule.to)
            gap = Fraction(half_away(due / step, 0)) * step - due
            if gap:
                note, number = f"rounded to a multiple of {rule.to}", span.segments[0].number
                yield ROUND_TOTAL, Draft(span.days, number, None, "", None, gap, note=note)
