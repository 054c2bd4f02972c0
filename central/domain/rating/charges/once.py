"""One-offs: an amount charged or credited whole, on the bill that holds its date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.charges.counted_quantity import quantity_over
from central.domain.rating.charges.draft import Draft, VersionSpan, priced_at
from central.domain.rating.charges.flags import applies_on
from central.domain.rating.determinants.context import average_fact
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.document import Charge

_EVERY_YEAR = "--"
_DAY = timedelta(days=1)


def price_once(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price what is charged once on each of some dates, whatever days the bill has.

        amount = price x quantity, for each of the dates that the bill holds

    The quantity is a determinant's over all days of the bill that have the charge, however they are
    cut, or a fact's on that date.

    Source: docs/reference/charges.md, "One-offs"
    """
    for segment in span.segments:
        dates = dates_within(charge.on, segment.days)
        if not dates:
            continue
        price = priced_at(charge, segment.season, "")
        quantity, unit, behind = _quantity(charge, dates, segment, span)
        yield Draft(
            DayRange(dates[0], dates[-1] + _DAY),
            segment.number,
            quantity,
            unit,
            price,
            price * quantity,
            determinants=behind,
            note=f"on {', '.join(map(str, dates))}",
        )


def dates_within(texts: Sequence[str], days: DayRange) -> list[date]:
    """The dates that some days hold, ascending; 29 February is in leap years alone.

    Args:
        texts: `2026-05-03`, or `--04-01` for every year.
        days: Local.
    """
    named = set(texts)
    return [
        day
        for day in days.days()
        if day.isoformat() in named or f"{_EVERY_YEAR}{day:%m-%d}" in named
    ]


def _quantity(
    charge: Charge, dates: Sequence[date], segment: Segment, span: VersionSpan
) -> tuple[Fraction, str, tuple[Determinant, ...]]:
    """How many times the price, the unit, and what that rests on."""
    if charge.qty is None:
        return Fraction(len(dates)), "", ()
    having = [other for other in span.context.segments if _has(charge, other, span)]
    behind = [each for other in having for each in span.context.of(charge.qty, other.number)]
    if span.context.of(charge.qty, segment.number):
        counted = quantity_over(charge.qty, having, span.context) or Fraction(0)
        return counted * len(dates), behind[0].unit, tuple(behind)
    total = Fraction(0)
    for day in dates:
        alone = replace(segment, days=DayRange(day, day + _DAY))
        total += average_fact(charge.qty, alone, span.context.facts)
    return total, span.document.fact_units.get(charge.qty, ""), ()


def _has(charge: Charge, segment: Segment, span: VersionSpan) -> bool:
    """Whether a segment's version has the charge, and the facts let it apply."""
    document, day = segment.version.document, segment.days.last
    other = next((o for o in (*document.charges, *document.riders) if o.id == charge.id), None)
    if not isinstance(other, Charge):
        return False
    return applies_on(day, other.unless, other.only, span.context.facts)
