"""Intervals that a series names: those where it is not zero (system peaks, critical events)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import Segment


def named_intervals(  # noqa: PLR0913, PLR0917 - a name, where it is defined, and some intervals
    name: str, segment: Segment, context: RatingContext, start: datetime, step_s: int, count: int
) -> NDArray[np.bool_]:
    """Which of some intervals a series names.

    Args:
        name: As the tariff names the series.
        segment: Whose version defines it.
        context: With the series given.
        start: First instant of the first interval.
        step_s: Length of an interval. [s]
        count: How many.

    Raises:
        HeldError: The series does not say for all of them.
    """
    given = next(p.price for p in segment.version.document.prices if p.name == name)
    known = context.prices.get(given)
    found = None if known is None else known.at_steps(start, step_s, count)
    if found is None:
        message = f"The intervals named by {given!r} are not known from {start.date()} on."
        raise HeldError(Hold("MISSING_PRICE", message, given))
    return np.asarray(found != 0, dtype=np.bool_)
