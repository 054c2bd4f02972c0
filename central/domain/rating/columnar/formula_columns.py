"""Formulas of many meters at once, exact, with a denominator of each meter's own where need be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import reduce
from math import lcm

import numpy as np

from central.domain.rating.columnar.exact_column import Column, Ints, Mask, plus, times
from central.domain.rating.determinants.context import RatingContext, average_fact
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.expression import (
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Prior,
    Recent,
    calls_in,
    quotients_in,
)

Values = Callable[[str], Sequence[Column]]
"""A determinant's columns in the segment, before rounding, by its name or that of one period."""
Earlier = Callable[[Prior | Recent], Column]
"""What every meter has of earlier months."""
_FUNCTIONS = frozenset({"max", "min"})


class DividedByZeroError(Exception):
    """A divisor is zero for some meter, and the formula does not say what the quotient is then."""


def fits_columns(expression: Expression) -> bool:
    """Whether a formula reads numbers, facts, determinants of the bill, and earlier months alone.

    What follows `else` is read for some meters alone, and so has to be a number.
    """
    calls = all(call.function in _FUNCTIONS for call in calls_in(expression))
    numbers = all(
        quotient.otherwise is None or isinstance(quotient.otherwise, Number)
        for quotient in quotients_in(expression)
    )
    return calls and numbers


def evaluate(  # noqa: PLR0911, PLR0913, PLR0917 - a return per kind of node, and what it may read
    expression: Expression,
    segment: Segment,
    constants: RatingContext,
    values: Values,
    earlier: Earlier,
    count: int,
) -> Column:
    """A formula's value for every meter, exact.

    Args:
        expression: That `fits_columns`.
        segment: The days it is computed for.
        constants: Facts that all meters share.
        values: Gives the determinants of the segment; none of a period without hours.
        earlier: Gives what earlier months were.
        count: How many meters.

    Raises:
        DividedByZeroError: A meter has to be rated alone.
        HeldError: A fact is missing for all of them.
    """
    match expression:
        case Number(value):
            return Column.same(value, count)
        case Name(name):
            return _named(name, segment, constants, values, count)
        case Prior(name, months, percent, now=True):
            if constants.month.month not in months:
                return Column.same(Fraction(0), count)
            return _named(name, segment, constants, values, count).scaled(percent / 100)
        case Prior() | Recent():
            return earlier(expression)
        case Call(function, arguments):
            columns = [
                evaluate(argument, segment, constants, values, earlier, count)
                for argument in arguments
            ]
            return reduce(highest_of if function == "max" else _lowest, columns)
        case Binary(operator, left, right, otherwise):
            first = evaluate(left, segment, constants, values, earlier, count)
            second = evaluate(right, segment, constants, values, earlier, count)
            if operator != "/":
                return _OPERATORS[operator](first, second)
            instead = None
            if otherwise is not None:
                instead = evaluate(otherwise, segment, constants, values, earlier, count)
            return _quotient(first, second, instead)
        case _:
            raise AssertionError(expression)


def read_now(expression: Expression, constants: RatingContext) -> Iterator[str]:
    """The determinants and facts that a formula reads of the bill itself, as it comes to them."""
    match expression:
        case Name(name):
            yield name
        case Prior(name, months, now=True):
            if constants.month.month in months:
                yield name
        case Binary():
            for operand in expression.operands:
                yield from read_now(operand, constants)
        case Call(_, arguments):
            for argument in arguments:
                yield from read_now(argument, constants)
        case _:
            return


def _named(
    name: str, segment: Segment, constants: RatingContext, values: Values, count: int
) -> Column:
    columns = values(name)
    if columns:
        return reduce(sum_of, columns)
    base = name.partition(".")[0]
    if any(rule.name == base for rule in segment.version.document.determinants):
        return Column.same(Fraction(0), count)  # A period without hours in these days.
    return Column.same(average_fact(name, segment, constants.facts), count)


def _joint(left: Column, right: Column) -> tuple[Ints, Ints, Ints | int]:
    """Both numerators over one denominator."""
    if isinstance(left.bottom, int) and isinstance(right.bottom, int):
        bottom = lcm(left.bottom, right.bottom)
        return left.over(bottom), right.over(bottom), bottom
    return (
        times(left.top, right.bottom),
        times(right.top, left.bottom),
        _product(left.bottom, right.bottom),
    )


def _product(left: Ints | int, right: Ints | int) -> Ints | int:
    if isinstance(left, int):
        return left * right if isinstance(right, int) else times(right, left)
    return times(left, right)


def sum_of(left: Column, right: Column) -> Column:
    """The sum of each meter."""
    first, second, bottom = _joint(left, right)
    return Column(plus(first, second), bottom)


def _difference(left: Column, right: Column) -> Column:
    first, second, bottom = _joint(left, right)
    return Column(plus(first, times(second, -1)), bottom)


def _times(left: Column, right: Column) -> Column:
    return Column(times(left.top, right.top), _product(left.bottom, right.bottom))


def _quotient(left: Column, right: Column, instead: Column | None) -> Column:
    empty: Mask = np.asarray(right.top == 0, dtype=np.bool_)
    if instead is None and empty.any():
        raise DividedByZeroError
    sign = np.where(right.top < 0, -1, 1)
    divisor = np.where(empty, 1, times(right.top, sign))
    top = times(times(left.top, sign), right.bottom)
    bottom = times(divisor, left.bottom)
    if instead is not None and empty.any():
        rest = np.broadcast_to(np.asarray(instead.bottom), empty.shape)
        top, bottom = np.where(empty, instead.top, top), np.where(empty, rest, bottom)
    return Column(top, bottom)


def highest_of(left: Column, right: Column) -> Column:
    """The higher number of each meter."""
    first, second, bottom = _joint(left, right)
    return Column(np.maximum(first, second), bottom)


def _lowest(left: Column, right: Column) -> Column:
    first, second, bottom = _joint(left, right)
    return Column(np.minimum(first, second), bottom)


_OPERATORS: dict[str, Callable[[Column, Column], Column]] = {
    "+": sum_of,
    "-": _difference,
    "*": _times,
}
