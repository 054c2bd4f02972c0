"""What ends with a part of a bill, and what the part after it takes over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from central.domain.rating.determinants.context import HeldError
from central.domain.rating.hashing import canonical
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.carried_state import CarriedState, Credit, name_of, renamed
from central.domain.rating.inputs.energy_bank import TOTAL
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.bank_units import bank_units
from central.domain.tariff.credit_rules import EnergyBank
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.state_rules import LAPSE, Owner
from central.domain.tariff.version import TariffVersion

_NOTHING = CarriedState()


@dataclass(frozen=True)
class PartEnding:
    """How a part ends: as most do, as the last under its tariff, or as the occupancy's last.

    Args:
        final: Whether the occupancy ends with it, so that all is settled.
        successor: The tariff of the part after it, where that is another; it takes over what it
            says, and what of the account it has a rule of the same name for.
        account_stays: Whether the account goes on elsewhere, and what is its own with it.
        beside: Days of later parts of the bill that go on with what is the account's own.
        open_elsewhere: Whether days of the account before its end are not billed elsewhere yet.
    """

    final: bool = False
    successor: TariffDocument | None = None
    account_stays: bool = False
    beside: tuple[DayRange, ...] = ()
    open_elsewhere: bool = False

    @property
    def anything(self) -> bool:
        """Whether any state may end here."""
        return self.final or self.successor is not None

    @property
    def inputs(self) -> dict[str, str]:
        """Canonical text of what it adds to a bill's inputs."""
        beside = [[days.first.isoformat(), days.end.isoformat()] for days in self.beside]
        account = {"account": canonical([beside, self.open_elsewhere])}
        if not beside and not self.open_elsewhere:
            account = {}
        if not self.anything:
            return account
        after = "" if self.successor is None else TariffVersion.of(self.successor).sha256
        return {"ending": canonical([self.final, after, self.account_stays])} | account

    def decides(self, end: date) -> bool:
        """Whether a year or term of the account that ends on a date is settled with this part.

        It is settled with the last part of a bill that holds its last day.

        Raises:
            HeldError: Days of it are not billed elsewhere yet.
        """
        if any(days.first < end <= days.end for days in self.beside):
            return False
        if self.open_elsewhere:
            message = f"What the account agreed on ends on {end}; not all of its days are billed."
            raise HeldError(Hold("ACCOUNT_TERM_OPEN", message, end.isoformat()))
        return True

    def name_after(self, name: str, owner: Owner) -> str | None:
        """The name under which a state goes on; None where it ends here."""
        stays = owner is Owner.ACCOUNT and self.account_stays
        if self.final:
            return name if stays else None
        if self.successor is None:
            return name
        if name in self._names:
            return None if self.lapses(name) else self._names[name]
        has = owner is Owner.ACCOUNT and name in self.successor.owners
        return name if has or stays else None

    def lapses(self, name: str) -> bool:
        """Whether the tariff after it says that nothing of a state is taken over."""
        return self._names.get(name) == LAPSE

    def carried(
        self, state: CarriedState, document: TariffDocument, lapsed: CarriedState = _NOTHING
    ) -> CarriedState:
        """What the next part opens with.

        Args:
            state: What the part leaves, with all that ends in it still there.
            document: Of its last version.
            lapsed: What of it the next tariff lets lapse.

        Raises:
            HeldError: What is taken over does not fit where it goes.
        """
        if not self.anything:
            return state
        owners = document.owners
        opening = CarriedState()
        before: CarriedState | None = lapsed
        for name in state.names:
            entries = state.only(lambda its, _, name=name: its == name)  # type: ignore[misc]
            # What the tariff has no rule for is whose it was.
            whose = Owner.ACCOUNT if entries.of(Owner.ACCOUNT).names else Owner.OCCUPANCY
            after = self.name_after(name, owners.get(name, whose))
            if after is not None:
                moved = self._moved(entries, name, after, document)
                opening = opening.joined(moved)
                before = None if before is None else _unmoved(before, entries, moved)
        if self.successor is None:
            return opening.named_by(document.tariff)
        if before is None or not (before.names or opening.names):
            return opening.named_by(self.successor.tariff)
        before = replace(before, tariff=document.tariff)
        return replace(opening, tariff=self.successor.tariff, before=before)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {} if self.successor is None else dict(self.successor.takes_over)

    def _moved(
        self, entries: CarriedState, name: str, after: str, document: TariffDocument
    ) -> CarriedState:
        if self.successor is None:
            return entries
        _check_units(name, after, document, self.successor)
        owner = self.successor.owners.get(after, Owner.OCCUPANCY)
        moved = entries.changed(lambda entry: renamed(entry, after, owner))
        energy = next((b for b in self.successor.energy_banks if b.name == after), None)
        if energy is None:
            return moved
        labels = _labels(energy, self.successor)
        return moved.changed(lambda entry: _relabelled(entry, energy, labels))


GOES_ON = PartEnding()
"""The part after it is under the same tariff."""


def _unmoved(
    before: CarriedState, entries: CarriedState, moved: CarriedState
) -> CarriedState | None:
    """What was handed over as it was, with some more; None where it cannot be told apart again.

    What is the account's own goes on with its other points: it stays where it has one name.
    """
    shared, now_shared = entries.of(Owner.ACCOUNT).names, moved.of(Owner.ACCOUNT).names
    if not shared and not now_shared:
        return before.joined(entries)
    return before if shared == now_shared else None


def _check_units(name: str, after: str, before: TariffDocument, new: TariffDocument) -> None:
    unit, new_unit = _unit_of(name, before), _unit_of(after, new)
    if unit not in {new_unit, None}:
        there = f"{after!r} of {new.tariff} {new_unit}"
        message = f"{name!r} of {before.tariff} holds {unit}, but {there}."
        raise HeldError(Hold("STATE_MISMATCH", message, f"{name} {after}"))


def _unit_of(name: str, document: TariffDocument) -> str | None:
    peaks = {peak.name: "peaks" for peak in document.history}
    sums = dict.fromkeys(document.owners, f"a sum in {document.currency.code}")
    return (sums | bank_units(document) | peaks).get(name)


def _labels(bank: EnergyBank, document: TariffDocument) -> frozenset[str]:
    for rule in document.determinants:
        if isinstance(rule, SumDeterminant) and rule.bank == bank.name and rule.by:
            periods = document.calendar.schedule(rule.by).periods
            return frozenset(period.name for period in periods)
    return frozenset({""})


def _relabelled(credit: Credit, bank: EnergyBank, labels: frozenset[str]) -> Credit:
    """A credit under a period that the new bank has; one without periods takes all."""
    if credit.label in labels | {TOTAL}:
        return credit
    if labels == {""}:
        return credit.under("")
    message = f"The bank {bank.name!r} has no period {credit.label!r} for what it takes over."
    raise HeldError(Hold("STATE_MISMATCH", message, f"{name_of(credit)} {credit.label}"))
