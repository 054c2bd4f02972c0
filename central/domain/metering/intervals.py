"""A track cut into intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.exact import at_exponent, minus, times
from central.domain.metering.grid import Grid
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.metering.service_point import PointChannel
from central.domain.metering.track import InstallationSegment, UseTrack
from firmware_bridge.contract.reading import Kind, Quality, to_ms


@dataclass(frozen=True, slots=True)
class Gap:
    """Intervals between two registers of one run, with none between them.

    Args:
        first: Place of the first interval on the grid.
        count: How many intervals.
        advance: What the register advanced meanwhile. [unit x 10 ** exponent]
        firm: Whether both ends may anchor an interpolation (no power failure).
    """

    first: int
    count: int
    advance: int
    firm: bool


@dataclass(frozen=True, slots=True, eq=False)
class Metered:
    """What meters say of a grid's intervals, before anything is estimated.

    Args:
        grid: The intervals.
        values: int64, `NULL` where nothing is known. [unit x 10 ** exponent]
        quality: uint8, MISSING there.
        exponent: Of the values.
        gaps: Where only the sum is known.
    """

    grid: Grid
    values: NDArray[np.int64]
    quality: NDArray[np.uint8]
    exponent: int
    gaps: tuple[Gap, ...]


def cut(
    line: UseTrack, segments: Sequence[InstallationSegment], channel: PointChannel, grid: Grid
) -> Metered:
    """Intervals from a track and from the interval channels of the same meters.

    A meter's own interval wins over the difference of its registers.

    Raises:
        RegisterOverflowError: A value does not fit 64 bits.
    """
    values = np.full(grid.count, NULL, dtype=np.int64)
    quality = np.full(grid.count, IntervalQuality.MISSING, dtype=np.uint8)
    gaps = _from_registers(line, grid, values, quality)
    for segment in segments:
        _from_intervals(segment, channel, grid, line.exponent, values, quality)
    return Metered(grid, values, quality, line.exponent, gaps)


def _from_registers(
    line: UseTrack, grid: Grid, values: NDArray[np.int64], quality: NDArray[np.uint8]
) -> tuple[Gap, ...]:
    anchor = np.flatnonzero(grid.is_edge(line.at_ms))
    if len(anchor) < 2:  # noqa: PLR2004 - a difference needs two
        return ()
    place = grid.numbers_of(line.at_ms[anchor])
    first, count = place[:-1], np.diff(place)
    total, run, said = line.total[anchor], line.run[anchor], line.quality[anchor]
    advance = minus(total[1:], total[:-1])
    joined = run[1:] == run[:-1]
    within = (first >= 0) & (place[1:] <= grid.count)
    single = joined & within & (count == 1)
    values[first[single]] = advance[single]
    quality[first[single]] = _quality(said[:-1][single], said[1:][single])
    wide = np.flatnonzero(joined & within & (count > 1))
    if not wide.size:
        return ()
    failed = (said[:-1] == Quality.POWER_FAILURE) | (said[1:] == Quality.POWER_FAILURE)
    return tuple(
        Gap(int(first[i]), int(count[i]), int(advance[i]), firm=not bool(failed[i])) for i in wide
    )


def _quality(opening: NDArray[np.uint8], closing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a difference is worth whose two registers the device judged so."""
    if not (opening.any() or closing.any()):
        # Nearly all are: the device doubts nothing.
        return np.full(len(opening), IntervalQuality.ACTUAL, dtype=np.uint8)
    failed = (opening == Quality.POWER_FAILURE) | (closing == Quality.POWER_FAILURE)
    guessed = (opening == Quality.ESTIMATED) | (closing == Quality.ESTIMATED)
    quality = np.where(failed, IntervalQuality.POWER_FAILURE, IntervalQuality.ACTUAL)
    return np.where(guessed, IntervalQuality.ESTIMATED_BY_METER, quality).astype(np.uint8)


def _from_intervals(  # noqa: PLR0913, PLR0917 - fills two columns of one grid
    segment: InstallationSegment,
    channel: PointChannel,
    grid: Grid,
    exponent: int,
    values: NDArray[np.int64],
    quality: NDArray[np.uint8],
) -> None:
    multiplier = segment.installation.multiplier
    first_ms = to_ms(segment.installation.start)
    last_ms = grid.end_ms if segment.installation.end is None else to_ms(segment.installation.end)
    fitting = (
        one
        for one in segment.series
        if one.kind is Kind.INTERVAL and one.period_s == channel.period_s and len(one.at_ms)
    )
    # The profile comes last and so wins.
    for one in sorted(fitting, key=lambda series: series.source):
        place = grid.numbers_of(one.at_ms)
        fits = grid.is_edge(one.at_ms) & (place >= 0) & (place < grid.count)
        fits &= (one.at_ms >= first_ms) & (place < grid.number_of(last_ms))
        at_own = at_exponent(one.mantissa, one.exponent, exponent - multiplier.exponent)
        values[place[fits]] = times(at_own[fits], multiplier.factor)
        said = one.quality[fits]
        quality[place[fits]] = _quality(said, said)
