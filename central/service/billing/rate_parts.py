"""Rate the parts of accounts: together where they are alike, one after another where they follow.

A part that follows another of the same occupancy opens with what that one leaves. What it
is the last of, its tariff or the occupancy, ends with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.account_state import (
    NOTHING_OWN,
    AccountOwn,
    account_after,
    brought_in,
    opening_of,
)
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.settle import settle
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import NoTariffVersionError, TariffVersion, version_on
from central.service.billing.take_entries import grants_of, one_offs_of
from central.service.billing.tariffs import Tariffs
from central.service.billing.unrated import EARLIER_NOT_BILLED
from central.service.ports.bill_shard import AccountWork, Blocks, OwnedPart, SupplyWork


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A supply with its place among those of its account.

    Args:
        supply: What is rated.
        follows: Number of the part right before it, None where none is.
        ending: What ends with it.
        own_after: Number of the part whose account's own it opens with, None for that of the bill.
        shared: What is the account's own before it; None where it knows none of that.
        account: That, with what the occupancy carried of it by itself until now.
        came: What the part before it left, as it is kept; None for the supply's opening.
        before: The tariff version that its opening state is of, where that is another's.
        period_end: The last day that its bill bills.
        stay: All days that the bill bills of the occupancy, where the tariff changes in it.
        document_days: Of its bill.
    """

    supply: SupplyWork
    follows: int | None = None
    ending: PartEnding = GOES_ON
    before: TariffVersion | None = None
    own_after: int | None = None
    shared: AccountOwn | None = None
    account: CarriedState = CarriedState()  # noqa: RUF009 - frozen
    came: CarriedState | None = None
    period_end: date | None = None
    stay: DayRange | None = None
    document_days: DocumentDays | None = None

    @property
    def alike(self) -> tuple[object, ...]:
        """What parts that are rated together have in common."""
        after, before = self.ending.successor, self.before
        return (
            self.supply.tariff,
            self.supply.days,
            self.stay,
            self.supply.zone,
            self.supply.day_start,
            self.supply.settles,
            self.ending.final,
            self.ending.account_stays,
            self.ending.beside,
            self.ending.open_elsewhere,
            None if after is None else (after.tariff, after.effective),
            None if before is None else before.sha256,
            self.period_end,
            self.document_days,
        )


class RatedSupply(NamedTuple):
    """A supply as it was rated, and what it opened from.

    Args:
        supply: With all that it opened with.
        rated: The result.
        came: What of that its occupancy carried.
        shared: What is the account's own at both ends; None where it knows none of it.
    """

    supply: SupplyWork
    rated: Rated
    came: CarriedState
    shared: OwnedPart | None = None


def rate_parts(
    works: Sequence[AccountWork], period: BillingPeriod, tariffs: Tariffs
) -> list[RatedSupply]:
    """Every supply of some accounts rated, in their order.

    Args:
        works: The accounts.
        period: That is billed.
        tariffs: With holidays resolved.
    """
    parts: list[_Part] = []
    for work in works:
        first = len(parts)
        last = max((supply.said_days.last for supply in work.supplies), default=None)
        own_parts = [
            replace(
                each,
                period_end=last,
                stay=_stay(each.supply, work.supplies),
                document_days=work.document_days,
            )
            for each in _parts(work, first, period, tariffs)
        ]
        parts += with_own(own_parts, work, first, tariffs) if owns(work, tariffs) else own_parts
    rated: dict[int, Rated] = {}
    while len(rated) < len(parts):
        ready = [
            number
            for number, part in enumerate(parts)
            if number not in rated and {part.follows, part.own_after} <= rated.keys() | {None}
        ]
        for number in ready:
            earlier = parts[number].follows
            if earlier is not None:
                parts[number] = _opening_with(parts[number], rated[earlier].closing)
            if parts[number].shared is not None:
                parts[number] = _opened_own(parts, number, rated, tariffs)
        rated |= _together(parts, ready, period, tariffs)
        for number in ready:
            earlier = parts[number].follows
            if earlier is not None and rated[earlier].holds:
                rated[number] = _waiting(parts[number], rated[number])
    return [_result(part, rated[number]) for number, part in enumerate(parts)]


