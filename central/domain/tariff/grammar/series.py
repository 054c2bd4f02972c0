"""Series computed from inputs, and price series."""

from __future__ import annotations

from fractions import Fraction

from central.domain.tariff.document import Factor, Series, TariffDocument
from central.domain.tariff.expression import (
    Binary,
    Expression,
    ExpressionError,
    Name,
    Number,
    parse_expression,
)
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.interval_prices import RECORDS, record_of, written
from central.domain.tariff.grammar.kind import (
    ID,
    TEXT,
    TEXTS,
    Json,
    Kind,
    map_shape,
    read_entries,
    read_texts,
)
from central.domain.tariff.grammar.node import Fields
from central.domain.tariff.grammar.record import Record, Row, named, variants
from central.domain.tariff.input_units import BUILT_IN_INPUTS
from central.domain.tariff.refusal import Code

Product = tuple[str, ...]
Polynomial = dict[Product, Fraction]
_NO_NUMBERS = frozenset({"bool", "text"})


class _NotASumError(Exception):
    """The formula is not a sum of products."""


def _read_factors(cursor: Cursor) -> tuple[Factor, ...]:
    if isinstance(cursor.node, Fields):
        named = [(entry.key, str(ID.read(entry))) for entry in read_entries(cursor)]
    else:
        named = [(name, name) for name in read_texts(cursor)]
    return tuple(_factor(name, source, cursor) for name, source in named)


def _factor(name: str, source: str, cursor: Cursor) -> Factor:
    if name in cursor.scope.series:
        message = f"{name!r} is an input, and not a factor."
        cursor.refuse(Code.DUPLICATE_NAME, message, "Rename the factor.")
    if cursor.scope.needs.get(source) in _NO_NUMBERS:
        message = f"The fact {source!r} is not a number."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Give it a unit.")
    return Factor(name, source, fact=source in cursor.scope.needs)


def _write_factors(factors: tuple[Factor, ...]) -> Json:
    return {factor.name: factor.source for factor in factors}


FACTORS = Kind(
    _read_factors, _write_factors, {"anyOf": [TEXTS.shape, map_shape({"type": "string"})]}
)


def _check_new_name(series: Cursor) -> None:
    if series.key in series.scope.series:
        message = f"{series.key!r} is already an input or series."
        series.refuse(Code.DUPLICATE_NAME, message, "Rename it.")


def _make_series(series: Cursor) -> Series:
    text, factors, units = series.values["expr"], series.values["factors"], series.scope.series
    terms, used = _split(_parsed(series), series)
    by_name = {factor.name: factor for factor in factors}
    for name in by_name:
        if name not in used:
            message = f"The formula does not use the factor {name!r}."
            series.refuse(Code.CONFLICT, message, "Drop it, or use it.")
    term_units = {units[term] for term in terms}
    unit = series.values["unit"]
    if len(term_units) != 1 and unit is None:
        series.refuse(
            Code.CONFLICT, f"{text!r} mixes units.", "Add `unit` to name the unit of the result."
        )
    unit = unit or term_units.pop()
    units[series.key] = unit
    series.scope.computed.add(series.key)
    return Series(series.key, tuple(terms.items()), unit, tuple(by_name[factor] for factor in used))


def _parsed(series: Cursor) -> Polynomial:
    text = series.values["expr"]
    try:
        return _polynomial(parse_expression(text))
    except ExpressionError as error:
        series.refuse(Code.BAD_EXPRESSION, error.message, "Correct it.")
    except _NotASumError:
        message = f"{text!r} is not a sum of inputs times constants and factors."
        series.refuse(Code.BAD_EXPRESSION, message, "Write import - export.")


