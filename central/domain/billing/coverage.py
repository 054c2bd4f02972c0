"""Who reads each day of a service: exactly one part of a bill, or it is named why none does.

It looks at which days parts and claims hold, never at what a bill prints: a bill may round, skip or
price an interval twice, but each interval belongs to one part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from central.domain.billing.claim_conflict import ClaimDecision
from central.domain.billing.state import BillState
from central.domain.rating.inputs.segments import DayRange


class Coverage(StrEnum):
    """What becomes of a day's intervals. Stored nowhere; printed and given to programs."""

    BILLED = "billed"
    """Read by one part of an issued bill."""
    ADJUSTED = "adjusted"
    """Read by one part of an issued bill as a correction settled it; the next bill carries it."""
    BEYOND_LIMIT = "beyond limit"
    """As `adjusted` or billed anew, but too far back: what it came to otherwise was taken off."""
    APPROVED = "approved"
    """Read by one part of an approved bill."""
    DRAFT = "draft"
    """Read by one part of a draft."""
    HELD = "held"
    """Claimed by one part of a held bill."""
    NOT_YET_DUE = "not yet due"
    """Its billing period is not over, or its bill day has not come."""
    VACANT = "vacant"
    """Nobody has an agreement."""
    ALLOCATED = "allocated"
    """No service bills it here: it is shared out, and billed where the shares are."""
    BILLED_ELSEWHERE = "billed elsewhere"
    """It lies before the first day that is billed here."""
    DUE = "due"
    """The bill day of its period has come, and no part reads it."""
    NO_PERIOD = "no period"
    """It is over, and its account's billing cycle has no period that holds it."""
    HOLE = "hole"
    """A later day is billed, and no part reads it."""
    TWICE = "twice"
    """More than one part reads it."""
    NOT_CLAIMED = "not claimed"
    """A part reads it without a claim, or another part has the claim."""
    NOT_READ = "not read"
    """It is claimed, and no part reads it."""
    SUPPRESSED = "suppressed"
    """It is claimed, and by decision no part reads it: see its suppression."""
    DECIDED = "decided"
    """No claim can hold it, and somebody decided what becomes of it: see its claim conflict."""
    NOT_IN_BILL = "not in the bill"
    """A part has the day, and was rated without this channel."""

    @property
    def remedy(self) -> str | None:
        """What to do about days that do not balance; None for those that do."""
        return _REMEDIES.get(self)


BALANCED = frozenset(
    {
        Coverage.BILLED,
        Coverage.ADJUSTED,
        Coverage.BEYOND_LIMIT,
        Coverage.APPROVED,
        Coverage.DRAFT,
        Coverage.HELD,
        Coverage.NOT_YET_DUE,
        Coverage.VACANT,
        Coverage.ALLOCATED,
        Coverage.BILLED_ELSEWHERE,
        Coverage.DECIDED,
        Coverage.SUPPRESSED,
    }
)
"""Read by one live part, or named; every other is a fault, or work that waits."""

READ = frozenset(
    {
        Coverage.BILLED,
        Coverage.ADJUSTED,
        Coverage.BEYOND_LIMIT,
        Coverage.APPROVED,
        Coverage.DRAFT,
    }
)
"""Read by one part of a bill that was rated."""

_REMEDIES = {
    Coverage.DUE: (
        "Its bill day has come: `bill run --cycle` bills it by the month in which its period ends,"
        " or in that month already by the period's name, such as 2026-03.route-7."
    ),
    Coverage.NO_PERIOD: (
        "Add periods to its account's billing cycle with `cycle import` or `cycle extend`, then run"
        " its bills."
    ),
    Coverage.HOLE: "A later day is billed: look at the claim conflicts.",
    Coverage.TWICE: "Two bills read it: look at the claim conflicts.",
    Coverage.NOT_CLAIMED: "A bill reads it without a claim: look at the claim conflicts.",
    Coverage.NOT_READ: "It is claimed without a bill: look at the claim conflicts.",
    Coverage.NOT_IN_BILL: "Run a draft again; an issued bill needs a correction.",
}

_SETTLED = frozenset({Coverage.BILLED, Coverage.ADJUSTED})
_STATES = {
    BillState.ISSUED: Coverage.BILLED,
    BillState.APPROVED: Coverage.APPROVED,
    BillState.DRAFT: Coverage.DRAFT,
    BillState.HELD: Coverage.HELD,
}


class CorrectionNote(NamedTuple):
    """A correction that a part of an issued bill stands by, or a suppression of days.

    Args:
        correction: Its identifier.
        reason: Why.
    """

    correction: str
    reason: str


@dataclass(frozen=True, slots=True)
class LivePart:
    """A part of a bill that is neither discarded nor cancelled.

    Args:
        id: Its key.
        days: Local days that it reads.
        state: Of its bill.
        days_read: Days of each channel that it was rated with; None where nobody kept them.
        adjusted: What settled it anew; None where it stands as its bill says it.
        written_off: What leaves it as it is, though its inputs are others; None where nothing does.
        beyond: What settled it, where it reached back further than a limit lets through, with the
            limit; None where it did not.
        beyond_until: The day after the last one beyond the limit.
    """

    id: int
    days: DayRange
    state: BillState
    days_read: Mapping[int, Sequence[DayRange]] | None = None
    adjusted: CorrectionNote | None = None
    written_off: CorrectionNote | None = None
    beyond: CorrectionNote | None = None
    beyond_until: date | None = None

    def is_beyond(self, day: date) -> bool:
        """Whether what one of its days came to otherwise was taken off."""
        return self.beyond_until is not None and day < self.beyond_until

    def reads(self, channel: int, day: date) -> bool:
        """Whether it was rated with a channel's day, one of its own."""
        if self.days_read is None:
            return True
        return any(_in(day, days) for days in self.days_read.get(channel, ()))


