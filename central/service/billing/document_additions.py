"""What goes into the document of an issued bill beside what it prints: XML, and the law's code."""

from __future__ import annotations

from central.domain.billing.invoice import invoice_of
from central.domain.einvoice.document import NotStructuredError
from central.domain.einvoice.form import ATTACHED_AS, WRITERS, EInvoiceForm
from central.domain.einvoice.make import einvoice_of
from central.domain.fiscal.record import RecordKind
from central.domain.fiscal.verifactu import check_address
from central.service.billing.invoice_document import (
    AttachedFile,
    DocumentError,
    PrintedBeside,
    PrintedCode,
)
from central.service.billing.printed_beside import Additions
from central.service.ports.billing import BillRecord
from central.service.ports.fiscal import FiscalStore

_CAPTION = "QR tributario"


class DocumentAdditions:
    """`AddToDocument`: structured invoices that issuing fixed, and the code of the register.

    Args:
        fiscal: Where the register is kept.
    """

    def __init__(self, fiscal: FiscalStore) -> None:
        self._fiscal = fiscal

    async def __call__(self, record: BillRecord, beside: PrintedBeside) -> Additions:
        """See `AddToDocument`.

        Raises:
            DocumentError: A structured invoice cannot be written.
        """
        if record.issue is None:
            return Additions()
        entries = await self._fiscal.of_number(record.issue.number)
        registrations = [
            entry.chained.record
            for entry in entries
            if entry.chained.record.kind is RecordKind.REGISTRATION
        ]
        codes = tuple(PrintedCode(_CAPTION, check_address(each)) for each in registrations[:1])
        return Additions(_attached(record, beside), codes)


def _attached(record: BillRecord, beside: PrintedBeside) -> tuple[AttachedFile, ...]:
    issue = record.issue
    forms = () if issue is None else tuple(map(EInvoiceForm, issue.einvoice.forms))
    if issue is None or not forms:
        return ()
    try:
        document = einvoice_of(invoice_of(record.bill, issue, beside.tariffs))
        return tuple(
            AttachedFile(
                ATTACHED_AS[form],
                WRITERS[form](document).decode(),
                description=f"{issue.number} as a structured invoice",
            )
            for form in forms
        )
    except NotStructuredError as error:
        message = f"{issue.number} cannot be a structured invoice. {error.message}"
        raise DocumentError(message, value=issue.number) from error
