"""Send documents to their accounts by mail: each once, unless a person asks for another copy.

What mail can promise is that a server took a message. Between its answer and our commit a process
may die; then nobody knows, and the delivery fails with that said instead of being tried again. A
message has the same identifier at every attempt, so that who gets two can tell that they are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from central.domain.notices.retry import next_try
from central.service.billing.invoice_document import DocumentError
from central.service.billing.print_invoice import file_name
from central.service.ports.billing import BillingStore
from central.service.ports.documents import DocumentStore
from central.service.ports.invoicing import (
    DeliveryResult,
    HandOver,
    InvoiceDelivery,
    InvoiceDeliveryState,
    InvoiceMail,
    InvoicingStore,
    SendInvoiceMail,
)

AT_ONCE = 10
CLAIM = timedelta(minutes=15)
"""Longer than ten mails take; whoever dies leaves them as failed then."""

_log = structlog.get_logger(__name__)
_SUBJECTS = {
    "en": "{seller}: invoice {number}",
    "es": "{seller}: factura {number}",
}
_TEXTS = {
    "en": "Your invoice {number} of {issued} is {where}.",
    "es": "Su factura {number} del {issued} está {where}.",
}
_WHERES = {
    "en": ("attached", "at {link}"),
    "es": ("adjunta", "en {link}"),
}


@dataclass(slots=True)
class MailTally:
    """What a round did.

    Args:
        sent: Mails that a server took.
        put_off: Those that are tried again.
        bounced: Those whose address refused them.
        failed: Those that were given up, or of which nobody knows.
    """

    sent: int = 0
    put_off: int = 0
    bounced: int = 0
    failed: int = 0


class DeliverInvoices:
    """The use-case. Any number of workers share one store.

    Args:
        store: Where deliveries are kept.
        bills: Where bills are kept.
        documents: Where their documents are kept.
        send: Hands mails to a server.
        sender: Address that mail comes from.
        portal_url: Below which accounts see their invoices; "" for none.
        clock: Now, aware.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its ports and what its mails say
        self,
        store: InvoicingStore,
        bills: BillingStore,
        documents: DocumentStore,
        send: SendInvoiceMail,
        sender: str,
        portal_url: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._bills = bills
        self._documents = documents
        self._send = send
        self._sender = sender
        self._portal_url = portal_url
        self._clock = clock

    async def waits(self, at: datetime) -> bool:
        """Whether something is to be done now."""
        return await self._store.waits(at)

    async def until_idle(self) -> MailTally:
        """Send all that is due.

        Raises:
            StoreUnavailableError: What was sent and not kept fails when its claim runs out.
        """
        tally = MailTally()
        while True:
            now = self._clock()
            tally.failed += await self._store.give_up_claimed(now)
            claimed = await self._store.claim(now, now + CLAIM, AT_ONCE)
            if not claimed:
                return tally
            for delivery in claimed:
                outcome = await self._attempt(delivery)
                setattr(tally, outcome, getattr(tally, outcome) + 1)

    async def _attempt(self, delivery: InvoiceDelivery) -> str:
        try:
            mail = await self._mail(delivery)
        except DocumentError as error:
            result = DeliveryResult(InvoiceDeliveryState.FAILED, str(error))
        else:
            handed, detail = await self._send(mail, self._clock())
            result = self._result(handed, detail, delivery)
        await self._store.ended(delivery.uid, result, self._clock())
        log = _log.info if result.state is InvoiceDeliveryState.SENT else _log.warning
        log(
            "invoice_mail",
            number=delivery.number,
            delivery=str(delivery.uid),
            state=result.state.value,
            detail=result.detail,
        )
        return "put_off" if result.due_at is not None else result.state.value

    def _result(self, handed: HandOver, detail: str, delivery: InvoiceDelivery) -> DeliveryResult:
        if handed is HandOver.TAKEN:
            return DeliveryResult(InvoiceDeliveryState.SENT, detail)
        if handed is HandOver.BOUNCED:
            return DeliveryResult(InvoiceDeliveryState.BOUNCED, detail)
        if handed is HandOver.UNCLEAR:
            text = f"It may have arrived: {detail}"
            return DeliveryResult(InvoiceDeliveryState.FAILED, text)
        next_at = next_try(delivery.attempts, self._clock())
        if next_at is None:
            return DeliveryResult(InvoiceDeliveryState.FAILED, detail)
        return DeliveryResult(InvoiceDeliveryState.WAITING, detail, next_at)

    async def _mail(self, delivery: InvoiceDelivery) -> InvoiceMail:
        """The mail of a delivery: the document that is kept, and no other.

        Raises:
            DocumentError: There is no document, no address, or no portal to link to.
        """
        record = await self._bills.bill(delivery.bill)
        document = await self._documents.document(delivery.bill)
        if record is None or record.issue is None or document is None or not delivery.target:
            message = "The document, or the address, is not there any more."
            raise DocumentError(message, value=delivery.number)
        facts, bill = record.issue, record.bill
        if delivery.link and not self._portal_url:
            message = "There is no portal to link to: METERLINE_PORTAL_URL."
            raise DocumentError(message, value=delivery.number)
        link = f"{self._portal_url.rstrip('/')}/{facts.number}"
        where = _WHERES[facts.locale][delivery.link].format(link=link)
        values = {"seller": bill.seller.name, "number": facts.number, "issued": facts.issued}
        subject = _SUBJECTS[facts.locale].format(**values)
        text = _TEXTS[facts.locale].format(**values, where=where) + f"\n\n{bill.seller.name}\n"
        domain = self._sender.rpartition("@")[2]
        mail = InvoiceMail(f"<{delivery.uid}@{domain}>", delivery.target, subject, text)
        if delivery.link:
            return mail
        name = file_name(bill.account, bill.period, bill.run_type, bill.revision)
        return mail._replace(file_name=f"{facts.number}-{name}", content=document.content)
