"""Validated days of one channel as columns: what a run reads by the hundred thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, repeat
from typing import overload

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.quality import NULL
from firmware_bridge.contract.quantity import Unit

_SHA256 = 32
_INT64 = np.dtype("<i8")


@dataclass(frozen=True, slots=True, eq=False)
class ChannelDays(Sequence[DayBlock]):
    """Days of one channel and shape, end to end; a block is made only where one is asked for.

    As a store keeps them, and believed as they were checked when they were made: `verified` of a
    block says whether its hash is true.

    Args:
        channel_id: The channel.
        zone: IANA zone of the service point.
        period_s: Length of every interval. [s]
        exponent: Decimal exponent of all values.
        unit: Unit of all values.
        days: Local dates, ascending.
        starts: First instant of each, UTC.
        versions: Of each, from 1.
        counts: How many intervals each has.
        values: Of all days, little-endian int64.
        quality: Of all days, a byte each.
        sha256: Of each day, 32 bytes.
    """

    channel_id: int
    zone: str
    period_s: int
    exponent: int
    unit: Unit
    days: tuple[date, ...]
    starts: tuple[datetime, ...]
    versions: tuple[int, ...]
    counts: tuple[int, ...]
    values: bytes
    quality: bytes
    sha256: bytes

    def __len__(self) -> int:
        return len(self.days)

    @overload
    def __getitem__(self, index: int) -> DayBlock: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[DayBlock]: ...

    def __getitem__(self, index: int | slice) -> DayBlock | Sequence[DayBlock]:
        if isinstance(index, int):
            number = range(len(self))[index]
            return self._part(number, number + 1).blocks()[0]
        first, end, step = index.indices(len(self))
        return self._part(first, max(first, end)) if step == 1 else self.blocks()[index]

    def between(self, first: date, end: date) -> ChannelDays:
        """The days from one on until before another."""
        if self.days and first <= self.days[0] and self.days[-1] < end:
            return self
        within = [first <= day < end for day in self.days]
        begin = within.index(True) if any(within) else 0
        return self._part(begin, begin + within.count(True))

    def blocks(self) -> list[DayBlock]:
        """The days as blocks."""
        ends = [*accumulate(self.counts)]
        spans = [slice(end - count, end) for count, end in zip(self.counts, ends, strict=True)]
        # Arrays over immutable bytes cannot be written to.
        values = np.frombuffer(self.values, dtype=_INT64)
        quality = np.frombuffer(self.quality, dtype=np.uint8)
        return DayBlock.kept(
            channel_ids=repeat(self.channel_id),
            days=self.days,
            zones=repeat(self.zone),
            starts=self.starts,
            periods=repeat(self.period_s),
            exponents=repeat(self.exponent),
            units=repeat(self.unit),
            versions=self.versions,
            values=[values[span] for span in spans],
            quality=[quality[span] for span in spans],
            sha256=[self.sha256[_SHA256 * n : _SHA256 * n + _SHA256] for n in range(len(self))],
        )

    def __iter__(self) -> Iterator[DayBlock]:
        return iter(self.blocks())

    def _part(self, first: int, end: int) -> ChannelDays:
        begins = [0, *accumulate(self.counts)]
        begin, stop = begins[first], begins[end]
        return ChannelDays(
            self.channel_id,
            self.zone,
            self.period_s,
            self.exponent,
            self.unit,
            self.days[first:end],
            self.starts[first:end],
            self.versions[first:end],
            self.counts[first:end],
            self.values[begin * _INT64.itemsize : stop * _INT64.itemsize],
            self.quality[begin:stop],
            self.sha256[first * _SHA256 : end * _SHA256],
        )


def joined_values(blocks: Sequence[DayBlock]) -> NDArray[np.int64]:
    """The values of blocks end to end."""
    if isinstance(blocks, ChannelDays):
        return np.frombuffer(blocks.values, dtype=_INT64)
    # Joining buffers takes a third of what joining arrays does.
    packed = b"".join([block.values for block in blocks])  # type: ignore[misc]  # buffers
    return np.frombuffer(packed, dtype=np.int64)


def joined_quality(blocks: Sequence[DayBlock]) -> NDArray[np.uint8]:
    """The qualities of blocks end to end."""
    packed = (
        blocks.quality
        if isinstance(blocks, ChannelDays)
        else b"".join([block.quality for block in blocks])  # type: ignore[misc]  # buffers
    )
    return np.frombuffer(packed, dtype=np.uint8)


def present_sum(blocks: Sequence[DayBlock]) -> int:
    """The exact sum of all values that are not missing, in the blocks' own counts.

    Args:
        blocks: At least one, of one unit and exponent.
    """
    values = joined_values(blocks)
    missing = values == NULL
    return exact_sum(values[~missing] if bool(missing.any()) else values)
