"""What a tariff charges for a part of a month, so that it has to say how many days a month has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from central.domain.tariff.credit_rules import MoneyBank
from central.domain.tariff.determinant_rules import Determinant, MaxDeterminant
from central.domain.tariff.document import ChangeRules, Charge, CycleRules, Minimum
from central.domain.tariff.levels import is_level
from central.domain.tariff.price_rules import Step, TierRules

_OF_MONTHS = frozenset({"month", "year"})


def shares_months(
    line: object, cycle: CycleRules, change: ChangeRules, rules: Sequence[Determinant]
) -> bool:
    """Whether a line counts the share of a month that some days are.

    Prices per month and per year do, and monthly minimums, unless a part pays for all of it; bounds
    of steps that hold for a month; and a price per day that is one of a month of 365/12 days.

    Args:
        line: A charge, percent, bank or minimum.
        cycle: Of its tariff.
        change: Of its tariff.
        rules: The determinants of its tariff.
    """
    match line:
        case Minimum():
            return line.per == "month" and line.prorate == "cycle"
        case MoneyBank():
            return _bounds_months(line.steps, line.earn or "", line.tiers, change, rules)
        case Charge():
            by_day = line.per == "day" and cycle.daily == "month"
            timed = (line.per in _OF_MONTHS or by_day) and line.prorate == "cycle"
            return timed or _bounds_months(line.steps, line.qty or "", line.tiers, change, rules)
    return False


def _bounds_months(
    steps: Sequence[tuple[str, Sequence[Step]]],
    qty: str,
    tiers: TierRules,
    change: ChangeRules,
    rules: Sequence[Determinant],
) -> bool:
    if "whole" in {tiers.scale, change.thresholds} or _is_demand(qty, rules):
        return False
    every = (step for _, seasonal in steps for top in seasonal for step in _inside(top))
    return any(
        step.to is not None and step.unit != "ratio" and not step.unit.endswith("/day")
        for step in every
    )


def _is_demand(qty: str, rules: Sequence[Determinant]) -> bool:
    base = qty.partition(".")[0]
    daily = (rule.name for rule in rules if isinstance(rule, MaxDeterminant) and rule.daily)
    return is_level(qty, rules) or base in daily


def _inside(step: Step) -> Iterator[Step]:
    yield step
    for inner in step.steps:
        yield from _inside(inner)
