"""An issued bill is written as a structured invoice; what it breaks is named."""

from __future__ import annotations

import io
from datetime import date

import pytest
from lxml import etree
from pypdf import PdfReader

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.documents import TimescaleDocumentStore
from central.adapters.timescale.billing.fiscal import TimescaleFiscalRegister
from central.adapters.timescale.billing.settings import TimescaleSettingsStore
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.domain.billing.bill import Party
from central.domain.billing.billing_settings import BillingSettingsError
from central.domain.billing.invoicing import TermsOf
from central.domain.einvoice.form import EInvoiceForm
from central.domain.fiscal.record import FiscalMode
from central.domain.fiscal.verifactu import BillingSoftware
from central.service.billing.approve_bills import IssueBills
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.billing.document_additions import DocumentAdditions
from central.service.billing.fiscal_register import FiscalRegister
from central.service.billing.invoice_document import NotIssuedError
from central.service.billing.structured_invoice import EInvoiceRulesError, WriteEInvoice
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.ports.registry import AccountRecord
from tests.support.actors import CHIEF
from tests.support.books import pool_of, timescale_utility
from tests.support.daily_books import approve, at, bill, found, measured, run, settle
from tests.support.einvoices import packaged_rules, ubl_schema
from tests.support.servers import Database

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


async def test_an_issued_bill_is_written_and_judged(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        await found(utility, since=OCTOBER)
        await measured(utility, OCTOBER, NOVEMBER)
        utility.now = at(date(2026, 11, 2))
        await approve(utility, await run(utility, "2026-10"))
        write = WriteEInvoice(utility.registry)
        draft = await bill(utility, "A-1", "2026-10")
        with pytest.raises(NotIssuedError):
            await write(draft, EInvoiceForm.UBL)
        await IssueBills(utility.billing, lambda: utility.now).one(draft.uid, CHIEF)
        issued = await bill(utility, "A-1", "2026-10")
        name, content = await write(issued, EInvoiceForm.UBL)
        assert name == "INV-000001-A-1-2026-10.ubl.xml"
        ubl_schema("Invoice").assertValid(etree.fromstring(content))
        assert b">93.00</cbc:PayableAmount>" in content
        assert await write(issued, EInvoiceForm.UBL) == (name, content)
        # Nobody said in which country the seller is.
        judged = WriteEInvoice(utility.registry, packaged_rules())
        with pytest.raises(EInvoiceRulesError, match=r"INV-000001 breaks .*BR-09"):
            await judged(issued, EInvoiceForm.UBL)


async def test_an_archived_document_has_the_xml_and_the_code_that_issuing_fixed(
    plain_migrated: Database,
) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        pool = pool_of(utility)
        await found(utility, since=OCTOBER)
        await utility.enrol.seller(
            Party("Sierra", ("Plaza 1", "28001 Madrid"), "B12345674"), "moved"
        )
        await utility.enrol.account(AccountRecord("A-1", Party("Ana", ("Calle 9", "28001 Madrid"))))
        await measured(utility, OCTOBER, NOVEMBER)
        utility.now = at(date(2026, 11, 2))
        fiscal = TimescaleFiscalRegister(pool)
        software = BillingSoftware("Meterline", "B12345674", "1", "0")
        register = FiscalRegister(fiscal, lambda: utility.now)
        await register.use(FiscalMode.VERIFACTU, software, CHIEF, "obliged")
        say = SetInvoicing(TimescaleInvoicing(pool), lambda: utility.now)
        for kind, name in ((TermsOf.SELLER, ""), (TermsOf.ACCOUNT, "A-1")):
            await say(kind, name, {"country": "ES"}, CHIEF, "the norm")
        settings = ChangeSettings(TimescaleSettingsStore(pool), lambda: utility.now)
        with pytest.raises(BillingSettingsError, match="no structured invoices inside"):
            await settings(SettingsChange(einvoice="cii"), CHIEF, "the law")
        change = SettingsChange(einvoice="both", template="invoice-5")
        await settings(change, CHIEF, "the law")
        utility.billing = TimescaleBillingStore(pool, packaged_rules())
        await settle(utility, "2026-10")
        issued = await bill(utility, "A-1", "2026-10")
        add = DocumentAdditions(fiscal)
        archive = ArchiveInvoices(
            utility.billing, TimescaleDocumentStore(pool), render_invoice, lambda: utility.now, add
        )
        document = await archive.document(issued)
        reader = PdfReader(io.BytesIO(document.content))
        write = WriteEInvoice(utility.registry, packaged_rules())
        assert {name: reader.attachments[name] for name in reader.attachments} == {
            "factur-x.xml": [(await write(issued, EInvoiceForm.CII)).content],
            "invoice.ubl.xml": [(await write(issued, EInvoiceForm.UBL)).content],
        }
        assert "QR tributario" in reader.pages[0].extract_text()
        beside = await archive.beside(issued)
        (code,) = beside.codes
        assert code.content.endswith(
            "/ValidarQR?nif=B12345674&numserie=INV-000001&fecha=02-11-2026&importe=93.00"
        )
        # What is said later changes no document.
        await settings(SettingsChange(einvoice="none"), CHIEF, "enough")
        assert (await archive.beside(issued)).attached == beside.attached
