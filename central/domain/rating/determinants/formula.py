"""Determinants computed from determinants and facts, in fractions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    average_fact,
    known_series,
)
from central.domain.rating.determinants.history import earlier, months_of_bill, recent
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.input_series import run_sums
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.rounding import root
from central.domain.tariff.determinant_rules import (
    FormulaDeterminant,
)
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number, Prior, Recent


def compute_formula(
    rule: FormulaDeterminant, segment: Segment, context: RatingContext
) -> Determinant:
    """A formula's value, exact.

    Raises:
        HeldError: A fact or an earlier peak is missing, or a divisor is zero.
    """
    used: dict[str, None] = {}
    value = _evaluate(rule.expr, segment, context, used)
    return Determinant(
        rule.name, segment.number, "", rule.unit, value, value, "formula", of=tuple(used)
    )


def _evaluate(  # noqa: PLR0911 - one return per kind of node
    expression: Expression, segment: Segment, context: RatingContext, used: dict[str, None]
) -> Fraction:
    match expression:
        case Number(value):
            return value
        case Name(name):
            return _named(name, segment, context, used)
        case Prior(name, months, percent, now=True):
            if context.month.month not in months:
                return Fraction(0)
            return _named(name, segment, context, used) * percent / 100
        case Prior() | Recent():
            return _of_months(expression, segment, context)
        case Call("sum", (Name(name),)):
            series = known_series(name, context)
            values = series.values[series.slice_of(segment.days)]
            return run_sums(values, np.zeros(1, dtype=np.int64))[0] * series.scale
        case Call(function, arguments):
            values_of = [_evaluate(argument, segment, context, used) for argument in arguments]
            return _FUNCTIONS[function](values_of)
        case Binary(operator, left, right, otherwise):
            first = _evaluate(left, segment, context, used)
            second = _evaluate(right, segment, context, used)
            if operator == "/" and second == 0 and otherwise is not None:
                return _evaluate(otherwise, segment, context, used)
            return _apply(operator, first, second)


def _root(values: Sequence[Fraction]) -> Fraction:
    value = values[0]
    if value < 0:
        message = f"The formula takes the root of {value}, which is below zero."
        raise HeldError(Hold("NEGATIVE_ROOT", message))
    return root(value)


_FUNCTIONS: dict[str, Callable[[Sequence[Fraction]], Fraction]] = {
    "max": max,
    "min": min,
    "sqrt": _root,
}


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if right == 0:
        raise HeldError(Hold("DIVISION_BY_ZERO", "The formula divides by zero."))
    return left / right


def _named(name: str, segment: Segment, context: RatingContext, used: dict[str, None]) -> Fraction:
    found = context.of(name, segment.number)
    if found:
        used.update(dict.fromkeys(determinant.key for determinant in found))
        return sum((determinant.exact for determinant in found), Fraction(0))
    base = name.partition(".")[0]
    if any(rule.name == base for rule in segment.version.document.determinants):
        return Fraction(0)  # A period without hours in these days.
    return average_fact(name, segment, context.facts)


def _of_months(rule: Prior | Recent, segment: Segment, context: RatingContext) -> Fraction:
    if isinstance(rule, Prior):
        return earlier(rule, segment, context)
    return recent(rule, segment, context, months_of_bill(rule.name, segment, context))
