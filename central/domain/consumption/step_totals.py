"""Intervals of many channels, summed exactly by step of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, is_estimate

_SECOND = timedelta(seconds=1)
_HALF = 32


@dataclass(slots=True)
class LoadTotal:
    """What came to a step of time.

    Args:
        total: Sum of the intervals that have a value. [billing unit]
        channels: How many channels had intervals that are due.
        missing: Intervals that are due, and have no value.
        estimated: Intervals whose value is an estimate.
    """

    total: Fraction = Fraction(0)
    channels: int = 0
    missing: int = 0
    estimated: int = 0

    def add_time(self, other: LoadTotal) -> None:
        """Add what came to another part of the same time."""
        self.channels = max(self.channels, other.channels)
        self._add(other)

    def add_channels(self, other: LoadTotal) -> None:
        """Add what other channels came to at the same time."""
        self.channels += other.channels
        self._add(other)

    def _add(self, other: LoadTotal) -> None:
        self.total += other.total
        self.missing += other.missing
        self.estimated += other.estimated


class StepTotals:
    """Sums by step of time; a channel's intervals may be as long as a step, or parts of one.

    Sums are exact: the upper and the lower half of each value are added by themselves, so that
    billions of them fit into 64 bits.

    Args:
        begin: Where the first step begins. Aware.
        end: Where the last one ends. Aware.
        step_s: Length of a step. [s]
    """

    def __init__(self, begin: datetime, end: datetime, step_s: int) -> None:
        self.begin, self.step_s = begin, step_s
        self._count = -((begin - end) // _SECOND // step_s)
        self._halves: dict[Fraction, NDArray[np.int64]] = {}
        self._channels, self._missing, self._estimated = (
            np.zeros(self._count, dtype=np.int64) for _ in range(3)
        )

    def add(self, block: DayBlock, scale: Fraction, until: datetime) -> None:
        """Add a day of a channel, as far as its intervals are over.

        Args:
            block: The day.
            scale: Billing units per count of its values.
            until: What ends later is not due. Aware.
        """
        due = min(len(block.values), max((until - block.start) // _SECOND // block.period_s, 0))
        offset = (block.start - self.begin) // _SECOND
        steps = (offset + np.arange(due, dtype=np.int64) * block.period_s) // self.step_s
        inside = (steps >= 0) & (steps < self._count)
        steps, values = steps[inside], block.values[:due][inside]
        there = values != NULL
        halves = self._halves.setdefault(scale, np.zeros((2, self._count), dtype=np.int64))
        counted = np.where(there, values, 0)
        np.add.at(halves[0], steps, counted >> _HALF)
        np.add.at(halves[1], steps, counted & (2**_HALF - 1))
        np.add.at(self._missing, steps, ~there)
        np.add.at(self._estimated, steps, is_estimate(block.quality[:due][inside]))
        self._channels[np.unique(steps)] += 1

    def __iter__(self) -> Iterator[tuple[datetime, LoadTotal]]:
        """Steps in which an interval was due, with where they begin, ascending."""
        for number in np.flatnonzero(self._channels).tolist():
            total = sum(
                (
                    ((int(halves[0, number]) << _HALF) + int(halves[1, number])) * scale
                    for scale, halves in self._halves.items()
                ),
                Fraction(0),
            )
            counts = (self._channels, self._missing, self._estimated)
            at = self.begin + number * self.step_s * _SECOND
            yield at, LoadTotal(total, *(int(each[number]) for each in counts))
