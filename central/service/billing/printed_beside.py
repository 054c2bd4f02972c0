"""Look up what a document says beside its bill: the tariffs that it names, and earlier bills."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import lru_cache
from typing import NamedTuple, Protocol

from central.domain.billing.bill_comparison import (
    BillComparison,
    EarlierPeriod,
    compare_bills,
    last_period,
    last_year,
)
from central.domain.currency import digits_of
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.service.billing.invoice_document import AttachedFile, PrintedBeside, PrintedCode
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.documents import DocumentStore


class Additions(NamedTuple):
    """What else goes into a document.

    Args:
        attached: Files inside of it, such as the invoice as XML.
        codes: That the law asks for on the first page.
    """

    attached: tuple[AttachedFile, ...] = ()
    codes: tuple[PrintedCode, ...] = ()


class AddToDocument(Protocol):
    """Makes what else goes into the document of an issued bill."""

    def __call__(self, record: BillRecord, beside: PrintedBeside) -> Awaitable[Additions]:
        """The same for the same bill, whenever it is asked.

        Args:
            record: An issued bill.
            beside: What its document says beside it.
        """


async def printed_beside(
    bills: BillingStore, documents: DocumentStore, record: BillRecord
) -> PrintedBeside:
    """What the document of a bill says beside it.

    An issued bill is compared with what was issued and not cancelled when it was; a draft and a
    credit note are compared with nothing.
    """
    bill = record.bill
    texts = await documents.tariffs({entry.line.tariff_sha256 for entry in bill.lines})
    tariffs = {sha256: _tariff(text) for sha256, text in texts.items()}
    if record.issue is None or bill.cancels is not None:
        return PrintedBeside(tariffs)
    earlier = [each for each in await documents.compared(record.uid) if each.days.count]
    days = bill.days
    return PrintedBeside(
        tariffs,
        await _beside(bills, record, last_period(days, earlier)),
        await _beside(bills, record, last_year(days, earlier)),
    )


async def _beside(
    bills: BillingStore, record: BillRecord, earlier: EarlierPeriod | None
) -> BillComparison | None:
    before = None if earlier is None else await bills.bill(earlier.uid)
    if before is None or not record.bill.days.count:
        return None
    return compare_bills(record.bill, before.bill, digits_of(record.bill.currency) or 0)


@lru_cache(maxsize=256)
def _tariff(text: str) -> TariffDocument:
    return load_tariff(text)
