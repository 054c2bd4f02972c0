"""An invoice says taxes by rate, units, codes, payment and comparisons, and takes files."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from central.adapters.documents.invoice import render_invoice
from central.domain.billing.bill import Bill
from central.domain.billing.bill_comparison import BillComparison, Cause, CauseAmount
from central.domain.billing.invoice_terms import InvoiceTerms, PaymentMeans, SupplyTerms
from central.domain.billing.issue import IssueFacts
from central.domain.billing.payment_code import (
    PaymentMeansError,
    payment_code,
    printed_iban,
    read_bic,
    read_iban,
)
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.load.document import load_tariff
from central.service.billing.invoice_document import AttachedFile, PrintedBeside, PrintedCode
from tests.unit.central.adapters.documents.test_invoice import TARIFF, made

IBAN = "ES9121000418450200051332"
TERMS = InvoiceTerms(
    payment=PaymentMeans(IBAN, "CAIXESBBXXX", qr="epc"),
    supplies=(SupplyTerms("SP-1", "CUPS", "ES0021000000000001JN", "Calle Mayor 1, Madrid"),),
    complaint_text="Write to us.",
    switching_text="It is free.",
)
ISSUE = IssueFacts("2026-7", date(2026, 11, 2), date(2026, 11, 20), terms=TERMS)


def issued() -> Bill:
    return replace(made()[0], state=BillState.ISSUED)


def beside(bill: Bill) -> PrintedBeside:
    document = load_tariff(TARIFF.replace("tariff: tou", "tariff: TOU\ntitle: Day and night"))
    total = bill.amounts.total
    amounts = zip(Cause, map(Decimal, ("1.00", "-3.00", "0", "0.50", "0")), strict=True)
    comparison = BillComparison(
        DayRange(date(2026, 9, 1), date(2026, 10, 1)),
        total + Decimal("1.50"),
        total,
        tuple(CauseAmount(*each) for each in amounts),
    )
    return PrintedBeside(
        {entry.line.tariff_sha256: document for entry in bill.lines},
        last_period=comparison,
        attached=(AttachedFile("invoice.xml", "<a>ñ</a>", description="The invoice"),),
        codes=(PrintedCode("Register", "https://example.org/?n=2026-7"),),
    )


def texts(pdf: bytes) -> str:
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.split())


def test_all_that_the_law_asks_is_on_the_pages() -> None:
    bill, (_, usage) = issued(), made()
    usage = replace(usage, estimated=tuple(date(2026, 10, day) for day in (4, 5, 9)))
    pdf = render_invoice(bill, usage=[usage], issue=ISSUE, beside=beside(bill))
    text = texts(pdf)
    group = bill.lines[-1].line
    for wanted in (
        "Tariff: Day and night (TOU)",
        "Calle Mayor 1, Madrid · CUPS ES0021000000000001JN",
        "EUR/kWh",
        f"VAT 21 % {group.quantity} {group.amount}",
        "IBAN ES91 2100 0418 4502 0005 1332",
        "BIC CAIXESBBXXX",
        "Pay by phone",
        "Register",
        "Beside the period before 1 Sep 2026 to 30 Sep 2026",
        "Days +1.00 Use -3.00 Season +0.50 This bill",
        "Estimated in part: 3 of 31 days",
        "Complaints Write to us.",
        "Changing supplier It is free.",
    ):
        assert wanted in text, wanted
    assert "Prices and taxes" not in text
    assert pdf == render_invoice(bill, usage=[usage], issue=ISSUE, beside=beside(bill))


def test_a_file_is_inside_of_the_document_as_it_was_given() -> None:
    bill = issued()
    pdf = render_invoice(bill, issue=ISSUE, beside=beside(bill))
    reader = PdfReader(io.BytesIO(pdf))
    assert reader.attachments == {"invoice.xml": ["<a>ñ</a>".encode()]}
    assert b"/AFRelationship/Alternative" in pdf.replace(b" ", b"")
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert reader.metadata is not None
    created = reader.metadata.creation_date
    assert created is not None
    assert created.date() == ISSUE.issued


def test_a_draft_and_one_to_whom_is_paid_say_no_account() -> None:
    bill = issued()
    assert "IBAN" not in texts(render_invoice(replace(bill, state=BillState.DRAFT)))
    paid = replace(bill, previous_balance=-bill.amounts.total)
    text = texts(render_invoice(paid, issue=ISSUE, beside=beside(bill)))
    assert "IBAN" not in text
    assert "Pay by phone" not in text
    assert "Register" in text


def test_what_no_font_has_of_a_tariffs_title_is_left_out() -> None:
    bill = issued()
    given = beside(bill)
    titled = {name: replace(each, title="電気") for name, each in given.tariffs.items()}
    text = texts(render_invoice(bill, issue=ISSUE, beside=replace(given, tariffs=titled)))
    assert "Tariff: TOU" in text


def test_currencies_have_their_digits() -> None:
    bill = replace(issued(), currency="KWD", previous_balance=Decimal(3))
    assert "3.000" in texts(render_invoice(bill, issue=ISSUE, beside=PrintedBeside()))


def test_a_payment_code_is_written_as_the_banks_read_it() -> None:
    means = PaymentMeans(IBAN, qr="epc")
    assert payment_code(means, "Energía", Decimal("12.3"), "EUR", "2026-7") == (
        f"BCD\n002\n1\nSCT\n\nEnergía\n{IBAN}\nEUR12.30\n\n\n2026-7"
    )
    assert payment_code(means, "E", Decimal("12.3"), "GBP", "") is None
    assert payment_code(means, "E", Decimal(0), "EUR", "") is None
    assert payment_code(PaymentMeans(IBAN), "E", Decimal(1), "EUR", "") is None


def test_an_iban_is_read_with_blanks_and_refused_with_a_wrong_digit() -> None:
    assert read_iban(" es91 2100 0418 4502 0005 1332 ") == IBAN
    assert printed_iban(IBAN) == "ES91 2100 0418 4502 0005 1332"
    assert (read_bic("caixesbbxxx"), read_bic("")) == ("CAIXESBBXXX", "")
    for wrong in ("ES9121000418450200051333", "ES91", "9121000418450200051332ES"):
        with pytest.raises(PaymentMeansError):
            read_iban(wrong)
    with pytest.raises(PaymentMeansError):
        read_bic("CAIX")
