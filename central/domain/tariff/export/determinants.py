"""Determinants and formulas back as text."""

from __future__ import annotations

from fractions import Fraction

from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    Baseline,
    CounterDeterminant,
    Determinant,
    EventDeterminant,
    FormulaDeterminant,
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.export.prices import Said, prices, put
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number, Prior


def determinant(rule: Determinant) -> Said:
    """How a determinant is made."""
    said: Said = {}
    match rule:
        case SumDeterminant():
            said["sum"] = rule.series
            put(said, "by", rule.by, "")
            put(said, "bank", rule.bank)
            put(said, "side", rule.side, "both")
            put(said, "each", rule.each, "bill")
            put(said, "during", rule.during)
            put(said, "outside", rule.outside)
        case MaxDeterminant():
            said["max"] = rule.series
            if rule.window_s is not None:
                said["window"] = f"{rule.window_s // 60}m"
            put(said, "mode", rule.mode, "block")
            put(said, "by", rule.by, "")
            put(said, "estimated", rule.estimated, "exclude")
            put(said, "per", "day" if rule.daily else "bill", "bill")
            put(said, "during", rule.during, None)
            put(said, "meters", rule.meters, "together")
        case FormulaDeterminant():
            said["expr"] = formula_text(rule.expr)
            put(said, "unit", rule.unit, "")
        case AllowanceDeterminant():
            said["per_day"] = prices(rule.per_day)
            said["unit"] = rule.unit
        case CounterDeterminant():
            said["counter"] = rule.counter
        case RebateDeterminant():
            said |= {"rebate": rule.series, "during": rule.during}
            said["baseline"] = _baseline(rule.baseline)
            put(said, "floor", rule.floor, "event")
        case EventDeterminant():
            said |= _events(rule)
    return said


def _baseline(rule: Baseline) -> Said:
    said: Said = {"days": str(rule.days), "pick": str(rule.pick)}
    put(said, "rank", rule.rank, "highest")
    put(said, "like", rule.like, "day_type")
    said["reach"] = str(rule.reach)
    if rule.adjust is not None:
        said["adjust"] = {
            "minutes": str(rule.adjust.minutes),
            "gap": str(rule.adjust.gap),
            "cap": format(rule.adjust.cap, "f"),
        }
    return said


def _events(rule: EventDeterminant) -> Said:
    said: Said = {"events": rule.stream, "take": rule.take, "unit": rule.unit}
    put(said, "key", rule.key)
    put(said, "where", {field: list(values) for field, values in rule.where}, {})
    put(said, "by", rule.by, "")
    if rule.field:
        split: Said = {"field": rule.field, "values": list(rule.values)}
        put(split, "other", rule.other)
        said["split"] = split
    put(said, "per", rule.per, "average")
    return said


def formula_text(expression: Expression) -> str:
    """A formula as text that parses to the same tree."""
    match expression:
        case Number(value):
            return _decimal_text(value)
        case Name(name):
            return name
        case Binary(operator, left, right):
            return f"({formula_text(left)} {operator} {formula_text(right)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(formula_text, arguments))})"
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
