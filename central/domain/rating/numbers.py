"""Columns as Python's exact numbers: fractions and decimals, a whole column at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from central.domain.rating.columns import Column
from central.domain.rating.hashing import Piece
from central.domain.rating.rounding import UNROUNDED_DIGITS, exact_decimal, printed

_MAX = 2**63 - 1
_scaleb = Context(prec=400).scaleb
_UNITS = 10**UNROUNDED_DIGITS
_FINITE = 10**63
"""A multiple of every denominator below 2 ** 63 that a finite decimal has."""
# Fraction() divides by the common divisor in Python; columns divide theirs all at once.
_slots: Mapping[str, Any] = vars(Fraction)
_set_top, _set_bottom = _slots["_numerator"].__set__, _slots["_denominator"].__set__


class Ratios(NamedTuple):
    """Rational numbers in lowest terms.

    Args:
        tops: Numerators.
        bottoms: Denominators.
    """

    tops: list[int]
    bottoms: list[int]

    @classmethod
    def of(cls, column: Column) -> Ratios:
        """Those of a column."""
        top, bottom = column.top, column.bottom
        if isinstance(bottom, int) and bottom > _MAX:
            top = top.astype(object)
        divisor = np.gcd(top, bottom)
        return cls((top // divisor).tolist(), (bottom // divisor).tolist())

    def fractions(self) -> list[Fraction]:
        """As fractions."""
        made = list(map(object.__new__, repeat(Fraction, len(self.tops))))
        deque(map(_set_top, made, self.tops), maxlen=0)
        deque(map(_set_bottom, made, self.bottoms), maxlen=0)
        return made

    def told(self) -> tuple[Piece, ...]:
        """As `line.ratio` writes them, in JSON."""
        return '"', list(map(str, self.tops)), "/", list(map(str, self.bottoms)), '"'


def decimals(values: Iterable[int], digits: int) -> list[Decimal]:
    """Decimals of whole numbers of 10 ** -digits."""
    return list(map(_scaleb, values, repeat(-digits)))


def printed_all(column: Column, digits: int) -> list[Decimal]:
    """As `rounding.printed` gives each number of a column.

    Args:
        column: To print.
        digits: Decimals that each has at least.
    """
    if digits and isinstance(column.bottom, int) and 10**digits % column.bottom == 0:
        return decimals(column.over(10**digits).tolist(), digits)
    found = []
    for top, bottom in zip(*Ratios.of(column), strict=True):
        if _FINITE % bottom == 0:
            factor, exponent = _place(bottom, digits)
            found.append(_scaleb(top * factor, exponent))
        elif bottom <= _MAX:
            whole = (2 * abs(top) * _UNITS + bottom) // (2 * bottom)
            found.append(_scaleb(whole if top >= 0 else -whole, -UNROUNDED_DIGITS))
        else:
            found.append(printed(Fraction(top, bottom), digits))
    return found


@lru_cache(maxsize=4096)
def _place(bottom: int, digits: int) -> tuple[int, int]:
    """What a numerator is multiplied by, and the exponent of the product."""
    if digits and 10**digits % bottom == 0:
        return 10**digits // bottom, -digits
    one = exact_decimal(Fraction(1, bottom))
    if one is None:
        raise AssertionError(bottom)
    exponent = int(one.as_tuple().exponent)
    return 10**-exponent // bottom, exponent


def texts(values: Iterable[Decimal]) -> list[str]:
    """Decimals as JSON tells them: never with an exponent."""
    listed = list(values)
    found = list(map(str, listed))
    return [format(value, "f") for value in listed] if "E" in "".join(found) else found