def _split(polynomial: Polynomial, series: Cursor) -> tuple[dict[str, Fraction], Product]:
    """Inputs with their coefficients, and the factors that all of them share."""
    text, units = series.values["expr"], series.scope.series
    factors = {factor.name for factor in series.values["factors"]}
    terms: dict[str, Fraction] = {}
    shared: set[Product] = set()
    for product, coefficient in polynomial.items():
        for name in product:
            if name not in units and name not in factors:
                message = f"{name!r} is not an input and not a factor."
                remedy = "Define it in `inputs`, or name it in `factors`."
                series.refuse(Code.UNKNOWN_SERIES, message, remedy)
        inputs = [name for name in product if name in units]
        if len(inputs) != 1:
            message = f"{text!r} is not a sum of inputs times constants and factors."
            remedy = "Let every term hold one input: write import - export."
            series.refuse(Code.BAD_EXPRESSION, message, remedy)
        terms[inputs[0]] = coefficient
        shared.add(tuple(name for name in product if name in factors))
    if len(shared) > 1:
        message = f"The terms of {text!r} have different factors."
        remedy = "Make a series of each product, then add those."
        series.refuse(Code.BAD_EXPRESSION, message, remedy)
    if not terms:
        series.refuse(Code.BAD_EXPRESSION, f"{text!r} holds no input.", "Name one.")
    return terms, shared.pop()


def _formula_text(series: Series) -> str:
    text = _sum_text(series.terms)
    if not series.factors:
        return text
    return f"({text}) * {' * '.join(factor.name for factor in series.factors)}"


def _sum_text(terms: tuple[tuple[str, Fraction], ...]) -> str:
    parts = []
    for name, factor in terms:
        sign = "-" if factor < 0 else "+"
        size = abs(factor)
        over = "" if size.denominator == 1 else f" / {size.denominator}"
        parts.append(f"{sign} {size.numerator} * {name}{over}")
    return "0 " + " ".join(parts)


FORMULA = Record(
    Series,
    (
        Row("expr", TEXT, required=True, get=_formula_text),
        Row("factors", FACTORS, default=()),
        Row("unit", TEXT),
    ),
    checks=(_check_new_name,),
    make=_make_series,
)


def _of_kind(cursor: Cursor) -> Record:
    return record_of(cursor) or FORMULA


def _write_series(document: TariffDocument) -> Json:
    """Series by name; a unit that the terms share is not said."""
    units = BUILT_IN_INPUTS | dict(document.inputs)
    units |= {series.name: series.unit for series in document.series}
    texts = {series.name: FORMULA.write(series) for series in document.series}
    for series in document.series:
        if {units[name] for name, _ in series.terms} == {series.unit}:
            del texts[series.name]["unit"]
    return texts | {rule.name: written(rule) for rule in document.prices}


_EACH = named(variants(FORMULA, *RECORDS, pick=_of_kind), alone=True)
# What is written depends on the units of all others, hence on the document.
SERIES = Kind(_EACH.read, _write_series, _EACH.shape)


def _polynomial(expression: Expression) -> Polynomial:
    """Coefficients by product of names, ascending; that of no name is a constant."""
    match expression:
        case Number(value):
            return {(): value} if value else {}
        case Name(name):
            return {(name,): Fraction(1)}
        case Binary("+" | "-" as sign, left, right):
            terms = _polynomial(left)
            for product, value in _polynomial(right).items():
                terms[product] = terms.get(product, Fraction(0)) + (
                    value if sign == "+" else -value
                )
            return {product: value for product, value in terms.items() if value}
        case Binary("*", left, right):
            terms = {}
            for left_names, first in _polynomial(left).items():
                for right_names, second in _polynomial(right).items():
                    product = tuple(sorted((*left_names, *right_names)))
                    terms[product] = terms.get(product, Fraction(0)) + first * second
            return terms
        case Binary("/", left, right, None):
            divisor = _polynomial(right)
            if set(divisor) != {()}:
                raise _NotASumError
            return {product: value / divisor[()] for product, value in _polynomial(left).items()}
        case _:
            raise _NotASumError
