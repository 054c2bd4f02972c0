"""Banks, commitments and settlement back as text."""

from __future__ import annotations

from datetime import date

from central.domain.tariff.credit_rules import (
    BUDGET_BILLING,
    PREPAID,
    TRUE_UP_PAYOUT,
    BudgetBilling,
    Commitment,
    EnergyBank,
    MoneyBank,
    Prepaid,
    Settlement,
    TrueUp,
    TrueUpPayout,
)
from central.domain.tariff.export.prices import Said, prices, put, seasonal_steps, tiers

_DECEMBER = 12


def _true_up(rule: TrueUp | None) -> Said | None:
    if rule is None:
        return None
    return {"month": str(rule.month), "pay": format(rule.pay, "f")}


def energy_bank(bank: EnergyBank) -> Said:
    """A bank of energy."""
    said: Said = {"unit": "kWh"}
    maps = {season: dict(pairs) for season, pairs in bank.map}
    put(said, "map", maps.get("", maps), {})
    put(said, "basis", bank.basis, "period")
    put(said, "true_up", _true_up(bank.true_up))
    return said


def money_bank(bank: MoneyBank) -> Said:
    """A bank of money."""
    said: Said = {}
    put(said, "earn", bank.earn)
    if bank.price is not None:
        said["price"] = prices(bank.price)
    if bank.steps:
        said["steps"] = seasonal_steps(bank.steps)
        put(said, "tiers", tiers(bank.tiers), {})
    said["offsets"] = list(bank.offsets)
    put(said, "when", bank.when, "this_bill")
    put(said, "true_up", _true_up(bank.true_up))
    if bank.expires_months is not None:
        said["expires_months"] = str(bank.expires_months)
    return said


def commitment(rule: Commitment) -> Said:
    """An amount per term."""
    said: Said = {"id": rule.id}
    put(said, "name", rule.name)
    said["of"] = list(rule.of)
    said["amount"] = format(rule.amount, "f")
    put(said, "qty", rule.qty)
    said |= {"per": "term", "months": str(rule.months)}
    if rule.months == 1:
        said = {key: value for key, value in said.items() if key != "months"} | {"per": "month"}
    elif rule.begins is None:
        said = {key: value for key, value in said.items() if key not in {"per", "months"}}
    put(said, "begins", rule.begins.isoformat() if isinstance(rule.begins, date) else rule.begins)
    if rule.year_end != _DECEMBER:
        said["year_end"] = str(rule.year_end)
    put(said, "basis", rule.basis, "before_credits")
    put(said, "shortfall", rule.shortfall, "charge")
    put(said, "excess", rule.excess, "lapse")
    return said


def settlement(rule: Settlement) -> object:
    """What changes the amount due: a word, or a word with how."""
    said: Said = {}
    match rule:
        case TrueUpPayout():
            return TRUE_UP_PAYOUT
        case BudgetBilling():
            word = BUDGET_BILLING
            said["months"] = str(rule.months)
            put(said, "settle_up", None if rule.settle_up is None else str(rule.settle_up))
            put(said, "only", rule.only)
        case Prepaid():
            word = PREPAID
            put(said, "expires_months", _text(rule.expires_months))
            put(said, "only", rule.only)
    return {word: said} if said else word


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
