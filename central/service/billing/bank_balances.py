"""What a rated supply did to each of its banks, of energy and of money."""

from __future__ import annotations

from fractions import Fraction

from central.domain.billing.bank_balance import BankBalance
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.determinants.netting import crosses
from central.domain.rating.rounding import printed
from central.domain.tariff.credit_rules import EnergyBank
from central.domain.tariff.determinant_rules import SumDeterminant
from central.service.billing.supply_banks import SupplyBanks, supply_banks
from central.service.billing.take_entries import movements_of
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import SupplyWork


def bank_balances(supply: SupplyWork, rated: Rated, tariffs: Tariffs) -> tuple[BankBalance, ...]:
    """The banks that opened with something, or left something, in the order of their names."""
    if not rated.lines or not (supply.entries or supply.opening.credits or rated.closing.credits):
        return ()
    banks = supply_banks(supply, rated, tariffs)
    if banks is None:
        return ()
    rules = {bank.name: bank for document in banks.documents for bank in document.energy_banks}
    money = (
        BankBalance(
            moved.bank,
            banks.documents[-1].currency.code,
            moved.opened,
            moved.received + moved.earned,
            moved.applied,
            moved.left,
        )
        for moved in movements_of(supply, rated, tariffs)
    )
    energy = (_energy(bank, supply, rated, banks) for bank in rules.values())
    moved_banks = [bank for bank in (*energy, *money) if bank.opening or bank.added or bank.closing]
    return tuple(sorted(moved_banks, key=lambda bank: bank.bank))


def _energy(bank: EnergyBank, supply: SupplyWork, rated: Rated, banks: SupplyBanks) -> BankBalance:
    netted = [sums for sums in rated.determinants if sums.bank == bank.name]
    crossing = {
        rule.name
        for document in banks.documents
        for rule in document.determinants
        if isinstance(rule, SumDeterminant) and crosses(rule)
    }
    moved: dict[tuple[str, str, int], Fraction] = {}
    for sums in netted:
        key = (sums.name, sums.label, -1 if sums.name in crossing else sums.segment)
        moved[key] = moved.get(key, Fraction(0)) + sums.adjusted
    return BankBalance(
        bank.name,
        netted[0].unit if netted else "kWh",
        printed(banks.opened(supply.opening, bank.name)),
        printed(sum((max(energy, Fraction(0)) for energy in moved.values()), Fraction(0))),
        printed(sum((max(-energy, Fraction(0)) for energy in moved.values()), Fraction(0))),
        printed(banks.left(rated.closing, bank.name)),
    )
