"""Charges on a measured quantity at one price per period: energy, demand, events."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.charges.draft import Draft, VersionSpan, priced_at
from central.domain.rating.charges.units_of_time import time_share
from central.domain.tariff.document import Charge


def price_usage(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price a flat, seasonal or time-of-use quantity.

        amount = quantity of the period x price of season and period

    A line per segment and, where prices differ by period, per period that has hours in it.

    Source: docs/reference/charges.md, "Usage"
    """
    for segment in span.segments:
        found = span.context.of(charge.qty or "", segment.number)
        if not found:
            continue
        by_period = charge.price is not None and charge.price.by_period
        for label, parts in _grouped(found, split=by_period):
            price = priced_at(charge, segment.season, label)
            quantity = sum((part.value for part in parts), Fraction(0))
            share, note = time_share(charge, span, segment)
            yield Draft(
                segment.days,
                segment.number,
                quantity,
                parts[0].unit,
                price,
                quantity * price * share,
                label=label,
                determinants=tuple(parts),
                note=note,
            )


def _grouped(found: list[Determinant], *, split: bool) -> Iterator[tuple[str, list[Determinant]]]:
    if not split:
        yield (found[0].label if len(found) == 1 else ""), found
        return
    for determinant in found:
        yield determinant.label, [determinant]
