"""Rate an account's issued bills again, from the earliest changed one on.

Each opens with what the one before it leaves now. Where a bill leaves what it left before, and says
the same, those behind it are not touched, unless an input of theirs is another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from central.domain.billing.account_order import in_account_order
from central.domain.billing.beyond_limit import PartLimit, SettledLines
from central.domain.billing.due import plan_account
from central.domain.billing.final_settlement import to_settle
from central.domain.billing.line_difference import LineDifference, line_differences
from central.domain.billing.planned import PlannedBill, RunReach
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.service.billing.limit_tail import within_limit
from central.service.billing.rate_accounts import IMPORT
from central.service.billing.run_bills import rate_planned
from central.service.ports.bill_shard import NewBill, NewPart
from central.service.ports.corrections import (
    IssuedHead,
    SettledPart,
    TailTransaction,
    VersionedPart,
)
from central.service.ports.stamps import ChangedInput
from firmware_bridge.contract.errors import OperatorError


class CorrectionHeldError(OperatorError):
    """A bill cannot be rated again as its inputs are."""

    code = "CORRECTION_HELD"
    default_remedy = "Settle what holds it, then ask again."


class CorrectionOrderError(OperatorError):
    """A bill would share another state with its account than it does."""

    code = "CORRECTION_ORDER"
    default_remedy = "Give the tariff's new state to the occupancy, or to days not billed yet."


@dataclass(frozen=True, slots=True)
class CorrectedPart:
    """A part of a bill, as it is settled and as it is rated now.

    Args:
        part_id: Its key.
        occupancy_id: Key of the occupancy.
        service_point: Name.
        tariff: Name.
        days: Local days that it claims.
        version: That it has; the next is one more.
        before: Its lines as they are settled.
        after: Its lines as they are rated now.
        old_kwh: Billed energy before. [kWh]
        new_kwh: Billed energy now. [kWh]
        leaves_other: Whether it leaves another state than before.
        opens_other: Whether what it opens with is another.
        differences: Lines that differ.
    """

    part_id: int
    occupancy_id: int
    service_point: str
    tariff: str
    days: DayRange
    version: int
    before: tuple[RatedLine, ...]
    after: tuple[RatedLine, ...]
    old_kwh: Decimal
    new_kwh: Decimal
    leaves_other: bool
    opens_other: bool
    differences: tuple[LineDifference, ...]

    @property
    def kwh(self) -> Decimal:
        """Energy that is billed more. [kWh]."""
        return self.new_kwh - self.old_kwh


@dataclass(frozen=True, slots=True)
class CorrectedBill:
    """An issued bill, as it is settled and as it is rated now.

    Args:
        head: The bill.
        causes: Its inputs that are others; none where only what it opens with is.
        parts: In print order.
        new: As it is rated now.
    """

    head: IssuedHead
    causes: tuple[ChangedInput, ...]
    parts: tuple[CorrectedPart, ...]
    new: NewBill = field(repr=False)

    @property
    def differences(self) -> tuple[LineDifference, ...]:
        """Lines that differ, in print order."""
        return tuple(each for settled_part in self.parts for each in settled_part.differences)

    @property
    def leaves_other(self) -> bool:
        """Whether it leaves another state than before."""
        return any(settled_part.leaves_other for settled_part in self.parts)


async def rate_tail(work: TailTransaction) -> list[CorrectedBill]:
    """Rate the bills of a tail in the order of time, each settled before the next is rated.

    Returns:
        Those that were rated; the first ones may say the same as before.

    Raises:
        CorrectionHeldError: One cannot be rated.
        CorrectionOrderError: One shares another state with its account than it does.
    """
    rated: list[CorrectedBill] = []
    moved: set[int | None] = set()
    terms = await work.limit()
    for number, planned in enumerate(_planned(work)):
        key = planned.bill_id
        if key is None or key not in work.heads:
            continue
        causes = tuple(work.changed.get(key, ()))
        settled = {settled_part.key: settled_part for settled_part in await work.settled(key)}
        opens_other = moved & {settled_part.occupancy_id for settled_part in settled.values()}
        shares = any(settled_part.own_closing is not None for settled_part in settled.values())
        if number and not causes and not opens_other and not (shares and None in moved):
            continue
        (new,) = await rate_planned(work, [planned])
        if new.bill.holds:
            raise _held(work.heads[key], new.bill.holds)
        parts = [settled[each.occupancy_id, each.days.first] for each in new.parts]
        _check_order(work.heads[key], parts, new.parts)
        limits = [PartLimit(terms, work.day, [SettledLines(each.lines)]) for each in parts]
        new = await within_limit(work, new, limits)
        bill = CorrectedBill(work.heads[key], causes, _compared(parts, new, moved), new)
        await work.settle(new, _versions(bill, parts))
        rated.append(bill)
    return rated


def _planned(work: TailTransaction) -> Sequence[PlannedBill]:
    """The bills of the tail, by time, as they were planned when they were issued."""
    ((account, chains),) = work.shard.chains.items()
    left = work.shard.account_left_of(account)
    nothing_new = RunReach(date.min, run_type=work.shard.run.run_type)
    bills = work.shard.open_bills.get(account, ())
    plan = plan_account(chains, bills, work.shard.periods, nothing_new, lambda *_: False)
    # What was issued before anybody knew that its days are the last has settled nothing.
    later = {chain.occupancy_id for chain in chains if chain.settled}
    later |= {chain.occupancy_id for chain in to_settle(chains, left)}
    planned = (_settled_later(bill, later) for bill in plan.bills)
    plan = replace(plan, bills=tuple(planned))
    return in_account_order(plan, chains, work.shard.periods, left).bills


def _settled_later(bill: PlannedBill, occupancies: Collection[int]) -> PlannedBill:
    parts = (
        replace(claimed, settled_later=claimed.occupancy.occupancy_id in occupancies)
        for claimed in bill.parts
    )
    return replace(bill, parts=tuple(parts))


def _compared(
    parts: Sequence[SettledPart], new: NewBill, moved: set[int | None]
) -> tuple[CorrectedPart, ...]:
    """The parts of a bill, as they are settled and as they are rated now.

    Args:
        parts: As they are settled.
        new: As they are rated.
        moved: What those before leave otherwise: occupancies, and None for the account. What these
            leave is noted.
    """
    compared = []
    for settled_part, rerated, (first, end) in zip(
        parts, new.parts, new.line_numbers(), strict=True
    ):
        lines = [entry.line for entry in new.bill.lines[first - 1 : end - 1]]
        opens_other = settled_part.occupancy_id in moved or (
            settled_part.own_closing is not None and None in moved
        )
        compared.append(_corrected(settled_part, rerated, lines, opens_other=opens_other))
        _note(moved, settled_part, rerated)
    return tuple(compared)


def _corrected(
    settled_part: SettledPart, rerated: NewPart, lines: Sequence[RatedLine], *, opens_other: bool
) -> CorrectedPart:
    own_after = None if rerated.shared is None else rerated.shared.after.state
    own_before = settled_part.own_closing
    leaves_other = rerated.closing.to_json() != settled_part.closing.to_json() or (
        own_after is not None
        and own_before is not None
        and own_after.to_json() != own_before.to_json()
    )
    return CorrectedPart(
        part_id=settled_part.id,
        occupancy_id=settled_part.occupancy_id,
        service_point=settled_part.service_point,
        tariff=settled_part.tariff,
        days=settled_part.days,
        version=settled_part.version,
        before=settled_part.lines,
        after=tuple(lines),
        old_kwh=printed(charged_energy(settled_part.lines, IMPORT)),
        new_kwh=printed(charged_energy(lines, IMPORT)),
        leaves_other=leaves_other,
        opens_other=opens_other,
        differences=tuple(line_differences(settled_part.service_point, settled_part.lines, lines)),
    )


def _versions(bill: CorrectedBill, settled: Sequence[SettledPart]) -> list[VersionedPart]:
    """The parts that are made anew: what they say, leave, open with or rest on is another."""
    return [
        VersionedPart(settled_part, number, compared.new_kwh)
        for number, (settled_part, compared) in enumerate(zip(settled, bill.parts, strict=True))
        if compared.leaves_other
        or compared.opens_other
        or [line.to_json() for line in compared.before]
        != [line.to_json() for line in compared.after]
    ]


def _note(moved: set[int | None], settled_part: SettledPart, rerated: NewPart) -> None:
    """Note what a part leaves otherwise: of its occupancy, and with None of its account."""
    if rerated.closing.to_json() == settled_part.closing.to_json():
        moved.discard(settled_part.occupancy_id)
    else:
        moved.add(settled_part.occupancy_id)
    if settled_part.own_closing is not None and rerated.shared is not None:
        if rerated.shared.after.state.to_json() == settled_part.own_closing.to_json():
            moved.discard(None)
        else:
            moved.add(None)


def _check_order(
    head: IssuedHead, settled: Sequence[SettledPart], rerated: Sequence[NewPart]
) -> None:
    for settled_part, new in zip(settled, rerated, strict=True):
        if (settled_part.own_closing is None) is not (new.shared is None):
            message = (
                f"{head.number} would share a state with its account at"
                f" {settled_part.service_point} that it did not share, or no longer; what other"
                " bills opened with cannot be put in order."
            )
            raise CorrectionOrderError(message, value=head.number)


def _held(head: IssuedHead, holds: Sequence[Hold]) -> CorrectionHeldError:
    reasons = " ".join(f"{hold.code}: {hold.message}" for hold in holds)
    message = f"{head.number} of {head.period} cannot be rated again. {reasons}"
    return CorrectionHeldError(message, value=holds[0].code)
