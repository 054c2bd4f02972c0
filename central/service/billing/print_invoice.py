"""Print a bill: the archived invoice of an issued one, a draft of any other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from central.domain.billing.bill import Bill, RunType
from central.domain.billing.document_template import DocumentTemplate, template_of
from central.domain.billing.issue import plan_issue
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.service.billing.archive import ArchiveInvoices
from central.service.billing.invoice_document import (
    IssuedError,
    NotIssuedError,
    Renderer,
    daily_usage_of,
)
from central.service.billing.lineage import find_bill
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.billing_settings import SettingsStore
from central.service.views.lookup import require

# Anything else may mean another file where letters have no case, or not be a name at all.
_PLAIN = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,79}")
_DOUBTFUL = re.compile(r"[^A-Za-z0-9_-]")
_READABLE = 60
_DIGEST = 12


class BillFile(NamedTuple):
    """A bill's document.

    Args:
        name: Of its file, its own.
        content: Its bytes.
    """

    name: str
    content: bytes


class PrintBill:
    """The use-case.

    Args:
        store: Where bills and blocks are kept.
        settings: The utility's; a draft is typeset as its invoice would be today.
        archive: Where invoices are kept as they were rendered.
        render: What makes a draft's document.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: BillingStore,
        settings: SettingsStore,
        archive: ArchiveInvoices,
        render: Renderer,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._settings = settings
        self._archive = archive
        self._render = render
        self._clock = clock

    async def invoice(self, bill: str) -> BillFile:
        """The invoice of an issued bill.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            NotIssuedError: It is not issued; nothing else is an invoice.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        if record.issue is None:
            message = f"The bill {bill} is not issued, so there is no invoice."
            raise NotIssuedError(message, value=bill, remedy="Issue it, or print it as a draft.")
        return await self._file(record)

    async def draft(self, bill: str) -> BillFile:
        """A bill that is not issued, marked as a draft on every page.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            IssuedError: It is issued.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        record = require(await find_bill(self._store, bill), "bill", bill)
        if record.issue is not None:
            message = f"The bill {bill} is issued as {record.issue.number} and no draft any more."
            raise IssuedError(message, value=bill, remedy="Print its invoice.")
        return await self._file(record)

    async def file(self, bill: str) -> BillFile:
        """The invoice of an issued bill; of another its draft, in a file that says so.

        Args:
            bill: The bill's identifier.

        Raises:
            NotFoundError: There is no such bill.
            UnprintableTextError: The fonts lack what it says.
            DocumentError: It cannot be made for another reason.
        """
        return await self._file(require(await find_bill(self._store, bill), "bill", bill))

    async def _file(self, record: BillRecord) -> BillFile:
        bill = record.bill
        if record.issue is None:
            usage, template = await daily_usage_of(self._store, bill), await self._template(bill)
            beside = await self._archive.beside(record)
            content = self._render(bill, usage=usage, template=template, beside=beside)
        else:
            content = (await self._archive.document(record)).content
        name = file_name(
            bill.account, bill.period, bill.run_type, bill.revision, draft=record.issue is None
        )
        if bill.cancels is not None:
            # A bill has several where its parts are cancelled one after the other.
            name = f"{record.number or record.uid.hex}-{name}"
        return BillFile(name, content)

    async def _template(self, bill: Bill) -> DocumentTemplate:
        """What the bill would be typeset from, were it issued now."""
        zones = [supply.zone for supply in bill.supplies[:1]] or ["UTC"]
        (plan,) = plan_issue(await self._settings.revisions(), zones, self._clock())
        return template_of(plan.terms.settings.template)


def file_name(
    account: str,
    cycle: BillingPeriod | str,
    run_type: RunType = RunType.REGULAR,
    revision: int = 0,
    *,
    draft: bool = False,
) -> str:
    """The name of a bill's file: its own on every machine, however letters are told apart there.

    Args:
        account: Number.
        cycle: Its period, or the name of it.
        run_type: Why the bill was made.
        revision: Of the bill.
        draft: Whether it is no invoice.
    """
    name = account
    if not _PLAIN.fullmatch(account):
        digest = hashlib.sha256(account.encode()).hexdigest()[:_DIGEST]
        name = f"{_DOUBTFUL.sub('_', account)[:_READABLE].lstrip('-')}~{digest}"
    kind = "" if run_type is RunType.REGULAR else f"-{run_type}"
    return f"{name}-{cycle}{kind}{f'-r{revision}' if revision else ''}{'-draft' * draft}.pdf"
