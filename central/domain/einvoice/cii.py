"""CII: the CrossIndustryInvoice of EN 16931, which Factur-X carries inside a PDF.

Source: EN 16931-1, bound by CEN/TS 16931-3-3 to UN/CEFACT D22B; Factur-X 1.09
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
from central.domain.einvoice.ubl import SPECIFICATION
from central.domain.einvoice.xml_tree import Element, document, element, group, text_element
from central.domain.rating.inputs.segments import DayRange

_NAMES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
_INVOICED_OBJECT = "130"
_BY_DAY = "102"


def cii(invoice: EInvoice) -> bytes:
    """The bytes of the document, UTF-8.

    Args:
        invoice: What it says.

    Raises:
        NotStructuredError: A text has a character that no XML can have.
    """
    context = element(
        "rsm:ExchangedDocumentContext",
        (
            element(
                "ram:GuidelineSpecifiedDocumentContextParameter",
                (element("ram:ID", SPECIFICATION),),
            ),
        ),
    )
    head = element(
        "rsm:ExchangedDocument",
        (
            element("ram:ID", invoice.number),
            element("ram:TypeCode", invoice.type_code),
            _instant("ram:IssueDateTime", invoice.issued),
            *(
                element("ram:IncludedNote", (element("ram:Content", note),))
                for note in invoice.notes
            ),
        ),
    )
    transaction = element(
        "rsm:SupplyChainTradeTransaction",
        (
            *(_line(line, invoice) for line in invoice.lines),
            element(
                "ram:ApplicableHeaderTradeAgreement",
                (
                    text_element("ram:BuyerReference", invoice.reference),
                    _party("ram:SellerTradeParty", invoice.seller),
                    _party("ram:BuyerTradeParty", invoice.buyer),
                ),
            ),
            element("ram:ApplicableHeaderTradeDelivery", (_delivery(invoice.period),)),
            element("ram:ApplicableHeaderTradeSettlement", _settlement(invoice)),
        ),
    )
    return document(element("rsm:CrossIndustryInvoice", (context, head, transaction)), _NAMES)


def _settlement(invoice: EInvoice) -> Iterator[Element | None]:
    yield element("ram:PaymentReference", invoice.number) if invoice.payment else None
    yield element("ram:InvoiceCurrencyCode", invoice.currency)
    yield _means(invoice)
    for taxed in invoice.vat:
        yield _tax(taxed, invoice)
    yield _period(invoice.period)
    for charge in invoice.charges:
        yield _charge(charge, invoice)
    yield group(
        "ram:SpecifiedTradePaymentTerms",
        text_element("ram:Description", invoice.terms),
        None if invoice.due is None else _instant("ram:DueDateDateTime", invoice.due),
    )
    yield _sums(invoice)
    if invoice.preceding is not None:
        number, issued = invoice.preceding
        yield element(
            "ram:InvoiceReferencedDocument",
            (
                element("ram:IssuerAssignedID", number),
                None
                if issued is None
                else _instant("ram:FormattedIssueDateTime", issued, kind="qdt"),
            ),
        )


def _means(invoice: EInvoice) -> Element | None:
    means = invoice.payment
    if means is None:
        return None
    return element(
        "ram:SpecifiedTradeSettlementPaymentMeans",
        (
            element("ram:TypeCode", means_code(invoice)),
            element(
                "ram:PayeePartyCreditorFinancialAccount",
                (
                    element("ram:IBANID", means.iban),
                    text_element("ram:AccountName", account_name(invoice)),
                ),
            ),
            group(
                "ram:PayeeSpecifiedCreditorFinancialInstitution",
                text_element("ram:BICID", means.bic),
            ),
        ),
    )


def _tax(taxed: VatGroup, invoice: EInvoice) -> Element:
    rate = taxed.rate
    return element(
        "ram:ApplicableTradeTax",
        (
            _amount("ram:CalculatedAmount", taxed.tax, invoice),
            element("ram:TypeCode", "VAT"),
            text_element("ram:ExemptionReason", taxed.reason),
            _amount("ram:BasisAmount", taxed.base, invoice),
            element("ram:CategoryCode", rate.category),
            text_element("ram:ExemptionReasonCode", taxed.reason_code),
            _percent(rate),
        ),
    )


def _charge(charge: DocumentCharge, invoice: EInvoice) -> Element:
    allowance = charge.amount < 0
    base = charge.base
    if base is not None and allowance:
        base = base.copy_negate()
    return element(
        "ram:SpecifiedTradeAllowanceCharge",
        (
            element(
                "ram:ChargeIndicator",
                (element("udt:Indicator", "false" if allowance else "true"),),
            ),
            None
            if charge.percent is None
            else element("ram:CalculationPercent", f"{charge.percent:f}"),
            None if base is None else _amount("ram:BasisAmount", base, invoice),
            _amount("ram:ActualAmount", charge.amount.copy_abs(), invoice),
            element("ram:Reason", charge.reason),
            _category("ram:CategoryTradeTax", charge.rate),
        ),
    )


def _sums(invoice: EInvoice) -> Element:
    totals = invoice.totals

    def nonzero(name: str, amount: Decimal) -> Element | None:
        return _amount(name, amount, invoice) if amount else None

    return element(
        "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
        (
            _amount("ram:LineTotalAmount", totals.lines, invoice),
            nonzero("ram:ChargeTotalAmount", totals.charges),
            nonzero("ram:AllowanceTotalAmount", totals.allowances),
            _amount("ram:TaxBasisTotalAmount", totals.net, invoice),
            element(
                "ram:TaxTotalAmount",
                f"{totals.tax:.{invoice.digits}f}",
                currencyID=invoice.currency,
            ),
            nonzero("ram:RoundingAmount", totals.rounding),
            _amount("ram:GrandTotalAmount", totals.gross, invoice),
            nonzero("ram:TotalPrepaidAmount", totals.prepaid),
            _amount("ram:DuePayableAmount", totals.due, invoice),
        ),
    )


def _line(line: EInvoiceLine, invoice: EInvoice) -> Element:
    """A line: what was supplied, its price, quantity, tax and period (BG-25)."""
    price = line.price
    product = element(
        "ram:SpecifiedTradeProduct",
        (
            element("ram:Name", line.name),
            text_element("ram:Description", line.description),
            *(
                element(
                    "ram:ApplicableProductCharacteristic",
                    (element("ram:Description", name), element("ram:Value", value)),
                )
                for name, value in line.attributes
            ),
        ),
    )
    charged = element(
        "ram:NetPriceProductTradePrice",
        (
            element("ram:ChargeAmount", f"{price.amount:f}"),
            None
            if price.per is None
            else element("ram:BasisQuantity", f"{price.per:f}", unitCode=price.unit),
        ),
    )
    summed = element(
        "ram:SpecifiedTradeSettlementLineMonetarySummation",
        (_amount("ram:LineTotalAmount", line.net, invoice),),
    )
    supply = (
        element("ram:IssuerAssignedID", line.supply),
        element("ram:TypeCode", _INVOICED_OBJECT),
    )
    return element(
        "ram:IncludedSupplyChainTradeLineItem",
        (
            element("ram:AssociatedDocumentLineDocument", (element("ram:LineID", line.id),)),
            product,
            element("ram:SpecifiedLineTradeAgreement", (charged,)),
            element(
                "ram:SpecifiedLineTradeDelivery",
                (element("ram:BilledQuantity", f"{price.quantity:f}", unitCode=price.unit),),
            ),
            element(
                "ram:SpecifiedLineTradeSettlement",
                (
                    _category("ram:ApplicableTradeTax", line.rate),
                    _period(line.period),
                    summed,
                    element("ram:AdditionalReferencedDocument", supply) if line.supply else None,
                ),
            ),
        ),
    )


def _party(name: str, trader: Trader) -> Element:
    """Seller or buyer: numbers, name, contact, address and tax registrations (BG-4, BG-7)."""
    first_line, more, *further = (*trader.lines, "", "")
    scheme, address = trader.endpoint or (None, "")
    return element(
        name,
        (
            text_element("ram:ID", trader.key),
            element("ram:Name", trader.name),
            group("ram:SpecifiedLegalOrganization", text_element("ram:ID", trader.legal_id)),
            _contact(trader.contact),
            element(
                "ram:PostalTradeAddress",
                (
                    text_element("ram:PostcodeCode", trader.postcode),
                    text_element("ram:LineOne", first_line),
                    text_element("ram:LineTwo", more),
                    text_element("ram:LineThree", ", ".join(text for text in further if text)),
                    text_element("ram:CityName", trader.town),
                    text_element("ram:CountryID", trader.country),
                    text_element("ram:CountrySubDivisionName", trader.region),
                ),
            ),
            group(
                "ram:URIUniversalCommunication",
                text_element("ram:URIID", address, schemeID=scheme),
            ),
            *(
                element("ram:SpecifiedTaxRegistration", (element("ram:ID", number, schemeID=kind),))
                for number, kind in ((trader.vat_id, "VA"), (trader.tax_id, "FC"))
                if number
            ),
        ),
    )


def _contact(text: str) -> Element | None:
    if not text:
        return None
    if "@" in text:
        how = group("ram:EmailURIUniversalCommunication", element("ram:URIID", text))
    elif text[:1] in "+(0123456789":
        how = group("ram:TelephoneUniversalCommunication", element("ram:CompleteNumber", text))
    else:
        how = element("ram:PersonName", text)
    return group("ram:DefinedTradeContact", how)


def _category(name: str, rate: VatRate) -> Element:
    return element(
        name,
        (
            element("ram:TypeCode", "VAT"),
            element("ram:CategoryCode", rate.category),
            _percent(rate),
        ),
    )


def _percent(rate: VatRate) -> Element | None:
    if rate.percent is None:
        return None
    return element("ram:RateApplicablePercent", f"{rate.percent:f}")


def _period(days: DayRange | None) -> Element | None:
    if days is None:
        return None
    return element(
        "ram:BillingSpecifiedPeriod",
        (
            _instant("ram:StartDateTime", days.first),
            _instant("ram:EndDateTime", days.last),
        ),
    )


def _delivery(days: DayRange | None) -> Element | None:
    if days is None:
        return None
    occurred = _instant("ram:OccurrenceDateTime", days.last)
    return element("ram:ActualDeliverySupplyChainEvent", (occurred,))


def _instant(name: str, day: date, kind: str = "udt") -> Element:
    return element(name, (element(f"{kind}:DateTimeString", f"{day:%Y%m%d}", format=_BY_DAY),))


def _amount(name: str, amount: Decimal, invoice: EInvoice) -> Element:
    return element(name, f"{amount:.{invoice.digits}f}")
