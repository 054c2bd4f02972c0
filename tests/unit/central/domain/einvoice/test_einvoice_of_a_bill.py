"""A structured invoice says what the bill says: rates, reasons, units, what is paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from central.domain.billing.bill import Bill
from central.domain.billing.cycle import Cycle
from central.domain.billing.invoice_terms import InvoiceTerms, PartyTerms, SupplyTerms
from central.domain.einvoice.document import EInvoice, NotStructuredError, Price, VatGroup, VatRate
from central.domain.einvoice.form import JUDGED, WRITERS, EInvoiceForm
from central.domain.einvoice.make import einvoice_of
from central.domain.einvoice.unit_codes import unit_code
from central.domain.tariff.document import TariffDocument
from tests.support.einvoices import (
    TERMS,
    bill_of,
    credit_note_of,
    issued_as,
    packaged_rules,
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
  - {id: standing, name: Standing, price: 10.00, per: month}
  - {id: energy, name: Energy, qty: kwh, price: 0.10}
  - {id: fund, name: Solidarity fund, price: 1.00, per: month}
  - {id: feed, name: Surplus, qty: kwh, price: -0.02}
taxes:
  - {id: levy, name: Levy, percent: 5, of: [energy], point: interval}
  - {id: vat, name: VAT, percent: 21, of: [energy, levy, feed], category: S, point: interval}
  - {id: low, name: Reduced VAT, percent: 10, of: [standing], category: AA, point: interval}
"""
S21, S10 = VatRate("S", Decimal(21)), VatRate("S", Decimal(10))


def drafted(tariff: str = TARIFF) -> tuple[Bill, dict[str, TariffDocument]]:
    result, tariffs = rated_month(CYCLE, tariff)
    return bill_of([result], CYCLE.period, CYCLE.days), tariffs


def said(tariff: str = TARIFF, terms: InvoiceTerms = TERMS) -> EInvoice:
    return einvoice_of(issued_as(*drafted(tariff), terms))


def test_lines_levies_and_rates_are_grouped_as_the_norm_has_it() -> None:
    # 745 hours: 74.50 energy, 14.90 back, levy 3.73 (3.725); 63.33 x 21 % = 13.30.
    invoice = said()
    assert [(line.name, line.net, line.price, line.rate) for line in invoice.lines] == [
        ("Standing", Decimal("10.00"), Price(Decimal(1), "MON", Decimal("10.00")), S10),
        ("Energy", Decimal("74.50"), Price(Decimal(745), "KWH", Decimal("0.10")), S21),
        (
            "Solidarity fund",
            Decimal("1.00"),
            Price(Decimal(1), "MON", Decimal("1.00")),
            VatRate("E", Decimal(0)),
        ),
        ("Surplus", Decimal("-14.90"), Price(Decimal(-745), "KWH", Decimal("0.02")), S21),
    ]
    (levy,) = invoice.charges
    assert (levy.reason, levy.amount, levy.base, levy.percent, levy.rate) == (
        *("Levy", Decimal("3.73"), Decimal("74.50"), Decimal(5)),
        S21,
    )
    assert invoice.vat == (
        VatGroup(S10, Decimal("10.00"), Decimal("1.00")),
        VatGroup(S21, Decimal("63.33"), Decimal("13.30")),
        VatGroup(VatRate("E", Decimal(0)), Decimal("1.00"), Decimal(0), "Exempt from VAT"),
    )
    totals = invoice.totals
    assert (totals.lines, totals.charges, totals.net) == (
        Decimal("70.60"),
        Decimal("3.73"),
        Decimal("74.33"),
    )
    assert (totals.tax, totals.gross, totals.due) == (
        Decimal("14.30"),
        Decimal("88.63"),
        Decimal("88.63"),
    )


def test_parties_are_named_with_their_numbers_and_places() -> None:
    invoice = said()
    assert (invoice.seller.vat_id, invoice.seller.postcode, invoice.seller.town) == (
        "ESB12345674",
        "28001",
        "Madrid",
    )
    assert invoice.seller.lines == ("Plaza 1",)
    assert invoice.buyer.key == "A-1"
    assert invoice.reference == "PO-7"
    assert invoice.due == date(2026, 11, 15)


def test_what_was_owed_before_is_prepaid_below_zero() -> None:
    bill, tariffs = drafted()
    owing = replace(bill, previous_balance=Decimal("5.00"))
    totals = einvoice_of(issued_as(owing, tariffs)).totals
    assert (totals.gross, totals.prepaid, totals.due) == (
        Decimal("88.63"),
        Decimal("-5.00"),
        Decimal("93.63"),
    )


