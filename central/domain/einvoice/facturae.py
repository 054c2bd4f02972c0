"""Facturae 3.2.2: the invoice that Spanish administrations take, not signed.

Amounts have the sign of the bill: a credit note corrects by differences. Levies that bear tax are
lines, since a surcharge of the form bears none. The form has no price for several units, so a line
whose price is not of one unit is said as one of its amount.

Source: https://www.facturae.gob.es, Facturae 3.2.2
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from central.domain.einvoice.document import (
    DocumentCharge,
    EInvoice,
    EInvoiceLine,
    NotStructuredError,
    Trader,
    VatRate,
)
from central.domain.einvoice.provinces import ALPHA_3, province_of
from central.domain.einvoice.xml_tree import Element, document, element, group, text_element
from central.domain.rating.inputs.segments import DayRange

_NAMES = {"fe": "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"}
_SPAIN, _DECIMALS_MAX = "ES", 8
_UNITS = {"C62": "01", "HUR": "02", "KGM": "03", "LTR": "04", "MTQ": "33", "SEC": "34"} | {
    "WTT": "35",
    "KWH": "36",
}
_OTHER_UNIT, _PIECE = "05", "01"
_TAXES = {"M": "02", "L": "03"}
_VAT, _TRANSFER = "01", "04"
# An exempt supply, and one outside of the tax.
_SPECIAL = {"E": "01", "G": "01", "K": "01", "AE": "02", "O": "02"}
_LEGAL_PERSONS = frozenset("ABCDEFGHJNPQRSUVW")
_TEXT_MAX = 2500
_LONGEST = {"PostCode": 5, "Town": 50, "Province": 20, "PostCodeAndTown": 50}
_ZERO = Decimal(0)


class _Words(NamedTuple):
    """What a line of the form says, quantity and price as text."""

    text: str
    quantity: str
    unit: str
    price: str


def facturae(invoice: EInvoice) -> bytes:
    """The bytes of the document, UTF-8, without the signature that who sends it adds.

    Args:
        invoice: What it says.

    Raises:
        NotStructuredError: A party has no tax number or no whole address, or a text has a
            character that no XML can have.
    """
    sign = -1 if invoice.is_credit_note else 1
    root = element(
        "fe:Facturae",
        (
            _file_header(invoice, sign),
            element(
                "Parties",
                (
                    element("SellerParty", _party(invoice.seller)),
                    element("BuyerParty", _party(invoice.buyer)),
                ),
            ),
            element("Invoices", (element("Invoice", _invoice(invoice, sign)),)),
        ),
    )
    return document(root, _NAMES)


def _file_header(invoice: EInvoice, sign: int) -> Element:
    def total(name: str, amount: Decimal) -> Element:
        return element(name, (_amount("TotalAmount", amount, sign),))

    batch = (
        element("BatchIdentifier", f"{_tax_number(invoice.seller)}{invoice.number}"),
        element("InvoicesCount", "1"),
        total("TotalInvoicesAmount", invoice.totals.gross),
        total("TotalOutstandingAmount", invoice.totals.due),
        total("TotalExecutableAmount", invoice.totals.due),
        element("InvoiceCurrencyCode", invoice.currency),
    )
    return element(
        "FileHeader",
        (
            element("SchemaVersion", "3.2.2"),
            element("Modality", "I"),
            element("InvoiceIssuerType", "EM"),
            element("Batch", batch),
        ),
    )


def _party(trader: Trader) -> Iterator[Element]:
    number = _tax_number(trader)
    legal = number.removeprefix(trader.country)[:1] in _LEGAL_PERSONS
    residence = "R" if trader.country == _SPAIN else "U" if trader.vat_id else "E"
    yield element(
        "TaxIdentification",
        (
            element("PersonTypeCode", "J" if legal else "F"),
            element("ResidenceTypeCode", residence),
            element("TaxIdentificationNumber", number),
        ),
    )
    first, _, rest = trader.name.partition(" ")
    named = (
        (element("CorporateName", trader.name[:80]),)
        if legal
        else (element("Name", first[:40]), element("FirstSurname", rest[:40] or "-"))
    )
    yield element("LegalEntity" if legal else "Individual", (*named, _address(trader)))


def _tax_number(trader: Trader) -> str:
    number = trader.vat_id or trader.tax_id
    if not number:
        message = f"{trader.name!r} has no tax number, which Facturae asks of both sides."
        raise NotStructuredError(message, value=trader.name, remedy="Give it one.")
    return number.removeprefix(_SPAIN) if trader.country == _SPAIN else number


def _address(trader: Trader) -> Element:
    lines = ", ".join(trader.lines)[:80] or "-"
    country = ALPHA_3.get(trader.country)
    region = trader.region or province_of(trader.postcode)
    if trader.country == _SPAIN:
        names = [("PostCode", trader.postcode), ("Town", trader.town), ("Province", region)]
    else:
        both = f"{trader.postcode} {trader.town}".strip()
        names = [("PostCodeAndTown", both), ("Province", region or trader.town)]
    missing = [name for name, text in names if not text]
    if country is None or missing:
        message = f"The address of {trader.name!r} has no {', '.join(missing) or 'country'}."
        raise NotStructuredError(message, value=trader.name, remedy="Complete the address.")
    return element(
        "AddressInSpain" if trader.country == _SPAIN else "OverseasAddress",
        (
            element("Address", lines),
            *(
                element(name, text[: 20 if name == "Province" else 50])
                for name, text in names
                if name
            ),
            element("CountryCode", country),
        ),
    )


def _invoice(invoice: EInvoice, sign: int) -> Iterator[Element | None]:
    """The header, dates, taxes, totals, lines and payment of the one invoice of the file."""
    yield element(
        "InvoiceHeader",
        (
            element("InvoiceNumber", invoice.number[:20]),
            element("InvoiceDocumentType", "FC"),
            element("InvoiceClass", "OR" if invoice.is_credit_note else "OO"),
            _corrective(invoice),
        ),
    )
    yield element(
        "InvoiceIssueData",
        (
            element("IssueDate", invoice.issued.isoformat()),
            None if invoice.period is None else _days("InvoicingPeriod", invoice.period),
            element("InvoiceCurrencyCode", invoice.currency),
            element("TaxCurrencyCode", invoice.currency),
            element("LanguageName", "es"),
        ),
    )
    yield element(
        "TaxesOutputs",
        (_tax(taxed.rate, taxed.base, taxed.tax, sign) for taxed in invoice.vat),
    )
    yield element("InvoiceTotals", _totals(invoice, sign))
    items = (
        *(_line(line, sign) for line in invoice.lines),
        *(_levy(charge, sign) for charge in invoice.charges),
    )
    yield element("Items", items)
    if invoice.due is not None and invoice.payment is not None:
        installment = (
            element("InstallmentDueDate", invoice.due.isoformat()),
            _amount("InstallmentAmount", invoice.totals.due, sign),
            element("PaymentMeans", _TRANSFER),
            element("AccountToBeCredited", (element("IBAN", invoice.payment.iban),)),
        )
        yield element("PaymentDetails", (element("Installment", installment),))


def _corrective(invoice: EInvoice) -> Element | None:
    if not invoice.is_credit_note or invoice.preceding is None:
        return None
    number, issued = invoice.preceding
    period = invoice.period or DayRange(invoice.issued, invoice.issued)
    return element(
        "Corrective",
        (
            element("InvoiceNumber", number[:20]),
            element("ReasonCode", "16"),
            element("ReasonDescription", "Base imponible"),
            _days("TaxPeriod", period),
            element("CorrectionMethod", "02"),
            element("CorrectionMethodDescription", "Rectificación por diferencias"),
            None if issued is None else element("InvoiceIssueDate", issued.isoformat()),
        ),
    )


def _totals(invoice: EInvoice, sign: int) -> Iterator[Element | None]:
    totals = invoice.totals
    paid = totals.gross - totals.due
    yield _amount("TotalGrossAmount", totals.net, sign)
    yield _amount("TotalGrossAmountBeforeTaxes", totals.net, sign)
    yield _amount("TotalTaxOutputs", totals.tax, sign)
    yield _amount("TotalTaxesWithheld", _ZERO, sign)
    yield _amount("InvoiceTotal", totals.gross, sign)
    if paid:
        account = (
            element("PaymentOnAccountDate", invoice.issued.isoformat()),
            _amount("PaymentOnAccountAmount", paid, sign),
        )
        yield element("PaymentsOnAccount", (element("PaymentOnAccount", account),))
    yield _amount("TotalOutstandingAmount", totals.due, sign)
    yield _amount("TotalPaymentsOnAccount", paid, sign) if paid else None
    yield _amount("TotalExecutableAmount", totals.due, sign)


def _line(line: EInvoiceLine, sign: int) -> Element:
    """A line of the bill, at its own price where the form can say that."""
    price, text = line.price, line.name
    decimals = -int(price.amount.as_tuple().exponent)
    quantity, unit, amount = price.quantity, _UNITS.get(price.unit, _OTHER_UNIT), price.amount
    if price.per is not None or decimals > _DECIMALS_MAX:
        text = f"{text}, {price.quantity.copy_abs():f} {price.unit}"
        quantity, unit, amount = Decimal(1).copy_sign(line.net), _PIECE, line.net.copy_abs()
    detail = "; ".join((line.description, *(f"{name}: {value}" for name, value in line.attributes)))
    return _item(
        _Words(text, f"{_ZERO + sign * quantity:f}", unit, f"{amount:f}"),
        line.rate,
        line.net,
        sign,
        (
            None if line.period is None else _days("LineItemPeriod", line.period),
            text_element("AdditionalLineItemInformation", detail.strip("; ")[:_TEXT_MAX]),
        ),
    )


def _levy(charge: DocumentCharge, sign: int) -> Element:
    quantity = Decimal(1).copy_sign(sign * charge.amount)
    words = _Words(charge.reason, f"{quantity:f}", _PIECE, f"{charge.amount.copy_abs():f}")
    return _item(words, charge.rate, charge.amount, sign, ())


def _item(
    words: _Words, rate: VatRate, net: Decimal, sign: int, rest: tuple[Element | None, ...]
) -> Element:
    special = _SPECIAL.get(rate.category)
    event = (
        element("SpecialTaxableEventCode", special or ""),
        element("SpecialTaxableEventReason", f"VAT category {rate.category}"),
    )
    return element(
        "InvoiceLine",
        (
            element("ItemDescription", words.text[:_TEXT_MAX]),
            element("Quantity", words.quantity),
            element("UnitOfMeasure", words.unit),
            element("UnitPriceWithoutTax", words.price),
            _amount("TotalCost", net, sign),
            _amount("GrossAmount", net, sign),
            element("TaxesOutputs", (_tax(rate, net, None, sign),)),
            *rest,
            element("SpecialTaxableEvent", event) if special else None,
        ),
    )


def _tax(rate: VatRate, base: Decimal, tax: Decimal | None, sign: int) -> Element:
    return element(
        "Tax",
        (
            element("TaxTypeCode", _TAXES.get(rate.category, _VAT)),
            element("TaxRate", f"{rate.percent or _ZERO:f}"),
            element("TaxableBase", (_amount("TotalAmount", base, sign),)),
            None if tax is None else group("TaxAmount", _amount("TotalAmount", tax, sign)),
        ),
    )


def _days(name: str, days: DayRange) -> Element:
    last = max(days.first, days.last)
    first, end = days.first.isoformat(), last.isoformat()
    return element(name, (element("StartDate", first), element("EndDate", end)))


def _amount(name: str, amount: Decimal, sign: int) -> Element:
    return element(name, f"{_ZERO + sign * amount:.2f}")
