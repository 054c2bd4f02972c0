"""Day blocks aligned into one array per input, with what went missing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import cast

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays
from central.domain.metering.day_start import from_day_start
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import IntervalQuality, is_estimate
from central.domain.metering.service_point import DAY_S
from central.domain.rating.hold import HeldDay, Hold
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.interval_weights import Runs, constant, cut, spread
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import MIDNIGHT, local_day
from firmware_bridge.contract.interval import day_start as _day_start
from firmware_bridge.contract.quantity import Unit

_INT64_MAX = 2**63 - 1
# Room for the sum of a window: of a day, there are no more than 1,440 minutes.
_ROOM = _INT64_MAX // 2048
_ONE = Fraction(1)
day_start = lru_cache(maxsize=65_536)(_day_start)
POWERS = {
    Unit.WATT: Unit.WATT_HOUR,
    Unit.VAR: Unit.VAR_HOUR,
    Unit.VOLT_AMPERE: Unit.VOLT_AMPERE_HOUR,
}
"""What average power over an interval becomes."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One channel behind a series.

    Args:
        series: Input it feeds.
        factor: What its values are multiplied by.
        blocks: Ascending by day.
        weights: What they are multiplied by as well, interval by interval; None for nothing.
    """

    series: str
    factor: Fraction
    blocks: tuple[DayBlock, ...]
    weights: Runs | None = None


@dataclass(frozen=True, slots=True, eq=False)
class InputSeries:
    """Consumption of one input over the days of a bill, all channels summed.

    Args:
        name: As the tariff names the input.
        days: The days covered.
        start: First instant. UTC.
        step_s: Length of an interval; of a local day the usual one, whatever it has. [s]
        values: int64 per interval, in `scale` billing units.
        scale: Billing units (kWh, m3) per count.
        estimated: True where any channel's value is an estimate.
        day_starts: Index of the first interval of each day, and the total at the end.
        feeds: Channels behind it, with their blocks ascending by day.
    """

    name: str
    days: DayRange
    start: datetime
    step_s: int
    values: NDArray[np.int64]
    scale: Fraction
    estimated: NDArray[np.bool_]
    day_starts: tuple[int, ...]
    feeds: tuple[Feed, ...]

    def begin_of(self, number: int) -> datetime:
        """Where an interval begins; the number of intervals gives the end."""
        if self.step_s != DAY_S:
            return self.start + number * timedelta(seconds=self.step_s)
        blocks = self.feeds[0].blocks
        return blocks[number].start if number < len(blocks) else blocks[-1].end

    def place_of(self, begin: datetime) -> int:
        """The interval that begins at an instant."""
        if self.step_s != DAY_S:
            return (begin - self.start) // timedelta(seconds=self.step_s)
        return [block.start for block in self.feeds[0].blocks].index(begin)

    def is_even(self, span: slice) -> bool:
        """Whether all of some intervals have one length: days have not, where clocks change."""
        if self.step_s != DAY_S:
            return True
        return all(block.period_s == DAY_S for block in self.feeds[0].blocks[span])

    def slice_of(self, days: DayRange) -> slice:
        """Indexes of the intervals of some of the days."""
        first = (days.first - self.days.first).days
        return slice(self.day_starts[first], self.day_starts[first + days.count])

    def sources(self, days: DayRange) -> tuple[BlockSource, ...]:
        """The lineage of some of the days, one source per channel."""
        place = self.slice_of(days)
        found = []
        for feed in self.feeds:
            blocks = self._blocks(feed, days)
            if not blocks:
                continue
            source = source_of(feed.series, blocks, feed.factor)
            if feed.weights is None:
                found.append(source)
            elif runs := cut(feed.weights, place.start, place.stop):
                found.append(_weighted(source, runs, place.stop - place.start))
        return tuple(found)

    def _blocks(self, feed: Feed, days: DayRange) -> Sequence[DayBlock]:
        first = (days.first - self.days.first).days
        if len(feed.blocks) == self.days.count:
            return feed.blocks[first : first + days.count]
        return [block for block in feed.blocks if days.first <= block.day < days.end]


def of_each_channel(series: InputSeries) -> list[InputSeries]:
    """The series of every channel alone, each at the scale of the whole."""
    channels: dict[int, list[Feed]] = {}
    for feed in series.feeds:
        channels.setdefault(feed.blocks[0].channel_id, []).append(feed)
    found = []
    for feeds in channels.values():
        total: NDArray[np.object_] = np.zeros(len(series.values), dtype=object)
        estimated = np.zeros(len(series.values), dtype=np.bool_)
        for feed in feeds:
            scales = [billing_scale(block) * feed.factor / series.scale for block in feed.blocks]
            parts = [
                block.values.astype(object) * scale
                for block, scale in zip(feed.blocks, scales, strict=True)
            ]
            own = np.concatenate(parts)
            if feed.weights is not None:
                own *= np.array(spread(feed.weights, len(own)), dtype=object)
            total += own
            estimated |= is_estimate(np.concatenate([block.quality for block in feed.blocks]))
        whole = np.array([int(value) for value in total.tolist()], dtype=object)
        found.append(
            replace(series, values=exact_ints(whole), estimated=estimated, feeds=tuple(feeds))
        )
    return found


def _weighted(source: BlockSource, runs: Runs, count: int) -> BlockSource:
    one = constant(runs, count)
    if one is not None:
        return source._replace(factor=source.factor * one)
    return source._replace(weights=runs)


def combine(name: str, terms: Sequence[tuple[InputSeries, Fraction]]) -> InputSeries | Hold:
    """A weighted sum of inputs, exact per interval.

    Args:
        name: Of the result.
        terms: Inputs of the same days, and what each is multiplied by.
    """
    first = terms[0][0]
    if any(series.step_s != first.step_s for series, _ in terms):
        return Hold("MIXED_INTERVALS", f"The inputs of {name!r} differ in interval length.")
    weights = [series.scale * factor for series, factor in terms]
    scale = common_scale(weights)
    total: NDArray[np.int64] | None = None
    estimated = np.zeros(len(first.values), dtype=np.bool_)
    for (series, _), weight in zip(terms, weights, strict=True):
        values = _times(series.values, int(weight / scale))
        total = values if total is None else _added(total, values)
        estimated |= series.estimated
    if total is None:
        raise AssertionError
    feeds = tuple(
        replace(feed, factor=feed.factor * factor)
        for series, factor in terms
        for feed in series.feeds
    )
    return InputSeries(
        name,
        first.days,
        first.start,
        first.step_s,
        total,
        scale,
        estimated,
        first.day_starts,
        feeds,
    )


def common_scale(weights: Sequence[Fraction]) -> Fraction:
    """The largest fraction of which all weights are whole multiples."""
    found = Fraction(0)
    for weight in weights:
        bottom = lcm(found.denominator, weight.denominator)
        found = Fraction(gcd(int(found * bottom), int(weight * bottom)), bottom)
    return found or Fraction(1)


def source_of(name: str, blocks: Sequence[DayBlock], factor: Fraction = _ONE) -> BlockSource:
    """The lineage of consecutive blocks of one channel.

    A day without time, which has no block, is given version 0.
    """
    first, end = blocks[0].day, blocks[-1].day + timedelta(days=1)
    versions = tuple(block.version for block in blocks)
    if (end - first).days != len(blocks):
        known = dict(zip((block.day for block in blocks), versions, strict=True))
        versions = tuple(known.get(day, 0) for day in DayRange(first, end).days())
    chain = hashlib.sha256(b"".join(block.sha256 for block in blocks)).hexdigest()
    return BlockSource(
        name,
        blocks[0].channel_id,
        first,
        end,
        versions,
        chain,
        factor,
    )


def step_of(block: DayBlock) -> int:
    """Length of a block's intervals; of one that is a local day the usual length. [s]."""
    return DAY_S if len(block.values) == 1 else block.period_s