@dataclass(frozen=True, slots=True)
class ClaimedDays:
    """Days that are claimed.

    Args:
        days: Local days.
        part_id: Key of the part; None where none reads them.
    """

    days: DayRange
    part_id: int | None


@dataclass(frozen=True, slots=True)
class DecidedDays:
    """Days that no claim can hold, of which somebody decided what becomes of them.

    Args:
        conflict: Number of the claim conflict.
        days: Local days.
        part_id: Key of the part that has them without a claim; None where none has.
        decision: What was decided.
        reason: Why.
    """

    conflict: int
    days: DayRange
    part_id: int | None
    decision: ClaimDecision
    reason: str


class SuppressedDays(NamedTuple):
    """Days that are not billed by decision.

    Args:
        days: Local days.
        note: Identifier of the suppression, and why.
    """

    days: DayRange
    note: CorrectionNote


@dataclass(frozen=True, slots=True)
class OccupiedDays:
    """One account at one service, unbroken, with what is billed of it.

    Args:
        account_id: The account's key.
        billing_from: The first day that is billed here.
        ended_on: The day after the last; None while it lasts.
        parts: Live parts of its bills.
        claims: Days that are claimed.
        decided: Days that no claim can hold, and what was decided.
        suppressed: Days that are not billed by decision.
    """

    account_id: int
    billing_from: date
    ended_on: date | None
    parts: tuple[LivePart, ...] = ()
    claims: tuple[ClaimedDays, ...] = ()
    decided: tuple[DecidedDays, ...] = ()
    suppressed: tuple[SuppressedDays, ...] = ()

    def holds(self, day: date) -> bool:
        """Whether a day is billed here."""
        return self.billing_from <= day and (self.ended_on is None or day < self.ended_on)


def coverage_on(
    day: date,
    occupied: Sequence[OccupiedDays],
    agreed: Iterable[DayRange],
    unread: Callable[[OccupiedDays, date], Coverage],
) -> Coverage:
    """What becomes of one day of a service.

    Args:
        day: Local.
        occupied: Every occupancy of the service.
        agreed: Days of its agreements.
        unread: What a day of an occupancy is that no part reads: `DUE`, `NOT_YET_DUE`, `NO_PERIOD`.
    """
    parts = [live for mine in occupied for live in mine.parts if _in(day, live.days)]
    claims = [claim for mine in occupied for claim in mine.claims if _in(day, claim.days)]
    coverage = _claimed(parts, claims)
    if coverage is Coverage.NOT_READ and suppression_on(day, occupied) is not None:
        return Coverage.SUPPRESSED
    if coverage in _SETTLED and parts[0].is_beyond(day):
        return Coverage.BEYOND_LIMIT
    if coverage is None:
        return _not_read(day, occupied, agreed, unread)
    if coverage not in BALANCED and _explained(parts, claims, decisions_on(day, occupied)):
        return Coverage.DECIDED
    return coverage


def suppression_on(day: date, occupied: Iterable[OccupiedDays]) -> CorrectionNote | None:
    """What lets a day of a service not be billed; None where nothing does."""
    suppressed = (each for mine in occupied for each in mine.suppressed if _in(day, each.days))
    return next((each.note for each in suppressed), None)


def decisions_on(day: date, occupied: Iterable[OccupiedDays]) -> list[DecidedDays]:
    """What was decided of a day of a service."""
    return [decided for mine in occupied for decided in mine.decided if _in(day, decided.days)]


def _explained(
    parts: Iterable[LivePart], claims: Iterable[ClaimedDays], decided: Sequence[DecidedDays]
) -> bool:
    """Whether a day is in order but for what was decided; another fault beside it is still one."""
    gone = {each.part_id for each in decided}
    left = [live for live in parts if live.id not in gone]
    rest = _claimed(left, [claim for claim in claims if claim.part_id not in gone])
    return None in gone if rest is None else rest in BALANCED


def _claimed(parts: Sequence[LivePart], claims: Sequence[ClaimedDays]) -> Coverage | None:
    """What becomes of a day that parts or claims hold; None where none does."""
    if len(parts) > 1 or len(claims) > 1:
        return Coverage.TWICE
    if parts:
        return _read(parts[0], claims)
    return Coverage.NOT_READ if claims else None


def _read(reader: LivePart, claims: Sequence[ClaimedDays]) -> Coverage:
    if [claim.part_id for claim in claims] != [reader.id]:
        return Coverage.NOT_CLAIMED
    return Coverage.ADJUSTED if reader.adjusted is not None else _STATES[reader.state]


def _not_read(
    day: date,
    occupied: Sequence[OccupiedDays],
    agreed: Iterable[DayRange],
    unread: Callable[[OccupiedDays, date], Coverage],
) -> Coverage:
    holder = next((mine for mine in occupied if mine.holds(day)), None)
    if holder is None:
        before = any(_in(day, days) for days in agreed)
        return Coverage.BILLED_ELSEWHERE if before else Coverage.VACANT
    if any(live.days.first > day for live in holder.parts):
        return Coverage.HOLE
    return unread(holder, day)


def _in(day: date, days: DayRange) -> bool:
    return days.first <= day < days.end
