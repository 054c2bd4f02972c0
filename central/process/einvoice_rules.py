"""The published rules of EN 16931, where their packages are installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from central.domain.einvoice.form import Breach, EInvoiceForm
from central.service.ports.einvoice_rules import Rules

_PACKAGES = ("facturx", "lxml", "saxonche")


def installed_rules() -> Rules | None:
    """What judges structured invoices; None where `meterline[einvoice-check]` is not installed.

    Nothing is loaded before the first document is judged.
    """
    return _judge if all(find_spec(name) is not None for name in _PACKAGES) else None


def _judge(form: EInvoiceForm, content: bytes) -> tuple[Breach, ...]:
    return _rules()(form, content)


@cache
def _rules() -> Rules:
    from central.adapters.documents.einvoice_rules import (  # noqa: PLC0415 - of an extra
        EInvoiceRules,
    )

    return EInvoiceRules()
