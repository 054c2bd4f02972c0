"""An invoice has bases and taxes by rate, and says which lines bear them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from central.domain.billing.adjustment import OpenAdjustment, adjustment_lines
from central.domain.billing.bill import Account, Bill, EarlierBill, Party, Supply
from central.domain.billing.credit_note import mirrored
from central.domain.billing.cycle import Cycle
from central.domain.billing.invoice import TaxRate, invoice_of
from central.domain.billing.invoice_terms import (
    InvoiceTerms,
    PartyTerms,
    PaymentMeans,
    SupplyTerms,
)
from central.domain.billing.issue import IssueFacts
from central.domain.billing.line_difference import line_differences
from central.domain.billing.make_bill import make_bill
from central.domain.rating.bill_lines.line import Rated
from central.domain.tariff.document import TariffDocument
from tests.support.rating import rated_month

CYCLE = Cycle.parse("2026-10")
ZONE = "Europe/Madrid"
ISSUE = IssueFacts("2026-7", date(2026, 11, 2), date(2026, 11, 20))
TARIFF = """\
tariff: home
title: Home with a levy
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants: {kwh: {sum: import}}
charges:
  - {id: standing, name: Standing, price: 10.00, per: month}
  - {id: energy, name: Energy, qty: kwh, price: 0.10}
  - {id: fund, name: Solidarity fund, price: 1.00, per: month}
taxes:
  - {id: levy, name: Levy, percent: 5, of: [energy], point: interval}
  - {id: vat, name: VAT, percent: 21, of: [energy, levy], point: interval}
  - {id: low, name: Reduced VAT, percent: 10, of: [standing], point: interval}
"""
VAT = TaxRate("VAT", "S", Decimal(21))
LOW = TaxRate("Reduced VAT", "S", Decimal(10))


def rated(tariff: str, wh: int = 1_000) -> tuple[Rated, dict[str, TariffDocument]]:
    return rated_month(CYCLE, tariff, wh)


def bill_of(*results: Rated) -> Bill:
    account = Account("A-1", Party("Ana"), Party("Seller"))
    supplies = [
        Supply(f"SP-{number}", "home", CYCLE.days, ZONE, result)
        for number, result in enumerate(results, start=1)
    ]
    return make_bill(account, CYCLE.period, supplies)


def test_taxes_are_summed_by_rate_and_a_taxed_tax_is_a_charge() -> None:
    # October has 745 hours in Madrid: 745 kWh x 0.10 = 74.50, levy 3.73 (3.725).
    result, tariffs = rated(TARIFF)
    invoice = invoice_of(bill_of(result), ISSUE, tariffs)
    assert [(group.rate, group.base, group.tax) for group in invoice.taxes] == [
        (VAT, Decimal("78.23"), Decimal("16.43")),
        (LOW, Decimal("10.00"), Decimal("1.00")),
    ]
    assert [(line.entry.line.key, line.rates) for line in invoice.lines] == [
        ("standing", (LOW,)),
        ("energy", (VAT,)),
        ("fund", ()),
        ("levy", (VAT,)),
    ]
    assert invoice.untaxed == Decimal("1.00")
    assert invoice.net == Decimal("89.23")
    assert invoice.net + invoice.tax == invoice.amounts.total
    assert sum((group.base for group in invoice.taxes), invoice.untaxed) == invoice.net
    assert invoice.titles == {"home": "Home with a levy"}
    units = {line.entry.line.key: line.price_unit for line in invoice.lines}
    assert units["energy"] == "kWh"
    assert units["levy"] == ""


def test_a_category_says_which_tax_is_value_added_tax() -> None:
    tariff = TARIFF.replace("of: [energy], point", "of: [fund], point").replace(
        "of: [energy, levy], point", "of: [energy, levy], category: AA, point"
    )
    tariff = tariff.replace("of: [standing], point", "of: [standing], category: AA, point")
    result, tariffs = rated(tariff)
    invoice = invoice_of(bill_of(result), ISSUE, tariffs)
    assert {group.rate.category for group in invoice.taxes} == {"AA"}
    assert "levy" in {line.entry.line.key for line in invoice.lines}


def test_without_the_tariff_the_same_taxes_are_told_by_the_lines() -> None:
    result, tariffs = rated(TARIFF)
    bill = bill_of(result)
    assert replace(invoice_of(bill, ISSUE, {}), titles={}) == replace(
        invoice_of(bill, ISSUE, tariffs), titles={}
    )


def test_two_points_of_one_tariff_share_a_row_of_taxes_and_no_base() -> None:
    (one, tariffs), (two, _) = rated(TARIFF), rated(TARIFF, wh=2_000)
    bill = bill_of(one, two)
    invoice = invoice_of(bill, ISSUE, tariffs)
    assert [group.rate for group in invoice.taxes] == [VAT, LOW]
    assert sum((group.base for group in invoice.taxes), invoice.untaxed) == invoice.net
    assert all(len(line.rates) <= 1 for line in invoice.lines)
    assert len([line for line in invoice.lines if line.rates == (VAT,)]) == 4


def test_a_credit_note_has_the_bases_of_its_invoice_below_zero() -> None:
    result, tariffs = rated(TARIFF)
    bill = bill_of(result)
    numbers = {entry.position for entry in bill.lines}
    note = mirrored(bill, EarlierBill("2026-6", date(2026, 11, 1), "ab"), numbers)
    given, credited = (invoice_of(each, ISSUE, tariffs) for each in (bill, note))
    assert credited.cancels is not None
    assert [(group.rate, -group.base, -group.tax) for group in credited.taxes] == list(given.taxes)
    assert [line.rates for line in credited.lines] == [line.rates for line in given.lines]


def test_an_adjustment_bears_the_tax_that_is_adjusted_with_it() -> None:
    (was, tariffs), (now, _) = rated(TARIFF), rated(TARIFF, wh=1_100)
    posted = [
        OpenAdjustment(number, "c", "2026-1", "EUR", differs)
        for number, differs in enumerate(line_differences("SP-1", was.lines, now.lines))
    ]
    account = Account("A-1", Party("Ana"), Party("Seller"))
    supply = Supply("SP-1", "home", CYCLE.days, ZONE, was)
    bill = make_bill(account, CYCLE.period, [supply], adjustments=list(adjustment_lines(posted)))
    invoice = invoice_of(bill, ISSUE, tariffs)
    adjusted = {
        line.entry.line.adjusts.key: line.rates
        for line in invoice.lines
        if line.entry.line.adjusts is not None
    }
    assert adjusted == {"energy": (VAT,), "levy": (VAT,)}
    assert sum((group.base for group in invoice.taxes), invoice.untaxed) == invoice.net
    assert invoice.net + invoice.tax == invoice.amounts.total


def test_terms_are_read_back_and_leave_facts_without_them_as_they_were() -> None:
    terms = InvoiceTerms(
        seller=PartyTerms("ES", "Madrid", "Madrid", "28001", endpoint="9920:ESB12345678"),
        buyer=PartyTerms(reference="PO 7"),
        payment=PaymentMeans("ES9121000418450200051332", qr="epc"),
        supplies=(SupplyTerms("SP-1", "CUPS", "ES0021000000000001JN", "Calle 1"),),
        complaint_text="Write to us.",
    )
    facts = replace(ISSUE, terms=terms)
    assert IssueFacts.from_json(facts.to_json()) == facts
    assert IssueFacts.from_json(ISSUE.to_json()) == ISSUE
    assert "terms" not in ISSUE.to_json()
    assert facts.content_sha256("ab") != ISSUE.content_sha256("ab")
