"""Estimates of long gaps in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import takewhile

from central.domain.actor import Actor
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange, days_of
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimate import EstimatedDay
from central.domain.vee.finding import VeeCode, VeeFinding
from central.domain.vee.notices import ESTIMATED_GAP
from central.domain.vee.rules import missing_intervals
from central.domain.vee.rules.meter_exchange import NO_METER
from central.service.ports.bill_window import HeldDays, HeldRun
from central.service.ports.registry import TariffRecord
from central.service.ports.stamps import InputKind
from central.service.ports.validation import ChannelDay, ChannelTariffs, PointChannelId
from firmware_bridge.contract.interval import MIDNIGHT
from firmware_bridge.contract.obis import Obis
from tests.support.memory.books import BookState, KeptFinding, MemoryBooks
from tests.support.memory.holidays import newest_holidays
from tests.support.memory.tariffs import in_force


def newest_block(state: BookState, key: ChannelDay) -> DayBlock | None:
    versions = [version for day, version in state.blocks if day == key]
    return state.blocks[key, max(versions)] if versions else None


class EstimateTables:
    """`EstimateTransaction` over dictionaries."""

    _state: BookState

    async def days_of(self, channel_id: PointChannelId, first: date, end: date) -> list[DayBlock]:
        days = sorted({key.day for key, _ in self._state.blocks if key.channel_id == channel_id})
        blocks = (
            newest_block(self._state, ChannelDay(channel_id, day))
            for day in days
            if first <= day < end
        )
        return [block for block in blocks if block is not None]

    async def estimates(self, days: Collection[ChannelDay]) -> dict[ChannelDay, EstimatedDay]:
        estimated = {}
        for key in days:
            block = newest_block(self._state, key)
            if block is not None and (key, block.version) in self._state.estimates:
                evidence = self._state.estimates[key, block.version]
                estimated[key] = EstimatedDay(block, evidence)
        return estimated

    async def with_estimates(self, channels: Collection[PointChannelId]) -> set[PointChannelId]:
        estimated = (
            key.channel_id for key, code, _ in self._state.findings if code == ESTIMATED_GAP.code
        )
        return set(channels) & set(estimated)

    async def without_meter(self, channel_id: PointChannelId, first: date, end: date) -> set[date]:
        return {
            key.day
            for (key, code, _), kept in self._state.findings.items()
            if code == NO_METER.code
            and key.channel_id == channel_id
            and first <= key.day < end
            and kept.accepted_by is None
        }

    async def issued(self, channel_id: PointChannelId, days: DayRange) -> list[DayRange]:
        return [
            billed.part.days
            for row in self._state.bills.values()
            if row.record.bill.state is BillState.ISSUED
            for billed in row.parts
            if channel_id in _channels(self._state, billed.part.occupancy_id)
            and not billed.part.settles
            and billed.part.days.within(days) is not None
        ]

    async def shares_of(self, channel_id: PointChannelId) -> dict[PointChannelId, Obis]:
        """See `EstimateTransaction`; nothing is shared out in memory."""
        del channel_id
        return {}

    async def tariffs_of(self, channel_id: PointChannelId, days: DayRange) -> ChannelTariffs:
        state = self._state
        names = {
            agreement.tariff
            for key, agreement in state.agreements.items()
            if channel_id in _channels(state, state.occupants[key])
            and DayRange(agreement.first, agreement.end or date.max).within(days) is not None
        }
        records: dict[str, list[TariffRecord]] = {name: [] for name in names}
        for record in in_force(state):
            if record.name in names:
                records[record.name].append(record)
        return ChannelTariffs(records, newest_holidays(state))

    async def profile(self, name: str, days: DayRange) -> ClassProfile | None:
        del name, days
        return None

    async def add_estimates(self, days: Sequence[EstimatedDay], actor: Actor, at: datetime) -> None:
        del actor, at
        for day in days:
            key = ChannelDay(PointChannelId(day.block.channel_id), day.block.day)
            assert (key, day.block.version) not in self._state.blocks, "a block is never changed"
            self._state.blocks[key, day.block.version] = day.block
            self._state.estimates[key, day.block.version] = day.evidence
            self._raise(key)

    async def raise_findings(
        self, findings_of: Mapping[ChannelDay, Sequence[VeeFinding]], at: datetime
    ) -> int:
        del at
        raised = 0
        for day, findings in findings_of.items():
            for finding in findings:
                key = (day, finding.code, finding.interval.start)
                if key not in self._state.findings:
                    number = max((row.id for row in self._state.findings.values()), default=0) + 1
                    self._state.findings[key] = KeptFinding(number, finding)
                    raised += 1
                    self._raise(day)
        return raised

    async def close_finding(self, day: ChannelDay, code: VeeCode, at: datetime) -> None:
        del at
        for key in [key for key in self._state.findings if key[:2] == (day, code)]:
            del self._state.findings[key]

    def _raise(self, key: ChannelDay) -> None:
        self._state.raise_input(InputKind.POINT, self._state.channels[key.channel_id].point)


class MemoryBillWindow:
    """`BillWindowStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def held_runs(self) -> tuple[HeldRun, ...]:
        async with self._books.begin() as state:
            held = {
                row.run_id
                for row in state.bills.values()
                if row.record.bill.state is BillState.HELD
            }
            runs = [state.runs[key] for key in sorted(held)]
        return tuple(HeldRun(run.cycle, run.run_type, run.scope) for run in runs)

    async def held_days(self, ended_by: date, most_before: int) -> tuple[HeldDays, ...]:
        async with self._books.begin() as state:
            held = [
                self._held(state, occupancy, days, most_before)
                for bill, occupancy, days in self._bills(state)
                if state.bills[bill].record.bill.state is BillState.HELD and days.end <= ended_by
            ]
        return tuple(sorted(held, key=lambda row: (row.days.end, row.account, row.point)))

    async def waiting_days(self, ended_by: date, most_before: int) -> tuple[HeldDays, ...]:
        async with self._books.begin() as state:
            missing = sorted(
                key
                for key, code, _ in state.findings
                if code == missing_intervals.RULE.code and key.day < ended_by
            )
            waiting = [
                replace(self._held(state, occupancy, days, most_before), channels=(channel,))
                for occupancy, there in state.occupancies.items()
                for channel in _channels(state, occupancy)
                for days in days_of(
                    sorted(
                        {
                            key.day
                            for key in missing
                            if key.channel_id == channel
                            and there.billing_from <= key.day < (there.ended_on or date.max)
                        }
                    )
                )
            ]
        return tuple(sorted(waiting, key=lambda row: (row.days.end, row.account, row.point)))

    @staticmethod
    def _bills(state: BookState) -> Iterator[tuple[int, int, DayRange]]:
        """Bills with the days of each of their occupancies."""
        for number, row in state.bills.items():
            spans: dict[int, list[DayRange]] = {}
            for billed in (billed for billed in row.parts if not billed.part.settles):
                spans.setdefault(billed.part.occupancy_id, []).append(billed.part.days)
            if row.record.bill.state is not BillState.DISCARDED:
                for occupancy, stretches in spans.items():
                    first = min(days.first for days in stretches)
                    end = max(days.end for days in stretches)
                    yield number, occupancy, DayRange(first, end)

    def _held(self, state: BookState, occupancy: int, days: DayRange, most: int) -> HeldDays:
        there, channels = state.occupancies[occupancy], _channels(state, occupancy)
        before = sorted(
            (other for _, of, other in self._bills(state) if of == occupancy),
            key=lambda other: other.end,
            reverse=True,
        )
        earlier = [other for other in before if other.end <= days.first][:most]
        in_a_row = takewhile(lambda other: _estimated(state, channels, other), earlier)
        return HeldDays(
            there.account,
            there.point,
            state.points[there.point].zone,
            days,
            channels,
            sum(1 for _ in in_a_row),
            state.services[there.point, there.service].day_start or MIDNIGHT,
        )


def _channels(state: BookState, occupancy: int) -> tuple[PointChannelId, ...]:
    """The channels that an occupancy's service bills."""
    there = state.occupancies[occupancy]
    service = state.services[there.point, there.service]
    return tuple(
        key
        for key, channel in sorted(state.channels.items())
        if channel.point == there.point
        and (not service.channels or channel.record.obis in service.channels)
    )


def _estimated(state: BookState, channels: Collection[PointChannelId], days: DayRange) -> bool:
    for channel in channels:
        for day in days.days():
            key = ChannelDay(channel, day)
            block = newest_block(state, key)
            if block is not None and (key, block.version) in state.estimates:
                return True
    return False
