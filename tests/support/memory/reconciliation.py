"""What is validated, claimed and billed, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from central.adapters.timescale.billing.reconciliation import day_sum
from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.coverage import (
    ClaimedDays,
    CorrectionNote,
    LivePart,
    OccupiedDays,
    SuppressedDays,
)
from central.domain.billing.state import BillState
from central.domain.billing.suppression import SuppressionState
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.lineage import block_versions
from central.service.ports.account_money import AccountMoney, DaysOfServices
from central.service.ports.groups import GroupOf
from central.service.ports.reconciliation import (
    BilledMoney,
    ChannelRange,
    NotServed,
    ReadDay,
    ReconciledService,
    ValidatedDays,
)
from central.service.ports.stamps import DaysRead
from central.service.ports.validation import ChannelDay, PointChannelId
from firmware_bridge.contract.interval import MIDNIGHT
from tests.support.memory.account_money import account_money
from tests.support.memory.books import BookState, KeptBill, KeptPart, MemoryBooks
from tests.support.memory.cycles import periods_of
from tests.support.memory.history import block_of

_EVER = date(9999, 12, 31)


class MemoryReconciliation:
    """`ReconciliationStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def days_of_run(self, run: str) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            bills = _bills_of(state, run)
            if bills is None:
                return None
            ranges: dict[int, list[DayRange]] = defaultdict(list)
            for row in (row for bill in bills for row in bill.parts if not row.part.settles):
                ranges[_service(state, row.part.agreement_id)].append(row.part.days)
            return ranges

    async def days_of_tariff(self, tariff: str, days: DayRange) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            if all(name != tariff for name, *_ in state.tariffs):
                return None
            agreed = (key for key, each in state.agreements.items() if each.tariff == tariff)
            return _within(state, agreed, days)

    async def days_of_group(self, group: str, days: DayRange) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            if group not in state.groups:
                return None
            ranges: dict[int, list[DayRange]] = defaultdict(list)
            members = [one for key, one in state.members.items() if key[0] == group]
            for member in members:
                span = DayRange(member.first, member.end or _EVER).within(days)
                if span is None:
                    continue
                if state.groups[group].of is GroupOf.POINT:
                    for number, (point, _) in enumerate(sorted(state.services), start=1):
                        if point == member.member:
                            ranges[number].append(span)
                else:
                    agreed = [
                        key
                        for key, each in state.agreements.items()
                        if each.account == member.member
                    ]
                    for key, spans in _within(state, agreed, span).items():
                        ranges[key] += spans
            return ranges

    async def days_of_account(self, account: str, days: DayRange) -> DaysOfServices | None:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            if account not in {record.number for record in state.accounts.values()}:
                return None
            agreed = (key for key, each in state.agreements.items() if each.account == account)
            return _within(state, agreed, days)

    async def account_money(
        self, among: DaysOfServices | None, account: str | None, until: date
    ) -> Sequence[AccountMoney]:
        """See `AccountMoneySource`."""
        async with self._books.begin() as state:
            numbers = {
                record.number
                for record in state.accounts.values()
                if account in {None, record.number}
            }
            if among is not None:
                numbers &= {
                    agreement.account
                    for key, agreement in state.agreements.items()
                    if _among(
                        among,
                        _service(state, key),
                        DayRange(agreement.first, agreement.end or _EVER),
                    )
                }
            return account_money(state, numbers, until)

    async def services(
        self, only: Collection[int] | None, after: int, limit: int
    ) -> Sequence[ReconciledService]:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            numbers = [
                number
                for number in range(after + 1, len(state.services) + 1)
                if only is None or number in only
            ]
            return [_reconciled(state, number) for number in numbers[:limit]]

    async def not_served(self, after: int, limit: int) -> Sequence[NotServed]:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            served = {
                channel
                for number in range(1, len(state.services) + 1)
                for channel in _reconciled(state, number).channels
            }
            rows = [
                NotServed(int(key), channel.point, str(channel.record.obis))
                for key, channel in sorted(state.channels.items())
                if key > after and key not in served
            ]
            return rows[:limit]

    async def periods(self, accounts: Collection[int], until: date) -> AccountPeriods:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            return periods_of(state, accounts, until)

    async def validated(self, ranges: Sequence[ChannelRange]) -> Sequence[Sequence[ValidatedDays]]:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            blocks = [
                [
                    block_of(state, ChannelDay(PointChannelId(channel), day), None)
                    for day in days.days()
                ]
                for channel, days in ranges
            ]
        return [[day_sum(block) for block in row if block is not None] for row in blocks]

    async def as_billed(self, days: Collection[ReadDay]) -> Mapping[ReadDay, ValidatedDays]:
        """See `ReconciliationStore`."""
        read: dict[ReadDay, ValidatedDays] = {}
        async with self._books.begin() as state:
            for key in days:
                part, channel, day = key
                both = self._books.part_of(part)
                newest = block_of(state, ChannelDay(PointChannelId(channel), day), None)
                if both is None or newest is None:
                    continue
                lines = (entry.line for entry in both[0].record.bill.lines)
                pinned = block_versions(which for line in lines for which in line.determinants)
                version = pinned.get((channel, day), newest.version)
                if version != newest.version:
                    block = block_of(state, ChannelDay(PointChannelId(channel), day), version)
                    assert block is not None
                    read[key] = day_sum(block)
        return read

    async def money(
        self, run: str | None, days: DayRange, among: DaysOfServices | None
    ) -> Sequence[BilledMoney]:
        """See `ReconciliationStore`."""
        async with self._books.begin() as state:
            bills = state.bills.values() if run is None else _bills_of(state, run) or ()
            billed: dict[str, list[KeptBill]] = defaultdict(list)
            for bill in bills:
                end = bill.record.bill.days.end
                asked = run is not None or days.first < end <= days.end
                asked &= among is None or any(
                    _among(among, _service(state, row.part.agreement_id), _asked_for(row))
                    for row in bill.parts
                )
                if asked and bill.record.bill.state not in {BillState.HELD, BillState.DISCARDED}:
                    billed[bill.record.bill.currency].append(bill)
        totals = {
            currency: sum((bill.record.bill.amounts.total for bill in bills), Decimal(0))
            for currency, bills in billed.items()
        }
        return [
            BilledMoney(currency, len(bills), totals[currency], totals[currency])
            for currency, bills in sorted(billed.items())
        ]


def _asked_for(row: KeptPart) -> DayRange:
    """The days that a part belongs to: what settles an end stands on the day after the last."""
    days = row.part.days
    return DayRange(days.first - timedelta(days=1), days.end) if row.part.settles else days


def _among(among: DaysOfServices, service: int, days: DayRange) -> bool:
    return any(days.within(wanted) is not None for wanted in among.get(service, ()))


def _bills_of(state: BookState, run: str) -> list[KeptBill] | None:
    runs = [
        key
        for key, one in state.runs.items()
        if run == str(one.uid) or (run == str(one.cycle) and one.scope.everyone)
    ]
    if not runs:
        return None
    return [
        bill
        for bill in state.bills.values()
        if bill.run_id == runs[0] and bill.record.bill.state is not BillState.DISCARDED
    ]


def _service(state: BookState, agreement: int) -> int:
    occupancy = state.occupancies[state.occupants[agreement]]
    return sorted(state.services).index((occupancy.point, occupancy.service)) + 1


def _within(state: BookState, agreed: Iterable[int], days: DayRange) -> dict[int, list[DayRange]]:
    ranges: dict[int, list[DayRange]] = defaultdict(list)
    for key in agreed:
        agreement = state.agreements[key]
        span = DayRange(agreement.first, agreement.end or _EVER).within(days)
        if span is not None:
            ranges[_service(state, key)].append(span)
    return ranges


def _reconciled(state: BookState, number: int) -> ReconciledService:
    point, name = sorted(state.services)[number - 1]
    billed = state.services[point, name].channels
    return ReconciledService(
        id=number,
        point=point,
        name=name,
        zone=state.points[point].zone,
        day_start=state.services[point, name].day_start or MIDNIGHT,
        channels={
            int(key): str(channel.record.obis)
            for key, channel in state.channels.items()
            if channel.point == point and (not billed or channel.record.obis in billed)
        },
        occupied=tuple(
            _occupied(state, key)
            for key, occupancy in state.occupancies.items()
            if (occupancy.point, occupancy.service) == (point, name)
        ),
        agreed=tuple(
            DayRange(agreement.first, agreement.end or _EVER)
            for key, agreement in state.agreements.items()
            if _service(state, key) == number
        ),
    )


def _days_read(bill: KeptBill, row: KeptPart) -> DaysRead | None:
    stamp = bill.stamps.get(row.part.agreement_id)
    return None if stamp is None else stamp.days_read


def _occupied(state: BookState, key: int) -> OccupiedDays:
    occupancy = state.occupancies[key]
    (account,) = (
        number for number, one in state.accounts.items() if one.number == occupancy.account
    )
    parts = tuple(
        LivePart(row.id, row.part.days, bill.record.bill.state, _days_read(bill, row))
        for bill in state.bills.values()
        if bill.record.bill.state is not BillState.DISCARDED
        for row in bill.parts
        if row.part.occupancy_id == key and not row.part.settles
    )
    claims = tuple(
        ClaimedDays(DayRange(claim.first, end), claim.part)
        for (of, end), claim in state.claims.items()
        if of == key and claim.first is not None and not claim.settles
    )
    suppressed = tuple(
        SuppressedDays(each.days, CorrectionNote(str(uid), each.reason))
        for uid, (of, each) in state.suppressed.items()
        if of == key and each.state is SuppressionState.HOLDS
    )
    stay = (occupancy.billing_from, occupancy.ended_on)
    return OccupiedDays(account, *stay, parts, claims, suppressed=suppressed)
