"""What a worker of a bill run needs of a store: a shard of accounts at a time.

A shard is planned, claimed, rated and saved in one transaction: a worker that dies leaves it to the
next. Each day of an occupancy is claimed by one part of a bill, whoever else runs at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.adjustment import OpenAdjustment
from central.domain.billing.beyond_limit import PartLimit
from central.domain.billing.bill import Account, Bill, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.ledger import BankMovement, OpenEntry
from central.domain.billing.negative_total import NegativeTotal
from central.domain.billing.part_use import PartUse
from central.domain.billing.planned import (
    NotBilled,
    OccupancyChain,
    OpenBill,
    PlannedBill,
    RunReach,
    said_days,
)
from central.domain.billing.read import MeterRead
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.metering.block import DayBlock
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.account_state import NOTHING_OWN, AccountOwn
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.inputs.usage_event import Events
from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.domain.tariff.lookup_rules import TableVersion
from central.service.ports.bill_checks import CheckReads
from central.service.ports.registry import TariffRecord
from central.service.ports.stamps import InputStamp
from firmware_bridge.contract.interval import MIDNIGHT

Blocks = Mapping[str, Sequence[DayBlock]]
"""Day blocks by input name."""


class EarlierDays(NamedTuple):
    """The newest blocks of days before its own that a part is rated with, and what waits there.

    Args:
        blocks: By input name.
        holds: For changes that wait.
    """

    blocks: Blocks
    holds: tuple[Hold, ...] = ()


class CountedEvents(NamedTuple):
    """The usage events that a part is rated with.

    Args:
        streams: Stream to events; every one that the tariff names.
        holds: Why they cannot be counted.
    """

    streams: Events
    holds: tuple[Hold, ...] = ()


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
        scope: Which accounts it bills.
        release: Which makes its bills now.
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
    scope: RunScope = EVERYONE
    release: str = ""

    @property
    def command(self) -> str:
        """The command that makes its bills again."""
        final = " --final" if self.run_type is RunType.FINAL else ""
        return f"meterline-central bill run --cycle {self.cycle}{final}{self.scope.options}"

    @property
    def reach(self) -> RunReach:
        """Which periods it bills."""
        return RunReach.of(self.cycle, self.run_type)


@dataclass(frozen=True, slots=True)
class SupplyWork:
    """What one agreement brings into a bill: a part of it.

    Args:
        occupancy_id: Key of the occupancy.
        agreement_id: Key of the agreement.
        point: Name of the service point.
        zone: Of the point's days.
        tariff: Name.
        days: Local days of the part.
        facts: Of the agreement.
        opening: What the part directly before left; of a bill's later parts, not known yet.
        blocks: Newest blocks of those days, by input name.
        holds: Critical findings and conflicts of those days.
        reads: Registers at the ends of the days.
        earlier: Newest blocks of the days before, where the tariff looks back, by input name.
        final: Whether the occupancy ends with it; None where only its end says so.
        stamp: The revisions of all this, read before it was.
        day_start: Time of day at which the days begin.
        entries: Pay-ins and grants that it consumes.
        account_stays: Whether what is the account's own goes on after it.
        open_elsewhere: Tariffs under which days of the account before its end are to be billed yet.
        carries: Whether the opening has what is the account's own, which is in no account's order.
        settles: Whether it bills no day, but settles what its occupancy left.
        taken_over: What of its opening another billing system left.
        events: Usage events of its days, by stream.
    """

    occupancy_id: int
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
    final: bool | None = None
    stamp: InputStamp = field(default_factory=InputStamp)
    day_start: time = MIDNIGHT
    entries: tuple[OpenEntry, ...] = ()
    account_stays: bool = True
    open_elsewhere: frozenset[str] = frozenset()
    carries: bool = True
    settles: bool = False
    taken_over: CarriedState = CarriedState()  # noqa: RUF009 - frozen
    events: Events = field(default_factory=dict)

    @property
    def said_days(self) -> DayRange:
        """The days that its bill says: of a settlement the last one of the occupancy."""
        return said_days(self.days, settles=self.settles)


def before(supply: SupplyWork, days: int) -> DayRange:
    """As many local days as are asked, right before those of a part."""
    return DayRange(supply.days.first - timedelta(days=days), supply.days.first)


@dataclass(frozen=True, slots=True)
class AccountWork:
    """A bill to make.

    Args:
        plan: What it bills.
        account: Who is billed.
        supplies: What its parts are rated from, in the plan's order.
        unread: Why they are not rated; then they bring nothing else.
        entries: Pay-ins and grants that its parts may consume.
        shared: What is the account's own before them.
        adjustments: Of issued bills, which it may carry.
        document_days: Of issue and payment, now or as the bill or the one before it had them first.
        negative_total: What becomes of it where adjustments take its total below zero.
        limits: What limits its parts, by their key; nothing of others.
    """

    plan: PlannedBill
    account: Account
    supplies: tuple[SupplyWork, ...]
    unread: Hold | None = None
    entries: tuple[OpenEntry, ...] = ()
    shared: AccountOwn = NOTHING_OWN
    adjustments: tuple[OpenAdjustment, ...] = ()
    document_days: DocumentDays | None = None
    negative_total: NegativeTotal = NegativeTotal.CARRY
    limits: Mapping[tuple[int, date], PartLimit] = field(default_factory=dict)

    @property
    def account_id(self) -> int:
        """Key of the account."""
        return self.plan.account_id


class OwnedPart(NamedTuple):
    """A part's place among those that hand on what is the account's own.

    Args:
        before: What it opened with; with the key of that part where that is of another bill.
        after: What it left.
    """

    before: AccountOwn
    after: AccountOwn


class NewPart(NamedTuple):
    """What one agreement of an occupancy brought into a bill.

    Args:
        occupancy_id: Key of the occupancy.
        agreement_id: Key of the agreement.
        days: Local days that it claims.
        opening: The state it was rated from.
        closing: The state that the part behind it opens with.
        entries: Keys of the pay-ins and grants that it consumes.
        money: What it did to the money in its banks.
        shared: What is the account's own at both ends; None where it knows none of it.
        settles: Whether it bills no day, but settles what its occupancy left.
        line_count: How many lines it brought.
        use: What was delivered in it.
    """

    occupancy_id: int
    agreement_id: int
    days: DayRange
    opening: CarriedState
    closing: CarriedState
    entries: tuple[int, ...] = ()
    money: tuple[BankMovement, ...] = ()
    shared: OwnedPart | None = None
    settles: bool = False
    line_count: int = 0
    use: PartUse | None = None


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to be saved.

    Args:
        plan: What it bills.
        bill: What it says; a draft or held.
        parts: In the plan's order.
        kwh: Billed energy; None where nothing could be rated. [kWh]
        validated_kwh: The same, from the blocks alone. [kWh]
        stamps: Per agreement the revisions of what it was rated with.
        adjustments: Keys of the adjustments that it carries.
    """

    plan: PlannedBill
    bill: Bill
    parts: tuple[NewPart, ...]
    kwh: Decimal | None
    validated_kwh: Decimal | None
    stamps: Mapping[int, InputStamp] = field(default_factory=dict)
    adjustments: tuple[int, ...] = ()

    @property
    def account_id(self) -> int:
        """Key of the account."""
        return self.plan.account_id

    def line_numbers(self) -> Iterator[tuple[int, int]]:
        """The numbers of each part's lines: the first, and the one after the last."""
        end = 1 + len(self.bill.lines)
        first = 1
        for brought in self.parts:
            after = min(first + brought.line_count, end)
            yield first, after
            first = after


