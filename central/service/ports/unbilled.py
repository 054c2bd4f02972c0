"""What unbilled revenue needs of a store: accounts that changed, previews, and what is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from central.domain.billing.unbilled import Unbilled
from central.service.ports.bill_shard import ShardTransaction
from central.service.views.paging import Page


class OpenAccount(NamedTuple):
    """An account as it is now, before its preview is made.

    Args:
        id: Its key.
        end: The day after the last that is closed at all of its points.
        stamp: Tells it from what it was: revisions, closed days, issued bills.
    """

    id: int
    end: date
    stamp: str


class ChangedAccounts(NamedTuple):
    """Some accounts, in the order of their keys.

    Args:
        last: Key of the last one that was looked at; None after the last of all.
        looked: How many were looked at.
        accounts: Those that are not what they were when they were kept.
    """

    last: int | None
    looked: int
    accounts: Sequence[OpenAccount]


@dataclass(frozen=True, slots=True)
class NewUnbilled:
    """What an account's days come to now.

    Args:
        account: As it was before the preview.
        occupancies: With days that are not billed.
        series: Names of the series that its stamp is to follow.
        rated_until: Where it cannot be rated, the first day that misses something.
    """

    account: OpenAccount
    occupancies: Sequence[Unbilled]
    series: Collection[str] = ()
    rated_until: date | None = None


class KeptRows(NamedTuple):
    """How much was written.

    Args:
        accounts: Kept.
        days: Whose amounts are others.
    """

    accounts: int
    days: int


@dataclass(frozen=True, slots=True)
class AccountUnbilled:
    """What an account is not billed yet, at one of its occupancies.

    Args:
        account: Number.
        service_point: Name.
        service: Name.
        first: First local day.
        end: The local day after the last that is closed.
        currency: ISO 4217 letters; "" where nothing could be rated.
        amount: Of all days and charges. [currency]
        holds: Codes of what would hold the bill.
        rated_at: Since when it is known.
    """

    account: str
    service_point: str
    service: str
    first: date
    end: date
    currency: str
    amount: Decimal
    holds: tuple[str, ...]
    rated_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "account": self.account,
            "service_point": self.service_point,
            "service": self.service,
            "first": self.first.isoformat(),
            "end": self.end.isoformat(),
            "currency": self.currency,
            "amount": str(self.amount),
            "holds": list(self.holds),
            "rated_at": self.rated_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class DayUnbilled:
    """What a day of an occupancy comes to.

    Args:
        service_point: Name.
        service: Name.
        day: Local.
        currency: ISO 4217 letters.
        amount: Of all charges. [currency]
        charges: Amount by the id of the charge, tax or rider. [currency]
    """

    service_point: str
    service: str
    day: date
    currency: str
    amount: Decimal
    charges: Mapping[str, Decimal] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "service_point": self.service_point,
            "service": self.service,
            "day": self.day.isoformat(),
            "currency": self.currency,
            "amount": str(self.amount),
            "charges": {charge: str(amount) for charge, amount in self.charges.items()},
        }


@dataclass(frozen=True, slots=True)
class ChargeUnbilled:
    """What a charge comes to, over all accounts.

    Args:
        currency: ISO 4217 letters.
        charge: Id of the charge, tax or rider.
        accounts: How many have it.
        amount: Of all days. [currency]
    """

    currency: str
    charge: str
    accounts: int
    amount: Decimal

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "currency": self.currency,
            "charge": self.charge,
            "accounts": self.accounts,
            "amount": str(self.amount),
        }


class UnbilledStore(Protocol):
    """Where unbilled revenue is kept."""

    async def changed(
        self, after: int, limit: int, at: datetime, among: str | None = None
    ) -> ChangedAccounts:
        """Accounts behind one that are not what they were when they were kept.

        Args:
            after: Key of the account before the first one that is looked at.
            limit: Most accounts that are looked at.
            at: Now, aware.
            among: Number of the only account that is looked at, changed or not; None for all.

        Raises:
            NotRegisteredError: There is no such account.
        """

    def previewing(
        self, accounts: Sequence[OpenAccount], at: datetime
    ) -> AbstractAsyncContextManager[ShardTransaction]:
        """Begin a preview of accounts; whatever is done in it is undone at the end."""

    async def keep(self, unbilled: Sequence[NewUnbilled], at: datetime) -> KeptRows:
        """Keep what accounts come to; only days that are others are written.

        What is known of a later time stays.
        """

    async def accounts(
        self, after: str | None, limit: int, account: str | None = None
    ) -> Page[AccountUnbilled]:
        """What is kept of occupancies, by account number.

        Raises:
            CursorError: The cursor is not one of this list.
            NotRegisteredError: There is no such account.
        """

    async def days(self, account: str, after: str | None, limit: int) -> Page[DayUnbilled]:
        """What is kept of an account's days, by service point, service and day.

        Raises:
            CursorError: The cursor is not one of this list.
            NotRegisteredError: There is no such account.
        """

    async def charges(self) -> Sequence[ChargeUnbilled]:
        """What is kept, over all accounts, by currency and charge."""
