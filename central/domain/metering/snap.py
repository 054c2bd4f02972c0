"""Bring register readings onto the grid of interval boundaries.

A live poll keeps its true instant in the store; within the tolerance of a boundary it stands for
that boundary, further off it is no boundary's reading. The meter's own profile wins over live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.exact import at_exponent
from central.domain.metering.grid import Grid
from central.domain.metering.series import ReadingSeries

TOLERANCE_MS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Register readings of one meter at boundaries, ascending, one for each.

    Args:
        at_ms: Boundaries. [ms since 1970]
        value: What the register showed, at `exponent`.
        quality: What the device said of it.
        exponent: Of all values.
    """

    at_ms: NDArray[np.int64]
    value: NDArray[np.int64]
    quality: NDArray[np.uint8]
    exponent: int


def snap(
    series: Sequence[ReadingSeries],
    *,
    grid: Grid,
    exponent: int,
    tolerance_ms: int,
) -> Points:
    """One reading per boundary from the register channels of one meter.

    Args:
        series: Register series whose readings may be used at all.
        grid: The intervals whose boundaries are wanted.
        exponent: At which the values are wanted; not coarser than any reading's.
        tolerance_ms: How far from its boundary a reading may be. [ms]

    Raises:
        RegisterOverflowError: A value does not fit 64 bits at that exponent.

    Source: docs/reference/vee.md, "Boundaries"
    """
    if not series:
        empty = np.zeros(0, dtype=np.int64)
        return Points(empty, empty, np.zeros(0, dtype=np.uint8), exponent)
    ordered = sorted(series, key=lambda one: -one.source)
    at = np.concatenate([one.at_ms for one in ordered])
    value = np.concatenate([at_exponent(one.mantissa, one.exponent, exponent) for one in ordered])
    quality = np.concatenate([one.quality for one in ordered])
    rank = np.concatenate([np.full(len(one.at_ms), i) for i, one in enumerate(ordered)])

    boundary = grid.nearest_edge(at)
    distance = np.abs(at - boundary)
    near = distance <= tolerance_ms
    if len(ordered) > 1 or not bool((distance == 0).all()):
        order = np.lexsort((at[near], distance[near], rank[near], boundary[near]))
        chosen = np.flatnonzero(near)[order]
        first = np.ones(len(chosen), dtype=np.bool_)
        first[1:] = np.diff(boundary[chosen]) != 0
        chosen = chosen[first]
        boundary, value, quality = boundary[chosen], value[chosen], quality[chosen]
    return Points(boundary, value, quality, exponent)
