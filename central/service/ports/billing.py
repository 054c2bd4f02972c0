"""What billing needs of a store.

A run is cut into shards of accounts. A shard is taken, rated and saved in one transaction: a worker
that dies leaves it to the next, and a bill exists once per (account, cycle, run type, revision)
whoever else runs at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import Account, Bill, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.issue import IssueFacts
from central.domain.billing.read import MeterRead
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.registry import TariffRecord
from central.service.ports.shard_holders import ShardHolders
from central.service.ports.stamps import Decided, InputStamp

Blocks = Mapping[str, Sequence[DayBlock]]
"""Day blocks by input name."""

HELD_SHOWN = 1_000
"""How many held bills a summary names at most."""

HOLES = ("LOST_RANGE", "GAP", "VOID_BATCH", "QUARANTINE")
"""Findings of ingest after which something may still come; they hold what is not all metered."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A bill run.

    Args:
        id: Its key.
        uid: Its identifier outside.
        cycle: Its month.
        run_type: Why.
        creator: Key of who started it first.
        accounts: How many accounts its open shards hold.
        resumed: Whether it had been started before.
        finished_at: When its last shard was saved.
        actor: Key of who takes part in it now.
    """

    id: int
    uid: UUID
    cycle: Cycle
    run_type: RunType
    creator: str
    accounts: int
    resumed: bool
    finished_at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class SupplyWork:
    """What one agreement brings into a bill.

    Args:
        agreement_id: Its key.
        point: Name of the service point.
        zone: Of the point's days.
        tariff: Name.
        days: Local days of the cycle in which the agreement holds.
        facts: Of the agreement.
        opening: What earlier bills left.
        blocks: Newest blocks of those days, by input name.
        holds: Critical findings and conflicts of those days.
        reads: Registers at the ends of the days.
        earlier: Newest blocks of the days before, where the tariff looks back, by input name.
        stamp: The revisions of all this, read before it was.
        final: Whether the occupancy ends with the days; None where only their end says so.
    """

    agreement_id: int
    point: str
    zone: str
    tariff: str
    days: DayRange
    facts: AgreementFacts
    opening: CarriedState
    blocks: Blocks
    holds: tuple[Hold, ...] = ()
    reads: tuple[MeterRead, ...] = ()
    earlier: Blocks = field(default_factory=dict)
    stamp: InputStamp = field(default_factory=InputStamp)
    final: bool | None = None


def before(one: SupplyWork, days: int) -> DayRange:
    """As many local days as are asked, right before those of an agreement."""
    return DayRange(one.days.first - timedelta(days=days), one.days.first)


@dataclass(frozen=True, slots=True)
class AccountWork:
    """An account to bill.

    Args:
        account_id: Its key.
        account: Who is billed.
        supplies: Its agreements, by point and date; at least one.
        unread: Why what rating needs of them cannot be read; then they bring nothing else.
    """

    account_id: int
    account: Account
    supplies: tuple[SupplyWork, ...]
    unread: Hold | None = None


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to be saved.

    Args:
        account_id: Whose.
        bill: What it says; a draft or held.
        closing: Per agreement its days and the state that its next bill opens with.
        kwh: Billed energy; None where nothing could be rated. [kWh]
        validated_kwh: The same, from the blocks alone. [kWh]
        stamps: Per agreement the revisions of what it was rated with.
    """

    account_id: int
    bill: Bill
    closing: tuple[tuple[int, DayRange, CarriedState], ...]
    kwh: Decimal | None
    validated_kwh: Decimal | None
    stamps: Mapping[int, InputStamp] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shard:
    """Accounts taken to be billed.

    Args:
        run: Of which run.
        number: Which shard.
        works: Accounts with everything that rating needs.
        tariffs: Versions of their tariffs, by name and date.
    """

    run: RunRecord
    number: int
    works: tuple[AccountWork, ...]
    tariffs: Mapping[str, Sequence[TariffRecord]]

    def utc_days(self, back: int) -> DayRange:
        """Every UTC day that the cycle, and some days before it, touch in some zone."""
        days = self.run.cycle.days
        return DayRange(days.first - timedelta(days=back + 1), days.end + timedelta(days=1))


