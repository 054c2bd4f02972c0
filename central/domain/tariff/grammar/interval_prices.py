"""Series of prices: as they are given, by period, and computed from one another."""

from __future__ import annotations

from central.domain.tariff.expression import (
    Binary,
    Call,
    Expression,
    ExpressionError,
    Name,
    Number,
    parse_expression,
)
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.grammar.formula import formula_text
from central.domain.tariff.grammar.kind import ID, TEXT, Kind, minutes, one_of, read_text
from central.domain.tariff.grammar.names import SCHEDULE
from central.domain.tariff.grammar.prices import PRICES
from central.domain.tariff.grammar.record import Record, Row
from central.domain.tariff.grammar.scope import Quantity
from central.domain.tariff.interval_prices import PeriodPrices, PriceFormula, PriceRule
from central.domain.tariff.refusal import Code

_TEXT_FACTS = frozenset({"bool", "text"})


def _check_new_name(series: Cursor) -> None:
    scope = series.scope
    if series.key in scope.prices or series.key in scope.series or series.key in scope.needs:
        message = f"{series.key!r} is already a series, an input or a fact."
        series.refuse(Code.DUPLICATE_NAME, message, "Rename it.")


def _register(series: Cursor) -> None:
    series.scope.prices.add(series.key)


def _register_given(series: Cursor) -> None:
    series.scope.given_prices.add(series.key)


GIVEN = Record(
    PriceRule,
    (
        Row("price", ID, required=True),
        Row("step", minutes("step"), attribute="step_s"),
        Row("missing", one_of("hold"), in_model=False),
    ),
    checks=(_register, _register_given),
    named=True,
)


def _price_by_schedule(series: Cursor) -> None:
    series.quantity = Quantity(series.key, "", series.values["by"])


BY_PERIOD = Record(
    PeriodPrices,
    (
        Row("by", SCHEDULE, required=True, then=_price_by_schedule, ends=True),
        Row("prices", PRICES, required=True, attribute="table"),
    ),
    checks=(_check_new_name, _register),
    named=True,
)


def _read_formula(cursor: Cursor) -> Expression:
    try:
        expression = parse_expression(read_text(cursor))
    except ExpressionError as error:
        cursor.refuse(Code.BAD_EXPRESSION, error.message, "Correct it.")
    _check(expression, cursor)
    return expression


def _check(expression: Expression, cursor: Cursor) -> None:
    """A formula of prices knows prices, facts that are numbers, and how to compare them."""
    match expression:
        case Number():
            return
        case Name(name):
            _check_name(name, cursor)
        case Call("max" | "min", arguments):
            for argument in arguments:
                _check(argument, cursor)
        case Binary(operator, left, right, None):
            if operator == "/" and not (isinstance(right, Number) and right.value):
                message = "A price is divided by a number other than zero, and by nothing else."
                cursor.refuse(Code.BAD_EXPRESSION, message, "Write spot / 1000.")
            _check(left, cursor)
            _check(right, cursor)
        case _:
            message = "A formula of prices has sums, products, max and min, and nothing else."
            cursor.refuse(Code.BAD_EXPRESSION, message, "Write min(0.35, spot + 0.02).")


def _check_name(name: str, cursor: Cursor) -> None:
    scope = cursor.scope
    if name in scope.prices:
        return
    if name not in scope.needs:
        message = f"{name!r} is not a price series above this one, and not a fact."
        cursor.refuse(Code.UNKNOWN_SERIES, message, "Define it above, as `{price: NAME}`.")
    if scope.needs[name] in _TEXT_FACTS:
        message = f"The fact {name!r} is not a number."
        cursor.refuse(Code.WRONG_FACT_KIND, message, "Give it a unit.")


COMPUTED = Record(
    PriceFormula,
    (
        Row(
            "prices", Kind(_read_formula, formula_text, TEXT.shape), required=True, attribute="expr"
        ),
    ),
    checks=(_check_new_name, _register),
    named=True,
)
RECORDS = (GIVEN, BY_PERIOD, COMPUTED)


def record_of(cursor: Cursor) -> Record | None:
    """The construct that stands there; None where it is no series of prices."""
    if cursor.has("by"):
        return BY_PERIOD
    if cursor.has("prices"):
        return COMPUTED
    return GIVEN if cursor.has("price") else None


def written(rule: PriceRule | PeriodPrices | PriceFormula) -> dict[str, object]:
    """The mapping that stands for a series of prices."""
    return next(record for record in RECORDS if record.model is type(rule)).write(rule)
