"""Percent riders and taxes: a share of named lines, in the order of the tariff."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.document import Percent


def price_percent(percent: Percent, span: VersionSpan) -> Iterator[Draft]:
    """Price a percent of what the named lines come to as rounded.

        amount = percent / 100 x sum of the named lines' amounts

    `all` is every line of the tariff version that is not a tax; a tax on a tax is named. Nothing is
    charged where none of the lines is on the bill.

    Source: docs/reference/charges.md, "Riders and taxes"
    """
    base = span.base_of(percent)
    if base:
        yield share_of(percent, base, span, span.days)


def share_of(
    percent: Percent, base: Sequence[RatedLine], span: VersionSpan, days: DayRange
) -> Draft:
    """A percent of some lines.

    Args:
        percent: Which.
        base: The lines, at least one.
        span: Of the bill; the last one where they are of several.
        days: That it covers.
    """
    total = Fraction(sum((line.amount for line in base), Decimal(0)))
    share = Fraction(percent.percent)
    return Draft(
        days,
        span.segments[0].number,
        total,
        span.document.currency.code,
        share,
        total * share / 100,
        of=tuple(line.key for line in base),
        note="percent",
    )
