"""The banks of money that entries of the ledger go into."""

from __future__ import annotations

from collections.abc import Sequence

from central.domain.tariff.credit_rules import PREPAID, Prepaid
from central.domain.tariff.document import TariffDocument


def money_banks(document: TariffDocument) -> frozenset[str]:
    """The banks of money that a tariff has, the prepaid balance among them."""
    prepaid = any(isinstance(rule, Prepaid) for rule in document.settlement)
    names = {bank.name for bank in document.money_banks}
    return frozenset(names | ({PREPAID} if prepaid else set()))


def lapse_months(documents: Sequence[TariffDocument], name: str) -> int | None:
    """After how many months money in a bank lapses, by the last tariff that has it.

    Args:
        documents: The one that counts last.
        name: Of the bank, the prepaid balance among them.

    Returns:
        None for never.
    """
    for document in reversed(documents):
        rules = [rule for rule in document.settlement if isinstance(rule, Prepaid)]
        banks = [bank for bank in document.money_banks if bank.name == name]
        for rule in rules if name == PREPAID else banks:
            return rule.expires_months
    return None
