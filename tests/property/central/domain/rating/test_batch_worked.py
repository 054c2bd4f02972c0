"""A batch gives the bills of every worked example and library tariff that each gets alone.

The meters of a batch differ in what they counted; what is said of the rest comes from the example.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib import import_module
from unittest.mock import Mock

import pytest

from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.determinants.align import align_inputs
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from central.service.rating.bill_case import BillCase, read_case
from central.service.rating.resolve_calendar import resolve_calendar
from central.service.rating.tariff_library import library_bills, library_names
from tests.support.case_batch import alone, batch_of, changed
from tests.support.data import REPOSITORY

rater = import_module("central.domain.rating.rate")
FOLDER = REPOSITORY / "docs" / "reference" / "tariffs"
WORKED = sorted(file.name for file in FOLDER.glob("*.bill.yaml"))
READ_ONE_BY_ONE = {
    *("allocated", "allocated-lost", "shares-by-interval"),
    *("coincident-peak", "commercial-tou-demand", "conditions", "conjunctive", "critical-peak"),
    *("daily-demand", "demand-astride", "demand-ratchet", "es-3.0td", "es-3.0td-root"),
    *("es-self-consumption", "every-construct", "excess-by-root", "excess-by-root-seasons"),
    *("excess-small", "export-value", "export-value-capped", "in-advance", "in-advance-changed"),
    *("in-advance-left", "minimum-annual-date", "net-billing-tiers", "net-over-year"),
    *(
        "net-per-interval",
        "saas-in-advance",
        "saas-seats",
        "telecom-rollover",
        "telecom-rollover-term",
    ),
    *("usage-events", "virtual-net-metering"),
}
"""Bills whose intervals no matrix measures whole; eight of them have none."""


def worked(file: str) -> BillCase:
    text = (FOLDER / file).read_text(encoding="utf-8")
    return read_case(text, file, lambda name: (FOLDER / name).read_text(encoding="utf-8"))


CASES = {file: worked(file) for file in WORKED}
CASES |= {file: case for name in library_names() for file, case in library_bills(name)}


@pytest.mark.parametrize("name", CASES)
def test_a_batch_bills_as_each_is_billed_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    meters, terms = batch_of(CASES[name])
    singly = [alone(meter, terms) for meter in meters]
    read = Mock(side_effect=align_inputs)
    monkeypatch.setattr(rater, "align_inputs", read)
    batch = rate_many(meters, terms)
    assert bool(read.call_count) == (name.removesuffix(".bill.yaml") in READ_ONE_BY_ONE)
    for own, together in zip(singly, batch, strict=True):
        assert together == own
        assert together.to_json() == own.to_json()
        assert together.sha256 == own.sha256


def test_a_price_that_is_agreed_within_a_bill_leaves_one_line_of_tax() -> None:
    text = (
        "{tariff: agreed, effective: 2026-01-01, zone: UTC, currency: {code: EUR},"
        " determinants: {kwh: {sum: import}}, charges: [{id: energy, qty: kwh, price: 0.1}],"
        " taxes: [{id: vat, percent: 10, of: all, point: period_end}]}"
    )
    case = CASES["kept-tables.bill.yaml"]
    days = case.days
    agreed = AgreementFacts((Fact("price.energy", Decimal("0.11"), date(2026, 6, 11)),))
    meters = [
        Meter({"import": changed(case.blocks, number)["import"]}, agreed) for number in range(4)
    ]
    documents = [replace(load_tariff(text), zone=case.documents[0].zone)]
    terms = Terms(
        tuple(map(TariffVersion.of, documents)),
        resolve_calendar(documents, days.first.year, days.end.year),
        days,
        case.period,
    )
    for meter, bill in zip(meters, rate_many(meters, terms), strict=True):
        assert bill == alone(meter, terms)
        assert [line.id for line in bill.lines] == ["energy", "energy", "vat"]
