"""Seller and buyer as EN 16931 names them, from what an invoice says of them."""

from __future__ import annotations

import re

from central.domain.billing.invoice import InvoiceParty
from central.domain.einvoice.document import Trader

# Members of the union, where a tax number with the country before it is the VAT identifier.
_UNION = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)
_GREECE, _GREEK = "GR", "EL"
_PARTED = re.compile(r"[\s.\-/]")
_POSTCODE = re.compile(
    r"(?P<postcode>[A-Z]{0,2}-?\d{3,5}(?:[ -]?[A-Z]{2}|[ -]\d{2,4})?)\s+(?P<town>\D.*)"
)


def trader_of(named: InvoiceParty, key: str = "") -> Trader:
    """A seller or buyer.

    Town and postcode are those that somebody said; else what the last address line says, where it
    reads like `28001 Madrid`.

    Args:
        named: As the invoice has it.
        key: Number at the other one, "" for none.
    """
    party, terms = named.party, named.terms
    lines = tuple(line.strip() for line in party.address if line.strip())
    town, postcode = terms.town, terms.postcode
    match = _POSTCODE.fullmatch(lines[-1]) if lines and not (town or postcode) else None
    if match is not None:
        postcode, town = match["postcode"], match["town"]
        lines = lines[:-1]
    vat_id, tax_id = _tax_numbers(party.tax_id, terms.country)
    scheme, _, address = terms.endpoint.partition(":")
    return Trader(
        name=party.name,
        lines=lines,
        town=town,
        postcode=postcode,
        region=terms.region,
        country=terms.country,
        vat_id=vat_id,
        tax_id=tax_id,
        legal_id=terms.legal_id,
        endpoint=(scheme, address) if address else None,
        contact=party.contact,
        key=key,
    )


def _tax_numbers(tax_id: str, country: str) -> tuple[str, str]:
    """The VAT identifier, and the local tax number where there is no such one."""
    plain = _PARTED.sub("", tax_id).upper()
    prefix = _GREEK if country == _GREECE else country
    if plain and prefix and plain.startswith(prefix):
        return plain, ""
    if plain and country in _UNION:
        return prefix + plain, ""
    return "", plain
