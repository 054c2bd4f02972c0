"""One continuous count per channel of a service point, across meters and readings.

Each installed meter gives a segment: its opening read, its readings at boundaries, its closing
read. Multiplied and put end to end they make a track: instants, and what was used up to each. Where
a step is not known, or no meter was there, the track begins a new run; only points of one run may
be subtracted from each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.clock_error import ClockError
from central.domain.metering.exact import running_total, times
from central.domain.metering.grid import Grid
from central.domain.metering.installation import Installation
from central.domain.metering.register import (
    CAPACITY_MARGIN,
    Advances,
    RegisterEvent,
    RolloverLimits,
    advances,
)
from central.domain.metering.series import ReadingSeries, decimal_exponent, mantissa_of
from central.domain.metering.service_point import PointChannel
from central.domain.metering.snap import TOLERANCE_MS, Points, snap
from firmware_bridge.contract.reading import Kind, to_ms


@dataclass(frozen=True, slots=True)
class InstallationSegment:
    """One installation and what its meter's channels of one quantity said.

    Args:
        installation: The meter, from..to.
        series: Its channels of that OBIS code.
        clock_errors: When its meter's clock was wrong, ascending.
    """

    installation: Installation
    series: tuple[ReadingSeries, ...]
    clock_errors: tuple[ClockError, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class UseTrack:
    """What was used, up to each instant.

    Args:
        at_ms: Instants, ascending; equal where one meter took over from another. [ms since 1970]
        total: Use up to there, comparable within a run. [unit x 10 ** exponent]
        run: Number of the run a point belongs to.
        quality: What the device said of the reading.
        exponent: Of the totals.
        events: What registers did besides counting up.
    """

    at_ms: NDArray[np.int64]
    total: NDArray[np.int64]
    run: NDArray[np.int64]
    quality: NDArray[np.uint8]
    exponent: int
    events: tuple[RegisterEvent, ...] = ()


def finest_exponent(segments: Sequence[InstallationSegment], channel: PointChannel) -> int:
    """The exponent at which everything in some segments is a whole number; at most 0."""
    finest = [0]
    for segment in segments:
        shift = segment.installation.multiplier.exponent
        facts = segment.installation.facts(channel.obis)
        finest += [int(one.exponent.min()) + shift for one in segment.series if len(one.at_ms)]
        written = (facts.opening, facts.closing, facts.modulus)
        finest += [decimal_exponent(read) + shift for read in written if read is not None]
    return min(finest)


def track(
    segments: Sequence[InstallationSegment],
    channel: PointChannel,
    *,
    grid: Grid,
    exponent: int,
    tolerance_ms: int = TOLERANCE_MS,
) -> UseTrack:
    """Lay the registers of a service point's meters end to end.

    Args:
        segments: Ascending in time, not overlapping; readings that may be used, within them.
        channel: What is counted.
        grid: The intervals.
        exponent: Of the totals; see `finest_exponent`.
        tolerance_ms: How far from its boundary a reading may be. [ms]

    Raises:
        RegisterOverflowError: A total does not fit 64 bits.
    """
    pieces = [
        (_segment_advances(segment, channel, grid, exponent, tolerance_ms), segment)
        for segment in segments
    ]
    at: list[NDArray[np.int64]] = []
    step: list[NDArray[np.int64]] = []
    broken: list[NDArray[np.bool_]] = []
    quality: list[NDArray[np.uint8]] = []
    events: list[RegisterEvent] = []
    for piece, segment in pieces:
        if not len(piece.points.at_ms):
            continue
        if at:
            # A takeover at one instant leaves nothing out; anything else is not known.
            step.append(np.zeros(1, dtype=np.int64))
            broken.append(np.array([at[-1][-1] != piece.points.at_ms[0]]))
        at.append(piece.points.at_ms)
        quality.append(piece.points.quality)
        step.append(times(piece.step, segment.installation.multiplier.factor))
        broken.append(~piece.known)
        events.extend(piece.events)
    if not at:
        none = np.zeros(0, dtype=np.int64)
        return UseTrack(none, none, none, np.zeros(0, dtype=np.uint8), exponent)
    run = np.zeros(sum(map(len, at)), dtype=np.int64)
    np.cumsum(np.concatenate(broken), out=run[1:])
    return UseTrack(
        np.concatenate(at),
        running_total(np.concatenate(step)),
        run,
        np.concatenate(quality),
        exponent,
        tuple(events),
    )


def _segment_advances(
    segment: InstallationSegment,
    channel: PointChannel,
    grid: Grid,
    exponent: int,
    tolerance_ms: int,
) -> Advances:
    """One meter's register at the exponent that the multiplier turns into the track's."""
    installation = segment.installation
    own = exponent - installation.multiplier.exponent
    registers = [one for one in segment.series if one.kind is Kind.REGISTER and len(one.at_ms)]
    points = snap(
        registers,
        grid=grid,
        exponent=own,
        tolerance_ms=tolerance_ms,
    )
    return advances(_with_reads(points, installation, channel, own), _limits(segment, channel, own))


def _with_reads(
    points: Points, installation: Installation, channel: PointChannel, exponent: int
) -> Points:
    """The points within the installation, with its opening and closing reads at its ends."""
    facts = installation.facts(channel.obis)
    first, last = to_ms(installation.start), None
    inside = points.at_ms >= first
    head: list[tuple[int, int]] = []
    tail: list[tuple[int, int]] = []
    if facts.opening is not None:
        inside &= points.at_ms > first
        head = [(first, mantissa_of(facts.opening, exponent, channel.unit))]
    if installation.end is not None:
        last = to_ms(installation.end)
        inside &= points.at_ms <= last
        if facts.closing is not None:
            inside &= points.at_ms < last
            tail = [(last, mantissa_of(facts.closing, exponent, channel.unit))]
    if not head and not tail and bool(inside.all()):
        return points

    def joined(column: NDArray[np.int64], place: int) -> NDArray[np.int64]:
        before = np.array([read[place] for read in head], dtype=np.int64)
        after = np.array([read[place] for read in tail], dtype=np.int64)
        return np.concatenate([before, column[inside], after])

    quality = np.concatenate(
        [
            np.zeros(len(head), dtype=np.uint8),
            points.quality[inside],
            np.zeros(len(tail), dtype=np.uint8),
        ]
    )
    return Points(joined(points.at_ms, 0), joined(points.value, 1), quality, exponent)


def _limits(segment: InstallationSegment, channel: PointChannel, exponent: int) -> RolloverLimits:
    modulus = segment.installation.facts(channel.obis).modulus
    capacity = channel.point.capacity
    per_hour = None
    if capacity is not None:
        per_hour = _steps_per_hour(capacity, segment.installation.multiplier.ratio, exponent)
    return RolloverLimits(
        None if modulus is None else mantissa_of(modulus, exponent, channel.unit), per_hour
    )


@lru_cache(maxsize=4_096)
def _steps_per_hour(capacity: Fraction, ratio: Fraction, exponent: int) -> Fraction:
    """What the connection carries, before the multiplier. [register steps]."""
    return capacity * CAPACITY_MARGIN / ratio / Fraction(10) ** exponent
