"""Whole shares of a whole: they sum to it exactly, so that nothing is invented or lost."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise


def spread(advance: int, count: int) -> list[int]:
    """Whole shares of a whole that differ by at most one and sum to it exactly.

    Shares are the steps of floor(advance x k / count), so that remainders fall evenly along the
    gap and two parts of one gap, computed apart, agree.
    """
    edges = [advance * place // count for place in range(count + 1)]
    return [after - before for before, after in pairwise(edges)]


def shares(weights: Sequence[Fraction], total: int | None) -> list[int]:
    """Whole numbers in proportion to weights.

    They are the steps of the floor of the running sum, so that nothing is invented or lost.

    Args:
        weights: None below zero.
        total: What they sum to; None where the weights themselves are what is expected.
    """
    whole = sum(weights, Fraction(0))
    if total is not None and not whole:
        return spread(total, len(weights))
    factor = Fraction(1) if total is None else total / whole
    steps: list[int] = []
    running, before = Fraction(0), 0
    for weight in weights:
        running += weight * factor
        steps.append(running.__floor__() - before)
        before = running.__floor__()
    return steps
