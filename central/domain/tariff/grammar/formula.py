"""Formulas of determinants."""

from __future__ import annotations

from fractions import Fraction

from central.domain.tariff.determinant_rules import FormulaDeterminant
from central.domain.tariff.expression import (
    Binary,
    Call,
    Expression,
    ExpressionError,
    Name,
    Number,
    Prior,
    Recent,
    calls_in,
    names_in,
    parse_expression,
    quotients_in,
)
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.kind import TEXT, Kind, read_text
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.refusal import Code


def _read_formula(cursor: Cursor) -> Expression:
    line = cursor.record.line
    try:
        expression = parse_expression(read_text(cursor))
    except ExpressionError as error:
        cursor.refuse(Code.BAD_EXPRESSION, error.message, "Correct it.", line=line)
    for used in names_in(expression):
        _check_name(used, cursor, line)
    _check_sums(expression, cursor, line)
    _check_quotients(expression, cursor, line)
    return expression


def _check_name(used: str, cursor: Cursor, line: int) -> None:
    scope, name = cursor.scope, cursor.record.key
    base = used.partition(".")[0]
    if name in {used, base}:
        cursor.refuse(Code.CYCLE, f"{name!r} is computed from itself.", "Shorten it.", line=line)
    if base not in scope.units and base not in scope.needs and base not in scope.series:
        message = f"{used!r} is not a determinant above this one, and not a fact."
        cursor.refuse(Code.UNKNOWN_DETERMINANT, message, "Define it above.", line=line)
    if base in scope.units and not scope.has_period(used):
        message = f"{used!r} names no period of its determinant."
        cursor.refuse(Code.UNKNOWN_PERIOD, message, "Use `.total`.", line=line)


def _check_sums(expression: Expression, cursor: Cursor, line: int) -> None:
    """A series is read by `sum`, and `sum` reads nothing else."""
    series = cursor.scope.series
    summed = [
        argument.name
        for call in calls_in(expression)
        for argument in call.arguments
        if call.function == "sum" and isinstance(argument, Name)
    ]
    for used in set(names_in(expression)):
        if (used in series) != (used in summed):
            message = f"{used!r} is {'a series' if used in series else 'not a series'}."
            remedy = f"Write sum({used})." if used in series else "Name it without sum."
            cursor.refuse(Code.UNKNOWN_SERIES, message, remedy, line=line)


def _check_quotients(expression: Expression, cursor: Cursor, line: int) -> None:
    """A quotient says what it is where nothing is used, unless its divisor cannot be zero."""
    for quotient in quotients_in(expression):
        divisor = quotient.right
        if quotient.otherwise is None and not _is_above_zero(divisor, cursor):
            message = f"{formula_text(divisor)} can be zero, and nothing says what is then."
            remedy = "Write what the quotient is then, as kwh / kvah else 1."
            cursor.note(Code.MAY_DIVIDE_BY_ZERO, message, remedy, line=line)


def _is_above_zero(divisor: Expression, cursor: Cursor) -> bool:
    """Whether a divisor needs no value for zero; one of facts alone that is zero is a mistake."""
    match divisor:
        case Number(value):
            return value != 0
        case Call("max", arguments):
            return any(isinstance(bound, Number) and bound.value > 0 for bound in arguments)
        case Binary("*" | "/", left, right):
            return _is_above_zero(left, cursor) and _is_above_zero(right, cursor)
        case Binary() | Name():
            read = {name.partition(".")[0] for name in names_in(divisor)}
            return bool(read) and read.isdisjoint(cursor.scope.units)
        case _:
            return False


def _unit_of_first_name(formula: Cursor) -> None:
    units, names = formula.scope.units, names_in(formula.values["expr"])
    named_units = [units[name] for name in names if name in units]
    formula.values["unit"] = formula.values["unit"] or (named_units[0] if named_units else "")


def formula_text(expression: Expression) -> str:
    """A formula as text that parses to the same tree."""
    match expression:
        case Number(value):
            return _decimal_text(value)
        case Name(name):
            return name
        case Binary(operator, left, right, otherwise):
            text = f"{formula_text(left)} {operator} {formula_text(right)}"
            return f"({text})" if otherwise is None else f"({text} else {formula_text(otherwise)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(formula_text, arguments))})"
        case Recent(name, take, count, floor):
            least = "" if floor is None else f", floor: {_decimal_text(floor)}"
            return f"{take}({name}, months: {count}{least})"
        case Prior(name, months, percent, now):
            span = f"{months[0]}-{months[-1]}"
            which = "current" if now else "prior"
            return f"{which}({name}, months: {span}, pct: {_decimal_text(percent)})"


def _decimal_text(value: Fraction) -> str:
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = str(int(value * 10**digits)).rjust(digits + 1, "0")
    return f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole


FORMULA = Record(
    FormulaDeterminant,
    (
        Row("expr", Kind(_read_formula, formula_text, TEXT.shape), required=True),
        Row("unit", TEXT, default="", then=_unit_of_first_name),
    ),
    named=True,
)
