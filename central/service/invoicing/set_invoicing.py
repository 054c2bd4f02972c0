"""Write down what seller, accounts and service points say of invoices, and look after mails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.invoice_terms import PartyTerms
from central.domain.billing.invoicing import FORMS, TermsOf, invoicing_json, read_invoicing
from central.service.ports.decisions import DecisionNote
from central.service.ports.invoicing import (
    InvoiceDelivery,
    InvoiceDeliveryState,
    InvoicingStore,
    InvoicingVersion,
)
from central.service.registry.tariff_revisions import need_reason
from central.service.views.paging import Page, decode_cursor, paged


class SetInvoicing:
    """The use-cases.

    Args:
        store: Where it is kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: InvoicingStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.store = store
        self._clock = clock

    async def __call__(
        self, kind: TermsOf, name: str, changes: Mapping[str, Any], actor: Actor, reason: str
    ) -> InvoicingVersion:
        """Change what is said; members that are not given stay as they are.

        Args:
            kind: Of whom.
            name: Number of the account, or name of the point; "" of the seller.
            changes: Of the members, those of the party among them; "" takes one away.
            actor: Who.
            reason: Why.

        Raises:
            InvalidValueError: There is no reason.
            InvoicingError: A value is not valid.
            PaymentMeansError: IBAN or BIC is none.
            SupplyCodeError: The code is not one of its scheme.
            NotRegisteredError: There is no such account or point.
        """
        need_reason(reason)
        newest = await self.store.terms(kind, name)
        members = invoicing_json(FORMS[kind]() if newest is None else newest.invoicing)
        given = {member: value for member, value in changes.items() if member in PartyTerms._fields}
        rest = {member: value for member, value in changes.items() if member not in given}
        party = members.get("party", {}) | given
        merged = members | rest | ({"party": party} if party else {})
        invoicing = read_invoicing(kind, merged)
        note = DecisionNote(actor, reason.strip(), self._clock())
        version = await self.store.set_terms(kind, name, invoicing, note)
        if newest is not None and newest.version == version:
            return newest
        return InvoicingVersion(kind, name, version, invoicing, actor.key, note.at, note.reason)

    async def again(self, bill: UUID, actor: Actor, reason: str) -> UUID:
        """Deliver a document once more, as the account's invoicing says now; which delivery.

        Raises:
            InvalidValueError: There is no reason.
            NoDocumentYetError: There is no document.
            InvoicingError: The account has no channel.
        """
        return await self.store.again(bill, self._note(actor, reason))

    async def bounced(self, delivery: UUID, actor: Actor, reason: str) -> None:
        """Note that a mail came back.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchInvoiceDeliveryError: There is none that was sent.
        """
        await self.store.bounced(delivery, self._note(actor, reason))

    async def deliveries(
        self,
        after: str | None,
        limit: int,
        state: InvoiceDeliveryState | None = None,
        bill: UUID | None = None,
    ) -> Page[InvoiceDelivery]:
        """A page of deliveries, the newest first.

        Raises:
            CursorError: The cursor is none of this list.
        """
        key = decode_cursor(after, (str,))
        behind = "" if key is None else str(key[0])
        rows = await self.store.deliveries(state=state, bill=bill, after=behind, limit=limit + 1)
        return paged(rows, limit, lambda row: (str(row.uid),))

    def _note(self, actor: Actor, reason: str) -> DecisionNote:
        need_reason(reason)
        return DecisionNote(actor, reason.strip(), self._clock())
