"""The forms that a structured invoice is written in, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from central.domain.einvoice.cii import cii
from central.domain.einvoice.document import EInvoice
from central.domain.einvoice.facturae import facturae
from central.domain.einvoice.ubl import ubl


class EInvoiceForm(StrEnum):
    """In which form an invoice is written."""

    UBL = "ubl"
    CII = "cii"
    FACTURAE = "facturae"


WRITERS: Mapping[EInvoiceForm, Callable[[EInvoice], bytes]] = {
    EInvoiceForm.UBL: ubl,
    EInvoiceForm.CII: cii,
    EInvoiceForm.FACTURAE: facturae,
}
"""What writes each form."""
ATTACHED_AS: Mapping[EInvoiceForm, str] = {
    EInvoiceForm.CII: "factur-x.xml",
    EInvoiceForm.UBL: "invoice.ubl.xml",
}
"""The names of those that may be inside of a document; Factur-X says that of CII."""
FACTUR_X_LEVEL = "EN 16931"
"""The conformance level of Factur-X that CII is written in."""
JUDGED = (EInvoiceForm.UBL, EInvoiceForm.CII)
"""Those that the rules of EN 16931 are about."""


class Breach(NamedTuple):
    """A rule that a document does not keep.

    Args:
        rule: Its name, such as `BR-CO-10`; `XSD` for the schema's.
        message: What it wants, or what the schema says, in a sentence.
    """

    rule: str
    message: str
