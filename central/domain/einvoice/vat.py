"""Categories of value added tax, why there is none of it, and the groups of an invoice.

Source: EN 16931-1:2017, rules BR-S, BR-Z, BR-E, BR-AE, BR-IC, BR-G, BR-O, BR-IG and BR-IP
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from central.domain.billing.invoice import Invoice, InvoiceLine, TaxRate
from central.domain.einvoice.document import NotStructuredError, VatGroup, VatRate

STANDARD, ZERO, EXEMPT, REVERSE, OUTSIDE = "S", "Z", "E", "AE", "O"
_INSIDE_UNION, _EXPORT, _CANARY, _CEUTA = "K", "G", "L", "M"
_SUPPORTED = frozenset(
    (STANDARD, ZERO, EXEMPT, REVERSE, OUTSIDE, _INSIDE_UNION, _EXPORT, _CANARY, _CEUTA)
)
# UNTDID 5305 tells reduced and higher rates apart; EN 16931 has the rate do it.
_RATED_AS_STANDARD = frozenset(("AA", "AB", "H"))
_REASONS: Mapping[str, tuple[str, str]] = {
    EXEMPT: ("Exempt from VAT", ""),
    REVERSE: ("Reverse charge", "VATEX-EU-AE"),
    OUTSIDE: ("Not subject to VAT", "VATEX-EU-O"),
    _INSIDE_UNION: ("Intra-Community supply", "VATEX-EU-IC"),
    _EXPORT: ("Export outside the EU", "VATEX-EU-G"),
}
_NOTHING = Decimal(0)


def vat_rate(line: InvoiceLine, untaxed: VatRate) -> VatRate:
    """The value added tax of a line.

    Args:
        line: Of an invoice.
        untaxed: What a line has that bears none.

    Raises:
        NotStructuredError: It bears several, or one of a category that EN 16931 does not have.
    """
    rates = list(dict.fromkeys(map(_of, line.rates)))
    if len(rates) > 1:
        names = ", ".join(rate.name for rate in line.rates)
        name = line.entry.line.name
        message = f"The line {name!r} bears several taxes ({names}), and a structured line has one."
        raise NotStructuredError(message, value=name)
    return rates[0] if rates else untaxed


def untaxed_rate(invoice: Invoice) -> VatRate:
    """What lines have that bear no tax.

    They are exempt where the seller is registered for the tax, and outside of it otherwise.
    """
    registered = bool(invoice.seller.party.tax_id)
    return VatRate(EXEMPT, _NOTHING) if registered else VatRate(OUTSIDE, None)


def vat_groups(invoice: Invoice, borne: Iterable[tuple[VatRate, Decimal]]) -> tuple[VatGroup, ...]:
    """The groups of an invoice, with the invoice's own sign.

    Args:
        invoice: Its tax lines say the taxes.
        borne: What bears tax: the rate and net amount of each line and charge.

    Raises:
        NotStructuredError: A tax has a category that EN 16931 does not have.
    """
    bases: dict[VatRate, Decimal] = {}
    for rate, amount in borne:
        bases[rate] = bases.get(rate, _NOTHING) + amount
    taxes: dict[VatRate, Decimal] = {}
    for summed in invoice.taxes:
        rate = _of(summed.rate)
        taxes[rate] = taxes.get(rate, _NOTHING) + summed.tax
    return tuple(
        VatGroup(
            rate,
            bases.get(rate, _NOTHING),
            taxes.get(rate, _NOTHING),
            *_REASONS.get(rate.category, ("", "")),
        )
        for rate in dict.fromkeys((*bases, *taxes))
    )


def _of(rate: TaxRate) -> VatRate:
    category = STANDARD if rate.category in _RATED_AS_STANDARD else rate.category
    if category == STANDARD and not rate.percent:
        category = ZERO
    if category not in _SUPPORTED:
        message = f"The tax {rate.name!r} has the category {rate.category!r}."
        remedy = f"Give it one of {', '.join(sorted(_SUPPORTED))} in its tariff."
        raise NotStructuredError(message, value=rate.category, remedy=remedy)
    return VatRate(category, None if category == OUTSIDE else rate.percent)
