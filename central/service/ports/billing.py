"""What billing needs of a store: runs, and bills from draft to issue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import Bill, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.issue import IssueFacts
from central.domain.billing.planned import NotBilled
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.service.ports.bill_shard import RunRecord, ShardTransaction
from central.service.ports.shard_holders import ShardHolders
from central.service.ports.stamps import Decided

HELD_SHOWN = 1_000
"""How many held bills a summary names at most."""


class StreamsRead(NamedTuple):
    """Streams of usage events that a bill reads of a service point.

    Args:
        point: Name of the service point.
        days: Local days.
        zone: Of the days.
        day_start: When they begin.
        streams: Names.
    """

    point: str
    days: DayRange
    zone: str
    day_start: time
    streams: frozenset[str]


@dataclass(frozen=True, slots=True)
class BillRecord:
    """A bill as it is kept.

    Args:
        id: Its key.
        uid: Its identifier outside.
        run: Its run's identifier.
        bill: What it says, and its state.
        sha256: Of what it says; None where it could not be rated.
        kwh: Billed energy. [kWh]
        creator: Key of who made it.
        approver: Key of who approved it.
        made_at: When it was made.
        issued_at: When it was issued.
        series: Under which its legal number was counted.
        legal_number: Its place in the series.
        issue: What it was given when it was issued.
        content_sha256: Of all that the issued bill says.
        contributors: Keys of those who worked on it, its creator among them.
        decision: Of a credit note, or of what is issued with one: what it was proposed with.
    """

    id: int
    uid: UUID
    run: UUID
    bill: Bill
    sha256: str | None
    kwh: Decimal | None
    creator: str
    made_at: datetime
    approver: str | None = None
    issued_at: datetime | None = None
    series: str | None = None
    legal_number: int | None = None
    issue: IssueFacts | None = None
    content_sha256: str | None = None
    contributors: tuple[str, ...] = ()
    decision: UUID | None = None

    @property
    def number(self) -> str | None:
        """The legal number as printed."""
        return None if self.issue is None else self.issue.number


@dataclass(frozen=True, slots=True)
class BillHead:
    """A bill without its content.

    Args:
        uid: Its identifier outside.
        account: Number.
        period: Name of the period that it bills.
        state: Where it stands.
        holds: Why it is held.
        currency: ISO 4217 letters.
        total: Net and taxes, as the bill says it. [currency]
        kwh: Billed energy. [kWh]
    """

    uid: UUID
    account: str
    period: str
    state: BillState
    holds: tuple[Hold, ...]
    currency: str | None
    total: Decimal | None
    kwh: Decimal | None


@dataclass(frozen=True, slots=True)
class BillOfPeriod:
    """One of the bills of an account in a period.

    Args:
        uid: Its identifier outside.
        run_type: Why it was made.
        state: Where it stands.
        number: Legal number as printed; None until issued.
        live: Whether it stands: it is neither cancelled nor a credit note.
    """

    uid: UUID
    run_type: RunType
    state: BillState
    number: str | None
    live: bool = True

    def __str__(self) -> str:
        about = [self.run_type.value, self.state.value, *([self.number] if self.number else [])]
        return f"{self.uid} ({', '.join(about)})"


@dataclass(frozen=True, slots=True)
class ChargeTotal:
    """What one charge brought in a run."""

    charge: str
    name: str
    currency: str
    lines: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Days that a run did not bill.

    Args:
        account: Number.
        days: Which, and why.
    """

    account: str
    days: NotBilled


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in numbers.

    Args:
        run: The run.
        bills: How many bills there are, by state.
        totals: Net and taxes of what is not held, by currency, as the bills say them.
        kwh: Billed energy of what is not held. [kWh]
        validated_kwh: Energy in the blocks that were billed. [kWh]
        charges: By charge.
        accounts: How many accounts have a bill.
        held: Held bills, by account; at most `HELD_SHOWN`.
        held_elsewhere: Of a run that is narrowed, held bills of its accounts that belong to other
            runs, which it tries again; at most `HELD_SHOWN`.
        left_out: What it did not bill, by account and day; at most `HELD_SHOWN`.
        left_out_count: How much that is.
    """

    run: RunRecord
    bills: Mapping[BillState, int]
    totals: Mapping[str, Decimal]
    kwh: Decimal
    validated_kwh: Decimal
    charges: tuple[ChargeTotal, ...]
    accounts: int = 0
    held: tuple[BillHead, ...] = field(default=())
    held_elsewhere: tuple[BillHead, ...] = field(default=())
    left_out: tuple[LeftOut, ...] = field(default=())
    left_out_count: int = 0

    @property
    def settled(self) -> dict[str, Decimal]:
        """What the lines come to that stand beside the totals, by currency; only where they do."""
        lines: dict[str, Decimal] = {}
        for charge in self.charges:
            lines[charge.currency] = lines.get(charge.currency, Decimal(0)) + charge.amount
        beside = {
            currency: lines.get(currency, total) - total for currency, total in self.totals.items()
        }
        return {currency: amount for currency, amount in beside.items() if amount}

    @property
    def bill_count(self) -> int:
        """How many bills there are that are not discarded."""
        return sum(self.bills.values()) - self.bills.get(BillState.DISCARDED, 0)

    @property
    def held_count(self) -> int:
        """How many bills are held."""
        return self.bills.get(BillState.HELD, 0)


class BillingStore(ShardHolders, Protocol):
    """Where bills are kept."""

    async def open_run(  # noqa: PLR0913, PLR0917 - what makes a run, who asks and when
        self,
        cycle: Cycle,
        run_type: RunType,
        creator: Actor,
        at: datetime,
        shard_size: int,
        scope: RunScope = EVERYONE,
    ) -> RunRecord:
        """Start a run, or take part in the one that is there: of one cycle, type and scope.

        Where no shard is open, the accounts that have days to bill until the end of the cycle, or a
        bill of such days that is held or a draft, become new shards.
        """

    def shard(
        self, run: RunRecord, at: datetime
    ) -> AbstractAsyncContextManager[ShardTransaction | None]:
        """Take a shard that nobody has; None where there is none. Leaving commits.

        Args:
            run: The run.
            at: Since when what is written is known, aware.
        """

    def again(
        self, uids: Sequence[UUID], at: datetime
    ) -> AbstractAsyncContextManager[ShardTransaction | None]:
        """Take some bills of one run to be rated again, as open bills; leaving commits.

        Args:
            uids: The bills.
            at: Since when what is written is known, aware.
        """

    async def open_shards(self, run: RunRecord) -> int:
        """How many shards are not done, whoever has them."""

    async def finish_run(self, run: RunRecord, at: datetime) -> bool:
        """Note the end of a run, if all its shards are done."""

    async def find_run(
        self, cycle: Cycle, run_type: RunType, scope: RunScope = EVERYONE
    ) -> RunRecord | None:
        """The run of a cycle and scope."""

    async def run_of(self, uid: UUID) -> RunRecord | None:
        """The run of an identifier."""

    async def summary(self, run: RunRecord) -> RunSummary:
        """A run in numbers."""

    async def heads(self, run: RunRecord) -> tuple[BillHead, ...]:
        """The bills of a run, by account number."""

    async def heads_of(self, account: str, cycle: Cycle, run_type: RunType) -> tuple[BillHead, ...]:
        """The bills of an account's number in all runs of a cycle, by their days."""

    async def bill(self, uid: UUID) -> BillRecord | None:
        """Get one bill."""

    async def of_period(self, account: str, period: str) -> tuple[BillOfPeriod, ...]:
        """The bills of an account's number and a period's name, oldest first; none discarded."""

    async def numbered(self, number: str) -> UUID | None:
        """The bill of a legal number."""

    async def discard(
        self, uids: Sequence[UUID], actor: Actor, at: datetime, reason: str = ""
    ) -> int:
        """Discard held bills and drafts and end their claims, all or none.

        Args:
            uids: Of the bills.
            actor: Who.
            at: When.
            reason: Why, for the audit log; "" for none.

        Raises:
            StaleBillError: One is neither.
            PeriodBilledError: Days behind one are billed by another that stays.
        """

    async def changed_inputs(self, uids: Sequence[UUID], at: datetime) -> set[UUID]:
        """Those of some bills of which an input has another revision now.

        So have those of which a tax may have another rate if they are issued now.

        Args:
            uids: Of the bills.
            at: Now. Aware.
        """

    async def beyond_ascii(self, uids: Sequence[UUID]) -> list[UUID]:
        """Those of some bills that say anything but printable ASCII; more may be named."""

    async def approve(self, uids: Sequence[UUID], approver: Actor, at: datetime) -> Decided:
        """Move drafts, made by somebody else, to approved, each after the one that it opens from.

        Only those whose inputs are unchanged, and whose bill before is approved.

        Raises:
            StaleBillError: One is no such draft any more; none was approved.
        """

    async def withdraw(
        self, uids: Sequence[UUID], actor: Actor, at: datetime, reason: str = ""
    ) -> int:
        """Make approved bills drafts again, and those behind them, so that a run may change them.

        Args:
            uids: Of the bills.
            actor: Who.
            at: When.
            reason: Why, for the audit log; "" for none.

        Returns:
            How many are drafts again.

        Raises:
            StaleBillError: One is not approved any more; none was changed.
        """

    async def issue(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> Decided:
        """Issue approved bills in this order, each after the one that it opens from.

        Only those whose inputs are unchanged, and whose bill before is issued. Number, dates and
        texts are fixed; what they are comes from the utility's settings of the day of issue, see
        `plan_issue`.

        Raises:
            BillingSettingsError: The utility has no settings on that day.
            StaleBillError: One is not approved any more; no number is gone.
        """

    def events(self, read: StreamsRead, since: datetime, /) -> AsyncIterator[Events]:
        """Usage events, by stream, as they were known at a time, and then a little later each time.

        A bill reads what is known while it is made: maybe a moment later than it was begun.

        Args:
            read: Which.
            since: When a bill that read them was begun.
        """

    async def blocks(
        self, versions: Mapping[tuple[int, date], int]
    ) -> dict[tuple[int, date], DayBlock]:
        """Blocks by (channel, day) and version."""
