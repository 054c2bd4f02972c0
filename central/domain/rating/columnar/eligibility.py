"""Which bills columns can hold: the one place that says so, and why not.

A tariff that nothing here objects to is measured and priced as columns; all others, and single
meters with something of their own, are rated one by one by `central.domain.rating.rate`. What only
shows in the values (a sum beyond 64 bits, a tier whose bounds fall) raises `NotColumnarError` while
measuring or pricing, and the meter is rated alone as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.charges.years import yearly_rules
from central.domain.rating.columnar.computed_columns import fits_matrix
from central.domain.rating.columnar.formula_columns import fits_columns
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.grant import Grant
from central.domain.tariff.credit_rules import RoundTotal
from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    Determinant,
    FormulaDeterminant,
    MaxDeterminant,
    SumDeterminant,
)
from central.domain.tariff.document import Charge, TariffDocument

_OBSTACLES: Final[dict[str, Callable[[TariffDocument], bool]]] = {
    "series: sums with factors, or of other series": lambda tariff: not fits_matrix(tariff),
    "money_banks: credits carried between bills": lambda tariff: bool(tariff.money_banks),
    "settlement: level payments, a prepaid balance": lambda tariff: any(
        not isinstance(rule, RoundTotal) for rule in tariff.settlement
    ),
    "on_change: a peak shared by the segments": lambda tariff: (
        tariff.on_change.demand == "bill_peak"
    ),
    "in_advance: a charge for the period to come": lambda tariff: any(
        entry.in_advance for entry in _charges(tariff)
    ),
    "included: units that a price begins above": lambda tariff: any(
        entry.included is not None for entry in _charges(tariff)
    ),
    "on: a measured quantity, once": lambda tariff: any(
        entry.on and _is_measured(entry, tariff) for entry in _charges(tariff)
    ),
    "tiers: steps in order of time": lambda tariff: any(
        entry.steps and entry.tiers.style == "in_order" for entry in _charges(tariff)
    ),
    "steps: tiers on each day's demand": lambda tariff: bool(_daily(tariff) & _stepped(tariff)),
    "formula: of intervals, or a root": lambda tariff: any(
        isinstance(rule, FormulaDeterminant) and not fits_columns(rule.expr)
        for rule in tariff.determinants
    ),
    "determinants: named intervals, one side, baselines, events, some peaks": lambda tariff: (
        not all(map(_fits_a_matrix, tariff.determinants))
    ),
}


def obstacles_of(
    documents: Sequence[TariffDocument],
    period: BillingPeriod | None = None,
    ending: PartEnding = GOES_ON,
) -> tuple[str, ...]:
    """What keeps the bills of a tariff from being priced as columns; empty where nothing does.

    Args:
        documents: Of its versions within the bill.
        period: Of the bills; None for a month.
        ending: What ends with them.
    """
    found = [
        reason
        for reason, hinders in _OBSTACLES.items()
        if any(hinders(document) for document in documents)
    ]
    if len({(document.zone, document.day_start) for document in documents}) > 1:
        found.append("zone: days are cut in another way from a version on")
    if len({(document.currency.code, document.currency.digits) for document in documents}) > 1:
        found.append("currency: amounts have other digits from a version on")
    months = 1 if period is None else len(period.months_of_it)
    if months > 1 and any(map(_nets_months, documents)):
        found.append("netting: each month of a longer bill")
    if ending.anything and any(document.energy_banks for document in documents):
        found.append("energy_banks: what is left at the end")
    if ending.anything and any(map(yearly_rules, documents)):
        found.append("minimums, commitments: a year or term that ends early")
    if any(document.history for document in documents):
        apart = any(entry.by == "calendar" for one in documents for entry in one.history)
        if apart or (period is not None and period.is_longer):
            found.append("state: a peak of each calendar month")
        if ending.anything:
            found.append("state: peaks that end, or that another tariff takes over")
    return tuple(found)


def leaves_out_estimates(documents: Sequence[TariffDocument]) -> bool:
    """Whether demand is asked of metered intervals alone."""
    return any(
        isinstance(rule, MaxDeterminant) and rule.estimated == "exclude"
        for document in documents
        for rule in document.determinants
    )


def is_alone(
    opening: CarriedState,
    grants: Sequence[Grant],
    tariff: str = "",
    banks: Collection[str] = (),
    sums: Collection[str] = (),
) -> bool:
    """Whether what was paid in or deferred makes this bill one of its own.

    Args:
        opening: What earlier bills left.
        grants: Money paid in.
        tariff: Whose names the state may have.
        banks: Of energy, whose credits may be there.
        sums: Yearly minimums and commitments, whose sums may be there.
    """
    if opening.tariff not in {"", tariff}:
        return True
    if any(credit.bank not in banks for credit in opening.credits):
        return True
    # Another sum is one that is deferred, or that no rule of the tariff goes on with.
    others = any(entry.id not in sums for entry in opening.sums)
    return bool(grants or others or opening.advances)


def _charges(tariff: TariffDocument) -> list[Charge]:
    return [entry for entry in (*tariff.charges, *tariff.riders) if isinstance(entry, Charge)]


def _is_measured(charge: Charge, tariff: TariffDocument) -> bool:
    base = (charge.qty or "").partition(".")[0]
    return any(rule.name == base for rule in tariff.determinants)


def _nets_months(tariff: TariffDocument) -> bool:
    rules = tariff.determinants
    return any(isinstance(rule, SumDeterminant) and rule.netting == "month" for rule in rules)


def _daily(tariff: TariffDocument) -> set[str]:
    return {
        rule.name for rule in tariff.determinants if isinstance(rule, MaxDeterminant) and rule.daily
    }


def _stepped(tariff: TariffDocument) -> set[str]:
    return {(entry.qty or "").partition(".")[0] for entry in _charges(tariff) if entry.steps}


def is_whole_sum(rule: SumDeterminant) -> bool:
    """Whether a sum is of all intervals of a period, before any netting."""
    chosen = rule.during is not None or rule.outside is not None
    return not chosen and (not rule.by_interval or rule.side == "both")


def has_matrix_peaks(rule: MaxDeterminant) -> bool:
    """Whether a maximum is over windows of all intervals, of all channels together."""
    alone = rule.during is not None or rule.meters == "each"
    return not alone and rule.astride in {"", "none"}


def _fits_a_matrix(rule: Determinant) -> bool:
    match rule:
        case SumDeterminant():
            in_time = rule.by_interval and rule.bank is not None
            return is_whole_sum(rule) and not rule.is_carried and not in_time
        case MaxDeterminant():
            return has_matrix_peaks(rule)
        case AllowanceDeterminant() | CounterDeterminant() | FormulaDeterminant():
            return True
        case _:
            return False
