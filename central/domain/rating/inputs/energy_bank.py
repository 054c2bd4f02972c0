"""Energy banks: surplus of one bill pays use of later ones, period by period."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from central.domain.rating.inputs.carried_state import Credit, Origin
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.credit_rules import EnergyBank
from central.domain.tariff.state_rules import LAPSE

TOTAL = "*"
"""Label of the credit that a bank netting all periods together would hold."""

Own = dict[str, list[Credit]]


def net_with_bank(  # noqa: PLR0913, PLR0917 - what a bank is netted with
    bank: EnergyBank,
    sums: Mapping[str, Fraction],
    segment: Segment,
    month: date,
    own: Own,
    steps: Mapping[str, Sequence[Fraction]] | None = None,
) -> tuple[dict[str, Fraction], Fraction]:
    """Pay each period's use from its credits, and bank each period's surplus.

        use = max(0, sum - credits of the period), oldest credit first
        a sum below zero is a new credit of its period

    Credits earned in another period count in the one the bank maps it to.

    Args:
        bank: Rules.
        sums: Period to net energy, below zero for surplus. [kWh]
        segment: Whose sums they are.
        month: First day of the bill's month.
        own: The bank's credits by label; changed in place.
        steps: The intervals of each period in order of time, where each is netted by itself: the
            surplus of one pays for later ones.

    Returns:
        Period to energy that is charged, and what lapses as the map says. [kWh]

    Source: docs/reference/charges.md, "Net metering"; SSC transfer_surplus
    """
    origin = Origin(segment.days.first, segment.days.end, bank.owner)
    lapsed = _relabel(bank, segment.season, own)
    charged = {}
    for label, value in sums.items():
        if steps is not None:
            before = sum((credit.amount for credit in own.get(label, ())), Fraction(0))
            charged[label], taken, left = charged_and_left(steps[label], before)
            draw(own, label, taken)
            if left:
                own[label].append(Credit(bank.name, label, month, left, origin))
        elif value < 0:
            own.setdefault(label, []).append(Credit(bank.name, label, month, -value, origin))
            charged[label] = Fraction(0)
        else:
            charged[label] = value - draw(own, label, value)
    if bank.basis == "total":
        before = sum((credit.amount for credit in own.get(TOTAL, ())), Fraction(0))
        after = max(Fraction(0), before - sum(sums.values(), Fraction(0)))
        own[TOTAL] = [Credit(bank.name, TOTAL, month, after, origin)] if after else []
    return charged, lapsed


def charged_and_left(
    steps: Sequence[Fraction], before: Fraction
) -> tuple[Fraction, Fraction, Fraction]:
    """What is charged where the surplus of each interval pays for later ones, as time goes by.

    Args:
        steps: Energy of the intervals in order of time, below zero for surplus.
        before: Credit that they open with.

    Returns:
        What is charged, what is taken of the credit before, and what is left of the surplus.
    """
    credit, surplus, charged, taken = before, Fraction(0), Fraction(0), Fraction(0)
    for step in steps:
        if step < 0:
            surplus -= step
            continue
        old = min(credit, step)
        new = min(surplus, step - old)
        credit, surplus = credit - old, surplus - new
        taken, charged = taken + old, charged + step - old - new
    return charged, taken, surplus


def _by_month(credit: Credit) -> tuple[date, ...]:
    return (credit.earned,)


def draw(
    own: Own,
    label: str,
    wanted: Fraction,
    order: Callable[[Credit], tuple[date, ...]] = _by_month,
) -> Fraction:
    """Take up to `wanted` from the credits of a label, oldest first; gives what was taken."""
    taken, left = Fraction(0), []
    for credit in sorted(own.get(label, ()), key=order):
        part = min(credit.amount, wanted - taken)
        taken += part
        if part < credit.amount:
            left.append(replace(credit, label=label, amount=credit.amount - part))
    own[label] = left
    return taken


def _relabel(bank: EnergyBank, season: str, own: Own) -> Fraction:
    """Put credits under the periods that the map says; gives what lapses. [kWh]."""
    pairs: dict[str, str] = {}
    for name, mapped in bank.map:
        if name in {"", season}:
            pairs = dict(mapped)
    moved: Own = {}
    lapsed = Fraction(0)
    for label, found in own.items():
        target = pairs.get(label, label) if label != TOTAL else TOTAL
        if target == LAPSE:
            lapsed += sum((credit.amount for credit in found), Fraction(0))
            continue
        moved.setdefault(target, []).extend(credit.under(target) for credit in found)
    own.clear()
    own.update(moved)
    return lapsed


def balance_of(own: Own, label: str) -> Fraction:
    """What is left of one period. [kWh]."""
    return sum((credit.amount for credit in own.get(label, ())), Fraction(0))


def balance(bank: EnergyBank, own: Own) -> Fraction:
    """What a settlement of the bank pays for. [kWh]."""
    labels = [TOTAL] if bank.basis == "total" else [label for label in own if label != TOTAL]
    return sum((credit.amount for label in labels for credit in own.get(label, ())), Fraction(0))
