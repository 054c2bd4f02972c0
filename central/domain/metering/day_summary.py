"""What a validated day amounts to, kept beside its values: what history asks many days for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import numpy as np

from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.errors import BlockError
from central.domain.metering.quality import IntervalQuality, is_estimate

HIGHEST = 3
"""How many of the highest values are kept."""
_MORE = 0x80


@dataclass(frozen=True, slots=True)
class DaySummary:
    """Figures of one day's intervals; those that are missing count in `missing` alone.

    Args:
        total: The exact sum. [the block's counts]
        highest: The highest values, the highest first; at most `HIGHEST`. [counts]
        lowest: The lowest value; None where all are missing. [counts]
        zeros: How many are zero.
        estimated: How many are estimates.
        missing: How many are missing.
    """

    total: int
    highest: tuple[int, ...]
    lowest: int | None
    zeros: int
    estimated: int
    missing: int

    @classmethod
    def of(cls, block: DayBlock) -> Self:
        """The figures of a block."""
        present = block.values[block.quality != IntervalQuality.MISSING]
        top = np.sort(present)[: -HIGHEST - 1 : -1].tolist()
        return cls(
            total=exact_sum(present),
            highest=tuple(top),
            lowest=int(present.min()) if present.size else None,
            zeros=int(np.count_nonzero(present == 0)),
            estimated=int(np.count_nonzero(is_estimate(block.quality))),
            missing=block.missing,
        )

    def pack_extremes(self) -> bytes:
        """The lowest value, then the steps from it up to the highest ones; empty where none is."""
        if self.lowest is None:
            return b""
        up = self.highest[::-1]
        steps = [above - below for below, above in zip((self.lowest, *up), up, strict=False)]
        return b"".join(
            map(_varint, (self.lowest * 2 if self.lowest >= 0 else -2 * self.lowest - 1, *steps))
        )

    @classmethod
    def kept(cls, total: int, counts: Sequence[int], extremes: bytes) -> Self:
        """The figures that a store keeps.

        Args:
            total: The sum. [counts]
            counts: How many are zero, estimated and missing.
            extremes: As `pack_extremes` made them.

        Raises:
            BlockError: They are damaged.
        """
        zeros, estimated, missing = counts
        numbers = list(_varints(extremes))
        lowest: int | None = None
        highest: tuple[int, ...] = ()
        if numbers:
            lowest = numbers[0] >> 1 if numbers[0] % 2 == 0 else -(numbers[0] + 1 >> 1)
            highest = tuple(accumulate(numbers[1:], initial=lowest))[:0:-1]
        return cls(total, highest, lowest, zeros, estimated, missing)


def _varint(number: int) -> bytes:
    packed = bytearray()
    while number >= _MORE:
        packed.append(number & 0x7F | _MORE)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def _varints(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for octet in packed:
        number |= (octet & 0x7F) << shift
        shift += 7
        if octet < _MORE:
            yield number
            number = shift = 0
    if shift:
        message = "The extremes of a day are damaged."
        raise BlockError(message, value=packed.hex())