def test_a_credit_note_gives_back_what_its_invoice_charged() -> None:
    bill, tariffs = drafted()
    invoice = einvoice_of(issued_as(bill, tariffs))
    credit = einvoice_of(issued_as(credit_note_of(bill), tariffs))
    assert credit.type_code == "381"
    assert credit.preceding == ("INV-000001", CYCLE.days.end)
    assert credit.totals == invoice.totals
    assert credit.vat == invoice.vat
    assert [line.net for line in credit.lines] == [line.net for line in invoice.lines]
    assert credit.due is None
    text = WRITERS[EInvoiceForm.UBL](credit).decode()
    assert '<cbc:CreditedQuantity unitCode="KWH">745</cbc:CreditedQuantity>' in text


@pytest.mark.parametrize(
    ("category", "reason", "code"),
    [
        ("AE", "Reverse charge", "VATEX-EU-AE"),
        ("E", "Exempt from VAT", ""),
        ("G", "Export outside the EU", "VATEX-EU-G"),
    ],
)
def test_where_no_tax_is_charged_the_reason_is_said(category: str, reason: str, code: str) -> None:
    tariff = TARIFF[: TARIFF.index("taxes:")]
    vat = f"{{id: vat, name: VAT, percent: 0, of: all, category: {category}, point: interval}}"
    invoice = said(f"{tariff}taxes: [{vat}]\n")
    (group,) = invoice.vat
    assert (group.rate, group.reason, group.reason_code) == (
        VatRate(category, Decimal(0)),
        reason,
        code,
    )
    for form in JUDGED:
        assert packaged_rules()(form, WRITERS[form](invoice)) == ()


def test_a_seller_without_a_tax_number_is_outside_of_the_tax() -> None:
    bill, tariffs = drafted(TARIFF[: TARIFF.index("taxes:")])
    invoice = einvoice_of(issued_as(without_tax_number(bill), tariffs))
    assert [group.rate for group in invoice.vat] == [VatRate("O", None)]
    assert invoice.vat[0].reason_code == "VATEX-EU-O"


def test_a_rule_that_is_broken_is_named() -> None:
    # Nobody said in which country the buyer is.
    invoice = said(terms=TERMS._replace(buyer=PartyTerms()))
    for form in JUDGED:
        breaches = packaged_rules()(form, WRITERS[form](invoice))
        assert "BR-11" in {breach.rule for breach in breaches}, form


def test_a_line_names_its_supply_point_by_the_code_that_others_know() -> None:
    supply = SupplyTerms("SP-1", "CUPS", "ES0021000000000000AA")
    invoice = said(terms=TERMS._replace(supplies=(supply,)))
    assert {line.supply for line in invoice.lines} == {"ES0021000000000000AA"}
    assert {line.supply for line in said().lines} == {"SP-1"}


def test_a_line_with_two_taxes_has_no_structured_form() -> None:
    twice = TARIFF.replace("of: [standing]", "of: [standing, energy]")
    with pytest.raises(NotStructuredError, match="Energy"):
        said(twice)


def test_amounts_of_three_decimals_have_no_structured_form() -> None:
    with pytest.raises(NotStructuredError, match="KWD have 3 decimals"):
        said(TARIFF.replace("code: EUR", "code: KWD"))


def test_a_category_that_the_norm_lacks_is_refused() -> None:
    with pytest.raises(NotStructuredError, match="category 'X9'"):
        said(TARIFF.replace("category: S,", "category: X9,"))


def test_texts_are_written_so_that_xml_can_have_them() -> None:
    bill, tariffs = drafted()
    named = replace(bill, buyer=replace(bill.buyer, name='<A & "B">'))
    text = WRITERS[EInvoiceForm.CII](einvoice_of(issued_as(named, tariffs))).decode()
    assert '<ram:Name>&lt;A &amp; "B"&gt;</ram:Name>' in text
    cut = replace(bill, buyer=replace(bill.buyer, name="A\x0bB"))
    with pytest.raises(NotStructuredError, match="U\\+000B"):
        WRITERS[EInvoiceForm.UBL](einvoice_of(issued_as(cut, tariffs)))


@pytest.mark.parametrize(
    ("unit", "code"),
    [("kWh", "KWH"), ("m3", "MTQ"), ("kW", "KWT"), ("day", "DAY"), ("month", "MON"), ("", "C62")],
)
def test_units_have_the_codes_of_the_recommendation(unit: str, code: str) -> None:
    assert unit_code(unit) == code
