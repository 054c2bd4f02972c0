"""One shard of a bill run in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from central.domain.billing.billing_settings import SettingsRevision
from central.domain.billing.invoicing import TermsInForce
from central.domain.billing.part_use import PartUse
from central.domain.billing.planned import (
    AgreedTerm,
    NotBilled,
    OccupancyChain,
    OpenBill,
    PlannedBill,
)
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.lookup_rules import TableVersion
from central.domain.uuid7 import uuid7
from central.service.ports.bill_checks import AskedPart, BillNames, CheckInputs, ReleasedHold
from central.service.ports.bill_shard import (
    AccountWork,
    CountedEvents,
    EarlierDays,
    NewBill,
    RunRecord,
    Shard,
    before,
)
from central.service.ports.billing import BillRecord
from central.service.ports.einvoice_rules import Rules
from central.service.ports.registry import TariffRecord
from central.service.ports.stamps import InputKind
from firmware_bridge.contract.interval import MIDNIGHT
from tests.support.memory import stamps
from tests.support.memory.account_state import behind_each_other, own_after, what_is_left
from tests.support.memory.billing_load import WorkLoader, earlier_days
from tests.support.memory.books import KeptBill, KeptClaim, KeptPart, MemoryBooks
from tests.support.memory.cycles import periods_of
from tests.support.memory.holidays import newest_holidays
from tests.support.memory.ledger import first_waiting
from tests.support.memory.series import newest_days, newest_tables
from tests.support.memory.tariffs import in_force
from tests.support.memory.unchanged import is_unchanged

_OPEN = frozenset({BillState.HELD, BillState.DRAFT})


def take_shard(  # noqa: PLR0913 - what a shard is made of
    books: MemoryBooks,
    run: RunRecord,
    number: int,
    accounts: Sequence[int],
    chosen: Mapping[int, KeptBill] | None = None,
    *,
    at: datetime,
) -> MemoryShard:
    """What is to be billed of some accounts, or some of their bills as if they were open."""
    state = books.state
    chains = {account: _chains(books, account) for account in accounts}
    names = {term.tariff for of in chains.values() for chain in of for term in chain.terms}
    names |= {chain.left_under for of in chains.values() for chain in of} - {""}
    tariffs: dict[str, list[TariffRecord]] = {name: [] for name in names}
    for record in in_force(state):
        if record.name in names:
            tariffs[record.name].append(record)
    periods = periods_of(state, accounts, run.reach.end)
    bills = state.bills if chosen is None else chosen
    open_bills = {
        account: _open_bills(bills, account, every=chosen is not None) for account in accounts
    }
    holidays = newest_holidays(state)
    revisions = {name: stamps.revision(state, InputKind.TARIFF, name) for name in names}
    account_left = {account: own_after(state, account) for account in accounts}
    shard = Shard(
        run,
        number,
        chains,
        open_bills,
        periods,
        tariffs,
        holidays,
        revisions,
        account_left,
    )
    return MemoryShard(books, shard, at)


def _left(books: MemoryBooks, key: int) -> tuple[date, bool, CarriedState | None]:
    """Where an occupancy's days are claimed to, whether it is settled, and what it left."""
    state = books.state
    end, newest = max((end, claim) for (of, end), claim in state.claims.items() if of == key)
    claimed_to = (newest.first or end) if newest.settles else end
    ended_on = state.occupancies[key].ended_on
    if ended_on is None or end < ended_on:
        return claimed_to, newest.settles, None
    newest_part = books.part_of(newest.part)
    if newest_part is None:
        return claimed_to, newest.settles, newest.opening or CarriedState()
    issued = newest_part[0].record.bill.state is BillState.ISSUED
    return claimed_to, newest.settles, newest_part[1].part.closing if issued else None


def _left_under(books: MemoryBooks, key: int, day: date) -> str:
    """The tariff whose names the state has that an occupancy left before a day."""
    before = books.before(key, day)
    return "" if before is None or before[1] is None else before[1][1].part.closing.tariff


def _chains(books: MemoryBooks, account: int) -> list[OccupancyChain]:
    state = books.state
    points = {name: number for number, name in enumerate(state.points)}
    left = {key: _left(books, key) for key in state.occupancies}
    return [
        OccupancyChain(
            key,
            account,
            points[row.point],
            row.point,
            state.points[row.point].zone,
            left[key][0],
            row.ended_on,
            tuple(
                AgreedTerm(
                    agreement,
                    state.agreements[agreement].tariff,
                    state.agreements[agreement].first,
                    state.agreements[agreement].end,
                    state.agreements[agreement].facts,
                )
                for agreement, of in sorted(
                    state.occupants.items(), key=lambda item: state.agreements[item[0]].first
                )
                if of == key
            ),
            frozenset(obis.code for obis in state.services[row.point, row.service].channels),
            state.services[row.point, row.service].day_start or MIDNIGHT,
            *left[key][1:],
            _left_under(books, key, left[key][0]),
            first_waiting(state, row.account, row.point),
            first_waiting(state, row.account, ""),
        )
        for key, row in state.occupancies.items()
        if row.account == state.accounts[account].number
    ]


