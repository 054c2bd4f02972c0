"""What correcting issued bills needs of a store: an account's bills from one on, rated forward.

All of it is one transaction. What was only asked for is rolled back at its end; so a dry run and a
decision are the same work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.bill_shard import NewBill, ShardTransaction
from central.service.ports.stamps import ChangedInput


@dataclass(frozen=True, slots=True)
class SettledPart:
    """A part of an issued bill, as it is settled.

    Args:
        id: Its key.
        occupancy_id: Key of the occupancy.
        service_point: Name.
        tariff: Name.
        days: Local days that it claims.
        version: 1 as its bill says it; one more for each correction that made it anew.
        lines: In print order.
        closing: What the part behind opens with.
        own_closing: What is the account's own after it; None where it knows nothing of that.
    """

    id: int
    occupancy_id: int
    service_point: str
    tariff: str
    days: DayRange
    version: int
    lines: tuple[RatedLine, ...]
    closing: CarriedState
    own_closing: CarriedState | None = None

    @property
    def key(self) -> tuple[int, date]:
        """Occupancy and first day."""
        return self.occupancy_id, self.days.first


class IssuedHead(NamedTuple):
    """An issued bill without its content.

    Args:
        id: Its key.
        uid: Its identifier outside.
        number: Legal number.
        period: Name of its period.
        currency: ISO 4217 letters.
        made_at: When it was made.
    """

    id: int
    uid: UUID
    number: str
    period: str
    currency: str
    made_at: datetime


class BillBehind(NamedTuple):
    """A bill of the account that is not issued.

    Args:
        uid: Its identifier outside.
        name: Account and period.
        state: `draft`, `held` or `approved`.
    """

    uid: UUID
    name: str
    state: str


class VersionedPart(NamedTuple):
    """A part that a correction makes anew.

    Args:
        settled: As it was settled before.
        number: Of the part in the bill that is rated again, from 0.
        kwh: Billed energy. [kWh]
    """

    settled: SettledPart
    number: int
    kwh: Decimal


class TailTransaction(ShardTransaction, Protocol):
    """The issued bills of one account from one on, held until the transaction ends."""

    account: str
    """Number of the account."""

    heads: Mapping[int, IssuedHead]
    """The bills by key, by the end of their period; their parts are the shard's open bills."""

    changed: Mapping[int, tuple[ChangedInput, ...]]
    """The inputs that are others than bills were made or settled with, by key of the bill."""

    behind: Sequence[BillBehind]
    """Bills of the account that are not issued, by the end of their period."""

    async def settled(self, bill: int) -> tuple[SettledPart, ...]:
        """The parts of a bill as they are settled, with their lines."""

    async def settle(self, bill: NewBill, parts: Sequence[VersionedPart]) -> None:
        """Make the next versions of parts, which the bills behind open with from now on."""


class CorrectionStore(Protocol):
    """Where issued bills are corrected."""

    def tail(
        self, account: str, since: UUID | None
    ) -> AbstractAsyncContextManager[TailTransaction | None]:
        """Take an account's issued bills; all is rolled back at the end.

        Args:
            account: Number.
            since: The first of them; None for the first of which an input is another.

        Yields:
            The bills; None where the account has no such bill.

        Raises:
            NotRegisteredError: There is no such account.
            UnknownBillError: `since` is no issued bill of the account.
        """
