"""Intervals over some days, and the numbers that a series gives for each."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.service_point import DAY_S
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import Interval


class Steps(Protocol):
    """Intervals over some days, of one meter or of many."""

    @property
    def days(self) -> DayRange:
        """The days covered."""

    @property
    def step_s(self) -> int:
        """Length of an interval; of a local day the usual one. [s]."""

    @property
    def day_starts(self) -> tuple[int, ...]:
        """Number of the first interval of each day, and the total at the end."""

    def begin_of(self, number: int) -> datetime:
        """Where an interval begins."""


def numbers_of(steps: Steps, given: PriceSeries, span: slice) -> NDArray[np.object_] | None:
    """The number of a series for each of some intervals; None where one is not known."""
    if steps.step_s != DAY_S:
        return given.at_steps(steps.begin_of(span.start), steps.step_s, span.stop - span.start)
    begins = [steps.begin_of(number) for number in range(span.start, span.stop + 1)]
    return given.over([Interval(*pair) for pair in pairwise(begins)])
