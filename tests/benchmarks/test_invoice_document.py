"""What a document costs: a household's month by periods of the day, and both structured invoices.

Each is another bill, so that the typesetter has nothing left of the one before. Processor time of
the process, since the typesetter works in several threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from statistics import median

from central.adapters.documents.invoice import render_invoice
from central.domain.billing.bill import Bill
from central.domain.billing.cycle import Cycle
from central.domain.billing.document_template import TEMPLATES
from central.domain.billing.invoice import invoice_of
from central.domain.billing.issue import IssueFacts
from central.domain.einvoice.form import ATTACHED_AS, WRITERS, EInvoiceForm
from central.domain.einvoice.make import einvoice_of
from central.domain.rating.daily_usage import DailyUsage, daily_usage
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from central.service.billing.invoice_document import AttachedFile, PrintedBeside
from tests.support.data import REPOSITORY
from tests.support.einvoices import TERMS, bill_of
from tests.support.rating import blocks_from

BILLS = 60
CYCLE = Cycle.parse("2026-10")
DAYS = CYCLE.days
FORMS = (EInvoiceForm.UBL, EInvoiceForm.CII)
TARIFF = REPOSITORY / "docs" / "reference" / "tariffs" / "residential-tou.yaml"


def spent(work: Callable[[int], object]) -> list[float]:
    """Processor time of each call. [ms]"""
    times = []
    for number in range(BILLS):
        began = time.process_time()
        work(number)
        times.append((time.process_time() - began) * 1000)
    return sorted(times)


def test_a_document_with_and_without_structured_invoices() -> None:
    tariff = load_tariff(TARIFF.read_text(encoding="utf-8"))
    version = TariffVersion.of(tariff)
    tariffs = {version.sha256: tariff}

    def made(number: int) -> tuple[Bill, DailyUsage]:
        def load(local: datetime) -> int:
            return 100 + (local.day * 7 + local.hour * 13 + number * 31) % 97

        blocks = {"import": blocks_from(DAYS, "Europe/Madrid", 900, load)}
        rated = rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), DAYS)
        bill = bill_of([rated], CYCLE.period, DAYS)
        buyer = replace(bill.buyer, name=f"Customer {number:04}")
        return replace(bill, buyer=buyer), daily_usage(rated.determinants, "kwh", blocks)

    bills = [made(number) for number in range(BILLS + 1)]

    def facts(number: int) -> IssueFacts:
        name = f"INV-{number:06}"
        return IssueFacts(name, DAYS.end, DAYS.end, template=TEMPLATES[-1], terms=TERMS)

    def plain(number: int) -> bytes:
        bill, usage = bills[number]
        beside = PrintedBeside(tariffs)
        return render_invoice(bill, usage=[usage], issue=facts(number), beside=beside)

    def with_forms(number: int) -> bytes:
        bill, usage = bills[number]
        document = einvoice_of(invoice_of(bill, facts(number), tariffs))
        attached = tuple(
            AttachedFile(ATTACHED_AS[form], WRITERS[form](document).decode()) for form in FORMS
        )
        beside = replace(PrintedBeside(tariffs), attached=attached)
        return render_invoice(bill, usage=[usage], issue=facts(number), beside=beside)

    print()
    for what, work in (("without XML", plain), ("with UBL and CII", with_forms)):
        size = len(work(BILLS))
        times = spent(work)
        print(f"{what:17} least {times[0]:.1f} ms, median {median(times):.1f} ms, {size:,} bytes")
