"""Determinants computed from determinants and facts, in fractions."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    average_fact,
    known_series,
)
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.input_series import run_sums
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.determinant_rules import (
    FormulaDeterminant,
)
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number, Prior


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
        case Prior():
            return _prior(expression, segment, context)
        case Call("sum", (Name(name),)):
            series = known_series(name, context)
            values = series.values[series.slice_of(segment.days)]
            return run_sums(values, np.zeros(1, dtype=np.int64))[0] * series.scale
        case Call(function, arguments):
            values_of = [_evaluate(argument, segment, context, used) for argument in arguments]
            return max(values_of) if function == "max" else min(values_of)
        case Binary(operator, left, right, otherwise):
            first = _evaluate(left, segment, context, used)
            second = _evaluate(right, segment, context, used)
            if operator == "/" and second == 0 and otherwise is not None:
                return _evaluate(otherwise, segment, context, used)
            return _apply(operator, first, second)


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


def _prior(prior: Prior, segment: Segment, context: RatingContext) -> Fraction:
    history = {entry.name: entry for entry in segment.version.document.history}
    base, _, label = prior.name.partition(".")
    entry = history.get(base)
    reach = 12 if entry is None else entry.months
    earliest = context.month.year * 12 + context.month.month - reach
    peaks: dict[date, Fraction] = {}
    for peak in context.opening.peaks:
        age = peak.month.year * 12 + peak.month.month
        in_reach = earliest <= age < context.month.year * 12 + context.month.month
        named = peak.name == base and label in {"", peak.label}
        if named and in_reach and peak.month.month in prior.months:
            peaks[peak.month] = max(peak.value, peaks.get(peak.month, peak.value))
    begins = context.begins or context.month
    until = begins.year * 12 + begins.month
    wanted = sum(1 for age in range(earliest, until) if (age - 1) % 12 + 1 in prior.months)
    metered = sum(1 for month in peaks if month < begins)
    if entry is not None and entry.missing == "hold" and metered < wanted:
        message = f"{wanted - metered} earlier peaks of {prior.name!r} are missing."
        raise HeldError(Hold("MISSING_HISTORY", message, prior.name))
    return max(peaks.values(), default=Fraction(0)) * prior.percent / 100
