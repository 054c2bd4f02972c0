"""The banks that a rated supply has to do with, by whichever tariff and version each is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.dropped import bank_of
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.energy_bank import TOTAL
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.state_rules import LAPSE
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, ordered, version_on
from central.service.billing.tariffs import Tariffs
from central.service.ports.bill_shard import SupplyWork


@dataclass(frozen=True, slots=True)
class SupplyBanks:
    """What names the banks of a supply.

    Args:
        documents: That may have a rule for any of them, the one that counts last.
        opened_as: Names in what it opened with, to those that it has here.
        left_as: Names here, to those in what it left.
    """

    documents: tuple[TariffDocument, ...]
    opened_as: Mapping[str, str]
    left_as: Mapping[str, str]

    def opened(self, state: CarriedState, bank: str) -> Fraction:
        """What it opened with in a bank."""
        return _held(state, lambda name: self.opened_as.get(name, name) == bank)

    def left(self, state: CarriedState, bank: str) -> Fraction:
        """What it left in a bank."""
        return _held(state, lambda name: self.left_as.get(bank, bank) == name)


def supply_banks(supply: SupplyWork, rated: Rated, tariffs: Tariffs) -> SupplyBanks | None:
    """What names the banks of a supply; None where no version of its tariff holds on its days."""
    versions, days = ordered(tariffs.versions(supply.tariff)), supply.said_days
    here = [version for version in versions if version.effective < days.end]
    if not here:
        return None
    first = [version for version in here if version.effective <= days.first][-1:]
    here = [*first, *(version for version in here if version.effective > days.first)]
    documents = [version.document for version in here]
    other = _version_on(tariffs.versions(supply.opening.tariff), days.first - timedelta(days=1))
    handed = supply.opening.tariff not in {"", supply.tariff} and other is not None
    before = [other.document] if handed and other is not None else []
    older = [version.document for version in versions if version.effective < here[0].effective]
    opened = {credit.bank for credit in supply.opening.credits}
    wanted = [document for document in older if any(bank_of(document, name) for name in opened)]
    heir = rated.closing.tariff
    after = _version_on(tariffs.versions(heir), supply.days.end) if heir != supply.tariff else None
    return SupplyBanks(
        (*wanted, *before, *documents),
        _taken_over(documents[0]) if handed else {},
        {} if after is None else _taken_over(after.document),
    )


def _version_on(versions: Sequence[TariffVersion], day: date) -> TariffVersion | None:
    try:
        return version_on(versions, day)
    except NoTariffVersionError:
        return None


def _taken_over(document: TariffDocument) -> dict[str, str]:
    return {name: after for name, after in dict(document.takes_over).items() if after != LAPSE}


def _held(state: CarriedState, wanted: Callable[[str], bool]) -> Fraction:
    """What a state holds of a bank; the total that some banks keep beside is no more of it."""
    amounts = (
        credit.amount for credit in state.credits if wanted(credit.bank) and credit.label != TOTAL
    )
    return sum(amounts, Fraction(0))
