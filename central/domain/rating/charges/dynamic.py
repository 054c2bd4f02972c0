"""Dynamic prices: every interval at the price of its hour or quarter-hour."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.charges.draft import Draft, VersionSpan
from central.domain.rating.determinants.context import HeldError, known_series, unit_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.input_series import run_sums
from central.domain.tariff.document import Charge


def price_dynamic(charge: Charge, span: VersionSpan) -> Iterator[Draft]:
    """Price every interval by a series.

        amount = sum over intervals of quantity x price of the interval, one line per segment

    The products are summed in integers. A price that is not known holds the bill.

    Source: docs/reference/charges.md, "Prices per interval"
    """
    rule = next(found for found in span.document.prices if found.name == charge.times)
    prices = span.context.prices.get(rule.price)
    if prices is None:
        message = f"The price series {rule.price!r} has no prices."
        raise HeldError(Hold("MISSING_PRICE", message, rule.price))
    series = known_series(charge.qty or "", span.context)
    for segment in span.segments:
        place = series.slice_of(segment.days)
        count = place.stop - place.start
        known = series.numbers_of(prices, place)
        if rule.step_s is not None and prices.step_s != rule.step_s:
            message = (
                f"The prices {rule.price!r} have steps of {prices.step_s} s, not {rule.step_s} s."
            )
            raise HeldError(Hold("PRICE_STEP", message, rule.price))
        if known is None:
            message = f"The prices {rule.price!r} do not cover {segment.days.first}."
            raise HeldError(Hold("MISSING_PRICE", message, rule.price))
        values = series.values[place]
        products = int((values.astype(object) * known).sum())
        scale = Fraction(10) ** prices.exponent
        total = run_sums(values, np.zeros(1, dtype=np.int64))[0] * series.scale
        unit = unit_of(segment, charge.qty or "")
        selection = Selection(series.begin_of(place.start), series.step_s, ((0, count),))
        behind = Determinant(
            charge.qty or "",
            segment.number,
            "",
            unit,
            total,
            total,
            "sum",
            selection,
            series.sources(segment.days),
        )
        yield Draft(
            segment.days,
            segment.number,
            total,
            unit,
            None,
            products * series.scale * scale,
            determinants=(behind,),
            note=f"each interval at {rule.price}",
        )
