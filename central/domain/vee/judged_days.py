"""Days of one shape side by side: what rules look at before they judge any of them by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.exact import INT64_MAX, largest
from central.domain.vee.day import JudgedDay
from firmware_bridge.contract.quantity import Unit

Chosen = NDArray[np.bool_]
"""Some of the days, by their number."""


class DayShape(NamedTuple):
    """What the blocks of days have to share to be laid side by side.

    Args:
        intervals: How many a day has.
        period_s: Length of one. [s]
        exponent: Of the values. [decimal]
        unit: Of the values.
    """

    intervals: int
    period_s: int
    exponent: int
    unit: Unit

    @classmethod
    def of(cls, block: DayBlock) -> Self:
        """The shape of a day."""
        return cls(len(block.values), block.period_s, block.exponent, block.unit)


class JudgedDays:
    """Days of one shape. A mask is an array of a truth for each of them.

    Args:
        days: At least one.

    Attributes:
        shape: What they share.
        values: int64, days x intervals; `NULL` where missing. [unit x 10 ** exponent]
        quality: uint8, days x intervals.
        highest: The highest value of each day. [unit x 10 ** exponent]
        lowest: The lowest; `NULL` where any is missing. [unit x 10 ** exponent]
        missing: How many intervals of each are missing.
        irregular: Those of which more is to be said than one register does that was read at
            every boundary. See `regular_days`.
    """

    def __init__(self, days: Sequence[JudgedDay]) -> None:
        self.days = days
        self.shape = DayShape.of(days[0].block)
        self.values = np.stack([day.block.values for day in days])
        self.quality = np.stack([day.block.quality for day in days])
        self.highest: NDArray[np.int64] = self.values.max(axis=1)
        self.lowest: NDArray[np.int64] = self.values.min(axis=1)
        self.missing: NDArray[np.int64] = self.column(lambda day: day.block.missing)
        self.irregular: Chosen = self.column(lambda day: not day.is_regular) != 0

    @classmethod
    def by_shape(cls, days: Sequence[JudgedDay]) -> Iterator[tuple[Sequence[int], Self]]:
        """Days of any shapes: the numbers of those of each, and they themselves."""
        groups: dict[DayShape, list[int]] = {}
        for number, day in enumerate(days):
            groups.setdefault(DayShape.of(day.block), []).append(number)
        for numbers in groups.values():
            yield numbers, cls([days[number] for number in numbers])

    def column(self, figure: Callable[[JudgedDay], int]) -> NDArray[np.int64]:
        """A whole number of each day."""
        return np.fromiter(map(figure, self.days), np.int64, len(self.days))

    def which(self, chosen: Chosen, test: Callable[[JudgedDay], bool]) -> Chosen:
        """Those of some days that pass a test that looks at one at a time."""
        passed = np.zeros(len(self.days), dtype=np.bool_)
        for number in np.flatnonzero(chosen).tolist():
            passed[number] = test(self.days[number])
        return passed

    def per_interval(self, per_hour: Fraction) -> int:
        """The whole counts of an interval that some units an hour are, at most those of int64."""
        return min(self.days[0].per_interval(per_hour), INT64_MAX)

    def average_exceeds(self, per_hour: Fraction) -> Chosen:
        """Those without a missing interval whose average is above some units an hour."""
        floor = self.per_interval(per_hour)
        chosen: Chosen = (self.highest > floor) & (self.missing == 0)
        if not chosen.any():
            return chosen
        count = self.shape.intervals
        if max(largest(self.highest), largest(self.lowest[chosen])) > INT64_MAX // count:
            return self.which(chosen, lambda day: exact_sum(day.block.values) > floor * count)
        # No sum, and no floor below a highest value, is beyond 64 bits.
        is_above: Chosen = self.values.sum(axis=1) > floor * count
        return chosen & is_above


def above(left: NDArray[np.int64], ratio: Fraction, right: NDArray[np.int64]) -> Chosen:
    """Where a column is above a ratio of another, exactly.

    Args:
        left: One column.
        ratio: Not negative.
        right: The other.
    """
    over, under = ratio.numerator, ratio.denominator
    # Of zeros alone, too, a factor has to fit.
    if max(largest(left), 1) * under > INT64_MAX or max(largest(right), 1) * over > INT64_MAX:
        pairs = zip(left.tolist(), right.tolist(), strict=True)
        return np.array([first * under > second * over for first, second in pairs], dtype=np.bool_)
    is_above: Chosen = left * under > right * over
    return is_above