def billing_scale(block: DayBlock | ChannelDays) -> Fraction:
    """Billing units per count of the values."""
    return unit_scale(block.exponent, block.unit, block.period_s)


@lru_cache(maxsize=1024)
def unit_scale(exponent: int, unit: Unit, period_s: int) -> Fraction:
    """Billing units per count of values that count so.

    Args:
        exponent: Decimal exponent of the values.
        unit: Of the values; power becomes energy.
        period_s: Length of an interval. [s]
    """
    # Bills count in the unit that people read: kWh of Wh, m3 of L.
    scale = Fraction(10) ** (exponent - display_unit(POWERS.get(unit, unit)).places)
    # Average power over the interval, as load files give it, becomes energy.
    return scale * Fraction(period_s, 3600) if unit in POWERS else scale


def align(
    name: str, blocks: Sequence[DayBlock], days: DayRange, zone: str, at: time = MIDNIGHT
) -> InputSeries | tuple[Hold, ...]:
    """Blocks of one input as one array, or why that cannot be.

    Args:
        name: Input.
        blocks: Any order, any number of channels; days outside the bill are left out.
        days: Days billed.
        zone: Zone of the local days.
        at: When they begin.
    """
    channels: dict[int, dict[object, DayBlock]] = {}
    for block in blocks:
        if days.first <= block.day < days.end:
            channels.setdefault(block.channel_id, {})[block.day] = block
    if not channels:
        return (Hold("NO_INTERVALS", f"{name!r} has no intervals.", str(days.first)),)
    holds: list[Hold] = []
    ordered: list[tuple[DayBlock, ...]] = []
    for channel_id in sorted(channels):
        found = channels[channel_id]
        # A date that a zone skipped (Samoa, 30 December 2011) has no time in it.
        missing = [d for d in days.days() if d not in found and local_day(d, zone, at).duration]
        if missing:
            message = f"{len(missing)} days of {name!r} have no validated block."
            holds.append(Hold("MISSING_DAYS", message, f"channel {channel_id}, {missing[0]}"))
            continue
        series = tuple(found[day] for day in days.days() if day in found)
        holds.extend(_damage(name, series, zone, at))
        ordered.append(series)
    steps = {step_of(block) for channel in ordered for block in channel}
    if len(steps) > 1:
        message = f"The intervals of {name!r} differ in length."
        holds.append(Hold("MIXED_INTERVALS", message, ", ".join(map(str, sorted(steps)))))
    if holds:
        return tuple(holds)
    return _join(name, ordered, day_start(days.first, zone, at), days)


