"""A local day from readings to a validated block, with everything found on the way. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import Grid, grid_of, reach_of
from central.domain.metering.intervals import Metered, cut
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel
from central.domain.metering.track import (
    InstallationSegment,
    UseTrack,
    finest_exponent,
    track,
)
from central.domain.vee.day import JudgedDay, Thresholds
from central.domain.vee.estimators.linear import fill
from central.domain.vee.finding import Severity, VeeFinding
from central.domain.vee.history import NO_HISTORY, ChannelHistory
from central.domain.vee.policy import DEFAULT_POLICY, Policy
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import to_ms

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Validated:
    """A day after VEE.

    Args:
        block: The day as it is to be billed.
        findings: What the rules found, by rule and time.
    """

    block: DayBlock
    findings: tuple[VeeFinding, ...]

    @property
    def critical(self) -> bool:
        """Whether something holds the bill."""
        return any(finding.severity is Severity.CRITICAL for finding in self.findings)


def reading_window(channel: PointChannel, day: date, thresholds: Thresholds) -> Interval:
    """The readings that a day's validation looks at: the day, and a gap's length around it.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    slack = timedelta(milliseconds=thresholds.tolerance_ms)
    reach = reach_of(channel, day, day, thresholds.linear_gap)
    return Interval(reach.start - slack, reach.end + slack)


def validate_day(  # noqa: PLR0913 - the facts of a day, each by name
    channel: PointChannel,
    day: date,
    segments: Sequence[InstallationSegment],
    *,
    version: int = 1,
    conflicts: Sequence[datetime] = (),
    thresholds: Thresholds | None = None,
    policy: Policy = DEFAULT_POLICY,
    history: ChannelHistory = NO_HISTORY,
) -> Validated:
    """Turn a day's readings into its block, and judge it.

    The block depends on the readings in `reading_window` alone, whatever else is passed.

    Args:
        channel: What is counted, and where.
        day: The local date.
        segments: Installations whose time touches the window, ascending, with their readings.
        version: Of the block.
        conflicts: Instants at which a second value waits for a decision.
        thresholds: How readings become intervals; the defaults of docs/reference/vee.md.
        policy: What judges.
        history: Other days, as far as the rules ask for them.

    Raises:
        InvalidValueError: Intervals of the channel do not fill the local day.
        RegisterOverflowError: A value does not fit 64 bits.
    """
    judged = measure_day(
        channel, day, segments, version=version, conflicts=conflicts, thresholds=thresholds
    )
    (rules,) = policy.screened([judged])
    return Validated(judged.block, policy.judge(judged, rules, history))


def measure_day(  # noqa: PLR0913 - the facts of a day, each by name
    channel: PointChannel,
    day: date,
    segments: Sequence[InstallationSegment],
    *,
    version: int = 1,
    conflicts: Sequence[datetime] = (),
    thresholds: Thresholds | None = None,
    is_vacant: bool = False,
) -> JudgedDay:
    """Turn a day's readings into its block, ready to be judged.

    The result depends on the readings in `reading_window` alone, whatever else is passed.

    Args:
        channel: What is counted, and where.
        day: The local date.
        segments: Installations whose time touches the window, ascending, with their readings.
        version: Of the block.
        conflicts: Instants at which a second value waits for a decision.
        thresholds: How readings become intervals; the defaults of docs/reference/vee.md.
        is_vacant: Whether all customers of the point have left before the day.

    Raises:
        InvalidValueError: Intervals of the channel do not fill the local day.
        RegisterOverflowError: A value does not fit 64 bits.
    """
    limits = thresholds or Thresholds()
    interval = channel.local_day(day)
    grid = grid_of(channel, day, day, limits.linear_gap)
    seen = _seen(segments, grid, limits.tolerance_ms)
    line, metered = _measured(channel, grid, seen, limits)
    exponent = metered.exponent
    values, quality, estimated = fill(metered, _longest(channel, limits))
    own = slice(grid.number_of(to_ms(interval.start)), grid.number_of(to_ms(interval.end)))
    block = _block(channel, day, interval, values[own], quality[own], exponent, version)
    return JudgedDay(
        channel, day, interval, block, line, seen, estimated, grid, conflicts, is_vacant
    )


def measure(
    channel: PointChannel,
    grid: Grid,
    segments: Sequence[InstallationSegment],
    thresholds: Thresholds,
) -> tuple[UseTrack, Metered]:
    """What meters say of some intervals, before anything is estimated.

    Args:
        channel: What is counted, and where.
        grid: The intervals; it begins on a boundary.
        segments: Installations with their readings; what lies beside the grid is left out.
        thresholds: How far from its boundary a reading may be.

    Raises:
        RegisterOverflowError: A value does not fit 64 bits.
    """
    return _measured(channel, grid, _seen(segments, grid, thresholds.tolerance_ms), thresholds)


def _measured(
    channel: PointChannel,
    grid: Grid,
    seen: Sequence[InstallationSegment],
    thresholds: Thresholds,
) -> tuple[UseTrack, Metered]:
    fit = _usable(seen, channel)
    line = track(
        fit,
        channel,
        grid=grid,
        exponent=finest_exponent(fit, channel),
        tolerance_ms=thresholds.tolerance_ms,
    )
    return line, cut(line, fit, channel, grid)


def _longest(channel: PointChannel, limits: Thresholds) -> int:
    return int(limits.linear_gap.total_seconds()) // channel.period_s


def _seen(
    segments: Sequence[InstallationSegment], grid: Grid, tolerance_ms: int
) -> list[InstallationSegment]:
    """What lies in the window, so that a month's readings give what a day's would."""
    low, high = grid.start_ms - tolerance_ms, grid.end_ms + tolerance_ms
    return [
        replace(segment, series=tuple(one.between(low, high) for one in segment.series))
        for segment in segments
        if to_ms(segment.installation.start) <= high
        and (segment.installation.end is None or to_ms(segment.installation.end) >= low)
    ]


def _usable(
    segments: Sequence[InstallationSegment], channel: PointChannel
) -> list[InstallationSegment]:
    return [
        replace(
            segment,
            series=tuple(_unmarked(one) for one in segment.series if one.unit is channel.unit),
        )
        for segment in segments
    ]


def _unmarked(series: ReadingSeries) -> ReadingSeries:
    """The readings of a series that validation may use unasked."""
    return series.where(~(series.unsynchronised | series.suspect))


def _block(  # noqa: PLR0913, PLR0917 - a block's columns
    channel: PointChannel,
    day: date,
    interval: Interval,
    values: NDArray[np.int64],
    quality: NDArray[np.uint8],
    exponent: int,
    version: int,
) -> DayBlock:
    values, exponent = coarsest(values, quality, exponent)
    return DayBlock(
        channel_id=channel.id,
        day=day,
        zone=channel.point.zone,
        start=interval.start,
        period_s=interval.duration // _SECOND if channel.daily else channel.period_s,
        exponent=exponent,
        unit=channel.unit,
        values=values,
        quality=quality,
        version=version,
    )


def coarsest(
    values: NDArray[np.int64], quality: NDArray[np.uint8], exponent: int
) -> tuple[NDArray[np.int64], int]:
    """Drop decimals that are zero all day, so that content does not depend on how it was told."""
    present = quality != IntervalQuality.MISSING
    while exponent < 0 and not np.any(values[present] % 10):
        values = np.where(present, values // 10, NULL)
        exponent += 1
    return values, exponent
