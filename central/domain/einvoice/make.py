"""The structured invoice of an issued bill: grouped and copied, nothing computed that it says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import chain

from central.domain.billing.invoice import Invoice, InvoiceLine
from central.domain.einvoice.document import (
    CREDIT_NOTE,
    INVOICE,
    DocumentCharge,
    EInvoice,
    EInvoiceLine,
    NotStructuredError,
    Price,
    Totals,
    VatGroup,
    VatRate,
)
from central.domain.einvoice.price import price_of, printed_price
from central.domain.einvoice.trader import trader_of
from central.domain.einvoice.unit_codes import UNIT_OR_PIECE
from central.domain.einvoice.vat import untaxed_rate, vat_groups, vat_rate
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.credit_rules import ROUND_TOTAL

DIGITS_MAX = 2
"""Decimals that amounts of EN 16931 have at most."""
_NOTHING = Decimal(0)


def einvoice_of(invoice: Invoice) -> EInvoice:
    """What an issued bill says in the terms of EN 16931.

    Levies that bear value added tax themselves are charges on the document; settlements and the
    previous balance are what is paid already, and rounding of what is due is rounding.

    Args:
        invoice: Of the bill.

    Raises:
        NotStructuredError: The currency has more decimals than the norm allows, a line bears
            several taxes, or a tax has a category that the norm does not have.
    """
    if invoice.digits > DIGITS_MAX:
        message = f"Amounts in {invoice.bill.currency} have {invoice.digits} decimals."
        raise NotStructuredError(message, value=invoice.bill.currency)
    sign = -1 if invoice.cancels is not None else 1
    untaxed = untaxed_rate(invoice)
    taxed = [(line, vat_rate(line, untaxed)) for line in invoice.lines]
    levies = [entry for entry in taxed if entry[0].entry.line.kind == "tax"]
    # A norm that knows no document without lines gets one that says nothing.
    lines = [
        _line(line, rate, invoice, sign) for line, rate in taxed if line.entry.line.kind != "tax"
    ] or [_nothing(invoice, untaxed)]
    charges = [_charge(line, rate, sign) for line, rate in levies]
    borne = chain(
        ((line.rate, _signed(line.net, sign)) for line in lines),
        ((charge.rate, _signed(charge.amount, sign)) for charge in charges),
    )
    vat = tuple(
        group._replace(base=_signed(group.base, sign), tax=_signed(group.tax, sign))
        for group in vat_groups(invoice, borne)
    )
    totals = _totals(invoice, lines, charges, vat, sign)
    issue, bill = invoice.issue, invoice.bill
    return EInvoice(
        number=issue.number,
        issued=issue.issued,
        type_code=INVOICE if invoice.cancels is None else CREDIT_NOTE,
        currency=bill.currency,
        digits=invoice.digits,
        due=issue.due if totals.due > 0 and invoice.cancels is None else None,
        terms=_terms(invoice, totals),
        notes=(issue.footer_text,) if issue.footer_text else (),
        reference=invoice.buyer.terms.reference,
        preceding=_preceding(invoice),
        seller=trader_of(invoice.seller),
        buyer=trader_of(invoice.buyer, key=bill.account),
        period=_days_of(bill.days),
        payment=invoice.payment,
        lines=tuple(lines),
        charges=tuple(charges),
        vat=vat,
        totals=totals,
    )


def _signed(amount: Decimal, sign: int) -> Decimal:
    """The amount, or its opposite; zero has no sign."""
    return amount if sign > 0 else _NOTHING - amount


def _preceding(invoice: Invoice) -> tuple[str, date | None] | None:
    if invoice.cancels is not None:
        return invoice.cancels.number, invoice.cancels.issued
    return (invoice.bill.replaced, None) if invoice.bill.replaced else None


def _terms(invoice: Invoice, totals: Totals) -> str:
    if invoice.cancels is not None and not invoice.issue.payment_text and totals.due > 0:
        return f"Credited against {invoice.cancels.number}"
    return invoice.issue.payment_text


def _days_of(days: DayRange) -> DayRange | None:
    return days if days.first < days.end else None


def _line(line: InvoiceLine, rate: VatRate, invoice: Invoice, sign: int) -> EInvoiceLine:
    rated = line.entry.line
    price = price_of(rated, invoice.digits)
    name = f"{rated.name}, {rated.label.replace('_', ' ')}" if rated.label else rated.name
    return EInvoiceLine(
        id=str(line.entry.position),
        name=f"{name}, tier {rated.tier}" if rated.tier else name,
        description="" if rated.note == "percent" else rated.note,
        net=_signed(rated.amount, sign),
        price=price._replace(quantity=_signed(price.quantity, sign)),
        rate=rate,
        period=_days_of(DayRange(rated.first, rated.end)),
        supply=_supply(line.entry.service_point, invoice),
        attributes=printed_price(rated, invoice.bill.currency, price),
    )


def _supply(point: str, invoice: Invoice) -> str:
    named = next((supply for supply in invoice.supplies if supply.service_point == point), None)
    return named.code if named is not None and named.code else point


def _nothing(invoice: Invoice, untaxed: VatRate) -> EInvoiceLine:
    supply = invoice.bill.supplies[0]
    return EInvoiceLine(
        id="1",
        name=supply.tariff,
        description="",
        net=_NOTHING,
        price=Price(Decimal(1), UNIT_OR_PIECE, _NOTHING),
        rate=untaxed,
        period=_days_of(supply.days),
        supply=_supply(supply.service_point, invoice),
    )


def _charge(line: InvoiceLine, rate: VatRate, sign: int) -> DocumentCharge:
    rated = line.entry.line
    base, percent = rated.quantity, rated.price
    shown = base is not None and percent is not None and rated.adjusts is None
    return DocumentCharge(
        reason=rated.name,
        amount=_signed(rated.amount, sign),
        base=_signed(base, sign) if shown and base is not None else None,
        percent=percent if shown else None,
        rate=rate,
    )


def _totals(
    invoice: Invoice,
    lines: Iterable[EInvoiceLine],
    charges: Iterable[DocumentCharge],
    vat: Iterable[VatGroup],
    sign: int,
) -> Totals:
    summed = sum((line.net for line in lines), _NOTHING)
    levied = [charge.amount for charge in charges]
    charged = sum((amount for amount in levied if amount >= 0), _NOTHING)
    allowed = sum((amount.copy_negate() for amount in levied if amount < 0), _NOTHING)
    net = summed - allowed + charged
    tax = sum((group.tax for group in vat), _NOTHING)
    rounded = (e.line.amount for e in invoice.settlements if e.line.id == ROUND_TOTAL)
    rounding = _signed(sum(rounded, _NOTHING), sign)
    due = _signed(invoice.amounts.due, sign)
    gross = net + tax
    prepaid = gross + rounding - due
    return Totals(summed, allowed, charged, net, tax, gross, prepaid, rounding, due)
