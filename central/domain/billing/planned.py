"""What a run plans: parts of accounts' bills, the days that they claim, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, NamedTuple

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import MIDNIGHT, Interval


@dataclass(frozen=True, slots=True)
class AgreedTerm:
    """An agreement, as far as billing is concerned.

    Args:
        agreement_id: Its key.
        tariff: Name.
        first: First local day.
        end: The local day after the last; None while open.
        facts: What the tariff needs to know, as it is kept: not read yet.
    """

    agreement_id: int
    tariff: str
    first: date
    end: date | None
    facts: Any = None

    def within(self, days: DayRange) -> DayRange | None:
        """The days of a period in which it holds."""
        end = days.end if self.end is None else min(self.end, days.end)
        first = max(self.first, days.first)
        return DayRange(first, end) if first < end else None


@dataclass(frozen=True, slots=True)
class OccupancyChain:
    """An occupancy, and how far its days are claimed.

    Args:
        occupancy_id: Its key.
        account_id: Whose.
        point_id: Key of the service point.
        point: Its name.
        zone: Of the point's days.
        claimed_to: Where the newest claim ends, or billing begins.
        ended_on: The local day after the last; None while it lasts.
        terms: Its agreements, ascending.
        channels: OBIS codes that the service bills; empty for all.
        day_start: Time of day at which the service's days begin.
        settled: Whether a part settles what it left; no more of it is billed.
        left: What its newest part left, where it has ended, all of its days are billed and that
            part is issued; None elsewhere.
        left_under: The tariff whose names that has, also where a part settles it; "" where nobody
            kept it.
        posted_here: First day of the charges and credits that were posted to its point, and that no
            bill has taken; None without.
        posted: The same of what was posted to no point of its account.
    """

    occupancy_id: int
    account_id: int
    point_id: int
    point: str
    zone: str
    claimed_to: date
    ended_on: date | None
    terms: tuple[AgreedTerm, ...]
    channels: frozenset[bytes] = frozenset()
    day_start: time = MIDNIGHT
    settled: bool = False
    left: CarriedState | None = None
    left_under: str = ""
    posted_here: date | None = None
    posted: date | None = None

    def interval(self, days: DayRange) -> Interval:
        """The instants of some of its days.

        Raises:
            InvalidValueError: The zone is unknown.
        """
        return days.interval(self.zone, self.day_start)


def said_days(days: DayRange, *, settles: bool) -> DayRange:
    """The days that a bill says of a part.

    Args:
        days: That the part claims.
        settles: Whether it settles what an occupancy left.
    """
    return DayRange(days.first - timedelta(days=1), days.first) if settles else days


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """Days of an occupancy under one agreement, to be rated. (occupancy, first day) is its key.

    Args:
        occupancy: Whose days.
        term: The agreement.
        days: Local days.
        claimed: Whether it holds them already.
        held_to: Where the days end that it holds, where it is to hold more.
        settles: Whether it bills no day, but settles what the occupancy left. It holds the day on
            which the occupancy has ended, so that nothing comes behind it and nothing is settled
            twice.
        account_stays: Whether a later part of the account goes on with what is the account's own.
        open_elsewhere: Tariffs under which days of the account before its end are to be billed yet.
        settled_later: Whether a part of its own settles what the occupancy leaves.
    """

    occupancy: OccupancyChain
    term: AgreedTerm
    days: DayRange
    claimed: bool = False
    held_to: date | None = None
    settles: bool = False
    account_stays: bool = True
    open_elsewhere: frozenset[str] = frozenset()
    settled_later: bool = False

    @property
    def key(self) -> tuple[int, date]:
        """Its key."""
        return self.occupancy.occupancy_id, self.days.first

    @property
    def final(self) -> bool:
        """Whether the occupancy ends with it."""
        if self.settles:
            return True
        return self.days.end == self.occupancy.ended_on and not self.settled_later

    def rated_by(self, opening: CarriedState) -> str:
        """The tariff that it is rated by.

        A settlement by that whose names its opening state has: the agreement's own; or another that
        it was handed over to, where it has no other names to go back to.
        """
        named = opening.under(self.term.tariff).tariff if self.settles else ""
        return named or self.term.tariff

    @property
    def said_days(self) -> DayRange:
        """The days that its bill says: of a settlement the last one of the occupancy."""
        return said_days(self.days, settles=self.settles)


@dataclass(frozen=True, slots=True)
class OpenBill:
    """A draft or a held bill.

    Args:
        bill_id: Its key.
        account_id: Whose.
        period: That it bills.
        run_type: Why it was made.
        days: Per occupancy and agreement, what its parts claim.
        settles: Occupancies of which it settles what they left.
    """

    bill_id: int
    account_id: int
    period: BillingPeriod
    run_type: RunType
    days: tuple[tuple[int, int, DayRange], ...] = ()
    settles: frozenset[int] = frozenset()


class ReplacedBill(NamedTuple):
    """A cancelled bill whose days are billed anew.

    Args:
        id: Its key.
        revision: Its own.
        number: Legal number as printed.
        sha256: Hex digest of all that it says.
    """

    id: int
    revision: int
    number: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PlannedBill:
    """A bill to be made, or made again.

    Args:
        account_id: Whose.
        period: That it bills.
        run_type: Why it is made.
        parts: By point and time; at least one.
        bill_id: Key of the open bill that it becomes; None for a new one.
        replaces: The last cancelled bill of any of its days; None where there is none.
        elsewhere: Tariffs of occupancies of the account of which it has no days and bills are to
            come.
    """

    account_id: int
    period: BillingPeriod
    run_type: RunType
    parts: tuple[PlannedPart, ...]
    bill_id: int | None = None
    replaces: ReplacedBill | None = None
    elsewhere: frozenset[str] = frozenset()

    @property
    def tariffs(self) -> frozenset[str]:
        """Every tariff that rating it reads.

        Also those of before and after, for what a state carries is handed over between them; that
        by which it is settled; and those of days elsewhere, for what is the account's own waits for
        them.
        """
        names = {term.tariff for planned in self.parts for term in planned.occupancy.terms}
        names |= {planned.occupancy.left_under for planned in self.parts if planned.settles} - {""}
        return frozenset(names.union(*(planned.open_elsewhere for planned in self.parts)))


@dataclass(frozen=True, slots=True)
class NotBilled:
    """Days of an occupancy that a run leaves out, and why.

    Args:
        account_id: Whose.
        code: `NOT_DUE`, `NO_BILLING_PERIOD`, `PERIOD_TAKEN` or `NOTHING_TO_SETTLE`.
        point: Name of the service point.
        first: First local day that is left out.
        end: The local day after the last.
        message: One sentence.
    """

    account_id: int
    code: str
    point: str
    first: date
    end: date
    message: str


@dataclass(frozen=True, slots=True)
class RunReach:
    """Which periods a run bills.

    Args:
        end: The day after the last; a period that ends later is not billed.
        cycle: Name of the only cycle; None for all.
        run_type: Why; `final` bills only occupancies that have ended.
        so_far: Whether what is not due yet is taken as well, until the end: what a bill of the
            days so far would say.
    """

    end: date
    cycle: str | None = None
    run_type: RunType = RunType.REGULAR
    so_far: bool = False

    @property
    def ended(self) -> bool:
        """Whether only occupancies that have ended are billed."""
        return self.run_type is RunType.FINAL

    @classmethod
    def of(cls, cycle: Cycle, run_type: RunType = RunType.REGULAR) -> RunReach:
        """What a run of a cycle bills: a month all that ends in it or before, of every cycle."""
        if cycle.of:
            return cls(Cycle(cycle.year, cycle.month).days.end, cycle.of, run_type)
        return cls(cycle.days.end, f"@{cycle.anchor}" if cycle.anchor > 1 else None, run_type)


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """What a run does with an account.

    Args:
        account_id: Whose.
        bills: Oldest first.
        left_out: What is not due.
        finished: Occupancies, by key, that have ended without anything to settle.
    """

    account_id: int
    bills: tuple[PlannedBill, ...]
    left_out: tuple[NotBilled, ...] = ()
    finished: tuple[int, ...] = ()
