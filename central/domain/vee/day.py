"""A local day under judgement: what rules look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import Grid
from central.domain.metering.intervals import Gap
from central.domain.metering.service_point import PointChannel
from central.domain.metering.track import InstallationSegment, UseTrack
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import from_ms


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How readings become intervals. Where rules draw their lines are their own thresholds.

    Args:
        linear_gap: The longest gap that is interpolated.
        tolerance_ms: How far from its boundary a live reading may be. [ms]
    """

    linear_gap: timedelta = timedelta(hours=2)
    tolerance_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class DayReadings:
    """A local day and what was read around it.

    Args:
        channel: What is counted, and where.
        day: The local date.
        segments: Installations whose time touches the window, ascending, with their readings.
        version: Of the block to come.
        conflicts: Instants at which a second value waits for a decision.
        is_vacant: Whether all customers of the point have left before the day.
    """

    channel: PointChannel
    day: date
    segments: Sequence[InstallationSegment]
    version: int = 1
    conflicts: Sequence[datetime] = ()
    is_vacant: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class JudgedDay:
    """Everything a rule may look at.

    Args:
        channel: What is counted, and where.
        day: The local date.
        interval: Its instants.
        block: The day as it would be stored.
        track: The registers behind it, with a margin on either side.
        segments: The installations and their readings, as they came.
        estimated: Gaps that were interpolated, on `grid`.
        grid: The day's intervals with the margin.
        conflicts: Instants at which a second value waits for a decision.
        is_vacant: Whether somebody was a customer here before, and nobody is on this day.
        is_regular: Whether a register that was read at every boundary says all of it.
    """

    channel: PointChannel
    day: date
    interval: Interval
    block: DayBlock
    track: UseTrack
    segments: Sequence[InstallationSegment]
    estimated: Sequence[Gap]
    grid: Grid
    conflicts: Sequence[datetime]
    is_vacant: bool = False
    is_regular: bool = False

    def instant(self, place: int) -> datetime:
        """Where an interval of the day starts; its number of intervals gives the end."""
        return self.block.start + place * timedelta(seconds=self.block.period_s)

    def per_interval(self, per_hour: Fraction) -> int:
        """The whole counts of an interval that some units an hour are. [unit x 10 ** exponent]."""
        return _per_interval(per_hour, self.block.period_s, self.block.exponent)

    def runs(self, mask: NDArray[np.bool_]) -> Iterable[Interval]:
        """The stretches of the day that a mask over its intervals marks."""
        if not mask.any():
            return
        edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
        for first, end in edges.reshape(-1, 2).tolist():
            yield Interval(self.instant(first), self.instant(end))

    def within(self, first_ms: int, end_ms: int) -> Interval | None:
        """The part of a stretch of time that lies in the day."""
        return Interval(from_ms(first_ms), from_ms(end_ms)).overlap(self.interval)


@lru_cache(maxsize=4_096)
def _per_interval(per_hour: Fraction, period_s: int, exponent: int) -> int:
    return int(per_hour * period_s / 3600 / Fraction(10) ** exponent // 1)
