"""What a rated supply did to each of its banks, of energy and of money."""

from __future__ import annotations

from fractions import Fraction

from central.domain.billing.bank_balance import BankBalance
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.energy_bank import TOTAL
from central.domain.rating.rounding import printed
from central.domain.tariff.credit_rules import EnergyBank
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import TariffDocument
from central.service.billing.take_entries import movements_of, version_of
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import SupplyWork


def bank_balances(supply: SupplyWork, rated: Rated, tariffs: Tariffs) -> tuple[BankBalance, ...]:
    """The banks that opened with something, or left something, in the order of their names."""
    if not rated.lines or not (supply.entries or supply.opening.credits or rated.closing.credits):
        return ()
    version = version_of(tariffs.versions(supply.tariff), supply)
    if version is None:
        return ()
    document = version.document
    left_as = _left_as(supply, rated, tariffs)
    energy = (
        _energy(bank, supply, rated, document, left_as.get(bank.name, bank.name))
        for bank in document.energy_banks
    )
    money = (
        BankBalance(
            moved.bank,
            document.currency.code,
            moved.opened,
            moved.received + moved.earned,
            moved.applied,
            moved.left,
        )
        for moved in movements_of(supply, rated, tariffs)
    )
    banks = [bank for bank in (*energy, *money) if bank.opening or bank.added or bank.closing]
    return tuple(sorted(banks, key=lambda bank: bank.bank))


def _energy(
    bank: EnergyBank, supply: SupplyWork, rated: Rated, document: TariffDocument, left_as: str
) -> BankBalance:
    names = {
        rule.name
        for rule in document.determinants
        if isinstance(rule, SumDeterminant) and rule.bank == bank.name
    }
    netted = [sums for sums in rated.determinants if sums.name in names]
    opening = supply.opening
    handed = {} if opening.tariff in {"", supply.tariff} else dict(document.takes_over)
    return BankBalance(
        bank.name,
        netted[0].unit if netted else "kWh",
        printed(_held(opening, bank.name, handed)),
        printed(sum((max(sums.adjusted, Fraction(0)) for sums in netted), Fraction(0))),
        printed(sum((max(-sums.adjusted, Fraction(0)) for sums in netted), Fraction(0))),
        printed(_held(rated.closing, left_as, {})),
    )


def _left_as(supply: SupplyWork, rated: Rated, tariffs: Tariffs) -> dict[str, str]:
    """The names that another tariff after it gives to its banks."""
    heir = rated.closing.tariff
    if heir in {"", supply.tariff} or not (versions := tariffs.versions(heir)):
        return {}
    return dict(versions[-1].document.takes_over)


def _held(state: CarriedState, bank: str, handed: dict[str, str]) -> Fraction:
    """What a state holds of a bank; the total that some banks keep beside is no more of it."""
    amounts = (
        credit.amount
        for credit in state.credits
        if handed.get(credit.bank, credit.bank) == bank and credit.label != TOTAL
    )
    return sum(amounts, Fraction(0))
