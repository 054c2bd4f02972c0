"""What a newer version of a tariff has dropped, and the version whose rule settles each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.bank_units import unlike_banks
from central.domain.tariff.credit_rules import EnergyBank, MoneyBank
from central.domain.tariff.document import Charge, TariffDocument
from central.domain.tariff.version import TariffVersion


def dropped_states(
    state: CarriedState, segments: Sequence[Segment], versions: Sequence[TariffVersion]
) -> dict[str, TariffVersion]:
    """Banks and charges in advance that the last version of a bill does not have, by name.

    With the last version that had each.

    Args:
        state: What the bill opens with.
        segments: Of the bill.
        versions: Of the tariff, ascending; older ones than the bill's as well.

    Raises:
        HeldError: A newer version takes what is in a bank for something else.
    """
    last = segments[-1].version
    _check_alike(state, segments, versions)
    names = dict.fromkeys(credit.bank for credit in state.credits)
    names |= dict.fromkeys(paid.id for paid in state.advances)
    for segment in segments:
        names |= dict.fromkeys(bank.name for bank in banks_of(segment.version.document))
    gone = [name for name in names if name not in last.document.owners]
    earlier = [version for version in versions if version.effective < last.effective]
    dropped = {}
    for name in gone:
        having = [version for version in earlier if _has(version.document, name)]
        if having:
            dropped[name] = having[-1]
    return dropped


def _check_alike(
    state: CarriedState, segments: Sequence[Segment], versions: Sequence[TariffVersion]
) -> None:
    """Hold a bill that would read energy as money, or what periods have as what all have."""
    first = segments[0].days.first
    earlier = [version for version in versions if version.effective < first][-1:]
    full = {credit.bank for credit in state.credits}
    path = [*earlier, *(segment.version for segment in segments)]
    for before, after in pairwise(path):
        for bank in unlike_banks(before.document, after.document):
            if bank.name in full or before not in earlier:
                message = (
                    f"{bank.name!r} of {after.tariff} holds {bank.after} from {after.effective} on,"
                    f" and held {bank.before} before."
                )
                raise HeldError(Hold("STATE_MISMATCH", message, bank.name))


def banks_of(document: TariffDocument) -> tuple[EnergyBank | MoneyBank, ...]:
    """The banks of a version."""
    return (*document.energy_banks, *document.money_banks)


def bank_of(document: TariffDocument, name: str) -> EnergyBank | MoneyBank | None:
    """The bank of that name, None where the version has none."""
    return next((bank for bank in banks_of(document) if bank.name == name), None)


def advance_charge(document: TariffDocument, identifier: str) -> Charge | None:
    """The charge in advance of a version, None where it has none of that name."""
    charges = (charge for charge in document.charges if charge.in_advance)
    return next((charge for charge in charges if charge.id == identifier), None)


def _has(document: TariffDocument, name: str) -> bool:
    return bank_of(document, name) is not None or advance_charge(document, name) is not None


def older_than_bill(
    dropped: Mapping[str, TariffVersion], segments: Collection[Segment]
) -> list[str]:
    """Hashes of versions that settle what was dropped, with no day of the bill; ascending."""
    billed = {segment.version.sha256 for segment in segments}
    return sorted({version.sha256 for version in dropped.values()} - billed)
