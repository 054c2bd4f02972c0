"""Which quantities are levels: as high in half of a bill as in all of it, as a demand or a count.

What is summed over time (energy, events) halves with the time, and so is charged as it is in every
segment of a bill. A level is charged for the share of the time that its segment has, whatever its
unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from central.domain.tariff.determinant_rules import (
    CounterDeterminant,
    Determinant,
    EventDeterminant,
    ExcessDeterminant,
    FormulaDeterminant,
    MaxDeterminant,
)
from central.domain.tariff.expression import Binary, Call, Expression, Name, Number, Prior, Recent
from central.domain.tariff.input_units import POWER

_ADDED_UP = frozenset({"sum", "count"})


def is_level(name: str, rules: Sequence[Determinant]) -> bool:
    """Whether a determinant, or one of its periods, is a level.

    Maxima are, but for the sum of daily peaks; counts of the agreement; events of which one value
    is taken or that are averaged over time; and formulas of nothing else, or in a unit of power. A
    quotient of two amounts is one as well: kvarh per kWh.

    Args:
        name: As a charge says it, such as `kw` or `kw.P1`.
        rules: The determinants of its tariff.
    """
    rule = _rule(name, rules)
    return rule is not None and _is_level(rule, rules)


def _rule(name: str, rules: Sequence[Determinant]) -> Determinant | None:
    base = name.partition(".")[0]
    return next((rule for rule in rules if rule.name == base), None)


def _is_level(rule: Determinant, rules: Sequence[Determinant]) -> bool:
    match rule:
        case MaxDeterminant():
            return not rule.daily
        case CounterDeterminant():
            return True
        case ExcessDeterminant():
            return rule.take == "highest"
        case EventDeterminant():
            over_time = rule.take == "time_weighted" and rule.per != "average"
            return rule.take not in _ADDED_UP and not over_time
        case FormulaDeterminant():
            return rule.unit in POWER.values() or not _is_amount(rule.expr, rules)
    return False


def _is_amount(expression: Expression, rules: Sequence[Determinant]) -> bool:
    """Whether a formula's value grows with the time that it is computed for."""
    match expression:
        case Number() | Prior() | Recent():
            return False
        case Name(name):
            rule = _rule(name, rules)
            return rule is not None and not _is_level(rule, rules)
        case Call("sum"):
            return True
        case Call(_, arguments):
            return any(_is_amount(argument, rules) for argument in arguments)
        case Binary("/", left, right):  # what it is where the divisor is zero, it is in kind
            return _is_amount(left, rules) and not _is_amount(right, rules)
        case Binary(_, left, right):
            return _is_amount(left, rules) or _is_amount(right, rules)
