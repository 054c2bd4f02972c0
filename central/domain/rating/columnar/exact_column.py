"""Exact columns: one rational number per meter, in 64 bits where they hold it.

A column is integers over a denominator. Every product and sum is bounded first; where 64 bits might
not hold a result, the column goes on in Python's integers, slower and just as exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[Any]
"""int64, or objects that are Python integers."""
Mask = NDArray[np.bool_]
_MAX = 2**63 - 1


def largest(values: Ints | int) -> int:
    """The largest absolute value."""
    if isinstance(values, int):
        return abs(values)
    if values.size == 0:
        return 0
    return max(abs(int(values.max())), abs(int(values.min())))


def times(left: Ints, right: Ints | int) -> Ints:
    """The product, exact."""
    if isinstance(right, int) and right == 1:
        return left
    if left.dtype != object and largest(left) * largest(right) > _MAX:
        left = left.astype(object)
    product: Ints = left * right
    return product


def plus(left: Ints, right: Ints | int) -> Ints:
    """The sum, exact."""
    if left.dtype != object and largest(left) + largest(right) > _MAX:
        left = left.astype(object)
    total: Ints = left + right
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One rational per meter.

    Args:
        top: Numerators.
        bottom: Denominators above zero, or one for all.
    """

    top: Ints
    bottom: Ints | int = 1

    @classmethod
    def same(cls, value: Fraction, count: int) -> Column:
        """The same number for every meter."""
        kind = object if abs(value.numerator) > _MAX else np.int64
        one = np.array(value.numerator, dtype=kind)
        return cls(np.broadcast_to(one, (count,)), value.denominator)

    @property
    def alike(self) -> bool:
        """Whether it is known that all meters have the same number."""
        return isinstance(self.bottom, int) and self.top.strides == (0,)

    def only(self, rows: slice | Mask) -> Column:
        """Some of the meters."""
        bottom = self.bottom if isinstance(self.bottom, int) else self.bottom[rows]
        return Column(self.top[rows], bottom)

    @property
    def one_bottom(self) -> int:
        """The denominator that all meters share.

        Raises:
            ValueError: They differ.
        """
        if isinstance(self.bottom, int):
            return self.bottom
        message = "The denominators differ."
        raise ValueError(message)

    def scaled(self, factor: Fraction) -> Column:
        """Each times a number."""
        top = times(self.top, factor.numerator)
        if isinstance(self.bottom, int):
            return Column(top, self.bottom * factor.denominator)
        return Column(top, times(self.bottom, factor.denominator))

    def over(self, bottom: int) -> Ints:
        """Numerators over a common multiple of the one denominator.

        Raises:
            ValueError: The denominators differ.
        """
        return times(self.top, bottom // self.one_bottom)

    def rounded(self, digits: int) -> Ints:
        """Each in units of 10 ** -digits, halves away from zero."""
        doubled = times(abs(self.top), 2 * 10**digits)
        if isinstance(self.bottom, int):
            whole = plus(doubled, self.bottom) // (2 * self.bottom)
        else:
            whole = plus(doubled, self.bottom) // times(self.bottom, 2)
        found: Ints = np.where(self.top < 0, -whole, whole)
        return found

    def at(self, row: int) -> Fraction:
        """The number of one meter."""
        bottom = self.bottom if isinstance(self.bottom, int) else int(self.bottom[row])
        return Fraction(int(self.top[row]), bottom)


def chained(columns: Sequence[Column]) -> Column:
    """Columns of some meters each, that have one denominator each, as one of all meters."""
    bottom = lcm(*(column.one_bottom for column in columns))
    return Column(np.concatenate([column.over(bottom) for column in columns]), bottom)


def added(columns: Sequence[Column]) -> Column:
    """The sum of columns that have one denominator each."""
    if len(columns) == 1:
        return columns[0]
    bottom = lcm(*(column.one_bottom for column in columns))
    return Column(reduce(plus, (column.over(bottom) for column in columns)), bottom)


def share_out(parts: Sequence[Column], digits: int) -> list[Column]:
    """Round parts, meter by meter, so that they sum to the rounded total.

    The same as `rounding.largest_remainder`, for every meter at once.
    """
    bottom = lcm(*(part.one_bottom for part in parts))
    exact = np.stack([times(part.over(bottom), 10**digits) for part in parts])
    floors = exact // bottom
    left = exact - floors * bottom
    total = Column(reduce(plus, list(exact)), bottom).rounded(0)
    missing = total - reduce(plus, list(floors))
    if left.dtype == object:
        order = np.array([sorted(range(len(parts)), key=lambda n: -row[n]) for row in left.T]).T
    else:
        order = np.argsort(-left, axis=0, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(parts))[:, None], axis=0)
    floors = floors + (rank < missing)
    return [Column(floor, 10**digits) for floor in floors]
