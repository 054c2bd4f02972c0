"""What an operator sees of billing cycles and named groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class CycleView:
    """A billing cycle that is kept.

    Args:
        name: Its name.
        months: Length of a period. [months]
        first: First day of its list.
        end: The day after the last of its list.
        bill_after: Days from the end of a period to its bill. [days]
        by_hand: Whether its list was written by hand.
        accounts: How many accounts are in it today.
    """

    name: str
    months: int
    first: date
    end: date
    bill_after: int
    by_hand: bool
    accounts: int

    @property
    def last(self) -> date:
        """Last day of its list."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CyclePeriodView:
    """A period of a cycle's list.

    Args:
        name: Such as 2026-10.bimonthly.
        first: First local day.
        end: The local day after the last.
        bill_day: From which day on it is billed.
        billed: Whether days of it are billed, so that it stays as it is.
    """

    name: str
    first: date
    end: date
    bill_day: date
    billed: bool

    @property
    def last(self) -> date:
        """Last local day."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CycleAccountView:
    """An account that was put into a cycle.

    Args:
        number: What is printed on bills.
        name: The customer's name.
        first: From which day on.
        end: The day from which on it is in another; None while it stays.
        billed_to: The day after the last that is billed of it; None where none is.
    """

    number: str
    name: str
    first: date
    end: date | None
    billed_to: date | None


@dataclass(frozen=True, slots=True)
class GroupView:
    """A named group.

    Args:
        name: Its name.
        of: point or account.
        members: How many are in it today.
        memberships: How many ever were, or will be.
    """

    name: str
    of: str
    members: int
    memberships: int


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member of a group for some days.

    Args:
        member: Name of the service point or number of the account.
        about: The customer's name, or the service point's address.
        first: First local day.
        end: The day after the last; None while it lasts.
    """

    member: str
    about: str
    first: date
    end: date | None