def _damage(name: str, blocks: Sequence[DayBlock], zone: str, at: time) -> list[Hold]:
    holds = []
    quality = np.concatenate([block.quality for block in blocks])
    damaged = bool((quality == IntervalQuality.MISSING).any())
    for block in blocks:
        of = HeldDay(block.channel_id, block.day)
        if damaged and block.missing:
            message = f"{block.missing} intervals of {name!r} on {block.day} are missing."
            evidence = f"channel {block.channel_id}, {block.day}"
            holds.append(Hold("MISSING_INTERVALS", message, evidence, of))
        end = day_start(block.day + timedelta(days=1), zone, at)
        if block.start != day_start(block.day, zone, at) or block.end != end:
            cut = f"{zone}{from_day_start(at)}"
            message = f"The block of {name!r} on {block.day} is not a local day of {cut}."
            evidence = f"channel {block.channel_id}, {block.zone}"
            holds.append(Hold("DAY_MISMATCH", message, evidence, of))
    return holds


def _join(
    name: str, channels: Sequence[tuple[DayBlock, ...]], start: datetime, days: DayRange
) -> InputSeries:
    every = [block for channel in channels for block in channel]
    shapes = {(b.exponent, b.unit, b.period_s): b for b in every}
    scales = set(map(billing_scale, shapes.values()))
    scale = common_scale(sorted(scales))
    total: NDArray[np.int64] | None = None
    estimated: NDArray[np.bool_] | None = None
    for channel in channels:
        if len(scales) == 1 or len(set(map(billing_scale, channel))) == 1:
            factor = int(billing_scale(channel[0]) / scale)
            values = _times(np.concatenate([block.values for block in channel]), factor)
        else:
            parts = [_times(b.values, int(billing_scale(b) / scale)) for b in channel]
            values = np.concatenate(parts)
        marks = is_estimate(np.concatenate([block.quality for block in channel]))
        total = values if total is None else _added(total, values)
        estimated = marks if estimated is None else estimated | marks
    if total is None or estimated is None:
        raise AssertionError
    counts = {block.day: len(block.values) for block in channels[0]}
    starts = [0]
    for day in days.days():
        starts.append(starts[-1] + counts.get(day, 0))
    return InputSeries(
        name,
        days,
        start,
        step_of(channels[0][0]),
        total,
        scale,
        estimated,
        tuple(starts),
        tuple(Feed(name, _ONE, channel) for channel in channels),
    )


def _times(values: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
    if factor == 1:
        return values
    if magnitude(values) * abs(factor) > _ROOM:
        return exact_ints(values.astype(object) * factor)
    return values * factor


def _added(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    if magnitude(left) + magnitude(right) > _ROOM:
        return exact_ints(left.astype(object) + right.astype(object))
    return left + right


def exact_ints(values: NDArray[np.object_]) -> NDArray[np.int64]:
    """Python's integers as int64 where their sums fit; else as they are, slower and as exact."""
    largest = max((abs(int(value)) for value in values.tolist()), default=0)
    return values.astype(np.int64) if largest <= _ROOM else cast("NDArray[np.int64]", values)


def magnitude(values: NDArray[np.int64]) -> int:
    """The largest absolute value, 0 for none."""
    if values.size == 0:
        return 0
    return max(abs(int(values.max())), abs(int(values.min())))


def run_sums(values: NDArray[np.int64], starts: NDArray[np.int64]) -> list[int]:
    """Exact sums of runs that begin at `starts`; each run reaches to the next.

    numpy adds where 64 bits hold any sum; Python's integers where they might not.
    """
    if magnitude(values) * max(1, values.size) <= _INT64_MAX:
        sums: list[int] = np.add.reduceat(values, starts).tolist()
        return sums
    ends = [*starts[1:].tolist(), values.size]
    return [
        sum(values[start:end].tolist()) for start, end in zip(starts.tolist(), ends, strict=True)
    ]
