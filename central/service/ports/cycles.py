"""What billing cycles need of a store, and how a shard of bills asks for its periods."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from central.domain.billing.account_periods import AccountPeriods, CycleAssignment
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from firmware_bridge.contract.errors import OperatorError


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """A billing cycle as it is kept.

    Args:
        cycle: With its list of periods, ascending and without a gap.
        by_hand: Whether the list was written by hand, such as a route's read dates; then nothing
            is generated after it.
    """

    cycle: BillingCycle
    by_hand: bool = False

    def until(self, day: date) -> BillingCycle:
        """The cycle with periods as far as a day; those of a list by hand end where it ends."""
        return self.cycle if self.by_hand else self.cycle.listed_until(day)


class UnknownCycleError(OperatorError):
    """A run is asked of a billing cycle, or of a period, that is not there or that is nobody's."""

    code = "UNKNOWN_CYCLE"
    default_remedy = "`cycle list` shows the cycles, `cycle show NAME` one's periods."


def require_cycle(period: str, cycle: str, *, exists: bool, listed: bool, assigned: bool) -> None:
    """Refuse the run of a period that no account has: billing nobody is not billing.

    Args:
        period: Its name, such as `2026-03.route-7` or `2026-10@15`.
        cycle: The cycle's name.
        exists: Whether there is such a cycle; built-in ones are always there.
        listed: Whether it has the period.
        assigned: Whether an account is in it; built-in ones need nobody.

    Raises:
        UnknownCycleError: It is not so.
    """
    if not exists:
        message = f"There is no billing cycle {cycle!r}, so {period} is nobody's."
        month = period[:7]
        remedy = f"Choose one of `cycle list`, or the month: `--cycle {month}` bills all cycles."
        raise UnknownCycleError(message, value=period, remedy=remedy)
    if not listed:
        message = f"The billing cycle {cycle} has no period {period}."
        remedy = f"`cycle show {cycle}` lists its periods."
        raise UnknownCycleError(message, value=period, remedy=remedy)
    if not assigned:
        message = f"No account is in the billing cycle {cycle}, so {period} is nobody's."
        remedy = f"Put accounts into it with `cycle assign ACCOUNT {cycle} --from DAY`."
        raise UnknownCycleError(message, value=period, remedy=remedy)


class CycleTransaction(Protocol):
    """Cycles and who is in them, in one transaction. Built-in cycles are not kept."""

    async def cycles(self) -> tuple[CycleRecord, ...]:
        """All cycles, by name."""

    async def cycle(self, name: str, *, hold: bool = False) -> CycleRecord | None:
        """A cycle.

        Args:
            name: Of the cycle.
            hold: Keep others from changing it, and shards of bills from reading it, until the
                transaction ends.
        """

    async def add_cycle(self, record: CycleRecord) -> None:
        """Add a cycle with its list.

        Raises:
            RegistryConflictError: There is one of that name.
        """

    async def set_periods(self, cycle: str, first: date, periods: Sequence[BillingPeriod]) -> None:
        """Replace the periods of a cycle that begin on a day or later.

        Args:
            cycle: Name.
            first: The day.
            periods: In their place; the first follows what stays.
        """

    async def billed_to(self, cycle: str) -> date | None:
        """The end of the last day that is billed of any account while it is in a cycle."""

    async def assignments(self, account: str) -> tuple[CycleAssignment, ...]:
        """In which cycles an account is, ascending; before the first in the calendar month."""

    async def members(self, cycle: str) -> tuple[tuple[str, date], ...]:
        """Accounts that are ever put into a cycle, by number, with the day of it."""

    async def account_billed_to(self, account: str) -> date | None:
        """The end of the last day of an account that is billed."""

    async def assign_cycle(self, account: str, assignment: CycleAssignment) -> None:
        """Put an account into a cycle; one of the same day is replaced."""


class PeriodSource(Protocol):
    """Tells a transaction that makes bills in which periods the days of accounts lie.

    Whoever makes bills asks once for a shard's accounts, then `AccountPeriods.on` for each day at
    which a part begins: it gives the cycle's own period, shortened where the account changes its
    cycle. `AccountPeriods.cut_to` makes the shorter period of an occupancy's first or last days. A
    period is due from its `bill_day` on. The lists that were read stay as they are until the
    transaction ends, so that no one edits a period while it is claimed.
    """

    async def periods_of(self, accounts: Collection[int], until: date) -> AccountPeriods:
        """The periods of accounts.

        Args:
            accounts: Their keys.
            until: The last day that will be asked for; a cycle whose list is generated is
                continued to it. A list by hand ends where it ends, and `on` gives None after it.
        """
