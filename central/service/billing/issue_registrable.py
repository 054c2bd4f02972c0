"""Issuing bills of which a fiscal register refuses some, or no document can be made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.einvoice.document import NotStructuredError
from central.domain.fiscal.verifactu import FiscalIssuerError
from central.service.billing.invoice_document import UnprintableTextError
from central.service.billing.structured_invoice import EInvoiceRulesError
from central.service.ports.billing import BillingStore
from central.service.ports.stamps import Decided

_REFUSED = (FiscalIssuerError, NotStructuredError, UnprintableTextError, EInvoiceRulesError)


async def issue_registrable(
    store: BillingStore, uids: Sequence[UUID], actor: Actor, at: datetime
) -> Decided:
    """Issue bills; those that the register cannot take stay approved, and the others go on.

    So do credit notes whose documents cannot be made.

    Args:
        store: Where bills are kept.
        uids: In the order of their numbers.
        actor: Who issues them.
        at: Now.

    Raises:
        StaleBillError: The state of one changed meanwhile.
    """
    try:
        return await store.issue(uids, actor, at)
    except _REFUSED as error:
        if len(uids) == 1:
            return Decided(0, barred={uids[0]: error})
    middle = len(uids) // 2
    first = await issue_registrable(store, uids[:middle], actor, at)
    return first.beside(await issue_registrable(store, uids[middle:], actor, at))
