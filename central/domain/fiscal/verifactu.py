"""VERI*FACTU: the record of an invoice, the address of its QR code, and its XML.

Source: https://sede.agenciatributaria.gob.es, Orden HAC/1177/2024, schema SuministroInformacion
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from central.domain.einvoice.document import EInvoice, VatGroup
from central.domain.einvoice.xml_tree import Element, document, element
from central.domain.fiscal.record import CENTS, FiscalRecord, RecordKind
from firmware_bridge.contract.errors import OperatorError

_NAMESPACE = (
    "https://www2.agenciatributaria.gob.es/static_files/common/internet/dep/aplicaciones/es/aeat"
    "/tike/cont/ws/SuministroInformacion.xsd"
)
_CHECK = "https://www2.agenciatributaria.gob.es/wlpl/TIKE-CONT/ValidarQR"
_TAX_NUMBER = re.compile(r"[A-Z0-9]{9}")
_UNRESERVED = frozenset("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_VERSION, _SHA256 = "1.0", "01"
_VAT, _IPSI, _IGIC = "01", "02", "03"
_TAXES = {"M": _IPSI, "L": _IGIC}
_GENERAL_REGIME = "01"
SIMPLIFIED = frozenset({"F2", "R5"})
"""Types of invoices that name no tax number of the buyer, and of their credit notes."""
_TAXED, _REVERSED, _OUTSIDE = "S1", "S2", "N1"
# Articles 20, 21, 25 of the law on the tax: within, exported, to another member of the union.
_EXEMPT = {"E": "E1", "G": "E2", "K": "E5"}


class FiscalIssuerError(OperatorError):
    """Seller or producer has no Spanish tax number, so that nothing can be registered."""

    code = "FISCAL_ISSUER"
    default_remedy = "Give it a tax number of nine signs, such as B12345674."


class BillingSoftware(NamedTuple):
    """The system that makes the records, as its producer declares it.

    Args:
        producer: Name of the producer.
        tax_number: Of the producer.
        installation: Number of this installation at the issuer.
        version: Of the software.
    """

    producer: str
    tax_number: str
    installation: str
    version: str


def registration(
    invoice: EInvoice, *, of_simplified: bool, previous: str, at: datetime
) -> FiscalRecord:
    """The record of an invoice or credit note.

    Args:
        invoice: What was issued.
        of_simplified: Of a credit note, whether its invoice named no tax number of the buyer.
        previous: Hash of the record before it, "" for none.
        at: When it is made. Aware, in the zone that is to be said.

    Raises:
        FiscalIssuerError: The seller has no Spanish tax number.
    """
    sign = -1 if invoice.is_credit_note else 1
    simple = not _buyer_number(invoice) or of_simplified
    kinds = ("R5", "R1") if invoice.is_credit_note else ("F2", "F1")
    return FiscalRecord(
        kind=RecordKind.REGISTRATION,
        issuer=issuer_of(invoice),
        number=invoice.number,
        issued=invoice.issued,
        invoice_type=kinds[0] if simple else kinds[1],
        tax=Decimal(0) + sign * invoice.totals.tax,
        total=Decimal(0) + sign * invoice.totals.gross,
        previous=previous,
        at=at.replace(microsecond=0),
    )


def issuer_of(invoice: EInvoice) -> str:
    """The tax number of who issued an invoice.

    Raises:
        FiscalIssuerError: It has no Spanish one.
    """
    number = (invoice.seller.vat_id or invoice.seller.tax_id).removeprefix("ES")
    check_tax_number(invoice.seller.name, number)
    return number


def check_tax_number(name: str, number: str) -> None:
    """Check that somebody's tax number reads like a Spanish one.

    Raises:
        FiscalIssuerError: It does not.
    """
    if not _TAX_NUMBER.fullmatch(number):
        message = f"{name!r} has no Spanish tax number, but {number!r}."
        raise FiscalIssuerError(message, value=number)


def _buyer_number(invoice: EInvoice) -> str:
    return invoice.buyer.vat_id or invoice.buyer.tax_id


def check_address(record: FiscalRecord) -> str:
    """The address that the QR code of an invoice has: where anybody may ask whether it is known."""
    asked = {
        "nif": record.issuer,
        "numserie": record.number,
        "fecha": f"{record.issued:%d-%m-%Y}",
        "importe": f"{record.total:.{CENTS}f}",
    }
    return f"{_CHECK}?{'&'.join(f'{name}={_escaped(text)}' for name, text in asked.items())}"


def _escaped(text: str) -> str:
    """A text as a part of an address, by RFC 3986."""
    return "".join(
        sign if sign in _UNRESERVED else "".join(f"%{byte:02X}" for byte in sign.encode())
        for sign in text
    )


class Linked(NamedTuple):
    """The record before another in the chain.

    Args:
        issuer: Tax number.
        number: Of its invoice.
        issued: Local day of issue.
        sha256: Its hash, in capitals.
    """

    issuer: str
    number: str
    issued: date
    sha256: str


def registration_xml(
    invoice: EInvoice, record: FiscalRecord, before: Linked | None, software: BillingSoftware
) -> bytes:
    """A registration as XML, UTF-8.

    Args:
        invoice: What was issued.
        record: Of it.
        before: The record before it; None for the first.
        software: What made it.

    Raises:
        NotStructuredError: A text has a character that no XML can have.
    """
    content = (
        element("IDVersion", _VERSION),
        element("IDFactura", _named(record.issuer, record.number, record.issued)),
        element("NombreRazonEmisor", invoice.seller.name),
        element("TipoFactura", record.invoice_type),
        *_credited(invoice, record),
        element("DescripcionOperacion", "Suministro"),
        *_recipient(invoice, record),
        element("Desglose", (_taxed(group, invoice) for group in invoice.vat)),
        element("CuotaTotal", f"{record.tax:.{CENTS}f}"),
        element("ImporteTotal", f"{record.total:.{CENTS}f}"),
        *_closing(record, before, software),
    )
    return document(element("RegistroAlta", content), {"": _NAMESPACE})


def cancellation_xml(
    record: FiscalRecord, before: Linked | None, software: BillingSoftware
) -> bytes:
    """A cancellation as XML, UTF-8.

    Args:
        record: The cancellation.
        before: The record before it; None for the first.
        software: What made it.
    """
    content = (
        element("IDVersion", _VERSION),
        element("IDFactura", _named(record.issuer, record.number, record.issued, "Anulada")),
        *_closing(record, before, software),
    )
    return document(element("RegistroAnulacion", content), {"": _NAMESPACE})


def _named(issuer: str, number: str, issued: date, suffix: str = "") -> tuple[Element, ...]:
    return (
        element(f"IDEmisorFactura{suffix}", issuer),
        element(f"NumSerieFactura{suffix}", number),
        element(f"FechaExpedicionFactura{suffix}", f"{issued:%d-%m-%Y}"),
    )


def _credited(invoice: EInvoice, record: FiscalRecord) -> Iterator[Element]:
    if not invoice.is_credit_note:
        return
    yield element("TipoRectificativa", "I")
    if invoice.preceding is not None and invoice.preceding[1] is not None:
        number, issued = invoice.preceding[0], invoice.preceding[1]
        named = element("IDFacturaRectificada", _named(record.issuer, number, issued))
        yield element("FacturasRectificadas", (named,))


def _recipient(invoice: EInvoice, record: FiscalRecord) -> Iterator[Element]:
    number, buyer = _buyer_number(invoice), invoice.buyer
    if record.invoice_type in SIMPLIFIED:
        return
    if buyer.country == "ES":
        identified = element("NIF", number.removeprefix("ES"))
    else:
        # A VAT number of the union, else whatever else the country gives.
        kind = "02" if buyer.vat_id else "04"
        identified = element(
            "IDOtro",
            (
                element("CodigoPais", buyer.country),
                element("IDType", kind),
                element("ID", number),
            ),
        )
    named = element("IDDestinatario", (element("NombreRazon", buyer.name), identified))
    yield element("Destinatarios", (named,))


def _taxed(group: VatGroup, invoice: EInvoice) -> Element:
    sign = -1 if invoice.is_credit_note else 1
    category, percent = group.rate
    base = element("BaseImponibleOimporteNoSujeto", f"{Decimal(0) + sign * group.base:.{CENTS}f}")
    head = (
        element("Impuesto", _TAXES.get(category, _VAT)),
        element("ClaveRegimen", _GENERAL_REGIME),
    )
    if category in _EXEMPT:
        return element(
            "DetalleDesglose", (*head, element("OperacionExenta", _EXEMPT[category]), base)
        )
    kind = {"AE": _REVERSED, "O": _OUTSIDE}.get(category, _TAXED)
    rest: tuple[Element, ...] = (base,)
    if kind != _OUTSIDE:
        tax = f"{Decimal(0) + sign * group.tax:.{CENTS}f}"
        rate = element("TipoImpositivo", f"{percent or Decimal(0):.{CENTS}f}")
        rest = (rate, base, element("CuotaRepercutida", tax))
    return element("DetalleDesglose", (*head, element("CalificacionOperacion", kind), *rest))


def _closing(
    record: FiscalRecord, before: Linked | None, software: BillingSoftware
) -> tuple[Element, ...]:
    chained = element("PrimerRegistro", "S")
    if before is not None:
        named = _named(before.issuer, before.number, before.issued)
        chained = element("RegistroAnterior", (*named, element("Huella", before.sha256)))
    system = (
        element("NombreRazon", software.producer),
        element("NIF", software.tax_number),
        element("NombreSistemaInformatico", "Meterline"),
        element("IdSistemaInformatico", "ML"),
        element("Version", software.version),
        element("NumeroInstalacion", software.installation),
        element("TipoUsoPosibleSoloVerifactu", "N"),
        element("TipoUsoPosibleMultiOT", "N"),
        element("IndicadorMultiplesOT", "N"),
    )
    return (
        element("Encadenamiento", (chained,)),
        element("SistemaInformatico", system),
        element("FechaHoraHusoGenRegistro", record.at.isoformat(timespec="seconds")),
        element("TipoHuella", _SHA256),
        element("Huella", record.sha256),
    )
