"""An issued bill is written as a structured invoice; what it breaks is named."""

from __future__ import annotations

from datetime import date

import pytest
from lxml import etree

from central.domain.einvoice.form import EInvoiceForm
from central.service.billing.approve_bills import IssueBills
from central.service.billing.invoice_document import NotIssuedError
from central.service.billing.structured_invoice import EInvoiceRulesError, WriteEInvoice
from tests.support.actors import CHIEF
from tests.support.books import timescale_utility
from tests.support.daily_books import approve, at, bill, found, measured, run
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
