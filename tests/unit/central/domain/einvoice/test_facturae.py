"""Facturae documents keep their schema and say what the bill says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from lxml import etree

from central.domain.billing.bill import Bill
from central.domain.billing.cycle import Cycle
from central.domain.einvoice.document import NotStructuredError
from central.domain.einvoice.facturae import facturae
from central.domain.einvoice.make import einvoice_of
from central.domain.einvoice.provinces import province_of
from central.domain.tariff.document import TariffDocument
from tests.support.data import data_root
from tests.support.einvoices import (
    bill_of,
    credit_note_of,
    facturae_schema,
    issued_as,
    without_tax_number,
)
from tests.support.rating import rated_month

CYCLE = Cycle.parse("2026-10")
TARIFF = """\
tariff: home
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants: {kwh: {sum: import}}
charges:
  - {id: energy, name: Energy, qty: kwh, price: 0.123456789}
  - {id: feed, name: Surplus, qty: kwh, price: -0.02}
  - {id: fund, name: Fund, price: 1.00, per: month}
taxes:
  - {id: levy, name: Levy, percent: 5, of: [energy], point: interval}
  - {id: vat, name: IVA, percent: 21, of: [energy, levy, feed], category: S, point: interval}
"""


def drafted() -> tuple[Bill, dict[str, TariffDocument]]:
    result, tariffs = rated_month(CYCLE, TARIFF)
    return bill_of([result], CYCLE.period, CYCLE.days), tariffs


def written(bill: Bill, tariffs: dict[str, TariffDocument]) -> etree._Element:
    root = etree.fromstring(facturae(einvoice_of(issued_as(bill, tariffs))))
    facturae_schema().assertValid(root)
    return root


def amounts(root: etree._Element, path: str) -> list[Decimal]:
    return [Decimal(text) for text in root.xpath(f"{path}/text()")]


def test_the_documents_given_with_the_schema_keep_it() -> None:
    paths = sorted(data_root("einvoice", "facturae").glob("*.xml"))
    assert len(paths) == 7
    for path in paths:
        facturae_schema().assertValid(etree.parse(path))


def test_a_bill_with_a_levy_a_surplus_and_what_was_owed_before() -> None:
    bill, tariffs = drafted()
    root = written(replace(bill, previous_balance=Decimal("5.00")), tariffs)
    # 745 kWh: 91.98 energy, 14.90 back, 4.60 levy; 21 % of 81.68 is 17.15.
    assert amounts(root, "//TotalGrossAmountBeforeTaxes") == [Decimal("82.68")]
    assert amounts(root, "//TotalTaxOutputs") == [Decimal("17.15")]
    assert amounts(root, "//InvoiceTotal") == [Decimal("99.83")]
    assert amounts(root, "//TotalPaymentsOnAccount") == [Decimal("-5.00")]
    assert amounts(root, "//InvoiceTotals/TotalExecutableAmount") == [Decimal("104.83")]
    assert sum(amounts(root, "//GrossAmount")) == Decimal("82.68")
    names = root.xpath("//ItemDescription/text()")
    assert names == ["Energy, 745 KWH", "Surplus", "Fund", "Levy"]
    assert root.xpath("//SellerParty//TaxIdentificationNumber/text()") == ["B12345674"]
    assert root.xpath("//BuyerParty//Province/text()") == ["Barcelona"]
    assert root.xpath("//IBAN/text()") == ["ES9121000418450200051332"]


def test_a_credit_note_corrects_by_differences() -> None:
    bill, tariffs = drafted()
    root = written(credit_note_of(bill), tariffs)
    assert root.xpath("//InvoiceClass/text()") == ["OR"]
    assert root.xpath("//Corrective/InvoiceNumber/text()") == ["INV-000001"]
    assert amounts(root, "//InvoiceTotal") == [Decimal("-99.83")]
    assert sum(amounts(root, "//GrossAmount")) == Decimal("-82.68")


def test_a_party_without_a_tax_number_is_refused_by_name() -> None:
    bill, tariffs = drafted()
    with pytest.raises(NotStructuredError, match="Sierra Power SA"):
        facturae(einvoice_of(issued_as(without_tax_number(bill), tariffs)))


def test_an_address_without_a_postcode_is_refused_by_what_it_lacks() -> None:
    bill, tariffs = drafted()
    homeless = replace(bill, buyer=replace(bill.buyer, address=("Calle 9",)))
    with pytest.raises(NotStructuredError, match="PostCode, Town"):
        facturae(einvoice_of(issued_as(homeless, tariffs)))


@pytest.mark.parametrize(
    ("postcode", "province"), [("28001", "Madrid"), ("52006", "Melilla"), ("99001", ""), ("1", "")]
)
def test_a_postcode_says_the_province(postcode: str, province: str) -> None:
    assert province_of(postcode) == province
