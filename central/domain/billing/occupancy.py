"""Services and occupancies: what is sold at a point, and who is there unbroken.

Agreements of one account at one service that follow one another without a gap share an occupancy.
Its days are billed from `billing_from` on, each once, by parts that follow one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from central.domain.billing.state import BillState
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

_ENERGY = (Unit.WATT_HOUR, Unit.VAR_HOUR, Unit.VOLT_AMPERE_HOUR)
# Source: EN 13757-1, media 7, 8 and 9.
_MEDIA = {7: "gas", 8: "water", 9: "water"}
OTHER = "usage"


class DayStartFixedError(OperatorError):
    """Days of a service are billed, so that they cannot begin at another time."""

    code = "DAY_START_FIXED"
    default_remedy = "Discard its bills that are not approved yet, or sell another service."


class DayStartsDifferError(OperatorError):
    """Two services bill one channel, and their days begin at different times."""

    code = "DAY_STARTS_DIFFER"
    default_remedy = "Let the days of all services of a channel begin at one time."


class PeriodBilledError(OperatorError):
    """Days that are to change are billed already."""

    code = "PERIOD_BILLED"
    default_remedy = "Choose a day after the last that is billed."


class OpeningKeptError(OperatorError):
    """What another system brought for the first day that is billed here would be lost."""

    code = "CUTOVER_KEPT"
    default_remedy = (
        "Leave `billing_from` as it is; `import cutover` with a reason replaces day and figures."
    )


@dataclass(frozen=True, slots=True)
class AgreedDays:
    """The days of one agreement.

    Args:
        first: First local day; no other agreement of the service begins on it.
        end: The local day after the last; None while open.
        billing_from: The first day that is billed here, where that is named.
    """

    first: date
    end: date | None = None
    billing_from: date | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.first:
            message = f"An agreement from {self.first} cannot end on {self.end}: it has no day."
            remedy = "Give a later day, or take it back with `agreement withdraw`."
            raise InvalidValueError(message, value=self.end, remedy=remedy)
        if self.billing_from is not None and (
            self.billing_from < self.first
            or (self.end is not None and self.billing_from > self.end)
        ):
            message = (
                f"Billing from {self.billing_from} does not lie in the agreement, which holds from"
                f" {self.first} to {self.end or 'now on'}."
            )
            raise InvalidValueError(message, value=self.billing_from)


@dataclass(frozen=True, slots=True)
class Occupancy:
    """One account at one service, unbroken.

    Args:
        id: Its key; None for a new one.
        billing_from: The first day that is billed.
        ended_on: The local day after the last; None while it lasts.
        agreements: First days of its agreements, ascending.
        billed_to: Where its last claim ends; None where nothing is billed.
        decided_to: Where the last one of an approved or issued bill ends; None where none is.
        settlement: State of the bill that settles what it left when it ended; None where none does.
    """

    id: int | None
    billing_from: date
    ended_on: date | None
    agreements: tuple[date, ...]
    billed_to: date | None = None
    decided_to: date | None = None
    settlement: BillState | None = None

    @property
    def settled(self) -> bool:
        """Whether an approved or issued bill settles it, so that it has ended for good."""
        return self.settlement in {BillState.APPROVED, BillState.ISSUED}

    @property
    def fixed_to(self) -> date | None:
        """Until when its days stay as they are; None where none is billed or settled yet."""
        return self.decided_to or (self.billing_from if self.settled else None)


def default_service(counted: Sequence[tuple[Obis, Unit]]) -> str:
    """The name of the service that bills all that a point counts.

    Args:
        counted: The point's channels, in order; the first one names it.
    """
    if not counted:
        return OTHER
    obis, unit = counted[0]
    return "electricity" if unit in _ENERGY else _MEDIA.get(obis.code[0], OTHER)


def occupied(agreed: Iterable[AgreedDays], before: Sequence[Occupancy]) -> list[Occupancy]:
    """The occupancies that agreements of one account at one service make.

    What approved and issued bills say keeps its occupancy; drafts and held bills keep none, see
    `in_the_way`. One that lost all its agreements ends where it begins.

    Args:
        agreed: Every agreement, as it is to be.
        before: The occupancies there are, with the agreements they had.

    Returns:
        All that are kept or new, as they are to be; those that changed nothing too.

    Raises:
        PeriodBilledError: Days of approved or issued bills would belong to no agreement, or to
            another chain.
    """
    days = sorted(agreed, key=lambda agreement: agreement.first)
    of_agreement = {first: occupancy for occupancy in before for first in occupancy.agreements}
    groups: list[tuple[Occupancy | None, list[AgreedDays]]] = []
    for agreement in days:
        mine = of_agreement.get(agreement.first)
        pinned = mine if mine is not None and _billed_in(agreement, mine) else None
        follows = bool(groups) and groups[-1][1][-1].end == agreement.first
        before_it = groups[-1][0] if groups else None
        if before_it is not None and before_it.settled and before_it is not pinned:
            follows = False
        if follows and pinned in {None, groups[-1][0]}:
            groups[-1][1].append(agreement)
        else:
            groups.append((pinned, [agreement]))
    used = {owner.id for owner, _ in groups if owner is not None}
    after = []
    for owner, parts in groups:
        free = (of_agreement.get(agreement.first) for agreement in parts)
        taken = owner or next(
            (occupancy for occupancy in free if occupancy is not None and occupancy.id not in used),
            None,
        )
        if taken is not None:
            used.add(taken.id)
        after.append(_occupancy(taken, parts))
    emptied = [
        replace(occupancy, ended_on=occupancy.billing_from, agreements=())
        for occupancy in before
        if occupancy.id not in used
    ]
    return [*after, *emptied]


def _billed_in(agreement: AgreedDays, mine: Occupancy) -> bool:
    return mine.fixed_to is not None and agreement.first < mine.fixed_to


def _occupancy(occupancy: Occupancy | None, parts: Sequence[AgreedDays]) -> Occupancy:
    named = [agreement.billing_from for agreement in parts if agreement.billing_from is not None]
    begins = max([parts[0].first, *named])
    firsts = tuple(agreement.first for agreement in parts)
    end = parts[-1].end
    if occupancy is None:
        return Occupancy(None, begins, end, firsts)
    if occupancy.fixed_to is None:
        return replace(occupancy, billing_from=begins, ended_on=end, agreements=firsts)
    if named and begins != occupancy.billing_from:
        message = (
            f"Days from {occupancy.billing_from} to {occupancy.fixed_to} are billed, so billing"
            f" cannot begin on {begins}."
        )
        remedy = (
            f"Leave {occupancy.billing_from} as it is, or take approved bills back with"
            " `bill withdraw`, and cancel issued ones with `bill cancel`."
        )
        raise PeriodBilledError(message, value=begins, remedy=remedy)
    if occupancy.settled and end != occupancy.ended_on:
        message = f"What was left on {occupancy.ended_on} is settled, so it ends on no other day."
        remedy = f"Conclude another agreement from {occupancy.ended_on} on, where it goes on."
        raise PeriodBilledError(message, value=end or date.max, remedy=remedy)
    if end is not None and end < occupancy.fixed_to:
        message = f"Days until {occupancy.fixed_to} are billed, so nothing ends on {end}."
        remedy = (
            f"End it on {occupancy.fixed_to} or later, or take approved bills back with"
            " `bill withdraw`, and cancel issued ones with `bill cancel`."
        )
        raise PeriodBilledError(message, value=end, remedy=remedy)
    return replace(occupancy, ended_on=end, agreements=firsts)


def in_the_way(before: Iterable[Occupancy], after: Iterable[Occupancy]) -> list[tuple[int, date]]:
    """From which day on drafts and held bills of occupancies have to go, by their keys.

    Args:
        before: The occupancies there are.
        after: As they are to be.

    Returns:
        Only those that claim days which no longer belong to them.
    """
    there = {occupancy.id: occupancy for occupancy in after}
    since = ((mine, _since(mine, there.get(mine.id))) for mine in before)
    return [(mine.id, day) for mine, day in since if mine.id is not None and day is not None]


def _since(mine: Occupancy, after: Occupancy | None) -> date | None:
    settling = mine.settlement is not None and not mine.settled
    if settling and (after is None or after.ended_on != mine.ended_on):
        return mine.billed_to or mine.billing_from
    if mine.billed_to is None or (mine.billed_to == mine.decided_to and not settling):
        return None
    if after is None or not after.agreements or after.billing_from != mine.billing_from:
        return mine.billing_from
    ends = [first for first in mine.agreements if first not in after.agreements]
    if after.ended_on is not None:
        ends.append(after.ended_on)
    return min((end for end in ends if end < mine.billed_to), default=None)
