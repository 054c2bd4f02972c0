"""Write an issued bill as a structured invoice, and judge it by the published rules."""

from __future__ import annotations

import asyncio

from central.domain.billing.invoice import invoice_of
from central.domain.einvoice.form import JUDGED, WRITERS, EInvoiceForm
from central.domain.einvoice.make import einvoice_of
from central.domain.tariff.load.document import load_tariff
from central.service.billing.invoice_document import NotIssuedError
from central.service.billing.print_invoice import BillFile, file_name
from central.service.ports.billing import BillRecord
from central.service.ports.einvoice_rules import Rules
from central.service.ports.registry import RegistryStore
from firmware_bridge.contract.errors import OperatorError


class EInvoiceRulesError(OperatorError):
    """A structured invoice does not keep the rules of EN 16931."""

    code = "EINVOICE_RULES"
    default_remedy = "Complete what the rules name, such as the country of seller and buyer."


class NoEInvoiceRulesError(OperatorError):
    """The packages with the rules are not installed."""

    code = "EINVOICE_RULES_MISSING"
    default_remedy = "Install meterline[einvoice-check], or leave the check off."


class WriteEInvoice:
    """The use-case.

    Args:
        registry: Where the tariffs are that bills name.
        rules: What judges the document; None judges nothing.
    """

    def __init__(self, registry: RegistryStore, rules: Rules | None = None) -> None:
        self._registry = registry
        self._rules = rules

    async def __call__(self, record: BillRecord, form: EInvoiceForm) -> BillFile:
        """The document of an issued bill; the same bill gives the same bytes.

        Args:
            record: The bill.
            form: Of the document.

        Raises:
            NotIssuedError: It is not issued.
            NotStructuredError: It cannot be said in that form.
            EInvoiceRulesError: It does not keep the rules; it names them.
        """
        if record.issue is None:
            message = f"The bill {record.uid} is not issued, so there is no e-invoice."
            raise NotIssuedError(message, value=str(record.uid))
        bill = record.bill
        hashes = {entry.line.tariff_sha256 for entry in bill.lines}
        async with self._registry.transaction() as registry:
            history = await registry.tariff_history(None)
        records = {entry.record.sha256: entry.record for entry in history}
        tariffs = {
            sha256: load_tariff(records[sha256].document) for sha256 in hashes & records.keys()
        }
        content = WRITERS[form](einvoice_of(invoice_of(bill, record.issue, tariffs)))
        if self._rules is not None and form in JUDGED:
            breaches = await asyncio.to_thread(self._rules, form, content)
            if breaches:
                names = ", ".join(dict.fromkeys(breach.rule for breach in breaches))
                message = f"{record.issue.number} breaks {names}. {breaches[0].message}"
                raise EInvoiceRulesError(message, value=names)
        printed = file_name(bill.account, bill.period, bill.run_type, bill.revision)
        name = f"{record.issue.number}-{printed.removesuffix('.pdf')}.{form.value}.xml"
        return BillFile(name, content)
