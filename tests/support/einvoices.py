"""E-invoices to be judged, and the published rules that judge them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

from central.adapters.documents.einvoice_rules import EInvoiceRules
from central.domain.billing.bill import Account, Bill, EarlierBill, Party, Supply
from central.domain.billing.billing_settings import DocumentKind
from central.domain.billing.credit_note import mirrored
from central.domain.billing.invoice import Invoice, invoice_of
from central.domain.billing.invoice_terms import InvoiceTerms, PartyTerms, PaymentMeans
from central.domain.billing.issue import IssueFacts
from central.domain.billing.make_bill import make_bill
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.document import TariffDocument
from tests.support.data import data_root
from tests.support.schematron import as_stylesheet

SELLER = Party("Sierra Power SA", ("Plaza 1", "28001 Madrid"), "B12345674", "+34 910 000 000")
BUYER = Party("Ana & Söhne", ("Calle 9", "08001 Barcelona"), "12345678Z", "ana@example.org")
TERMS = InvoiceTerms(
    PartyTerms(country="ES", region="Madrid", endpoint="9920:ESB12345674"),
    PartyTerms(country="ES", reference="PO-7"),
    PaymentMeans("ES9121000418450200051332", "CAIXESBBXXX"),
)


@cache
def packaged_rules() -> EInvoiceRules:
    """The rules that the product judges by, compiled once."""
    return EInvoiceRules()


@cache
def _processor() -> PySaxonProcessor:
    return PySaxonProcessor(license=False)


@cache
def _published() -> PyXsltExecutable:
    folder = data_root("einvoice", "en16931")
    sheet = as_stylesheet(folder / "EN16931-UBL-validation-preprocessed.sch")
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_text=sheet)


def broken_rules(documents: Iterable[etree._Element]) -> list[Counter[str]]:
    """For each UBL document the published rules that it breaks, and how often."""
    every = etree.Element("documents")
    every.extend(documents)
    node = _processor().parse_xml(xml_text=etree.tostring(every, encoding="unicode"))
    report = etree.fromstring(_published().transform_to_string(xdm_node=node).encode())
    return [Counter(broken.get("id") for broken in judged) for judged in report]


@cache
def ubl_schema(name: str) -> etree.XMLSchema:
    """The schema of `Invoice` or `CreditNote`."""
    folder = data_root("einvoice", "ubl-2.1", "maindoc")
    return etree.XMLSchema(etree.parse(folder / f"UBL-{name}-2.1.xsd"))


@cache
def facturae_schema() -> etree.XMLSchema:
    """The schema of Facturae 3.2.2, which names that of signatures by an address of the web."""
    signatures = data_root("einvoice", "ubl-2.1", "common") / "UBL-xmldsig-core-schema-2.1.xsd"
    parsed = etree.parse(data_root("einvoice", "facturae") / "facturaev3_2_2.xsd")
    (imported,) = parsed.getroot().iter("{http://www.w3.org/2001/XMLSchema}import")
    imported.set("schemaLocation", str(signatures))
    return etree.XMLSchema(parsed)


def bill_of(
    results: Sequence[Rated], period: BillingPeriod, days: DayRange, zone: str = "Europe/Madrid"
) -> Bill:
    """A bill of one account with what was rated at each of its points."""
    supplies = [
        Supply(f"SP-{number}", "home", days, zone, rated)
        for number, rated in enumerate(results, start=1)
    ]
    return make_bill(Account("A-1", BUYER, SELLER), period, supplies)


def issued_as(
    bill: Bill, tariffs: dict[str, TariffDocument], terms: InvoiceTerms = TERMS
) -> Invoice:
    """The invoice of a bill, or the credit note that it is, issued on the day after its days."""
    kind = DocumentKind.INVOICE if bill.cancels is None else DocumentKind.CREDIT_NOTE
    day = bill.days.end
    facts = IssueFacts("INV-000007", day, day + timedelta(days=14), kind, terms=terms)
    return invoice_of(bill, facts, tariffs)


def credit_note_of(bill: Bill) -> Bill:
    """What cancels all of a bill."""
    earlier = EarlierBill("INV-000001", bill.days.end, bill.sha256)
    return mirrored(bill, earlier, {entry.position for entry in bill.lines})


def without_tax_number(bill: Bill) -> Bill:
    """The bill of a seller who is not registered for value added tax."""
    return replace(bill, seller=replace(bill.seller, tax_id=""))
