"""Percent riders and taxes: a share of named lines, in the order of the tariff."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.tariff.document import Percent


def price_percent(percent: Percent, span: VersionSpan) -> Iterator[Draft]:
    """Price a percent of what the named lines come to as rounded.

        amount = percent / 100 x sum of the named lines' amounts

    `all` is every line of the tariff version that is not a tax; a tax on a tax is named. Nothing is
    charged where none of the lines is on the bill.

    Source: docs/reference/charges.md, "Riders and taxes"
    """
    base = span.based_on(percent.of)
    if not base:
        return
    total = Fraction(sum((line.amount for line in base), Decimal(0)))
    share = Fraction(percent.percent)
    yield Draft(
        span.days,
        span.segments[0].number,
        total,
        span.document.currency.code,
        share,
        total * share / 100,
        of=tuple(line.key for line in base),
        note="percent",
    )