@dataclass(frozen=True, slots=True)
class Shard:
    """Accounts taken to be billed.

    Args:
        run: Of which.
        number: Which it is.
        chains: Occupancies by account, as far as they are claimed.
        open_bills: Drafts and held bills by account, kept from being changed meanwhile.
        periods: In which the accounts' days lie.
        tariffs: Versions of their tariffs, by name and date.
        holidays: Years of holiday calendars that are kept.
        revisions: Of their tariffs by name, read before their versions were.
        account_left: What is the own of accounts all of whose days are billed, by account.
    """

    run: RunRecord
    number: int
    chains: Mapping[int, Sequence[OccupancyChain]]
    open_bills: Mapping[int, Sequence[OpenBill]]
    periods: AccountPeriods
    tariffs: Mapping[str, Sequence[TariffRecord]]
    holidays: Sequence[HolidayCalendar] = ()
    revisions: Mapping[str, int] = field(default_factory=dict)
    account_left: Mapping[int, CarriedState] = field(default_factory=dict)

    def account_left_of(self, account: int) -> CarriedState:
        """What is an account's own after all of its bills; nothing where more are to come."""
        return self.account_left.get(account, CarriedState())


class ShardTransaction(CheckReads, Protocol):
    """One shard, held until the transaction ends. Whatever fails in it, it goes on."""

    shard: Shard

    async def claim(self, bills: Sequence[PlannedBill]) -> Collection[int]:
        """Claim the days of parts that hold none yet, before they are rated.

        Returns:
            Accounts of which somebody else claims days at the same time; none of theirs is claimed.
        """

    async def unchanged(self, bills: Collection[int]) -> Collection[int]:
        """Those of some open bills, by key, that would say the same if they were rated again.

        They are drafts that this release made; the revisions of their inputs and the state that
        they open from are what they were, no change of their days waits for validation, and
        nothing that may still come was found missing since.
        """

    async def works(self, bills: Sequence[PlannedBill]) -> tuple[AccountWork, ...]:
        """What rating bills of one period needs.

        One whose earlier bill is held, or that cannot be read, says so and brings nothing else.
        """

    async def earlier(
        self, works: Sequence[AccountWork], back: Mapping[str, int]
    ) -> Mapping[tuple[int, date], EarlierDays]:
        """What is known of days before parts, by occupancy and first day.

        Args:
            works: As `works` gave them.
            back: How many days, by tariff; parts with another have none.
        """

    async def events(
        self, works: Sequence[AccountWork], streams: Mapping[str, frozenset[str]]
    ) -> Mapping[tuple[int, date], CountedEvents]:
        """The usage events of parts, by occupancy and first day, of streams by tariff."""

    async def series_revisions(self, names: Collection[str]) -> Mapping[str, int]:
        """The revisions of series and tables; to be asked before what they say is."""

    async def series(self, names: Collection[str], days: DayRange) -> tuple[PriceDay, ...]:
        """The newest versions of UTC days of series, by the name of these and day."""

    async def tables(self, names: Collection[str]) -> tuple[TableVersion, ...]:
        """The newest revision of every date of lookup tables that are kept outside of tariffs."""

    async def blocks(self, wanted: Mapping[tuple[int, date], int]) -> Sequence[DayBlock]:
        """Versions of day blocks, by channel and day."""

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        """Save bills whose days are claimed, all or none; how many were saved.

        A held bill that is there is replaced; a draft only by one with another hash, or other
        state; an approved or issued one never. One without a line that nothing holds, as when a
        charge was taken back, is discarded, and its days are free.
        """

    async def refresh(self, bills: Sequence[NewBill]) -> None:
        """Note newer revisions in bills that say just this, and are not issued yet."""

    async def note(self, accounts: Collection[int], notes: Sequence[NotBilled]) -> None:
        """Keep what the run says of accounts that it did not bill, in place of what it said."""

    async def finish(self, occupancies: Collection[int], at: datetime) -> None:
        """Let no later run look at what has ended and leaves nothing to settle, as it is now."""

    async def done(self, at: datetime) -> None:
        """Mark the shard done."""
