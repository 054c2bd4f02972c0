"""What intervals are multiplied by, as runs of equal weight: small to keep, exact to sum again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Run = tuple[int, int, Fraction]
"""Offset and length in steps, and the weight of those intervals; where no run is, it is zero."""
Runs = tuple[Run, ...]


def runs_of(numbers: NDArray[np.object_], scale: Fraction, begin: int = 0) -> Runs:
    """Whole numbers per interval as runs of equal weight; zeros are left out.

    Args:
        numbers: One per interval.
        scale: What each is multiplied by.
        begin: Offset of the first.
    """
    if not len(numbers):
        return ()
    changed = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    starts = [0, *changed.tolist()]
    ends = [*changed.tolist(), len(numbers)]
    return tuple(
        (begin + start, end - start, int(numbers[start]) * scale)
        for start, end in zip(starts, ends, strict=True)
        if numbers[start]
    )


def cut(runs: Sequence[Run], begin: int, end: int) -> Runs:
    """The runs inside some steps, counted from the first of these."""
    found = []
    for offset, length, weight in runs:
        low, high = max(offset, begin), min(offset + length, end)
        if low < high:
            found.append((low - begin, high - low, weight))
    return tuple(found)


def product(one: Sequence[Run], two: Sequence[Run]) -> Runs:
    """Weights multiplied interval by interval."""
    return tuple(
        (begin + offset, length, weight * other)
        for begin, count, weight in one
        for offset, length, other in cut(two, begin, begin + count)
    )


def constant(runs: Sequence[Run], count: int) -> Fraction | None:
    """The one weight of all `count` intervals, None where they differ."""
    weights = {weight for _, _, weight in runs}
    covered = sum(length for _, length, _ in runs)
    return weights.pop() if len(weights) == 1 and covered == count else None


def spread(runs: Sequence[Run], count: int) -> list[Fraction]:
    """The weight of each of `count` intervals."""
    found = [Fraction(0)] * count
    for offset, length, weight in runs:
        found[offset : offset + length] = [weight] * length
    return found


def indexes(runs: Sequence[Run]) -> Iterator[int]:
    """The intervals that have a weight."""
    for offset, length, _ in runs:
        yield from range(offset, offset + length)
