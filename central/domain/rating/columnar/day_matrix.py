"""The days of many meters as one matrix per input: what the batch kernel adds and compares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays
from central.domain.metering.quality import IntervalQuality, is_estimate
from central.domain.metering.service_point import DAY_S
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import (
    POWERS,
    billing_scale,
    day_start,
    magnitude,
    step_of,
)
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.document import TariffDocument
from firmware_bridge.contract.interval import MIDNIGHT
from firmware_bridge.contract.quantity import Unit

_DAY, _DATE = timedelta(days=1), attrgetter("day")
_SHARED = attrgetter("start", "channel_id", "exponent", "unit")
_OWN = attrgetter("version", "sha256", "values", "quality")


class Shape(NamedTuple):
    """What meters of one matrix have in common.

    Args:
        step_s: Length of an interval; of a local day the usual one. [s]
        exponent: Decimal exponent of all values.
        unit: Unit of all values.
    """

    step_s: int
    exponent: int
    unit: Unit


class InputRow(NamedTuple):
    """One input of one meter over all days, end to end.

    Args:
        channel_id: Its only channel.
        scale: Billing units per count.
        versions: Of each day's block.
        sha256: Of each day's block, 32 bytes.
        counts: How many intervals each day has.
        values: Buffers of int64.
        quality: Buffers of a byte each.
    """

    channel_id: int
    scale: Fraction
    versions: tuple[int, ...]
    sha256: bytes
    counts: tuple[int, ...]
    values: bytes
    quality: bytes

    def source(self, name: str, days: DayRange, first: int = 0) -> BlockSource:
        """The lineage of some of the days.

        Args:
            name: Of the input.
            days: Local days.
            first: Number of the first of them.
        """
        end = first + days.count
        chain = hashlib.sha256(self.sha256[32 * first : 32 * end]).hexdigest()
        return BlockSource(
            name, self.channel_id, days.first, days.end, self.versions[first:end], chain
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One input of many meters over the same days.

    Args:
        name: Of the input.
        days: Local days.
        begins: First instant of each day, and the end of the last. UTC.
        step_s: Length of an interval; of a local day the usual one. [s]
        values: A row per meter, a column per interval; int64.
        largest: The largest absolute value.
        scale: Billing units per count.
        estimated: Whether any value of a meter is an estimate.
        day_starts: Column of the first interval of each day, and their number at the end.
    """

    name: str
    days: DayRange
    begins: Sequence[datetime]
    step_s: int
    values: NDArray[np.int64]
    largest: int
    scale: Fraction
    estimated: NDArray[np.bool_]
    day_starts: tuple[int, ...]

    def begin_of(self, number: int) -> datetime:
        """Where an interval begins."""
        if self.step_s == DAY_S:
            return self.begins[number]
        return self.begins[0] + number * timedelta(seconds=self.step_s)

    def is_even(self, span: slice) -> bool:
        """Whether all of some intervals have one length: days have not, where clocks change."""
        days = pairwise(self.begins[span.start : span.stop + 1])
        return self.step_s != DAY_S or all(end - begin == _DAY for begin, end in days)

    def slice_of(self, days: DayRange) -> slice:
        """Columns of the intervals of some of the days."""
        first = (days.first - self.days.first).days
        return slice(self.day_starts[first], self.day_starts[first + days.count])

    def only(self, rows: NDArray[np.int64]) -> Stack:
        """Some of the meters."""
        return replace(self, values=self.values[rows], estimated=self.estimated[rows])


