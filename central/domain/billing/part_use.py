"""What a part of a bill used, and how much of that was estimated: kept with it, for later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import attrgetter

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays, joined_quality, present_sum
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed

DELIVERED = {"import": "kWh", "m3": "m3"}
"""Inputs that are delivered to a customer, with their unit; a part uses the first that it has."""
_SHAPE = attrgetter("exponent", "unit", "period_s")
_NOT_ESTIMATED = (
    IntervalQuality.ACTUAL,
    IntervalQuality.POWER_FAILURE,
    IntervalQuality.EDITED,
    IntervalQuality.MISSING,
)


@dataclass(frozen=True, slots=True)
class PartUse:
    """What was delivered in a part of a bill.

    Args:
        days: Local days of the part.
        used: Sum of the delivered intervals; None where nothing is delivered, or nobody knows it.
            [kWh, or m3]
        intervals: How many there are; None of parts of earlier releases.
        estimated: How many of them are estimated; None likewise.
        unit: Of what was used: kWh or m3.
    """

    days: DayRange
    used: Decimal | None = None
    intervals: int | None = None
    estimated: int | None = None
    unit: str = "kWh"

    @property
    def per_day(self) -> Fraction | None:
        """What a day used on average. [kWh, or m3]."""
        return None if self.used is None else Fraction(self.used) / self.days.count

    @property
    def estimated_share(self) -> Fraction:
        """Which share of the intervals is estimated; 0 where nobody knows it."""
        if not self.intervals or self.estimated is None:
            return Fraction(0)
        return Fraction(self.estimated, self.intervals)


def part_use(days: DayRange, blocks: Mapping[str, Sequence[DayBlock]]) -> PartUse:
    """What a part used, from the blocks of its days.

    Args:
        days: Local days of the part.
        blocks: By input name.
    """
    delivered = next((name for name in DELIVERED if blocks.get(name)), None)
    if delivered is None:
        return PartUse(days)
    quality = joined_quality(blocks[delivered])
    # Most months are metered throughout, and then every byte is 0.
    estimated = 0
    if quality.any():
        estimated = int(np.count_nonzero(~np.isin(quality, _NOT_ESTIMATED)))
    used = printed(sum_of(blocks[delivered]))
    return PartUse(days, used, len(quality), estimated, DELIVERED[delivered])


def sum_of(blocks: Sequence[DayBlock]) -> Fraction:
    """The sum of all intervals that are not missing. [kWh, or m3]."""
    if isinstance(blocks, ChannelDays):
        return present_sum(blocks) * billing_scale(blocks)
    # Days alike stand together; what is summed does not depend on how they are grouped.
    alike = (list(of_shape) for _, of_shape in groupby(blocks, _SHAPE))
    return sum((present_sum(days) * billing_scale(days[0]) for days in alike), Fraction(0))
