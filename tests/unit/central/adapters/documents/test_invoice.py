from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from xml.etree import ElementTree as ET

from pypdf import PdfReader

from central.adapters.documents.invoice import render_invoice
from central.adapters.documents.wording import Wording
from central.domain.billing.bill import Account, Bill, BillLine, Party, Supply
from central.domain.billing.cycle import Cycle
from central.domain.billing.document_template import TEMPLATES, template_of
from central.domain.billing.issue import IssueFacts
from central.domain.billing.make_bill import make_bill
from central.domain.billing.read import MeterRead
from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated, RatedLine
from central.domain.rating.daily_usage import DailyUsage, daily_usage
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from central.service.views.usage_chart import draw_usage
from tests.support.data import REPOSITORY
from tests.support.rating import blocks_from

CYCLE = Cycle.parse("2026-10")
ZONE = "Europe/Madrid"
TARIFF = """\
tariff: tou
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
calendar: {periods: {day: [{at: "08:00-20:00"}], night: rest}}
determinants: {kwh: {sum: import, by: period}}
charges:
  - {id: energy, name: 'Energy <&"#$>', qty: kwh, price: {day: 0.2, night: 0.1}}
taxes: [{id: vat, name: VAT, percent: 21, of: all, point: interval}]
"""
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
ISSUE = IssueFacts("2026-7", date(2026, 11, 2), date(2026, 11, 20))


def rated_month(tariff: str = TARIFF) -> tuple[Rated, dict[str, list[DayBlock]]]:
    blocks = {"import": blocks_from(CYCLE.days, ZONE, 900, lambda local: 100 + local.day)}
    versions = [TariffVersion.of(load_tariff(tariff))]
    return rate(blocks, AgreementFacts(), versions, ResolvedCalendar(), CYCLE.days), blocks


def made() -> tuple[Bill, DailyUsage]:
    rated, blocks = rated_month()
    account = Account("A-1", Party("Ana #García", ("Calle *Mayor* 1",)), Party("Seller"))
    bill = make_bill(account, CYCLE.period, [Supply("SP-1", "TOU", CYCLE.days, ZONE, rated)])
    return bill, daily_usage(rated.determinants, "kwh", blocks)


def test_invoice_shows_lines_total_and_parties() -> None:
    bill, usage = made()
    pdf = render_invoice(bill, usage=[usage], issue=ISSUE, sha256="ab" * 32)
    reader = PdfReader(io.BytesIO(pdf))
    text = " ".join(page.extract_text() for page in reader.pages)
    for wanted in (
        "Ana #García",
        "Calle *Mayor* 1",
        "2026-7",
        "20 Nov 2026",
        f"{bill.amounts.billed}",
    ):
        assert wanted in text
    for entry in bill.lines:
        assert f"{entry.line.amount}" in text
    assert "ab" * 32 in text


def test_a_period_of_gas_days_is_printed_with_the_instants_at_both_ends() -> None:
    rated, _ = rated_month()
    account = Account("A-1", Party("Ana"), Party("Seller"))
    supply = Supply("SP-1", "GAS", CYCLE.days, ZONE, rated, day_start=time(6))
    reader = PdfReader(io.BytesIO(render_invoice(make_bill(account, CYCLE.period, [supply]))))
    text = " ".join(page.extract_text() for page in reader.pages)
    assert text.count("1 Oct 2026 06:00") == text.count("1 Nov 2026 06:00") == 2


def test_a_final_settlement_says_no_days() -> None:
    rated, _ = rated_month()
    account = Account("A-1", Party("Ana"), Party("Seller"))
    supply = Supply("SP-1", "TOU", CYCLE.days, ZONE, rated, settles=True)
    bill = make_bill(account, CYCLE.period, [supply])
    assert Bill.from_json(bill.to_json()) == bill
    reader = PdfReader(io.BytesIO(render_invoice(bill)))
    text = " ".join(page.extract_text() for page in reader.pages)
    assert "Final settlement" in text
    assert "settled after 31 Oct 2026" in text
    assert "days" not in text.lower()


def test_same_bill_gives_the_same_bytes() -> None:
    bill, usage = made()
    assert render_invoice(bill, usage=[usage], issue=ISSUE) == render_invoice(
        bill, usage=[usage], issue=ISSUE
    )


def test_another_process_in_another_place_makes_the_same_bytes() -> None:
    bill, usage = made()
    here = hashlib.sha256(render_invoice(bill, usage=[usage], issue=ISSUE)).hexdigest()
    program = (
        "import hashlib; from tests.unit.central.adapters.documents.test_invoice import *;"
        "bill, usage = made(); pdf = render_invoice(bill, usage=[usage], issue=ISSUE);"
        "print(hashlib.sha256(pdf).hexdigest())"
    )
    elsewhere = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    there = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **elsewhere},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_settlements_are_printed_after_net_taxes_and_total() -> None:
    bill, _ = made()
    line = bill.lines[0].line._replace(kind="settlement", name="prepaid")
    drawn = line._replace(amount=-bill.amounts.total)
    bill = replace(bill, lines=(*bill.lines, BillLine(9, "SP-1", drawn)))
    for template in TEMPLATES:
        pdf = render_invoice(bill, issue=ISSUE, template=template_of(template))
        text = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
        printed = " ".join(text.split())
        net, tax, total = (
            f"{amount:,f}" for amount in (bill.amounts.net, bill.amounts.tax, bill.amounts.total)
        )
        wanted = f"Net {net} Taxes {tax} Total {total} Settlements -{total} Amount due 0.00"
        assert wanted in printed


