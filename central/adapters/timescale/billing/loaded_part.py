"""A part of a bill as it is loaded: what was read, put together for rating."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from typing import Any

from central.domain.billing.bill import Account
from central.domain.billing.planned import OccupancyChain, PlannedBill, PlannedPart
from central.domain.metering.block import DayBlock
from central.domain.metering.installed_days import local_date
from central.domain.metering.tariff_input import input_of
from central.domain.rating.hold import HeldDay, Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.billing.cutover_print import cutover_of
from central.service.billing.meter_reads import BilledSpan, meter_reads
from central.service.billing.unrated import earlier_not_billed
from central.service.ports.bill_shard import AccountWork, SupplyWork
from central.service.ports.stamps import InputStamp, WaitingChange, first_pending
from firmware_bridge.contract.obis import Obis

_Row = tuple[Any, ...]
Held = tuple[int | None, datetime | None, Hold]
"""What holds bills, with its channel and instant where it has one."""
BilledChannels = Mapping[int, tuple[Obis, Sequence[DayBlock]]]
"""The channels that a part bills by key, with the blocks of its days."""


class LoadedPart:
    """A part to be rated, with what is directly before it.

    Args:
        bill: Number of its bill.
        planned: What is planned.
        before: As `ShardClaims.before` gave it.
    """

    def __init__(self, bill: int, planned: PlannedPart, before: _Row | None) -> None:
        self.bill = bill
        self.planned = planned
        self.point_id = planned.occupancy.point_id
        self.days = planned.days
        self.interval = planned.occupancy.interval(planned.days)
        closing = None if before is None else before[1]
        # What an earlier part of the same bill leaves is known when that is rated.
        self.opening = CarriedState() if closing is None else CarriedState.from_json(closing)
        self.cutover = cutover_of(closing)
        self.carries = before is None or not before[5]

    def bills(self, obis: Obis) -> bool:
        """Whether it bills a channel of its point; a settlement bills none."""
        return not self.planned.settles and bills(self.planned.occupancy, obis)

    def _dated(self, channel: int | None, at: datetime | None, hold: Hold) -> Hold:
        """A hold with the day of the part that its instant is in."""
        if channel is None or at is None or hold.of is not None:
            return hold
        occupancy = self.planned.occupancy
        day = local_date(at, occupancy.zone, occupancy.day_start)
        return replace(hold, of=HeldDay(channel, day))

    def pending(self, changes: Iterable[WaitingChange]) -> list[Held]:
        """The hold of the first change of its days that waits for validation."""
        return [(None, None, hold) for hold in first_pending(changes, self.days)]

    def work(
        self,
        channels: BilledChannels,
        holds: Sequence[Held],
        spans: Mapping[int, Sequence[BilledSpan]],
        stamp: InputStamp,
    ) -> SupplyWork:
        """All that rating it takes.

        Args:
            channels: What it bills, with the blocks of its days.
            holds: Of its point, and its own.
            spans: The registers behind each channel.
            stamp: The revisions of its inputs.
        """
        by_input: dict[str, list[Sequence[DayBlock]]] = {}
        for obis, days in channels.values():
            by_input.setdefault(input_of(obis), []).append(days)
        blocks = {
            name: parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
            for name, parts in by_input.items()
        }
        return replace(
            _named(self.planned, AgreementFacts.from_json(self.planned.term.facts)),
            opening=self.opening,
            tariff=self.planned.rated_by(self.opening),
            carries=self.carries,
            blocks=blocks,
            # A register at the end of the days closes their last interval.
            holds=tuple(
                self._dated(channel, at, hold)
                for channel, at, hold in holds
                if not self.planned.settles
                and (channel is None or channel in channels)
                and (at is None or self.interval.start <= at <= self.interval.end)
            ),
            reads=tuple(
                read
                for key, billed in spans.items()
                for read in meter_reads(billed, channels[key][1])
            ),
            stamp=stamp,
            taken_over=CarriedState() if self.cutover is None else self.cutover.state,
        )


def bills(occupancy: OccupancyChain, obis: Obis) -> bool:
    """Whether an occupancy's service bills a channel of its point."""
    return not occupancy.channels or obis.code in occupancy.channels


def waits(bill: PlannedBill, before: Mapping[tuple[int, date], _Row]) -> Hold | None:
    """Why a bill waits for an earlier one."""
    for planned in bill.parts:
        row = before.get(planned.key)
        if row is not None and row[2] == "held" and row[4] != bill.bill_id:
            return earlier_not_billed(f"{planned.occupancy.point}, {row[3]}")
    return None


def bare(bill: PlannedBill, account: Account, why: Hold) -> AccountWork:
    """A bill with the bare names of its agreements, and why it is not rated."""
    supplies = tuple(_named(planned, AgreementFacts()) for planned in bill.parts)
    return AccountWork(bill, account, supplies, unread=why)


def _named(planned: PlannedPart, facts: AgreementFacts) -> SupplyWork:
    return SupplyWork(
        occupancy_id=planned.occupancy.occupancy_id,
        agreement_id=planned.term.agreement_id,
        point=planned.occupancy.point,
        zone=planned.occupancy.zone,
        day_start=planned.occupancy.day_start,
        tariff=planned.term.tariff,
        days=planned.days,
        facts=facts,
        opening=CarriedState(),
        blocks={},
        final=planned.final,
        account_stays=planned.account_stays,
        open_elsewhere=planned.open_elsewhere,
        settles=planned.settles,
    )
