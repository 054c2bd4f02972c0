"""What reconciliation needs of a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import NamedTuple, Protocol

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.coverage import OccupiedDays
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.account_money import AccountMoneySource, DaysOfServices
from firmware_bridge.contract.interval import MIDNIGHT
from firmware_bridge.contract.quantity import Unit


@dataclass(frozen=True, slots=True)
class ReconciledService:
    """A service, and all that is billed of it.

    Args:
        id: Its key.
        point: Name of its service point.
        name: Such as `electricity`.
        zone: Of its days.
        channels: The channels that it bills, key to OBIS code.
        occupied: Its occupancies.
        agreed: Days of its agreements.
        day_start: Time of day at which its days begin.
    """

    id: int
    point: str
    name: str
    zone: str
    channels: Mapping[int, str]
    occupied: tuple[OccupiedDays, ...]
    agreed: tuple[DayRange, ...]
    day_start: time = MIDNIGHT


class NotServed(NamedTuple):
    """A channel that no service bills.

    Args:
        channel: Its key.
        point: Name of its service point.
        obis: What it counts.
        shared_from: From which local day on it is shared out to other points; None where it is not.
    """

    channel: int
    point: str
    obis: str
    shared_from: date | None = None


class ChannelRange(NamedTuple):
    """Days of a channel.

    Args:
        channel: Key of the channel.
        days: Local days.
    """

    channel: int
    days: DayRange


class ValidatedDays(NamedTuple):
    """The newest validated blocks of a channel's days that lie end to end.

    Args:
        channel: Key of the channel.
        days: Local; one that was validated more than once stands alone.
        unit: Of the sum.
        intervals: How many there are.
        missing: How many of them have no value.
        total: Exact sum of the others. [unit]
        version: Of the block, or of each.
    """

    channel: int
    days: DayRange
    unit: Unit
    intervals: int
    missing: int
    total: Decimal
    version: int = 1


class ReadDay(NamedTuple):
    """A channel's day that a part of a bill reads; several services may bill one channel.

    Args:
        part: Key of the part.
        channel: Key of the channel.
        day: Local.
    """

    part: int
    channel: int
    day: date


@dataclass(frozen=True, slots=True)
class BilledMoney:
    """What bills of one currency say, added up in three ways.

    Args:
        currency: ISO 4217 letters.
        bills: How many; none that is held or discarded.
        totals: Sum of their totals. [currency]
        lines: Sum of their lines. [currency]
        given: Sum of what the runs' tallies say; None where not whole runs are asked. [currency]
    """

    currency: str
    bills: int
    totals: Decimal
    lines: Decimal
    given: Decimal | None = None

    @property
    def balanced(self) -> bool:
        """Whether they are equal to the cent."""
        return self.totals == self.lines and self.given in {None, self.totals}


class ReconciliationStore(AccountMoneySource, Protocol):
    """Reads what is validated, claimed and billed. It changes nothing."""

    async def days_of_run(self, run: str) -> DaysOfServices | None:
        """The days that the bills of a run hold; None where there is no such run.

        Args:
            run: Its identifier, or the name of its cycle.
        """

    async def days_of_tariff(self, tariff: str, days: DayRange) -> DaysOfServices | None:
        """The days on which a tariff is agreed; None where there is no such tariff."""

    async def days_of_group(self, group: str, days: DayRange) -> DaysOfServices | None:
        """The days of a group's members; None where there is no such group."""

    async def days_of_account(self, account: str, days: DayRange) -> DaysOfServices | None:
        """The days of an account's agreements; None where there is no such account."""

    async def services(
        self, only: Collection[int] | None, after: int, limit: int
    ) -> Sequence[ReconciledService]:
        """Services by key.

        Args:
            only: Those keys; None for all.
            after: Keys above this one.
            limit: How many at most.
        """

    async def not_served(self, after: int, limit: int) -> Sequence[NotServed]:
        """Channels that no service bills, by key.

        Args:
            after: Keys above this one.
            limit: How many at most.
        """

    async def periods(self, accounts: Collection[int], until: date) -> AccountPeriods:
        """The billing periods of accounts, see `PeriodSource`."""

    async def validated(self, ranges: Sequence[ChannelRange]) -> Sequence[Sequence[ValidatedDays]]:
        """What is validated of each range, ascending."""

    async def as_billed(self, days: Collection[ReadDay]) -> Mapping[ReadDay, ValidatedDays]:
        """Days as the bills of parts read them, where that is not the newest version."""

    async def money(
        self, run: str | None, days: DayRange, among: DaysOfServices | None
    ) -> Sequence[BilledMoney]:
        """What bills say, by currency: those of a run, or those whose last day is in a range.

        Args:
            run: Its identifier, or the name of its cycle.
            days: Where no run is named.
            among: Of those only bills with a part that has some of these days; None for all.
        """
