"""Fixed charges, minimums and fuel adjustments of a URDB record."""

from __future__ import annotations

from decimal import Decimal

from central.domain.tariff.refusal import Code
from central.domain.tariff.urdb.record import Rates, Said, plain_text

_PER = {"$/month": "month", "$/day": "day", "$/year": "year"}


def add_fixed(rates: Rates, charges: list[Said]) -> None:
    """Add the record's fixed charge, if it has one.

    Raises:
        TariffRefusedError: It has two, or one without a unit of time.
    """
    record = rates.record
    amount = rates.number(record.get("fixedchargefirstmeter") or 0, "fixedchargefirstmeter")
    unit = record.get("fixedchargeunits")
    if amount and unit is None:
        if not rates.reference:
            message = "A fixed charge has no unit of time."
            rates.refuse(
                Code.MISSING_KEY, "fixedchargeunits", message, "Write $/month, $/day or $/year."
            )
        amount = Decimal(0)
    if amount:
        charges.append(
            {
                "id": "fixed",
                "name": "Fixed charge",
                "price": plain_text(amount),
                "per": _per(rates, unit, "fixedchargeunits"),
            }
        )
    monthly = rates.number(record.get("fixedmonthlycharge") or 0, "fixedmonthlycharge")
    if monthly and amount:
        message = "The record has a fixed charge under two names."
        rates.refuse(Code.CONFLICT, "fixedmonthlycharge", message, "Keep one.")
    if monthly:
        charges.append(
            {"id": "fixed", "name": "Fixed charge", "price": plain_text(monthly), "per": "month"}
        )


def _per(rates: Rates, unit: object, path: str) -> str:
    if unit not in _PER:
        message = f"{unit!r} is not a unit of time."
        rates.refuse(Code.NOT_A_CHOICE, path, message, "Write $/month, $/day or $/year.")
    return _PER[str(unit)]


def minimums_of(rates: Rates, ids: list[str]) -> list[Said]:
    """The record's minimums over all its charges.

    Raises:
        TariffRefusedError: One is negative, or stands under two names.
    """
    record, found = rates.record, dict[str, Decimal]()
    amount = rates.number(record.get("mincharge") or 0, "mincharge")
    if amount:
        per = _per(rates, record.get("minchargeunits") or "$/month", "minchargeunits")
        if per == "day":
            amount, per = amount * 365 / 12, "month"
        found[per] = amount
    for name, per in (("minmonthlycharge", "month"), ("annualmincharge", "year")):
        amount = rates.number(record.get(name) or 0, name)
        if amount and per in found:
            message = f"The record has a minimum per {per} under two names."
            rates.refuse(Code.CONFLICT, name, message, "Keep one.")
        if amount:
            found[per] = amount
    if min(found.values(), default=0) < 0:
        message = "The minimum is below zero."
        rates.refuse(Code.OUT_OF_RANGE, "mincharge", message, "Write an amount above zero.")
    return [
        {"id": f"minimum_{per}", "of": ids, "amount": f"{amount:.12f}", "per": per}
        | {"basis": "after_credits"}
        for per, amount in found.items()
    ]


def fuel_of(rates: Rates) -> list[Decimal] | None:
    """Fuel adjustment of each month, None where there is none. [currency/kWh]."""
    if rates.record.get("fueladjustmentsmonthly") is None:
        return None
    found = rates.months("fueladjustmentsmonthly")
    return found if any(found) else None
