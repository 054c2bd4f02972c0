"""Fixed charges: a price per day, month or year, once or per unit of an agreement fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from central.domain.rating.charges.draft import Draft, VersionSpan, priced_at
from central.domain.rating.charges.units_of_time import days_alike, fixed_time
from central.domain.rating.determinants.context import average_fact
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.document import Charge


def price_fixed(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price a fixed charge.

        amount = price x units of time (units_of_time.py)

    times the fact's average over the days, where the charge names one. A season inside the bill
    makes a line of its own only where the price differs by season. With `prorate: none` any part
    of a month pays the whole, once a bill.

    Source: docs/reference/charges.md, "Fixed"
    """
    seasonal = charge.price is not None and charge.price.by_season
    parts = span.segments if seasonal or charge.qty else (_whole(span),)
    for part in parts:
        price = priced_at(charge, part.season, "")
        quantity, unit, note = fixed_time(charge, span, part.days)
        if charge.qty is not None:
            quantity = _times_fact(charge.qty, charge, span, part)
        fact_unit = span.document.fact_units.get(charge.qty or "", "")
        yield Draft(
            part.days,
            part.number,
            quantity,
            f"{fact_unit} {unit}".strip(),
            price,
            price * quantity,
            note=note,
        )


def _times_fact(name: str, charge: Charge, span: VersionSpan, part: Segment) -> Fraction:
    """Units of time times the fact's average, apart where days do not count alike."""
    total = Fraction(0)
    for days in days_alike(charge, part.days):
        time, _, _ = fixed_time(charge, span, days)
        total += time * average_fact(name, replace(part, days=days), span.context.facts)
    return total


def _whole(span: VersionSpan) -> Segment:
    first = span.segments[0]
    return Segment(first.number, span.days, first.version, first.season)
