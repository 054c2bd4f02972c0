"""Intervals that a series names: those where it is not zero (system peaks, critical events)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.interval_prices import prices_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.inputs.steps import numbers_of
from central.domain.tariff.interval_prices import PriceRule


def named_intervals(
    name: str, segment: Segment, context: RatingContext, series: InputSeries, span: slice
) -> NDArray[np.bool_]:
    """Which of some intervals a series names.

    Args:
        name: As the tariff names the series.
        segment: Whose version defines it.
        context: With the series given.
        series: Whose intervals.
        span: Which of them.

    Raises:
        HeldError: The series does not say for all of them.
    """
    rule = next(rule for rule in segment.version.document.prices if rule.name == name)
    if not isinstance(rule, PriceRule):
        prices = prices_of(name, segment, series, span, context)
        return np.asarray(prices.tops != 0, dtype=np.bool_)
    given = rule.price
    known = context.prices.get(given)
    found = None if known is None else numbers_of(series, known, span)
    if found is None:
        start = series.begin_of(span.start).date()
        message = f"The intervals named by {given!r} are not known from {start} on."
        raise HeldError(Hold("MISSING_PRICE", message, given))
    return np.asarray(found != 0, dtype=np.bool_)