def test_a_draft_is_marked_on_every_page() -> None:
    bill, usage = made()
    bill = replace(bill, lines=bill.lines * 30)
    pages = PdfReader(io.BytesIO(render_invoice(bill, usage=[usage]))).pages
    assert len(pages) > 1
    assert all("DRAFT, NO INVOICE" in page.extract_text() for page in pages)
    issued = PdfReader(io.BytesIO(render_invoice(bill, usage=[usage], issue=ISSUE))).pages
    assert not any("NO INVOICE" in page.extract_text() for page in issued)


def test_the_texts_of_the_utility_are_printed() -> None:
    bill, _ = made()
    issue = replace(
        ISSUE,
        payment_text="IBAN ES12 3456",
        footer_text="Registered in *Madrid*.",
        audit_head="7:0123456789abcdef01234567",
    )
    text = PdfReader(io.BytesIO(render_invoice(bill, issue=issue))).pages[0].extract_text()
    assert "IBAN ES12 3456" in text
    assert "Registered in *Madrid*." in text
    assert "Head of the audit log on 2026-11-02: 7:0123456789abcdef01234567" in " ".join(
        text.split()
    )


def test_a_credit_asks_for_no_payment() -> None:
    bill, _ = made()
    negative = tuple(
        replace(entry, line=RatedLine.from_json({**entry.line.to_json(), "amount": "-7"}))
        for entry in bill.lines
    )
    for lines in (negative, ()):
        credit = replace(bill, lines=lines)
        text = PdfReader(io.BytesIO(render_invoice(credit, issue=ISSUE))).pages[0].extract_text()
        assert "Nothing is to be paid." in text
        assert "Please pay" not in text
        assert "Payment due" not in text


def test_no_heading_stands_alone_at_the_foot_of_a_page() -> None:
    bill, _ = made()
    read = MeterRead(
        "Q" * 32, "1-0:1.8.0*255", "kWh", Decimal(1), NOON, Decimal(2), NOON, Decimal(1)
    )
    for count in (6, 7, 8):
        supplies = [
            replace(bill.supplies[0], service_point=f"SP-{number}", reads=(read,))
            for number in range(count)
        ]
        pages = PdfReader(
            io.BytesIO(render_invoice(replace(bill, supplies=tuple(supplies)), issue=ISSUE))
        ).pages
        assert len(pages) > 1
        for page in pages[:-1]:
            lines = page.extract_text().strip().splitlines()
            foot = [line for line in lines if not line.startswith(("Seller", "Page", "Bill "))][-1]
            assert foot != "Charges"
            assert not foot.startswith(("SP-", "TOU"))


def test_charts_name_their_service_points_where_there_are_several() -> None:
    bill, usage = made()
    usages = [replace(usage, service_point=name) for name in ("House", "Garage")]
    pages = PdfReader(io.BytesIO(render_invoice(bill, usage=usages))).pages
    text = " ".join(page.extract_text() for page in pages)
    assert "Daily usage, kWh: House" in text
    assert "Daily usage, kWh: Garage" in text


def test_bill_that_is_not_issued_says_so() -> None:
    bill, _ = made()
    text = PdfReader(io.BytesIO(render_invoice(bill))).pages[0].extract_text()
    assert "DRAFT" in text
    assert "Not yet issued" in text


def test_daily_usage_sums_to_the_bill() -> None:
    bill, usage = made()
    billed = [
        entry.line.quantity or Decimal(0) for entry in bill.lines if entry.line.id == "energy"
    ]
    assert len(usage.days) == 31
    assert sum(usage.totals) == sum(billed)
    assert usage.labels == ("day", "night")


def test_chart_is_well_formed_and_has_a_bar_per_day_and_period() -> None:
    _, usage = made()
    root = ET.fromstring(draw_usage(usage, title='<Usage & "more">'))  # noqa: S314 - our own
    bars = [node for node in root.iter() if node.tag.endswith("rect") and len(node)]
    assert len(bars) == 62
    assert "style" not in {key for node in root.iter() for key in node.attrib}


def test_chart_of_nothing_is_drawn() -> None:
    usage = DailyUsage("kWh", ("",), (date(2026, 10, 1),), ((Decimal(0),),))
    assert draw_usage(usage).startswith("<svg")


def test_numbers_are_printed_without_needless_zeros() -> None:
    assert Wording().number(Decimal("1234.500")) == "1,234.5"
    assert Wording().number(Decimal("0.2"), least=2) == "0.20"
    assert Wording().number(Decimal("1E+3")) == "1,000"