def _open_bills(bills: Mapping[int, KeptBill], account: int, *, every: bool) -> list[OpenBill]:
    return [
        OpenBill(
            key,
            account,
            bill.record.bill.period,
            bill.record.bill.run_type,
            tuple(
                (row.part.occupancy_id, row.part.agreement_id, row.part.days) for row in bill.parts
            ),
            frozenset(row.part.occupancy_id for row in bill.parts if row.part.settles),
        )
        for key, bill in bills.items()
        if bill.account_id == account and (every or bill.record.bill.state in _OPEN)
    ]


class MemoryShard:
    """`ShardTransaction` over dictionaries.

    Args:
        books: The utility, in a transaction.
        shard: What is billed.
        at: When it is rated. Aware.
    """

    def __init__(self, books: MemoryBooks, shard: Shard, at: datetime) -> None:
        self._books = books
        self._at = self.at = at
        self.rules: Rules | None = None
        self._state = books.state
        self._ids = {
            (row.part.occupancy_id, row.part.days.first): row.id
            for bill in books.state.bills.values()
            if bill.record.bill.state in _OPEN
            for row in bill.parts
        }
        self.shard = shard

    async def claim(self, bills: Sequence[PlannedBill]) -> Collection[int]:
        taken = set[int]()
        ids = [row.id for bill in self._state.bills.values() for row in bill.parts]
        ids += [claim.part or 0 for claim in self._state.claims.values()]
        number = max(ids, default=0)
        for part in (part for bill in bills for part in bill.parts if not part.claimed):
            occupancy = part.occupancy.occupancy_id
            if part.held_to is not None:
                del self._state.claims[occupancy, part.held_to]
                claim = KeptClaim(part.days.first, self._ids[part.key])
                self._state.claims[occupancy, part.days.end] = claim
                continue
            firsts = {one.first for (of, _), one in self._state.claims.items() if of == occupancy}
            if (occupancy, part.days.end) in self._state.claims or part.days.first in firsts:
                taken.add(part.occupancy.account_id)
                continue
            assert (occupancy, part.days.first) in self._state.claims
            number += 1
            self._ids[part.key] = number
            claim = KeptClaim(part.days.first, number, settles=part.settles)
            self._state.claims[occupancy, part.days.end] = claim
        for part in (part for bill in bills for part in bill.parts if not part.claimed):
            if part.occupancy.account_id in taken and part.key in self._ids:
                self._state.claims.pop((part.occupancy.occupancy_id, part.days.end), None)
        return taken

    async def unchanged(self, bills: Collection[int]) -> Collection[int]:
        return {
            key
            for key in bills
            if self._state.bills[key].release == self.shard.run.release
            and is_unchanged(self._books, self._state.bills[key], self._at)
        }

    async def works(self, bills: Sequence[PlannedBill]) -> tuple[AccountWork, ...]:
        loader = WorkLoader(self._books, self._at)
        return tuple(map(loader.work_or_why_not, bills))

    async def earlier(
        self, works: Sequence[AccountWork], back: Mapping[str, int]
    ) -> Mapping[tuple[int, date], EarlierDays]:
        return {
            (supply.occupancy_id, supply.days.first): earlier_days(
                self._books, part.occupancy, before(supply, back[supply.tariff])
            )
            for work in works
            for part, supply in zip(work.plan.parts, work.supplies, strict=True)
            if supply.tariff in back
        }

    async def events(
        self, works: Sequence[AccountWork], streams: Mapping[str, frozenset[str]]
    ) -> Mapping[tuple[int, date], CountedEvents]:
        """No event is kept in memory: a stream without any."""
        return {
            (supply.occupancy_id, supply.days.first): CountedEvents(
                dict.fromkeys(streams[supply.tariff], ())
            )
            for work in works
            for supply in work.supplies
            if supply.tariff in streams
        }

    async def series_revisions(self, names: Collection[str]) -> Mapping[str, int]:
        return stamps.series_revisions(self._state, names)

    async def refresh(self, bills: Sequence[NewBill]) -> None:
        for bill in bills:
            stamps.refresh(self._state, bill)

    async def series(self, names: Collection[str], days: DayRange) -> tuple[PriceDay, ...]:
        return newest_days(self._state, names, days.first, days.end)

    async def tables(self, names: Collection[str]) -> tuple[TableVersion, ...]:
        return newest_tables(self._state, names)

    async def blocks(self, wanted: Mapping[tuple[int, date], int]) -> Sequence[DayBlock]:
        return [
            block
            for (key, version), block in self._state.blocks.items()
            if wanted.get((key.channel_id, key.day)) == version
        ]

    async def check_inputs(self, parts: Sequence[AskedPart], days_back: int) -> CheckInputs:
        live = {claim.part for claim in self._state.claims.values()}
        rows = [
            row.part
            for bill in self._state.bills.values()
            for row in bill.parts
            if row.id in live and bill.record.bill.state is not BillState.HELD
        ]
        history: dict[tuple[int, date], list[PartUse]] = {}
        for asked in parts:
            oldest = asked.first - timedelta(days=days_back)
            history[asked.key] = sorted(
                (
                    row.use
                    for row in rows
                    if row.use is not None
                    and row.use.used is not None
                    and row.occupancy_id == asked.occupancy_id
                    and oldest < row.days.end <= asked.first
                ),
                key=lambda use: use.days.first,
            )
        return CheckInputs(history=history)

    async def settings(self) -> Sequence[SettingsRevision]:
        return ()

    async def terms(self, named: Sequence[BillNames]) -> Sequence[TermsInForce]:
        return [TermsInForce() for _ in named]

    async def released(self, bills: Collection[int]) -> Mapping[int, Collection[ReleasedHold]]:
        del bills
        return {}

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        earlier = dict(self._state.bills)
        try:
            return sum(self._save(bill, creator, at) for bill in bills)
        except Exception:
            self._state.bills = earlier
            raise

    def _drop(self, new: NewBill) -> bool:
        """Discard a bill that says nothing, and free its days."""
        for planned in new.plan.parts:
            del self._state.claims[planned.occupancy.occupancy_id, planned.days.end]
        if new.plan.bill_id is not None:
            there = self._state.bills[new.plan.bill_id]
            gone = replace(there.record.bill, state=BillState.DISCARDED)
            record = replace(there.record, bill=gone)
            self._state.bills[new.plan.bill_id] = replace(there, record=record)
        return False

    def _save(self, new: NewBill, creator: str, at: datetime) -> bool:
        run = self.shard.run
        key, uid, run_uid, run_id = len(self._state.bills) + 1, uuid7(at), run.uid, run.id
        sha256 = new.bill.sha256 if new.bill.lines else None
        if new.bill.state is BillState.DRAFT and sha256 is None:
            return self._drop(new)
        maker = creator
        workers: tuple[str, ...] = (creator,)
        if new.plan.bill_id is not None:
            key = new.plan.bill_id
            there = self._state.bills[key]
            uid, run_uid, run_id = there.record.uid, there.record.run, there.run_id
            maker = there.record.creator
            workers = tuple(dict.fromkeys((*there.record.contributors, creator)))
            same = there.record.sha256 == sha256
            if sha256 is None:
                same = there.record.bill == new.bill
            parts = [row.part for row in there.parts]
            if same and there.record.bill.state is new.bill.state and parts == list(new.parts):
                if there.record.bill.state is BillState.DRAFT:
                    drafted = replace(there.record, contributors=workers)
                    self._state.bills[key] = replace(there, record=drafted, release=run.release)
                stamps.refresh(self._state, new)
                return False
        rows = []
        for part in new.parts:
            ends = self._books.before(part.occupancy_id, part.days.first)
            state_from = None if ends is None else ends[0].part
            part_id = self._ids[part.occupancy_id, part.days.first]
            rows.append(KeptPart(part_id, part, state_from))
        rows = behind_each_other(rows)
        record = BillRecord(
            key, uid, run_uid, new.bill, sha256, new.kwh, maker, at, contributors=workers
        )
        self._state.bills[key] = KeptBill(
            record,
            run_id,
            new.account_id,
            new.validated_kwh,
            tuple(rows),
            new.stamps,
            run.release,
        )
        return True

    async def note(self, accounts: Collection[int], notes: Sequence[NotBilled]) -> None:
        for account in accounts:
            mine = tuple(note for note in notes if note.account_id == account)
            self._state.notes[self.shard.run.id, account] = mine

    async def finish(self, occupancies: Collection[int], at: datetime) -> None:
        del at
        for key in occupancies:
            self._state.finished[key] = what_is_left(self._state, key)

    async def done(self, at: datetime) -> None:
        del at
        key = (self.shard.run.id, self.shard.number)
        self._state.shards[key] = replace(self._state.shards[key], done=True)
