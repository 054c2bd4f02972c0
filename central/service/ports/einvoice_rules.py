"""What judges structured invoices by published rules."""

from __future__ import annotations

from collections.abc import Callable

from central.domain.einvoice.form import Breach, EInvoiceForm

Rules = Callable[[EInvoiceForm, bytes], tuple[Breach, ...]]
"""What judges a document of a form: the rules that it does not keep."""