def _parts(
    work: AccountWork, offset: int, period: BillingPeriod, tariffs: Tariffs
) -> Iterator[_Part]:
    supplies = work.supplies
    agreed = _agreed(work)
    if len(supplies) == 1 and not agreed and not _last_of(supplies[0], period):
        yield _first(supplies[0], GOES_ON, tariffs)
        return
    begins = {(s.occupancy_id, s.days.first): number for number, s in enumerate(supplies)}
    ends = {(s.occupancy_id, s.days.end): number for number, s in enumerate(supplies)}
    for supply in supplies:
        follows = ends.get((supply.occupancy_id, supply.days.first))
        after = begins.get((supply.occupancy_id, supply.days.end))
        if after is not None:
            ending = _change(supply, supplies[after].tariff, tariffs)
        elif (supply.occupancy_id, supply.days.end) in agreed:
            ending = _change(supply, agreed[supply.occupancy_id, supply.days.end], tariffs)
        elif _last_of(supply, period):
            ending = PartEnding(final=True, account_stays=supply.account_stays)
        else:
            ending = GOES_ON
        if follows is not None:
            yield _Part(supply, offset + follows, ending)
        else:
            yield _first(supply, ending, tariffs)


def _stay(supply: SupplyWork, supplies: Sequence[SupplyWork]) -> DayRange | None:
    """All days of its occupancy in a bill, end to end; None where the supply has all of them."""
    days = [
        other.days
        for other in supplies
        if other.occupancy_id == supply.occupancy_id and not other.settles
    ]
    if len(days) < 2 or supply.settles:  # noqa: PLR2004 - it and another
        return None
    whole = DayRange(min(some.first for some in days), max(some.end for some in days))
    return whole if sum(some.count for some in days) == whole.count else None


def _first(supply: SupplyWork, ending: PartEnding, tariffs: Tariffs) -> _Part:
    """A part that opens with what is kept of the bill before."""
    left = supply.opening
    if left.before is None:
        return _Part(supply, None, ending, _before(supply, tariffs))
    opened = replace(supply, opening=left.under(supply.tariff))
    return _Part(opened, None, ending, _before(opened, tariffs), came=left)


def _last_of(supply: SupplyWork, period: BillingPeriod) -> bool:
    """Whether an occupancy ends with a supply: as it says, or inside the period."""
    if supply.final is not None:
        return supply.final
    return supply.days.end < period.days.end


def _agreed(work: AccountWork) -> dict[tuple[int, date], str]:
    """Tariffs of agreements that follow others of an occupancy, by it and their first day."""
    chains = {part.occupancy.occupancy_id: part.occupancy for part in work.plan.parts}
    return {
        (key, term.first): term.tariff
        for key, chain in chains.items()
        if len(chain.terms) > 1
        for term in chain.terms
    }


def _change(supply: SupplyWork, after: str, tariffs: Tariffs) -> PartEnding:
    """What the tariff after a supply takes over.

    Where it is not known yet, its first bill settles what this one leaves.
    """
    if after == supply.tariff:
        return GOES_ON
    try:
        version = version_on(tariffs.versions(after), supply.days.end)
    except NoTariffVersionError:
        return GOES_ON
    return PartEnding(successor=version.document)


def _opening_with(part: _Part, left: CarriedState) -> _Part:
    """A part that opens with what the one before it left, under the names of its own tariff."""
    if left.before is None:
        return replace(part, supply=replace(part.supply, opening=left))
    opening = left.under(part.supply.tariff)
    return replace(part, supply=replace(part.supply, opening=opening), came=left)


def _before(supply: SupplyWork, tariffs: Tariffs) -> TariffVersion | None:
    name = supply.opening.tariff
    if name in {"", supply.tariff}:
        return None
    try:
        return version_on(tariffs.versions(name), supply.days.first - timedelta(days=1))
    except NoTariffVersionError:
        return None


def owns(work: AccountWork, tariffs: Tariffs) -> bool:
    """Whether parts of an account know anything that is the account's own."""
    return bool(work.shared.state.names) or any(
        tariffs.account_names(supply.tariff) or supply.opening.of(Owner.ACCOUNT).names
        for supply in work.supplies
    )


def with_own(
    parts: Sequence[_Part], work: AccountWork, offset: int, tariffs: Tariffs
) -> list[_Part]:
    """Parts of one account, each behind the one whose account's own it opens with."""
    ordered = list(parts)
    places = sorted(
        range(len(parts)),
        key=lambda number: (
            parts[number].supply.days.end,
            parts[number].supply.point,
            parts[number].supply.occupancy_id,
        ),
    )
    behind: int | None = None
    for number in places:
        supply = parts[number].supply
        settles = parts[number].ending.final and not supply.account_stays
        mine = tariffs.account_names(supply.tariff) or supply.opening.of(Owner.ACCOUNT).names
        if mine or settles:
            ordered[number] = replace(parts[number], own_after=behind, shared=work.shared)
            behind = offset + number
    beside: tuple[DayRange, ...] = ()
    for number in reversed(places):
        supply, ending = ordered[number].supply, ordered[number].ending
        if ordered[number].shared is not None:
            mine = tariffs.account_names(supply.tariff)
            is_open = (work.shared.held or date.max) < supply.days.end or any(
                mine & tariffs.account_names(name) for name in supply.open_elsewhere
            )
            ending = replace(ending, beside=beside, open_elsewhere=is_open)
            ordered[number] = replace(ordered[number], ending=ending)
            beside = (supply.days, *beside)
    return ordered


