"""Bills that utilities print: priced from a tariff made of their prices, to the cent."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.data import data_root, find_data
from tests.support.rating import blocks_from

DAYS = DayRange(date(2026, 1, 1), date(2026, 2, 1))


def worked() -> list[dict[str, Any]]:
    folder = find_data("bills", "worked")
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json")) if folder else []:
        found += json.loads(path.read_text())["bills"]
    return found


def tariff_of(bill: dict[str, Any]) -> str:
    charges = []
    determinants: dict[str, Any] = {}
    needs = {}
    for number, line in enumerate(bill["lines"]):
        name = f"line{number}"
        if "price" not in line:
            charges.append({"id": name, "price": line["amount"], "per": "month"})
        elif line["what"].startswith("tier"):
            continue
        else:
            needs[f"qty{number}"] = line["unit"]
            determinants[f"counted{number}"] = {"counter": f"qty{number}"}
            charges.append({"id": name, "qty": f"counted{number}", "price": line["price"]})
    if "tiers" in bill:
        determinants["kwh"] = {"sum": "import"}
        steps = [
            {
                "to": None
                if tier["size_kwh"] is None
                else str(Decimal(tier["from_kwh"]) + Decimal(tier["size_kwh"])),
                "price": tier["price"],
            }
            for tier in bill["tiers"]
        ]
        charges.insert(0, {"id": "energy", "qty": "kwh", "steps": steps})
    taxes = [
        {
            "id": f"tax{n}",
            "percent": str(Decimal(tax["rate"]) * 100),
            "of": ["all"],
            "point": "interval",
        }
        for n, tax in enumerate(bill.get("taxes", []))
    ]
    said = {
        "tariff": bill["id"],
        "effective": "2026-01-01",
        "zone": "UTC",
        "currency": {"code": bill["currency"]},
        "cycle": {"normal_days": "30"},
        "needs": needs,
        "determinants": determinants,
        "charges": charges,
        "taxes": taxes,
    }
    return json.dumps(said)


@pytest.mark.parametrize("bill", worked() or [{}], ids=lambda bill: bill.get("id", "none"))
def test_printed_bill_to_the_cent(bill: dict[str, Any]) -> None:
    data_root("bills", "worked")
    version = TariffVersion.of(load_tariff(tariff_of(bill)))
    facts = AgreementFacts.of(
        **{
            f"qty{number}": Decimal(line["quantity"])
            for number, line in enumerate(bill["lines"])
            if "price" in line and not line["what"].startswith("tier")
        }
    )
    wh = int(Decimal(bill.get("usage_kwh", "0")) * 1000)
    blocks = {
        "import": blocks_from(
            DAYS, "UTC", 3600, lambda at: wh if (at.day, at.hour) == (1, 0) else 0
        )
    }
    rated = rate(blocks, facts, [version], ResolvedCalendar(), DAYS)
    assert not rated.holds
    wanted = sorted(
        Decimal(line.get("half_up") or line["amount"]) for line in bill["lines"]
    ) + sorted(Decimal(tax["amount_half_up"]) for tax in bill.get("taxes", []))
    found = sorted(line.amount for line in rated.lines if line.kind != "tax")
    found += sorted(line.amount for line in rated.lines if line.kind == "tax")
    assert found == wanted
    assert rated.total == Decimal(bill["total"])
    for line in rated.lines:
        explain(line, blocks)
