"""Sums of years and terms go on in a batch as they do alone, whatever each meter opens with."""

# ruff: noqa: E501 - one rule per line
from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from central.domain.rating.columnar.rate_batch import batches, rate_many
from central.domain.rating.columnar.terms import Meter
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.tariff.load.document import load_kept
from central.domain.tariff.version import TariffVersion
from central.service.rating.bill_case import BillCase, read_case, state_of
from tests.support.case_batch import alone, batch_of

CHARGES = [
    {"id": "fixed", "price": "3.33", "per": "month"},
    {"id": "energy", "qty": "kwh", "price": "0.0987"},
    {"id": "demand", "qty": "kw", "price": "0.1"},
]
TARIFF: dict[str, Any] = {
    "tariff": "years",
    "effective": "2020-01-01",
    "zone": "Europe/Madrid",
    "currency": {"code": "EUR"},
    "cycle": {"normal_days": "30"},
    "needs": {"contracted": "kW", "since": "text"},
    "calendar": {"seasons": {"summer": "06-16..09-30", "winter": "rest"}},
    "series": {"net": {"expr": "import - export"}},
    "determinants": {"kwh": {"sum": "net"}, "kw": {"max": "import", "window": "60m"}},
    "charges": CHARGES,
    "minimums": [
        {"id": "month", "of": ["fixed"], "amount": "3.5"},
        {"id": "plain", "of": ["energy", "demand"], "amount": "900", "per": "year"},
        {"id": "counted", "of": ["all"], "amount": "9", "qty": "contracted", "per": "year"},
        {"id": "measured", "of": ["energy"], "amount": "1", "qty": "kw", "per": "year"},
        {"id": "contract", "of": ["fixed"], "amount": "9", "per": "year", "year": "contract", "begins": "since"},
    ],
    "commitments": [
        {"id": "annual", "of": ["energy", "demand"], "amount": "500", "per": "year"},
        {"id": "carried", "of": ["all"], "amount": "5", "per": "year", "shortfall": "carry", "excess": "carry"},
        {"id": "term", "of": ["fixed"], "amount": "5", "per": "term", "months": "24", "begins": "2027-01-01"},
        {"id": "sought", "of": ["energy"], "amount": "5", "qty": "kwh", "per": "term", "months": "24", "begins": "since"},
    ],
    "taxes": [{"id": "vat", "percent": "21", "of": ["all"], "point": "interval"}],
    "settlement": [{"round_total": {"to": "0.05"}}],
}  # fmt: skip
LATER = TARIFF | {
    "effective": "2026-06-11",
    "charges": [*CHARGES, {"id": "new", "price": "1", "per": "day"}],
}
OPENINGS: list[dict[str, Any]] = [
    {},
    {"sums": [["plain", "0"], ["annual", "-12.5"], ["counted", "0.00"]]},
    {"sums": [["plain", "77.01", "2026-01-01", "2026-06-01", "occupancy"], ["carried", "3"]]},
    {"sums": [["sought", "1.1", "2025-12-01", "2026-06-01", "occupancy", "5"], ["term", "4"]]},
    {"sums": [["unknown", "1"]]},
]


def case(month: str, versions: int, later: dict[str, Any] = LATER) -> BillCase:
    texts = {"first": json.dumps(TARIFF), "later": json.dumps(later)}
    load = {
        "import": [{"at": "10:00-11:00", "kW": "4"}, {"at": "00:00-24:00", "kW": "0.3"}],
        "export": [{"at": "12:00-14:00", "kW": "3"}, {"at": "00:00-24:00", "kW": "0"}],
    }
    facts = {"contracted": [["3", "2026-01-01"], ["4.6", "2026-06-20"]], "since": "2025-12-01"}
    bill = {
        "tariff": list(texts)[:versions],
        "cycle": month,
        "step_minutes": "60",
        "facts": facts,
        "load": load,
    }
    return read_case(json.dumps(bill), "case", texts.__getitem__)


@pytest.mark.parametrize(
    ("month", "versions", "together"),
    [("2026-06", 1, 4), ("2026-06", 2, 4), ("2026-11", 1, 0), ("2026-12", 1, 0), ("2027-01", 1, 4)],
)
def test_sums_of_years_go_on_as_alone(month: str, versions: int, together: int) -> None:
    meters, terms = batch_of(case(month, versions))
    assert date(2026, 6, 1) <= terms.days.first
    meters = [
        Meter(meter.blocks, meter.facts, state_of(opening))
        for meter, opening in zip(meters, OPENINGS, strict=True)
    ]
    assert sum(len(numbers) for numbers, _ in batches(meters, terms)) == together
    for meter, rated in zip(meters, rate_many(meters, terms), strict=True):
        single = alone(meter, terms)
        assert not single.holds
        assert (rated, rated.to_json(), rated.sha256) == (single, single.to_json(), single.sha256)
    assert rate_many(meters, terms)[0].closing != CarriedState()


@pytest.mark.parametrize("versions", [1, 2])
def test_amounts_of_other_digits_from_a_version_on_are_added_as_alone(versions: int) -> None:
    finer = TARIFF | {"effective": "2026-06-11", "currency": {"code": "EUR", "digits": "3"}}
    meters, terms = batch_of(case("2026-06", versions, finer))
    assert [rated.sha256 for rated in rate_many(meters, terms)] == [
        alone(meter, terms).sha256 for meter in meters
    ]


def test_taxes_of_each_day_come_before_those_of_the_bill_as_alone() -> None:
    """As in a tariff that an earlier release took; this one refuses such a tax on a tax."""
    taxes = [
        {"id": "duty", "percent": "5.1", "of": ["energy"], "point": "period_end"},
        {"id": "vat", "percent": "21", "of": ["energy", "duty"], "point": "interval"},
    ]
    stored = load_kept(json.dumps(TARIFF | {"taxes": taxes}), file="stored")
    meters, terms = batch_of(case("2026-06", 1))
    terms = replace(terms, versions=(TariffVersion.of(stored),))
    assert sum(len(numbers) for numbers, _ in batches(meters, terms)) == len(meters)
    for meter, rated in zip(meters, rate_many(meters, terms), strict=True):
        assert [line.id for line in rated.lines if line.kind == "tax"] == ["vat", "duty"]
        assert rated.sha256 == alone(meter, terms).sha256
