"""Fixed charges, minimums and lookbacks of a URDB record."""

from __future__ import annotations

from decimal import Decimal

from central.domain.tariff.refusal import Code
from central.domain.tariff.urdb_record import MONTHS, Rates, Said, plain_text

_PER = {"$/month": "month", "$/day": "day", "$/year": "year"}


def lookback_months(rates: Rates) -> int:
    """How far back a lookback reads. [months]."""
    return int(rates.number(rates.record.get("lookbackrange") or 11, "lookbackrange"))


def billing_demand(rates: Rates, determinants: Said) -> str:
    """Name of the billing demand: the month's own, or a ratchet over earlier months."""
    percent = rates.number(rates.record.get("lookbackpercent") or 0, "lookbackpercent")
    if percent == 0 or "kw" not in determinants:
        return "kw"
    flags = [Decimal(1)] * MONTHS
    if rates.record.get("lookbackmonths") is not None:
        flags = rates.months("lookbackmonths")
    months = [number + 1 for number, flag in enumerate(flags) if flag]
    share = plain_text(percent * 100)
    parts = ["0"] if rates.reference else ["kw"]
    for month in months:
        parts.append(f"prior(kw, months: {month}-{month}, pct: {share})")
        if rates.reference:
            parts.append(f"current(kw, months: {month}-{month}, pct: {share})")
    if len(parts) == 1:
        parts.append("0")
    determinants["billing_kw"] = {"expr": f"max({', '.join(parts)})", "unit": "kW"}
    return "billing_kw"


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
        message = f"{unit!r} is no unit of time."
        rates.refuse(Code.NOT_A_CHOICE, path, message, "Write $/month, $/day or $/year.")
    return _PER[str(unit)]


def minimums_of(rates: Rates, ids: list[str]) -> list[Said]:
    """The record's minimums over all its charges."""
    record, found = rates.record, []
    amount = rates.number(record.get("mincharge") or 0, "mincharge")
    if amount:
        per = _per(rates, record.get("minchargeunits", "$/month"), "minchargeunits")
        if per == "day":
            amount, per = amount * 365 / 12, "month"
        found.append((amount, per))
    for name, per in (("minmonthlycharge", "month"), ("annualmincharge", "year")):
        amount = rates.number(record.get(name) or 0, name)
        if amount:
            found.append((amount, per))
    return [
        {"id": f"minimum_{per}", "of": ids, "amount": f"{amount:.12f}", "per": per}
        | {"basis": "after_credits"}
        for amount, per in found
    ]
