"""Words of a tariff that nothing would follow: they are refused, never left aside in silence."""

from __future__ import annotations

from collections.abc import Sequence

from central.domain.tariff.credit_rules import MoneyBank
from central.domain.tariff.document import BY_DAY, Percent
from central.domain.tariff.grammar.cursor import Cursor
from central.domain.tariff.input_units import POWER
from central.domain.tariff.refusal import Code

_OF_A_YEAR = ("year", "year_end", "begins")


def check_charge(charge: Cursor) -> None:
    """What a charge says of time or steps has something that it is said of."""
    if charge.has("times") and charge.has("per"):
        message = "A price per interval is for what is counted in it, not for a unit of time."
        _note(charge, "per", message, "Drop `per`.")
    if charge.has("prorate") and not charge.has("per"):
        message = "`prorate` says how a price per unit of time is shared, and this one has none."
        _note(charge, "prorate", message, "Drop `prorate`, or add `per: month`.")
    tiers, unit = charge.values["tiers"], charge.scope.units.get(charge.quantity.name, "")
    if tiers.below_zero == "mirror" and tiers.kind in {"volume", "stair"}:
        message = f"Only graduated steps and packages mirror, and these are {tiers.kind!r}."
        _note(charge, "tiers", message, "Drop `below_zero`, or write `kind: graduated`.")
    is_demand = unit in POWER.values() or unit.endswith("/h")
    if tiers.scale == "whole" and is_demand and tiers.kind != "stair":
        message = f"Bounds in {unit} are never scaled by the days of a bill."
        _note(charge, "tiers", message, "Drop `scale`.")


def check_minimum(minimum: Cursor) -> None:
    """A monthly minimum has no year, and a yearly one is not shared by the month."""
    if minimum.values["per"] == "year":
        if minimum.values["prorate"] != "cycle":
            message = "A yearly minimum is not shared by months of a bill."
            _note(minimum, "prorate", message, "Write `share` for a part of a year.")
        return
    for key in _OF_A_YEAR:
        if minimum.has(key):
            message = f"`{key}` is of a year, and the minimum is of each month."
            _note(minimum, key, message, f"Drop `{key}`, or write `per: year`.")


def check_expiry(bank: Cursor) -> None:
    """Credit does not both lapse after some months and never."""
    if bank.values["expires"] == "never" and bank.has("expires_months"):
        message = "Credit cannot both lapse after some months and never expire."
        _note(bank, "expires", message, "Keep `expires` or `expires_months`.")


def check_bank_order(document: Cursor) -> None:
    """Banks of money have an order where there are several."""
    banks = [bank for bank in document.values["banks"] if isinstance(bank, MoneyBank)]
    if document.has("bank_order") and len(banks) <= 1:
        message = "`bank_order` is of several banks of money, and there are not several."
        _note(document, "bank_order", message, "Drop `bank_order`.")


def check_taxes(document: Cursor) -> None:
    """A tax of each day is there before those of the whole bill, and cannot rest on one."""
    taxes: Sequence[Percent] = document.values["taxes"]
    of_the_bill = {tax.id for tax in taxes if tax.point not in BY_DAY}
    for tax in taxes:
        missed = of_the_bill.intersection(tax.of) if tax.point in BY_DAY else ()
        for name in sorted(missed):
            message = (
                f"The tax {tax.id!r} is of each day, and {name!r} comes after it, of the bill."
            )
            _note(document, "taxes", message, "Give both the same `point`.")


def _note(cursor: Cursor, key: str, message: str, remedy: str) -> None:
    cursor.field(key).note(Code.WITHOUT_EFFECT, message, remedy, line=cursor.line)
