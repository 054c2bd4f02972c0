"""Priced months as one object, for whoever reads JSON."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from central.domain.rating.rounding import printed
from central.domain.tariff.document import TariffDocument
from central.service.rating.rate_file import PricedMonth


def to_object(document: TariffDocument, months: Sequence[PricedMonth]) -> dict[str, Any]:
    """The result as one JSON object; every amount and quantity a string."""
    rows = []
    for month in months:
        amounts: dict[str, Decimal] = {}
        for line in month.rated.lines:
            amounts[line.id] = amounts.get(line.id, Decimal(0)) + line.amount
        rows.append(
            {
                "month": month.month,
                "kwh": _plain(month.kwh),
                "peak_kw": _plain(month.peak_kw),
                "charges": [
                    {"id": name, "amount": format(amount, "f")} for name, amount in amounts.items()
                ],
                "total": format(month.rated.total, "f"),
            }
        )
    kwh = sum((month.kwh for month in months), Fraction(0))
    total = sum((month.rated.total for month in months), Decimal(0))
    return {
        "tariff": document.tariff,
        "currency": document.currency.code,
        "months": rows,
        "year": {"kwh": _plain(kwh), "total": format(total, "f")},
    }


def _plain(value: Fraction) -> str:
    return format(printed(value), "f")
