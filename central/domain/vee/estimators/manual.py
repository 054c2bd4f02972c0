"""Estimator: values that a person gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.exact import INT64_MAX
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, GapSlot
from central.domain.vee.finding import ClerkText
from firmware_bridge.contract.errors import InvalidValueError

FINEST = -9
"""The finest decimal that a value may have."""


def _expect(_: GapSlot, __: Basis) -> None:
    """Nothing: values come with an edit, by `with_values`."""


def with_values(block: DayBlock, given: Mapping[int, Fraction]) -> DayBlock:
    """The next version of a day, with values that a person gives.

    Args:
        block: The day.
        given: Values by the number of their interval. [unit]

    Raises:
        InvalidValueError: A value is below zero, or has no place in a day.
    """
    exponent = block.exponent
    while exponent > FINEST and any(
        (value / Fraction(10) ** exponent).denominator != 1 for value in given.values()
    ):
        exponent -= 1
    counts = {number: value / Fraction(10) ** exponent for number, value in given.items()}
    scale = 10 ** (block.exponent - exponent)
    others = [int(value) for value in block.values.tolist() if value != NULL]
    largest = max((abs(value) * scale for value in others), default=0)
    for number, count in counts.items():
        if count < 0 or count.denominator != 1 or max(count, largest) > INT64_MAX:
            message = f"{given[number]} is not a value of an interval."
            remedy = f"Give values from 0 on, with {-FINEST} decimals at most."
            raise InvalidValueError(message, value=str(given[number]), remedy=remedy)
    values = np.where(block.values == NULL, NULL, block.values * scale)
    quality = block.quality.copy()
    for number, count in counts.items():
        values[number], quality[number] = int(count), IntervalQuality.EDITED
    version = block.version + 1
    return replace(block, values=values, quality=quality, exponent=exponent, version=version)


ESTIMATOR = Estimator(
    name="MANUAL",
    quality=IntervalQuality.EDITED,
    text=ClerkText(
        "values that a person gives, with a reason",
        "valores que da una persona, con un motivo",
    ),
    expect=_expect,
    chosen=False,
)
