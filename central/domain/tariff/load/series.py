"""Series computed from inputs, and price series, from text."""

from __future__ import annotations

import re
from fractions import Fraction

from central.domain.tariff.document import Factor, PriceRule, Series
from central.domain.tariff.expression import (
    Binary,
    Expression,
    ExpressionError,
    Name,
    Number,
    parse_expression,
)
from central.domain.tariff.load.fields import (
    FieldReader,
    Report,
    fields_of,
    id_of,
    text_of,
    texts_of,
)
from central.domain.tariff.load.yaml_source import Fields, Node
from central.domain.tariff.refusal import Code

Product = tuple[str, ...]
Polynomial = dict[Product, Fraction]
_STEP = re.compile(r"(\d{1,4})m")
_NO_NUMBERS = frozenset({"bool", "text"})


class _NotASumError(Exception):
    """The formula is no sum of products."""


def load_series(
    node: Node | None, units: dict[str, str], needs: dict[str, str], report: Report
) -> tuple[tuple[Series, ...], tuple[PriceRule, ...]]:
    """Series computed from inputs and the series above them, and price series.

    Args:
        node: A mapping of names.
        units: Input to its unit; those of the series are added.
        needs: Agreement fact to its kind.
        report: Where findings go.
    """
    found: list[Series] = []
    prices: list[PriceRule] = []
    for name, child in fields_of(node, "series", report) if node is not None else ():
        with report.item():
            if isinstance(child, Fields) and "price" in child.nodes:
                prices.append(_price(name, child, report))
            else:
                found.append(_series(name, child, units, needs, report))
                units[name] = found[-1].unit
    return tuple(found), tuple(prices)


def _price(name: str, node: Node, report: Report) -> PriceRule:
    reader = FieldReader(node, f"series.{name}", report)
    price = id_of(reader.need("price"), reader.where("price"), report)
    reader.choice("missing", ("hold",), "hold")
    step_s = None
    if (text := reader.text("step")) is not None:
        match = _STEP.fullmatch(text)
        minutes = int(match.group(1)) if match else 0
        if match is None or minutes == 0 or 1440 % minutes:
            message = f"{text!r} is no step that divides a day."
            report.refuse(
                Code.BAD_WINDOW, reader.line, reader.where("step"), message, "Write 15m or 60m."
            )
        step_s = minutes * 60
    reader.done()
    return PriceRule(name, price, step_s)


def _series(
    name: str, node: Node, units: dict[str, str], needs: dict[str, str], report: Report
) -> Series:
    path = f"series.{name}"
    if name in units:
        message = f"{name!r} is already an input or series."
        report.refuse(Code.DUPLICATE_NAME, node.line, path, message, "Rename it.")
    reader = FieldReader(node, path, report)
    text = text_of(reader.need("expr"), reader.where("expr"), report)
    factors = _factors(reader, units, needs)
    unit = reader.text("unit")
    reader.done()
    try:
        polynomial = _polynomial(parse_expression(text))
    except ExpressionError as error:
        report.refuse(Code.BAD_EXPRESSION, node.line, path, error.message, "Mend it.")
    except _NotASumError:
        message = f"{text!r} is no sum of inputs times constants and factors."
        report.refuse(Code.BAD_EXPRESSION, node.line, path, message, "Write import - export.")
    terms, used = _split(polynomial, text, units, factors, reader)
    for factor in factors:
        if factor.name not in used:
            message = f"The formula does not use the factor {factor.name!r}."
            report.refuse(Code.CONFLICT, node.line, path, message, "Drop it, or use it.")
    own = {units[term] for term in terms}
    if len(own) != 1 and unit is None:
        message = f"{text!r} mixes units."
        report.refuse(Code.CONFLICT, node.line, path, message, "Say which `unit` comes out.")
    by_name = {factor.name: factor for factor in factors}
    return Series(
        name, tuple(terms.items()), unit or own.pop(), tuple(by_name[factor] for factor in used)
    )


def _factors(
    reader: FieldReader, units: dict[str, str], needs: dict[str, str]
) -> tuple[Factor, ...]:
    node = reader.take("factors")
    if node is None:
        return ()
    path, report = reader.where("factors"), reader.report
    if isinstance(node, Fields):
        pairs = [
            (name, id_of(child, f"{path}.{name}", report))
            for name, child in fields_of(node, path, report)
        ]
    else:
        pairs = [(name, name) for name in texts_of(node, path, report)]
    found = []
    for name, source in pairs:
        if name in units:
            message = f"{name!r} is an input, and no factor."
            report.refuse(Code.DUPLICATE_NAME, node.line, path, message, "Rename the factor.")
        if needs.get(source) in _NO_NUMBERS:
            message = f"The fact {source!r} is no number."
            report.refuse(Code.WRONG_FACT_KIND, node.line, path, message, "Give it a unit.")
        found.append(Factor(name, source, fact=source in needs))
    return tuple(found)


def _split(
    polynomial: Polynomial,
    text: str,
    units: dict[str, str],
    factors: tuple[Factor, ...],
    reader: FieldReader,
) -> tuple[dict[str, Fraction], Product]:
    """Inputs with their coefficients, and the factors that all of them share."""
    report, known = reader.report, {factor.name for factor in factors}
    terms: dict[str, Fraction] = {}
    shared: set[Product] = set()
    for product, coefficient in polynomial.items():
        for name in product:
            if name not in units and name not in known:
                message = f"{name!r} is no input and no factor."
                remedy = "Define it in `inputs`, or name it in `factors`."
                report.refuse(Code.UNKNOWN_SERIES, reader.line, reader.path, message, remedy)
        inputs = [name for name in product if name in units]
        if len(inputs) != 1:
            message = f"{text!r} is no sum of inputs times constants and factors."
            remedy = "Let every term hold one input: write import - export."
            report.refuse(Code.BAD_EXPRESSION, reader.line, reader.path, message, remedy)
        terms[inputs[0]] = coefficient
        shared.add(tuple(name for name in product if name in known))
    if len(shared) > 1:
        message = f"The terms of {text!r} have different factors."
        remedy = "Make a series of each product, then add those."
        report.refuse(Code.BAD_EXPRESSION, reader.line, reader.path, message, remedy)
    if not terms:
        message = f"{text!r} holds no input."
        report.refuse(Code.BAD_EXPRESSION, reader.line, reader.path, message, "Name one.")
    return terms, shared.pop()


def _polynomial(expression: Expression) -> Polynomial:
    """Coefficients by product of names, ascending; that of no name is a constant."""
    match expression:
        case Number(value):
            return {(): value} if value else {}
        case Name(name):
            return {(name,): Fraction(1)}
        case Binary("+" | "-" as sign, left, right):
            found = _polynomial(left)
            for product, value in _polynomial(right).items():
                found[product] = found.get(product, Fraction(0)) + (
                    value if sign == "+" else -value
                )
            return {product: value for product, value in found.items() if value}
        case Binary("*", left, right):
            found = {}
            for one, first in _polynomial(left).items():
                for two, second in _polynomial(right).items():
                    product = tuple(sorted((*one, *two)))
                    found[product] = found.get(product, Fraction(0)) + first * second
            return found
        case Binary("/", left, right):
            divisor = _polynomial(right)
            if set(divisor) != {()}:
                raise _NotASumError
            return {product: value / divisor[()] for product, value in _polynomial(left).items()}
        case _:
            raise _NotASumError
