"""How an invoice is paid, as codes.

Source: EN 16931-1, BT-81, from UNTDID 4461
"""

from __future__ import annotations

from central.domain.einvoice.document import EInvoice

_CREDIT_TRANSFER, _SEPA_CREDIT_TRANSFER = "30", "58"


def means_code(invoice: EInvoice) -> str:
    """The means of payment (BT-81): a transfer, in euro one of SEPA."""
    return _SEPA_CREDIT_TRANSFER if invoice.currency == "EUR" else _CREDIT_TRANSFER


def account_name(invoice: EInvoice) -> str:
    """Whose account it is (BT-85), "" where there is none."""
    means = invoice.payment
    return "" if means is None else means.holder or invoice.seller.name
