"""A level is charged for its segment's share of the time, whatever its unit and however made."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.levels import is_level
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

APRIL = DayRange(date(2026, 4, 1), date(2026, 5, 1))
TEXT = """\
tariff: levels
effective: {effective}
zone: Europe/Madrid
currency: {{code: EUR}}
needs: {{agreed_kva: kVA, seats: count}}
determinants:
  kwh: {{sum: import}}
  reactive: {{sum: kvarh}}
  kw: {{max: import, window: 60m}}
  daily: {{max: import, window: 60m, per: day}}
  apparent: {{expr: "kw / 0.8", unit: kVA}}
  plain: {{expr: "max(kw, 20)"}}
  agreed: {{expr: "agreed_kva * 2", unit: kVA}}
  people: {{counter: seats}}
  tangent: {{expr: "reactive / kwh else 0"}}
  beyond: {{expr: "max(0, reactive - 0.5 * kwh)", unit: kvarh}}
  lost: {{expr: "kwh * 1.05", unit: kWh}}
charges: [{{id: one, qty: {qty}, price: {price}}}]
"""
FACTS = AgreementFacts((Fact("agreed_kva", Decimal(50)), Fact("seats", Decimal(100))))


def version(qty: str, effective: str, price: int) -> TariffVersion:
    text = TEXT.format(effective=effective, qty=qty, price=price)
    return TariffVersion.of(load_tariff(text))


def amounts(qty: str) -> list[Decimal]:
    """80 kW and 10 kvarh an hour; a unit costs 10.00, and 11.00 from 21 April on."""
    blocks = {
        "import": blocks_from(APRIL, "Europe/Madrid", 3600, lambda _: 80_000),
        "kvarh": blocks_from(APRIL, "Europe/Madrid", 3600, lambda _: 10_000, channel_id=2),
    }
    versions = [version(qty, "2026-01-01", 10), version(qty, "2026-04-21", 11)]
    rated = rate(blocks, FACTS, versions, ResolvedCalendar(), APRIL)
    assert not rated.holds
    return [line.amount for line in rated.lines]


@pytest.mark.parametrize(
    ("qty", "level"),
    [
        ("kw", 80),
        ("apparent", 100),
        ("plain", 80),
        ("agreed", 100),
        ("people", 100),
        ("tangent", Decimal("0.125")),
    ],
)
def test_a_level_is_charged_for_its_share_of_the_time(qty: str, level: Decimal) -> None:
    cent = Decimal("0.01")
    wanted = [level * Decimal(200) / 30, level * Decimal(110) / 30]
    assert amounts(qty) == [amount.quantize(cent) for amount in wanted]
    assert is_level(qty, version(qty, "2026-01-01", 10).document.determinants)


@pytest.mark.parametrize(
    ("qty", "per_day"),
    [
        ("kwh", 80 * 24),
        ("reactive", 10 * 24),
        ("daily", 80),
        ("beyond", 0),
        ("lost", 80 * 24 * Decimal("1.05")),
    ],
)
def test_an_amount_is_charged_as_it_is(qty: str, per_day: Decimal) -> None:
    assert amounts(qty) == [per_day * 20 * 10, per_day * 10 * 11]
    assert not is_level(qty, version(qty, "2026-01-01", 10).document.determinants)


def test_a_demand_in_kva_costs_what_its_days_cost() -> None:
    assert amounts("apparent") == [Decimal("666.67"), Decimal("366.67")]


def test_an_agreed_price_of_another_charge_leaves_it_whole() -> None:
    text = TEXT.format(effective="2026-01-01", qty="apparent", price=10)
    text = text.replace("charges: [", "charges: [{id: energy, qty: kwh, price: 1}, ")
    agreed = Fact("price.energy", Decimal("0.5"), date(2026, 4, 11))
    blocks = {
        "import": blocks_from(APRIL, "Europe/Madrid", 3600, lambda _: 80_000),
        "kvarh": blocks_from(APRIL, "Europe/Madrid", 3600, lambda _: 0, channel_id=2),
    }
    facts = AgreementFacts((*FACTS.facts, agreed))
    versions = [TariffVersion.of(load_tariff(text))]
    rated = rate(blocks, facts, versions, ResolvedCalendar(), APRIL)
    demand = [line.amount for line in rated.lines if line.id == "one"]
    assert demand == [Decimal("333.33"), Decimal("666.67")]
