"""The banks of money that entries of the ledger go into."""

from __future__ import annotations

from central.domain.tariff.credit_rules import PREPAID, Prepaid
from central.domain.tariff.document import TariffDocument


def money_banks(document: TariffDocument) -> frozenset[str]:
    """The banks of money that a tariff has, the prepaid balance among them."""
    prepaid = any(isinstance(rule, Prepaid) for rule in document.settlement)
    names = {bank.name for bank in document.money_banks}
    return frozenset(names | ({PREPAID} if prepaid else set()))
