"""Dynamic prices: every interval at the price of its hour or quarter-hour."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from central.domain.rating.bill_lines.interval_price_text import price_text
from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.determinants.context import known_series, unit_of
from central.domain.rating.determinants.interval_prices import prices_of
from central.domain.rating.inputs.input_series import run_sums
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.document import Charge, TariffDocument
from central.domain.tariff.interval_prices import PriceRule


def price_dynamic(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price every interval by a series.

        amount = sum over intervals of quantity x price of the interval, one line per segment

    The products are summed in integers. A price that is not known holds the bill. The line keeps
    the price of every interval, so that its amount can be computed again.

    Source: docs/reference/charges.md, "Prices per interval"
    """
    name, series = charge.qty or "", charge.times or ""
    note = note_of(charge, span.document)
    for segment in span.segments:
        behind, amount = worth(name, series, segment, span)
        yield Draft(
            segment.days,
            segment.number,
            behind.exact,
            behind.unit,
            None,
            amount,
            determinants=(behind,),
            note=note,
        )


def note_of(charge: Charge, document: TariffDocument) -> str:
    """What a line at a price per interval says of its prices."""
    rule = next(rule for rule in document.prices if rule.name == charge.times)
    return f"each interval at {rule.price if isinstance(rule, PriceRule) else rule.name}"


def worth(
    name: str, price_series: str, segment: Segment, span: VersionSpan
) -> tuple[Determinant, Fraction]:
    """What the intervals of a segment are worth, and their sum, with the prices.

    Args:
        name: Input or series of the quantity.
        price_series: As the tariff names it.
        segment: Of the span.
        span: With its context.

    Raises:
        HeldError: A price is not known.
    """
    series = known_series(name, span.context)
    stretch = series.slice_of(segment.days)
    prices = prices_of(price_series, segment, series, stretch, span.context)
    values = series.values[stretch]
    products = int((values.astype(object) * prices.tops).sum())
    total = run_sums(values, np.zeros(1, dtype=np.int64))[0] * series.scale
    count = stretch.stop - stretch.start
    behind = Determinant(
        name,
        segment.number,
        "",
        unit_of(segment, name),
        total,
        total,
        "sum",
        Selection(series.begin_of(stretch.start), series.step_s, ((0, count),)),
        series.sources(segment.days),
        prices=price_text(prices.tops.tolist(), prices.bottom),
    )
    return behind, products * series.scale / prices.bottom
