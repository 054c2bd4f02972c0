"""Computed series and credit banks from text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Literal, cast

from central.domain.tariff.determinant_rules import Determinant as Rule
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import EnergyBank, MoneyBank, PriceRule, Series, TrueUp
from central.domain.tariff.expression import (
    Binary,
    Expression,
    ExpressionError,
    Name,
    Number,
    parse_expression,
)
from central.domain.tariff.fields import FieldReader, Report, fields_of, id_of, text_of, texts_of
from central.domain.tariff.load_prices import Scope, price_table
from central.domain.tariff.refusal import Code
from central.domain.tariff.source import Fields, Node

Banks = tuple[tuple[EnergyBank, ...], tuple[MoneyBank, ...]]
Terms = dict[str, Fraction]
LAPSE = "none"


class _NotLinearError(Exception):
    """The formula is no weighted sum."""


def load_series(
    node: Node | None, units: dict[str, str], report: Report
) -> tuple[tuple[Series, ...], tuple[PriceRule, ...]]:
    """Series computed from inputs, whose units are added to `units`, and price series."""
    found: list[Series] = []
    prices: list[PriceRule] = []
    for name, child in fields_of(node, "series", report) if node is not None else ():
        with report.item():
            if isinstance(child, Fields) and "price" in child.nodes:
                reader = FieldReader(child, f"series.{name}", report)
                price = id_of(reader.need("price"), reader.where("price"), report)
                reader.choice("missing", ("hold",), "hold")
                reader.done()
                prices.append(PriceRule(name, price))
            else:
                found.append(_series(name, child, units, report))
    units.update({series.name: series.unit for series in found})
    return tuple(found), tuple(prices)


def _series(name: str, node: Node, units: dict[str, str], report: Report) -> Series:
    path = f"series.{name}"
    if name in units:
        message = f"{name!r} is already an input."
        report.refuse(Code.DUPLICATE_NAME, node.line, path, message, "Rename it.")
    reader = FieldReader(node, path, report)
    text = text_of(reader.need("expr"), reader.where("expr"), report)
    reader.done(unsupported=frozenset({"factors"}))
    try:
        terms = _linear(parse_expression(text))
    except ExpressionError as error:
        report.refuse(Code.BAD_EXPRESSION, node.line, path, error.message, "Mend it.")
    except _NotLinearError:
        message = f"{text!r} is no sum of inputs times constants."
        report.refuse(Code.NOT_SUPPORTED, node.line, path, message, "Write import - export.")
    terms.pop("", None)
    for used in terms:
        if used not in units:
            message = f"{used!r} is no input."
            report.refuse(Code.UNKNOWN_SERIES, node.line, path, message, "Define it in `inputs`.")
    own = {units[used] for used in terms}
    if len(own) != 1:
        message = f"{text!r} mixes units."
        report.refuse(Code.CONFLICT, node.line, path, message, "Add only what has one unit.")
    return Series(name, tuple(terms.items()), own.pop())


def _linear(expression: Expression) -> Terms:
    """Coefficients by input; the constant is under the empty name and must be zero at the end."""
    match expression:
        case Number(value):
            return {"": value}
        case Name(name):
            return {name: Fraction(1)}
        case Binary("+" | "-" as sign, left, right):
            terms = _linear(left)
            for name, value in _linear(right).items():
                terms[name] = terms.get(name, Fraction(0)) + (value if sign == "+" else -value)
            return _without_constant(terms)
        case Binary(operator, left, right):
            one, two = _linear(left), _linear(right)
            if operator == "*" and set(one) == {""}:
                one, two = two, one
            if set(two) != {""} or (operator == "/" and two[""] == 0):
                raise _NotLinearError
            factor = two[""] if operator == "*" else 1 / two[""]
            return {name: value * factor for name, value in one.items()}
        case _:
            raise _NotLinearError


def _without_constant(terms: Terms) -> Terms:
    if set(terms) != {""} and terms.get("", 0) != 0:
        raise _NotLinearError
    return terms if set(terms) == {""} else {k: v for k, v in terms.items() if k}


def load_banks(
    node: Node | None, determinants: tuple[Rule, ...], scope: Scope, report: Report
) -> Banks:
    """Energy and money banks; lines of their names may be used after them."""
    energy: list[EnergyBank] = []
    money: list[MoneyBank] = []
    for name, child in fields_of(node, "banks", report) if node is not None else ():
        with report.item():
            reader = FieldReader(child, f"banks.{name}", report)
            if name in scope.lines:
                message = f"{name!r} is already taken."
                report.refuse(
                    Code.DUPLICATE_NAME, child.line, reader.path, message, "Choose another name."
                )
            if reader.choice("unit", ("kWh", "money"), "money") == "kWh":
                energy.append(_energy(name, reader, determinants, scope))
            else:
                money.append(_money(name, reader, scope))
            scope.lines |= {name, f"{name}_settlement"}
    known = {bank.name for bank in energy}
    for rule in determinants:
        if isinstance(rule, SumDeterminant) and rule.bank and rule.bank not in known:
            message = f"{rule.bank!r} is no energy bank."
            line = node.line if node is not None else 1
            report.note(
                Code.UNKNOWN_BANK, line, f"determinants.{rule.name}", message, "Define it in banks."
            )
    return tuple(energy), tuple(money)


def _true_up(reader: FieldReader) -> TrueUp | None:
    node = reader.take("true_up")
    if node is None:
        return None
    inner = FieldReader(node, reader.where("true_up"), reader.report)
    month = inner.whole("month", 1, 12, default=12)
    pay = inner.number("pay") if isinstance(node, Fields) and "pay" in node.nodes else Decimal(0)
    inner.done()
    return TrueUp(month, pay)


def _energy(
    name: str, reader: FieldReader, determinants: tuple[Rule, ...], scope: Scope
) -> EnergyBank:
    users = [rule for rule in determinants if isinstance(rule, SumDeterminant)]
    users = [rule for rule in users if rule.bank == name]
    if len(users) != 1:
        message = f"The bank {name!r} is fed by {len(users)} determinants."
        reader.report.refuse(
            Code.CONFLICT, reader.line, reader.path, message, "Let one determinant name it."
        )
    labels = scope.labels(users[0].by)
    maps: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    if (found := reader.take("map")) is not None:
        maps = _maps(found, reader, labels, scope)
    basis = reader.choice("basis", ("period", "total"), "period")
    true_up = _true_up(reader)
    reader.done()
    return EnergyBank(name, maps, true_up, cast("Literal['period', 'total']", basis))


def _maps(
    node: Node, reader: FieldReader, labels: frozenset[str], scope: Scope
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    path = reader.where("map")
    entries = fields_of(node, path, reader.report)
    if {name for name, _ in entries} & scope.seasons:
        return tuple(
            (season, _map(child, f"{path}.{season}", labels, reader.report))
            for season, child in entries
        )
    return (("", _map(node, path, labels, reader.report)),)


def _map(
    node: Node, path: str, labels: frozenset[str], report: Report
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for source, child in fields_of(node, path, report):
        target = text_of(child, f"{path}.{source}", report)
        for label in (source, target):
            if label not in labels and (label is source or label != LAPSE):
                message = f"{label!r} is no period of the determinant."
                report.refuse(Code.UNKNOWN_PERIOD, child.line, path, message, "Map its periods.")
        pairs.append((source, target))
    return tuple(pairs)


def _money(name: str, reader: FieldReader, scope: Scope) -> MoneyBank:
    earn = reader.name("earn")
    if earn not in scope.units:
        message = f"{earn!r} is no determinant."
        reader.report.refuse(
            Code.UNKNOWN_DETERMINANT, reader.line, reader.where("earn"), message, "Define it first."
        )
    split = scope.splits[earn]
    price = price_table(reader.need("price"), reader.where("price"), scope, split, reader.report)
    offsets = texts_of(reader.need("offsets"), reader.where("offsets"), reader.report)
    for offset in offsets:
        if offset not in scope.lines:
            message = f"{offset!r} is no charge and no rider."
            reader.report.refuse(
                Code.UNKNOWN_CHARGE, reader.line, reader.where("offsets"), message, "Name charges."
            )
    when = reader.choice("when", ("this_bill", "next_bill"), "this_bill")
    reader.choice("order", ("oldest",), "oldest")
    true_up = _true_up(reader)
    months = None
    if reader.take("expires_months") is not None:
        months = reader.whole("expires_months", 1, 600)
    reader.done()
    return MoneyBank(
        name, earn, price, offsets, cast("Literal['this_bill', 'next_bill']", when), true_up, months
    )
