"""Which structured invoices a utility's documents have inside of them."""

from __future__ import annotations

from enum import StrEnum


class InvoiceXml(StrEnum):
    """Structured invoices inside of a document. Stored: never renamed."""

    NONE = "none"
    CII = "cii"
    """UN/CEFACT CrossIndustryInvoice: the document is a Factur-X invoice."""
    UBL = "ubl"
    BOTH = "both"

    @property
    def forms(self) -> tuple[str, ...]:
        """Their forms by name, none to two."""
        if self is InvoiceXml.BOTH:
            return InvoiceXml.CII.value, InvoiceXml.UBL.value
        return () if self is InvoiceXml.NONE else (self.value,)
