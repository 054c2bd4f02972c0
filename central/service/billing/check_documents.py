"""Judge bills that would become drafts by what their documents are to say.

Nothing of an issued bill can be changed. So what its document prints beside it, and the structured
invoice that goes into it, are made before: with the settings of today, and with those that are to
hold later, since nobody knows yet on which day it is issued.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from central.domain.billing.bill import Bill
from central.domain.billing.bill_texts import document_texts
from central.domain.billing.billing_settings import SettingsRevision, settings_ahead
from central.domain.billing.document_template import WITHOUT_TERMS
from central.domain.billing.invoice import Invoice, invoice_of
from central.domain.billing.invoicing import TermsInForce, with_terms
from central.domain.billing.issue import IssuePlan, number_bills
from central.domain.billing.printable import unprintable_holds
from central.domain.billing.state import BillState
from central.domain.einvoice.document import NotStructuredError
from central.domain.einvoice.form import WRITERS, EInvoiceForm
from central.domain.einvoice.make import einvoice_of
from central.domain.rating.hold import Hold, by_cause
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_tariff
from central.service.billing.check_bills import RELEASABLE
from central.service.billing.invoice_document import UnprintableTextError
from central.service.billing.structured_invoice import EInvoiceRulesError
from central.service.ports.bill_checks import BillNames
from central.service.ports.bill_shard import NewBill, ShardTransaction
from central.service.ports.einvoice_rules import Rules
from firmware_bridge.contract.errors import OperatorError

# Wherever a bill's days are, its day is not earlier.
_BEHIND = timedelta(days=1)
_REFUSALS: dict[str, type[OperatorError]] = {
    kind.code: kind for kind in (UnprintableTextError, NotStructuredError, EInvoiceRulesError)
}


async def documents_checked(work: ShardTransaction, bills: Sequence[NewBill]) -> list[NewBill]:
    """Bills with what keeps their documents from being made, where nothing else holds them.

    Args:
        work: The shard.
        bills: As they were rated and checked.
    """
    judged = [number for number, new in enumerate(bills) if _may_go_on(new.bill)]
    if not judged:
        return list(bills)
    day = (work.at - _BEHIND).date()
    settings = [
        each
        for each in settings_ahead(await work.settings(), day)
        if each.settings.judges_documents
    ]
    if not settings:
        return list(bills)
    names = [_names(bills[number].bill) for number in judged]
    terms = await work.terms(names)
    texts = {
        record.sha256: record.document
        for records in work.shard.tariffs.values()
        for record in records
    }
    checked = list(bills)
    for number, in_force in zip(judged, terms, strict=True):
        bill = bills[number].bill
        tariffs = _tariffs(bill, texts)
        holds = await asyncio.to_thread(
            document_holds, bill, tariffs, in_force, settings, work.rules
        )
        if holds:
            held = replace(bill, holds=(*bill.holds, *holds), state=BillState.HELD)
            checked[number] = replace(bills[number], bill=held)
    return checked


def document_holds(
    bill: Bill,
    tariffs: Mapping[str, TariffDocument],
    in_force: TermsInForce,
    settings: Sequence[SettingsRevision],
    rules: Rules | None,
) -> tuple[Hold, ...]:
    """What keeps the document of a bill from being made.

    Args:
        bill: That would become a draft.
        tariffs: That its lines name, by hash.
        in_force: What seller, account and points say of invoices.
        settings: Under which it may be issued.
        rules: What judges structured invoices; None for nothing.
    """
    return by_cause(
        hold for each in settings for hold in _held_by(bill, tariffs, in_force, each, rules)
    )


def _held_by(
    bill: Bill,
    tariffs: Mapping[str, TariffDocument],
    in_force: TermsInForce,
    settings: SettingsRevision,
    rules: Rules | None,
) -> Iterator[Hold]:
    day = max(bill.days.end, settings.effective)
    (issued,) = number_bills([IssuePlan(day, settings)], {})
    yield from _faults(invoice_of(bill, with_terms(issued.facts, in_force), tariffs), rules)


def document_refusal(invoice: Invoice, rules: Rules | None) -> OperatorError | None:
    """Why the document of an issued bill cannot be made; None where it can.

    Args:
        invoice: What it says.
        rules: What judges structured invoices; None for nothing.
    """
    for hold in _faults(invoice, rules):
        message = f"The document of {invoice.issue.number} cannot be made. {hold.message}"
        remedy = "Correct that, then issue it again."
        return _REFUSALS[hold.code](message, value=hold.evidence, remedy=remedy)
    return None


def _faults(invoice: Invoice, rules: Rules | None) -> Iterator[Hold]:
    if invoice.issue.template not in WITHOUT_TERMS:
        yield from unprintable_holds(document_texts(invoice))
    forms = [EInvoiceForm(form) for form in invoice.issue.einvoice.forms]
    if forms:
        yield from _structured(invoice, forms, rules)


def _structured(
    invoice: Invoice, forms: Sequence[EInvoiceForm], rules: Rules | None
) -> Iterator[Hold]:
    try:
        document = einvoice_of(invoice)
        written = [(form, WRITERS[form](document)) for form in forms]
    except NotStructuredError as error:
        message = f"The bill cannot be a structured invoice. {error.message}"
        yield Hold(error.code, message, str(error.value))
        return
    if rules is None:
        return
    broken = [breach for form, content in written for breach in rules(form, content)]
    if broken:
        names = ", ".join(sorted({breach.rule for breach in broken}))
        message = f"As a structured invoice the bill breaks {names}. {broken[0].message}"
        yield Hold(EInvoiceRulesError.code, message, names)


def _may_go_on(bill: Bill) -> bool:
    return bool(bill.supplies) and all(hold.code in RELEASABLE for hold in bill.holds)


def _names(bill: Bill) -> BillNames:
    points = dict.fromkeys(supply.service_point for supply in bill.supplies)
    return BillNames(bill.account, tuple(points))


def _tariffs(bill: Bill, texts: Mapping[str, str]) -> dict[str, TariffDocument]:
    hashes = {entry.line.tariff_sha256 for entry in bill.lines} & texts.keys()
    return {sha256: _tariff(texts[sha256]) for sha256 in hashes}


@lru_cache(maxsize=256)
def _tariff(text: str) -> TariffDocument:
    return load_tariff(text)