class ShardTransaction(Protocol):
    """One shard, held until the transaction ends."""

    shard: Shard

    async def earlier(
        self, works: Sequence[AccountWork], back: Mapping[str, int]
    ) -> Mapping[int, Blocks]:
        """The newest blocks of days before those of agreements, by agreement and input name.

        Args:
            works: Some of the shard's.
            back: How many days, by tariff; agreements with another have none.
        """

    async def series_revisions(self, names: Collection[str]) -> Mapping[str, int]:
        """The revisions of series; to be asked before their days are."""

    async def series(self, names: Collection[str], back: int) -> tuple[PriceDay, ...]:
        """The newest versions of the days of series, by name and day.

        Args:
            names: Of the series.
            back: How many days before the cycle as well.

        Returns:
            Those of the shard's `utc_days` of which something is known.
        """

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        """Save bills of the shard, all or none; after an error the transaction goes on.

        It replaces a held bill, and a draft of another hash; an approved or issued one never.

        Returns:
            How many were saved.
        """

    async def refresh(self, bills: Sequence[NewBill]) -> None:
        """Note newer revisions in bills that say just this, and are not issued yet."""

    async def done(self, at: datetime) -> None:
        """Mark the shard done."""


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
        state: Where it stands.
        holds: Why it is held.
        currency: ISO 4217 letters.
        total: Sum of its lines. [currency]
        kwh: Billed energy. [kWh]
    """

    uid: UUID
    account: str
    state: BillState
    holds: tuple[Hold, ...]
    currency: str | None
    total: Decimal | None
    kwh: Decimal | None


@dataclass(frozen=True, slots=True)
class ChargeTotal:
    """What one charge brought in a run."""

    charge: str
    name: str
    currency: str
    lines: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in numbers.

    Args:
        run: The run.
        bills: How many bills there are, by state.
        totals: Billed amount of what is not held, by currency.
        kwh: Billed energy of what is not held. [kWh]
        validated_kwh: Energy in the blocks that were billed. [kWh]
        charges: By charge.
        held: Held bills, by account; at most `HELD_SHOWN`.
    """

    run: RunRecord
    bills: Mapping[BillState, int]
    totals: Mapping[str, Decimal]
    kwh: Decimal
    validated_kwh: Decimal
    charges: tuple[ChargeTotal, ...]
    held: tuple[BillHead, ...] = field(default=())

    @property
    def accounts(self) -> int:
        """How many accounts have a bill."""
        return sum(self.bills.values())

    @property
    def held_count(self) -> int:
        """How many bills are held."""
        return self.bills.get(BillState.HELD, 0)


class BillingStore(ShardHolders, Protocol):
    """Where bills are kept."""

    async def open_run(
        self, cycle: Cycle, run_type: RunType, creator: Actor, at: datetime, shard_size: int
    ) -> RunRecord:
        """Start a run, or take part in the one that is there.

        Where no shard is open, the accounts that have no bill of the cycle, or one that is held or
        a draft, become new shards.
        """

    def shard(self, run: RunRecord) -> AbstractAsyncContextManager[ShardTransaction | None]:
        """Take a shard that nobody has; None where there is none. Leaving commits."""

    def again(self, uids: Sequence[UUID]) -> AbstractAsyncContextManager[ShardTransaction | None]:
        """Take the accounts of some bills of one run, to be rated again; leaving commits."""

    async def open_shards(self, run: RunRecord) -> int:
        """How many shards are not done, whoever has them."""

    async def finish_run(self, run: RunRecord, at: datetime) -> bool:
        """Note the end of a run, if all its shards are done."""

    async def find_run(self, cycle: Cycle, run_type: RunType) -> RunRecord | None:
        """The run of a cycle."""

    async def summary(self, run: RunRecord) -> RunSummary:
        """A run in numbers."""

    async def heads(self, run: RunRecord) -> tuple[BillHead, ...]:
        """The bills of a run, by account number."""

    async def bill(self, uid: UUID) -> BillRecord | None:
        """Get one bill."""

    async def beyond_ascii(self, uids: Sequence[UUID]) -> list[UUID]:
        """Those of some bills that say anything but printable ASCII; more may be named."""

    async def changed_inputs(self, uids: Sequence[UUID]) -> set[UUID]:
        """Those of some bills of which an input has another revision now."""

    async def approve(self, uids: Sequence[UUID], approver: Actor, at: datetime) -> Decided:
        """Move drafts, made by somebody else, to approved: those whose inputs are unchanged.

        Raises:
            StaleBillError: One is no such draft any more; none was approved.
        """

    async def withdraw(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> int:
        """Make approved bills drafts again, so that another run may change them; all or none.

        Raises:
            StaleBillError: One is not approved any more.
        """

    async def issue(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> Decided:
        """Issue approved bills in this order, see `approve`: number, dates and texts are fixed.

        What they are comes from the utility's settings of the day of issue, see `plan_issue`.

        Raises:
            BillingSettingsError: The utility has no settings on that day.
            StaleBillError: One is not approved any more; no number is gone.
        """

    async def blocks(
        self, versions: Mapping[tuple[int, date], int]
    ) -> dict[tuple[int, date], DayBlock]:
        """Blocks by (channel, day) and version."""
