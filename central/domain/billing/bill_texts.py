"""Every text that is printed on a bill and was written by somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.billing.bill import Bill, Party
from central.domain.billing.invoice import Invoice
from central.domain.billing.printable import Text


def printed_texts(bill: Bill) -> Iterator[Text]:
    """The texts of a bill, in print order."""
    yield ("account number", bill.account)
    yield from _party("seller", bill.seller)
    yield ("seller's contact", bill.seller.contact)
    yield from _party("buyer", bill.buyer)
    for supply in bill.supplies:
        yield ("service point", supply.service_point)
        yield ("tariff", supply.tariff)
        for bank in supply.banks:
            yield ("name of a bank", bank.bank)
        for figure in supply.taken_over:
            yield ("name of what was taken over", figure.text)
        for read in supply.reads:
            yield ("meter's serial number", read.serial)
            yield ("register's name", read.register)
    for line in (entry.line for entry in bill.lines):
        yield ("name of a charge", line.name)
        yield ("period of a charge", line.label)
        yield ("unit of a charge", line.unit)
        yield ("note of a charge", line.note)
        for part in line.determinants:
            yield ("period of the usage", part.label)


def document_texts(invoice: Invoice) -> Iterator[Text]:
    """What the document of an issued bill prints beside the bill's own texts."""
    for title in invoice.titles.values():
        yield ("title of a tariff", title)
    for group in invoice.taxes:
        yield ("name of a tax", group.rate.name)
    for supply in invoice.supplies:
        yield ("address of the service point", supply.address)


def _party(whose: str, party: Party) -> Iterator[Text]:
    yield (f"{whose}'s name", party.name)
    for line in party.address:
        yield (f"{whose}'s address", line)
    yield (f"{whose}'s tax number", party.tax_id)