class Days:
    """The days of a bill as blocks must have them.

    Args:
        days: Local days.
        zone: IANA zone.
        at: When they begin.
    """

    def __init__(self, days: DayRange, zone: str, at: time = MIDNIGHT) -> None:
        self.days = days
        every = days.days()
        starts = [day_start(day, zone, at) for day in (*every, days.end)]
        self.starts = starts
        self._every = list(every)
        self._starts = tuple(starts[:-1])
        self._lengths: dict[int, list[int]] = {}
        self._tuples: dict[int, tuple[int, ...]] = {}

    @classmethod
    def of(cls, days: DayRange, document: TariffDocument) -> Self:
        """The days as a tariff cuts them."""
        return cls(days, document.zone, document.day_start)

    def row_of(self, blocks: Sequence[DayBlock]) -> tuple[Shape, InputRow] | None:
        """Blocks in order of their days; None unless one channel fills all days in one shape."""
        if isinstance(blocks, ChannelDays):
            return self._row_of_columns(blocks.between(self.days.first, self.days.end))
        row = list(blocks)
        if list(map(_DATE, row)) != self._every:
            first, end = self.days.first, self.days.end
            row = sorted((b for b in row if first <= b.day < end), key=_DATE)
            if list(map(_DATE, row)) != self._every:
                return None
        one, step_s = row[0], step_of(row[0])
        # A pass over the blocks each way: what they share, and what each has of its own.
        starts, *shared = zip(*map(_SHARED, row), strict=True)
        versions, hashes, values, quality = zip(*map(_OWN, row), strict=True)
        counts = tuple(map(len, values))
        if (
            starts != self._starts
            or counts != self._counts(step_s)
            or any(each.count(each[0]) != len(row) for each in shared)
            or not self._has_periods(row, step_s)
        ):
            return None
        return Shape(step_s, one.exponent, one.unit), InputRow(
            one.channel_id,
            billing_scale(one),
            versions,
            b"".join(hashes),
            counts,
            # Joining buffers takes a third of what joining arrays does.
            b"".join(values),
            b"".join(quality),
        )

    def _row_of_columns(self, row: ChannelDays) -> tuple[Shape, InputRow] | None:
        if row.days != self.days.days() or row.starts != self._starts:
            return None
        step_s = DAY_S if row.counts[0] == 1 else row.period_s
        # Uneven days are never of one period, so that they come as single blocks.
        if step_s != row.period_s or row.counts != self._counts(step_s):
            return None
        return Shape(step_s, row.exponent, row.unit), InputRow(
            row.channel_id,
            billing_scale(row),
            row.versions,
            row.sha256,
            row.counts,
            row.values,
            row.quality,
        )

    def _has_periods(self, row: Sequence[DayBlock], step_s: int) -> bool:
        """Whether blocks end where their days do; of uneven days, only energy can be added."""
        if step_s != DAY_S:
            return {block.period_s for block in row} == {step_s}
        even = {block.period_s for block in row} == {DAY_S}
        if [block.end for block in row] != self.starts[1:]:
            return False
        return even or row[0].unit not in POWERS

    def _counts(self, period_s: int) -> tuple[int, ...]:
        counts = self._tuples.get(period_s)
        if counts is None:
            counts = self._tuples[period_s] = tuple(self.lengths(period_s))
        return counts

    def lengths(self, period_s: int) -> list[int]:
        """Intervals of each day; -1 where they do not fill it."""
        found = self._lengths.get(period_s)
        if found is None:
            step = timedelta(seconds=period_s)
            spans = [end - start for start, end in pairwise(self.starts)]
            found = [-1 if span % step else span // step for span in spans]
            if period_s == DAY_S:
                found = [1] * len(spans)
            self._lengths[period_s] = found
        return found


def stack(
    name: str, shape: Shape, rows: Sequence[InputRow], of: Days
) -> tuple[Stack, NDArray[np.bool_]]:
    """Rows of one shape as a matrix, and which of them miss an interval.

    Args:
        name: Of the input.
        shape: Of the rows.
        rows: As `Days.row_of` gives them.
        of: The days.
    """
    packed = b"".join([row.values for row in rows])
    values = np.frombuffer(packed, dtype=np.int64).reshape(len(rows), -1)
    marks = b"".join([row.quality for row in rows])
    quality = np.frombuffer(marks, dtype=np.uint8).reshape(len(rows), -1)
    missing: NDArray[np.bool_] = np.zeros(len(rows), dtype=np.bool_)
    estimated: NDArray[np.bool_] = missing
    if quality.any():
        missing = np.any(quality == IntervalQuality.MISSING, axis=1)
        estimated = np.any(is_estimate(quality), axis=1)
    made = Stack(
        name,
        of.days,
        of.starts,
        shape.step_s,
        values,
        magnitude(values),
        rows[0].scale,
        estimated,
        (0, *accumulate(rows[0].counts)),
    )
    return made, missing