def _opened_own(
    parts: Sequence[_Part], number: int, rated: Mapping[int, Rated], tariffs: Tariffs
) -> _Part:
    """A part that opens with what its occupancy carried, and what is the account's own."""
    follower = parts[number]
    supply, came = follower.supply, follower.supply.opening
    shared = follower.shared or NOTHING_OWN
    if follower.own_after is not None:
        shared = _own_after(parts[follower.own_after], rated[follower.own_after])
    carries = follower.follows is None and supply.carries
    account = brought_in(shared.state, came) if carries else shared.state
    settles = follower.ending.final and not supply.account_stays
    names = account.names if settles else tariffs.account_names(supply.tariff)
    opening = opening_of(came, account, names).named_by(came.tariff)
    opened = replace(supply, opening=opening)
    came = came if follower.came is None else follower.came
    return replace(follower, supply=opened, shared=shared, account=account, came=came)


def _own_after(opened: _Part, rated: Rated) -> AccountOwn:
    """What is the account's own after a part."""
    shared = opened.shared or NOTHING_OWN
    if rated.holds:
        return replace(shared, held=None)
    state = account_after(opened.account, opened.supply.opening, rated.closing)
    return AccountOwn(state, shared.position + 1)


def _result(opened: _Part, rated: Rated) -> RatedSupply:
    came = opened.supply.opening if opened.came is None else opened.came
    owned = None
    if opened.shared is not None:
        owned = OwnedPart(replace(opened.shared, held=None), _own_after(opened, rated))
    return RatedSupply(opened.supply, rated, came, owned)


def _waiting(part: _Part, rated: Rated) -> Rated:
    """A part whose earlier one is held: nobody knows what it opens with."""
    day = part.supply.days.first
    message = f"The days before {day} are not billed, and what they leave is not known."
    hold = Hold(EARLIER_NOT_BILLED, message, day.isoformat())
    holds = (*rated.holds, hold)
    return Rated(rated.currency, (), (), part.supply.opening, holds, tzdata=rated.tzdata)


def _together(
    parts: Sequence[_Part], numbers: Sequence[int], period: BillingPeriod, tariffs: Tariffs
) -> dict[int, Rated]:
    """Parts of one tariff and the same days together."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number in numbers:
        groups.setdefault(parts[number].alike, []).append(number)
    rated: dict[int, Rated] = {}
    for alike in groups.values():
        part = parts[alike[0]]
        supply = part.supply
        if supply.settles:
            rated |= {number: _settled(parts[number], period, tariffs) for number in alike}
            continue
        terms = Terms(
            tariffs.versions(supply.tariff),
            tariffs.calendar,
            supply.days,
            period,
            tariffs.prices(supply.tariff, supply.days, supply.zone, supply.day_start),
            ending=part.ending,
            predecessor=part.before,
            period_end=part.period_end,
            document_days=part.document_days,
            stay=part.stay,
        )
        meters = [_meter(parts[number].supply) for number in alike]
        rated.update(zip(alike, rate_many(meters, terms), strict=True))
    return rated


def _settled(part: _Part, period: BillingPeriod, tariffs: Tariffs) -> Rated:
    supply = part.supply
    return settle(
        supply.opening,
        supply.facts,
        tariffs.versions(supply.tariff),
        tariffs.calendar,
        supply.said_days,
        period,
        part.ending,
        grants_of(supply),
        part.document_days,
        one_offs_of(supply),
    )


def _meter(supply: SupplyWork) -> Meter:
    money = grants_of(supply), one_offs_of(supply)
    return Meter(_every_block(supply), supply.facts, supply.opening, *money, supply.events)


def _every_block(supply: SupplyWork) -> Blocks:
    if not supply.earlier:
        return supply.blocks
    names = supply.blocks.keys() | supply.earlier.keys()
    return {name: [*supply.earlier.get(name, ()), *supply.blocks.get(name, ())] for name in names}
