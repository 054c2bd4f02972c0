"""What is an account's own, of whichever of its occupancies: one state after another.

Every part of a bill that knows any of it opens with what the part before it in the account's order
left, and leaves it to the next. What only one occupancy carried, as the books of another system or
of an earlier release do, is brought in with the first part of that occupancy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.tariff.state_rules import Owner

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class AccountOwn:
    """What is an account's own after a part.

    Args:
        state: Only what the account owns.
        position: Of the part in the account's order, from 1; 0 before the first.
        part_id: Key of the part, where it is in the store.
        held: First day of the account's bills that are held, of which nobody knows what they leave.
    """

    state: CarriedState = CarriedState()  # noqa: RUF009 - frozen
    position: int = 0
    part_id: int | None = None
    held: date | None = None


NOTHING_OWN = AccountOwn()


def brought_in(account: CarriedState, before: CarriedState) -> CarriedState:
    """An account's own state, with what one of its occupancies carried by itself until now.

    Sums of one name add up, and so do totals of a month; of two peaks of a month the higher counts.
    """
    other = before.of(Owner.ACCOUNT)
    if not other.names:
        return account
    both = account.joined(other)
    return CarriedState(
        peaks=_merged(
            both.peaks,
            lambda peak: (peak.name, peak.label, peak.month),
            lambda first, other: max(first, other, key=lambda peak: peak.value),
        ),
        credits=both.credits,
        advances=both.advances,
        sums=_merged(
            both.sums,
            lambda total: total.id,
            lambda first, other: replace(first, amount=first.amount + other.amount),
        ),
        totals=_merged(
            both.totals,
            lambda total: total.month,
            lambda first, other: replace(first, amount=first.amount + other.amount),
        ),
        levels=_merged(
            both.levels, lambda level: (level.name, level.label, level.key), lambda first, _: first
        ),
        tariff=both.tariff,
    )


def _merged(
    entries: Iterable[_T], key: Callable[[_T], Hashable], merge: Callable[[_T, _T], _T]
) -> tuple[_T, ...]:
    merged: dict[Hashable, _T] = {}
    for entry in entries:
        same = key(entry)
        merged[same] = merge(merged[same], entry) if same in merged else entry
    return tuple(merged.values())


def opening_of(before: CarriedState, account: CarriedState, names: Collection[str]) -> CarriedState:
    """What a part opens with: its occupancy's state, and what it knows of its account's.

    Args:
        before: What the part directly before it in the occupancy left.
        account: The account's own, as `account_after` leaves it.
        names: Of the states that the part's tariff has.
    """
    wanted = {*names, *before.of(Owner.ACCOUNT).names}
    shared = account.of(Owner.ACCOUNT).only(lambda name, _: name in wanted)
    return before.of(Owner.OCCUPANCY).joined(shared)


def account_after(
    account: CarriedState, opening: CarriedState, closing: CarriedState
) -> CarriedState:
    """What is the account's own after a part, of whichever of its occupancies.

    Args:
        account: As it was before.
        opening: What the part opened with.
        closing: What it left.
    """
    taken = set(opening.of(Owner.ACCOUNT).names)
    left = account.only(lambda name, _: name not in taken)
    return left.joined(closing.of(Owner.ACCOUNT))
