"""UBL 2.1: the Invoice and the CreditNote of EN 16931.

Source: EN 16931-1, bound by CEN/TS 16931-3-2 to OASIS UBL 2.1
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from central.domain.einvoice.document import (
    DocumentCharge,
    EInvoice,
    EInvoiceLine,
    Trader,
    VatGroup,
    VatRate,
)
from central.domain.einvoice.payment import account_name, means_code
from central.domain.einvoice.xml_tree import Element, document, element, group, text_element
from central.domain.rating.inputs.segments import DayRange

SPECIFICATION = "urn:cen.eu:en16931:2017"
"""What the document says it keeps (BT-24)."""
_PREFIX = "urn:oasis:names:specification:ubl:schema:xsd"
_INVOICED_OBJECT = "130"


def ubl(invoice: EInvoice) -> bytes:
    """The bytes of the document, UTF-8.

    Args:
        invoice: What it says.

    Raises:
        NotStructuredError: A text has a character that no XML can have.
    """
    return _Writer(invoice).document()


class _Writer:
    """Writes one document: elements of the same content have other names in a credit note."""

    def __init__(self, invoice: EInvoice) -> None:
        self._invoice = invoice
        self._kind = "CreditNote" if invoice.is_credit_note else "Invoice"

    def document(self) -> bytes:
        names = {
            "": f"{_PREFIX}:{self._kind}-2",
            "cac": f"{_PREFIX}:CommonAggregateComponents-2",
            "cbc": f"{_PREFIX}:CommonBasicComponents-2",
        }
        return document(element(self._kind, self._content()), names)

    def _content(self) -> Iterator[Element | None]:
        invoice = self._invoice
        yield element("cbc:CustomizationID", SPECIFICATION)
        yield element("cbc:ID", invoice.number)
        yield element("cbc:IssueDate", invoice.issued.isoformat())
        if invoice.due is not None and not invoice.is_credit_note:
            yield element("cbc:DueDate", invoice.due.isoformat())
        yield element(f"cbc:{self._kind}TypeCode", invoice.type_code)
        for note in invoice.notes:
            yield element("cbc:Note", note)
        yield element("cbc:DocumentCurrencyCode", invoice.currency)
        yield text_element("cbc:BuyerReference", invoice.reference)
        yield _period(invoice.period)
        if invoice.preceding is not None:
            number, issued = invoice.preceding
            reference = element(
                "cac:InvoiceDocumentReference",
                (element("cbc:ID", number), _day("cbc:IssueDate", issued)),
            )
            yield element("cac:BillingReference", (reference,))
        yield element("cac:AccountingSupplierParty", (_party(invoice.seller),))
        yield element("cac:AccountingCustomerParty", (_party(invoice.buyer),))
        if invoice.period is not None:
            yield element("cac:Delivery", (_day("cbc:ActualDeliveryDate", invoice.period.last),))
        yield from self._payment()
        yield from map(self._charge, invoice.charges)
        yield self._taxes()
        yield self._sums()
        yield from map(self._line, invoice.lines)

    def _payment(self) -> Iterator[Element | None]:
        means = self._invoice.payment
        if means is not None:
            branch = text_element("cbc:ID", means.bic)
            account = (
                element("cbc:ID", means.iban),
                text_element("cbc:Name", account_name(self._invoice)),
                element("cac:FinancialInstitutionBranch", (branch,)) if branch else None,
            )
            yield element(
                "cac:PaymentMeans",
                (
                    element("cbc:PaymentMeansCode", means_code(self._invoice)),
                    element("cbc:PaymentID", self._invoice.number),
                    element("cac:PayeeFinancialAccount", account),
                ),
            )
        note = text_element("cbc:Note", self._invoice.terms)
        yield element("cac:PaymentTerms", (note,)) if note else None

    def _charge(self, charge: DocumentCharge) -> Element:
        allowance = charge.amount < 0
        base = charge.base
        if base is not None and allowance:
            base = base.copy_negate()
        return element(
            "cac:AllowanceCharge",
            (
                element("cbc:ChargeIndicator", "false" if allowance else "true"),
                element("cbc:AllowanceChargeReason", charge.reason),
                None
                if charge.percent is None
                else element("cbc:MultiplierFactorNumeric", f"{charge.percent:f}"),
                self._amount("cbc:Amount", charge.amount.copy_abs()),
                None if base is None else self._amount("cbc:BaseAmount", base),
                _category("cac:TaxCategory", charge.rate),
            ),
        )

    def _taxes(self) -> Element:
        return element(
            "cac:TaxTotal",
            (
                self._amount("cbc:TaxAmount", self._invoice.totals.tax),
                *map(self._subtotal, self._invoice.vat),
            ),
        )

    def _subtotal(self, taxed: VatGroup) -> Element:
        return element(
            "cac:TaxSubtotal",
            (
                self._amount("cbc:TaxableAmount", taxed.base),
                self._amount("cbc:TaxAmount", taxed.tax),
                _category("cac:TaxCategory", taxed.rate, taxed.reason, taxed.reason_code),
            ),
        )

    def _sums(self) -> Element:
        totals, amount = self._invoice.totals, self._amount
        return element(
            "cac:LegalMonetaryTotal",
            (
                amount("cbc:LineExtensionAmount", totals.lines),
                amount("cbc:TaxExclusiveAmount", totals.net),
                amount("cbc:TaxInclusiveAmount", totals.gross),
                amount("cbc:AllowanceTotalAmount", totals.allowances)
                if totals.allowances
                else None,
                amount("cbc:ChargeTotalAmount", totals.charges) if totals.charges else None,
                amount("cbc:PrepaidAmount", totals.prepaid) if totals.prepaid else None,
                amount("cbc:PayableRoundingAmount", totals.rounding) if totals.rounding else None,
                amount("cbc:PayableAmount", totals.due),
            ),
        )

    def _line(self, line: EInvoiceLine) -> Element:
        """A line: what was supplied, its price, quantity, tax and period (BG-25)."""
        price, quantity = line.price, "Credited" if self._invoice.is_credit_note else "Invoiced"
        supply = (
            element("cbc:ID", line.supply),
            element("cbc:DocumentTypeCode", _INVOICED_OBJECT),
        )
        return element(
            f"cac:{self._kind}Line",
            (
                element("cbc:ID", line.id),
                element(f"cbc:{quantity}Quantity", f"{price.quantity:f}", unitCode=price.unit),
                self._amount("cbc:LineExtensionAmount", line.net),
                _period(line.period),
                element("cac:DocumentReference", supply) if line.supply else None,
                element(
                    "cac:Item",
                    (
                        text_element("cbc:Description", line.description),
                        element("cbc:Name", line.name),
                        _category("cac:ClassifiedTaxCategory", line.rate),
                        *(
                            element(
                                "cac:AdditionalItemProperty",
                                (element("cbc:Name", name), element("cbc:Value", value)),
                            )
                            for name, value in line.attributes
                        ),
                    ),
                ),
                element(
                    "cac:Price",
                    (
                        element(
                            "cbc:PriceAmount",
                            f"{price.amount:f}",
                            currencyID=self._invoice.currency,
                        ),
                        None
                        if price.per is None
                        else element("cbc:BaseQuantity", f"{price.per:f}", unitCode=price.unit),
                    ),
                ),
            ),
        )

    def _amount(self, name: str, amount: Decimal) -> Element:
        text = f"{amount:.{self._invoice.digits}f}"
        return element(name, text, currencyID=self._invoice.currency)


def _party(trader: Trader) -> Element:
    """Seller or buyer: numbers, name, contact, address and tax registrations (BG-4, BG-7)."""
    scheme, address = trader.endpoint or (None, "")
    first_line, more, *further = (*trader.lines, "", "")
    rest = ", ".join(text for text in further if text)
    taxes = (
        (trader.vat_id, "VAT"),
        (trader.tax_id, "TAX"),
    )
    return element(
        "cac:Party",
        (
            text_element("cbc:EndpointID", address, schemeID=scheme),
            group("cac:PartyIdentification", text_element("cbc:ID", trader.key)),
            element(
                "cac:PostalAddress",
                (
                    text_element("cbc:StreetName", first_line),
                    text_element("cbc:AdditionalStreetName", more),
                    text_element("cbc:CityName", trader.town),
                    text_element("cbc:PostalZone", trader.postcode),
                    text_element("cbc:CountrySubentity", trader.region),
                    group("cac:AddressLine", text_element("cbc:Line", rest)),
                    group("cac:Country", text_element("cbc:IdentificationCode", trader.country)),
                ),
            ),
            *(
                element(
                    "cac:PartyTaxScheme",
                    (
                        element("cbc:CompanyID", number),
                        element("cac:TaxScheme", (element("cbc:ID", scheme_id),)),
                    ),
                )
                for number, scheme_id in taxes
                if number
            ),
            element(
                "cac:PartyLegalEntity",
                (
                    element("cbc:RegistrationName", trader.name),
                    text_element("cbc:CompanyID", trader.legal_id),
                ),
            ),
            _contact(trader.contact),
        ),
    )


def _contact(text: str) -> Element | None:
    if not text:
        return None
    name = (
        "ElectronicMail" if "@" in text else "Telephone" if text[:1] in "+(0123456789" else "Name"
    )
    return element("cac:Contact", (element(f"cbc:{name}", text),))


def _category(name: str, rate: VatRate, reason: str = "", code: str = "") -> Element:
    return element(
        name,
        (
            element("cbc:ID", rate.category),
            None if rate.percent is None else element("cbc:Percent", f"{rate.percent:f}"),
            text_element("cbc:TaxExemptionReasonCode", code),
            text_element("cbc:TaxExemptionReason", reason),
            element("cac:TaxScheme", (element("cbc:ID", "VAT"),)),
        ),
    )


def _period(days: DayRange | None) -> Element | None:
    if days is None:
        return None
    first, last = days.first.isoformat(), days.last.isoformat()
    return element(
        "cac:InvoicePeriod", (element("cbc:StartDate", first), element("cbc:EndDate", last))
    )


def _day(name: str, day: date | None) -> Element | None:
    return None if day is None else element(name, day.isoformat())
