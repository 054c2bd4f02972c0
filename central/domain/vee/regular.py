"""Regular days measured side by side: nearly all of a night's, at a small part of the price.

A day is regular where one meter was there all along with one register, and that was read at every
boundary of the day and around it as far as it was read at all, with nothing to be said of any
reading. Then nothing has to be snapped, joined, estimated or explained: what was used is the
difference of neighbours. What comes out is what `measure_day` makes of the day alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.exact import EXPONENT_SPAN, INT64_MAX
from central.domain.metering.grid import Grid, grid_of
from central.domain.metering.series import ReadingSeries, decimal_exponent, mantissa_of
from central.domain.metering.track import InstallationSegment, UseTrack
from central.domain.vee.day import DayReadings, JudgedDay, Thresholds
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import Kind, Quality, TimeQuality, to_ms

_UNSYNCHRONISED = np.uint8(TimeQuality.UNSYNCHRONISED)


class _Frame(NamedTuple):
    """What regular days share that are measured together.

    Args:
        grid: Their intervals, with the margin.
        interval: The day.
        first_ms: The first boundary that was read. [ms since 1970]
        readings: How many boundaries were.
        raw: Exponent of the readings.
        exponent: Of what was used.
        factor: That turns one into the other, the multiplier included.
    """

    grid: Grid
    interval: Interval
    first_ms: int
    readings: int
    raw: int
    exponent: int
    factor: int


@dataclass(frozen=True, slots=True)
class _Register:
    """The register of a day that may be regular.

    Args:
        number: Of the day.
        segment: The meter, with what was read in the reach of the day.
        least: What the first reading may not be below: the opening read. [readings' exponent]
    """

    number: int
    segment: InstallationSegment
    least: int

    @property
    def series(self) -> ReadingSeries:
        """Its readings."""
        return self.segment.series[0]


def regular_days(asked: Sequence[DayReadings], limits: Thresholds) -> dict[int, JudgedDay]:
    """Those of some days that are regular, by their number.

    Args:
        asked: Days of any channels.
        limits: How readings become intervals.
    """
    frames: dict[_Frame, list[_Register]] = {}
    for number, day in enumerate(asked):
        try:
            framed = _framed(number, day, limits)
        except InvalidValueError:
            # Whoever measures it alone says what is wrong.
            continue
        if framed is not None:
            frames.setdefault(framed[0], []).append(framed[1])
    return {
        register.number: measured
        for frame, registers in frames.items()
        for register, measured in _measured(frame, registers, asked)
    }


def _framed(number: int, read: DayReadings, limits: Thresholds) -> tuple[_Frame, _Register] | None:
    """A day that may be regular, as far as no reading has to be looked at."""
    channel = read.channel
    if channel.daily or len(read.segments) != 1 or len(read.segments[0].series) != 1:
        return None
    installation, register = read.segments[0].installation, read.segments[0].series[0]
    if register.kind is not Kind.REGISTER or register.unit is not channel.unit:
        return None
    grid = grid_of(channel, read.day, read.day, limits.linear_gap)
    tolerance_ms = limits.tolerance_ms
    inside = register.between(grid.start_ms - tolerance_ms, grid.end_ms + tolerance_ms)
    if installation.end is not None or not len(inside.at_ms):
        return None
    facts, shift = installation.facts(channel.obis), installation.multiplier.exponent
    # From an opening read on, the intervals until the first reading are something to be told.
    begun_ms = inside.at_ms[0] if facts.opening is None else grid.start_ms - 1
    if to_ms(installation.start) > begun_ms:
        return None
    raw = int(inside.exponent[0])
    written = [count for count in (facts.opening, facts.modulus) if count is not None]
    exponent = min(0, raw + shift, *(decimal_exponent(count) + shift for count in written))
    scale = raw + shift - exponent
    least = 0
    if facts.opening is not None:
        least = -(-mantissa_of(facts.opening, exponent - shift, channel.unit) // 10**scale)
    if scale > EXPONENT_SPAN or least < 0:
        return None
    factor = 10**scale * installation.multiplier.factor
    frame = _Frame(
        grid,
        channel.local_day(read.day),
        int(inside.at_ms[0]),
        len(inside.at_ms),
        raw,
        exponent,
        factor,
    )
    return frame, _Register(number, replace(read.segments[0], series=(inside,)), least)


def _measured(
    frame: _Frame, registers: Sequence[_Register], asked: Sequence[DayReadings]
) -> Iterator[tuple[_Register, JudgedDay]]:
    """Those of a frame that are regular, measured."""
    grid, period_ms = frame.grid, frame.grid.period_ms
    start_ms, end_ms = to_ms(frame.interval.start), to_ms(frame.interval.end)
    edges = frame.first_ms + period_ms * np.arange(frame.readings, dtype=np.int64)
    if (frame.first_ms - start_ms) % period_ms or not edges[0] <= start_ms < end_ms <= edges[-1]:
        return
    at_ms = np.stack([register.series.at_ms for register in registers])
    count = np.stack([register.series.mantissa for register in registers])
    raws = np.stack([register.series.exponent for register in registers])
    flags = np.stack([register.series.flags for register in registers])
    is_plain = (at_ms == edges).all(axis=1) & (raws == frame.raw).all(axis=1)
    is_plain &= ((flags & 0x0F == Quality.ACTUAL) & (flags >> 4 != _UNSYNCHRONISED)).all(axis=1)
    # A register that does not fall lies between its first reading and its last; then no difference
    # and no sum of any comes near the end of 64 bits.
    most = INT64_MAX // (4 * frame.factor)
    least = np.array([min(register.least, INT64_MAX) for register in registers], dtype=np.int64)
    is_plain &= (count[:, 0] >= least) & (count[:, -1] <= most)
    is_plain &= (count[:, 1:] >= count[:, :-1]).all(axis=1)
    chosen = np.flatnonzero(is_plain)
    if not chosen.size:
        return
    total = (count[chosen] - count[chosen, :1]) * frame.factor
    day = slice((start_ms - frame.first_ms) // period_ms, (end_ms - frame.first_ms) // period_ms)
    used, exponents = _coarsest(np.diff(total, axis=1)[:, day], frame.exponent)
    marks = np.zeros(frame.readings, dtype=np.uint8)
    quality, runs = marks[: used.shape[1]], np.zeros(frame.readings, dtype=np.int64)
    tracks = (UseTrack(edges, row, runs, marks, frame.exponent) for row in total)
    for index, values, exponent, track in zip(
        chosen.tolist(), used, exponents, tracks, strict=True
    ):
        register = registers[index]
        read = asked[register.number]
        block = DayBlock(
            channel_id=read.channel.id,
            day=read.day,
            zone=read.channel.point.zone,
            start=frame.interval.start,
            period_s=read.channel.period_s,
            exponent=exponent,
            unit=read.channel.unit,
            values=values,
            quality=quality,
            version=read.version,
        )
        yield (
            register,
            JudgedDay(
                read.channel,
                read.day,
                frame.interval,
                block,
                track,
                (register.segment,),
                (),
                grid,
                read.conflicts,
                read.is_vacant,
                is_regular=True,
            ),
        )


def _coarsest(used: NDArray[np.int64], exponent: int) -> tuple[NDArray[np.int64], list[int]]:
    """Drop the decimals that are zero all day, of each day by itself; see `coarsest`."""
    exponents = np.full(len(used), exponent)
    fine = np.arange(len(used))
    for coarser in range(exponent + 1, 1):
        fine = fine[~(used[fine] % 10).any(axis=1)]
        used[fine] //= 10
        exponents[fine] = coarser
    return used, exponents.tolist()
