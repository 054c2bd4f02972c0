"""What rating an account needs, gathered from dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from central.domain.billing.bill import Account, Party
from central.domain.billing.cutover_opening import CutoverOpening
from central.domain.billing.issue import document_days
from central.domain.billing.planned import OccupancyChain, PlannedBill, PlannedPart
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.metering.tariff_input import input_of
from central.domain.rating.hold import HeldDay, Hold
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.cutover_print import cutover_read, with_balance
from central.service.billing.meter_reads import (
    BilledSpan,
    installed_within,
    meter_reads,
    not_metered,
)
from central.service.billing.unrated import earlier_not_billed, rating_failed
from central.service.ports.bill_shard import AccountWork, EarlierDays, SupplyWork
from central.service.ports.holes import hole_hold
from central.service.ports.registry import InstallationRecord
from central.service.ports.stamps import first_pending
from central.service.ports.validation import ChannelDay, PointChannelId
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import (
    Kind,
    Quality,
    TimeQuality,
    to_ms,
    unpack_flags,
)
from tests.support.memory.account_state import own_before, own_parts
from tests.support.memory.books import MemoryBooks
from tests.support.memory.history import block_of
from tests.support.memory.ledger import open_entries
from tests.support.memory.stamps import holes_at, stamp_of, waiting_at
from tests.support.memory.validation import conflicts_of, device_channels, readings_between

_TOLERANCE_MS = 10_000


class WorkLoader:
    """Gathers what bills are rated from.

    Args:
        books: The utility.
        at: When the bills are rated. Aware.
    """

    def __init__(self, books: MemoryBooks, at: datetime) -> None:
        self._books = books
        self._at = at
        self._state = books.state
        self._ingest = books.ingest.state

    def work_or_why_not(self, bill: PlannedBill) -> AccountWork:
        """One bill; where that cannot be gathered, with the bare names of its agreements."""
        why = self._waits(bill)
        try:
            if why is None:
                return self.work(bill)
        except Exception as error:  # noqa: BLE001 - whatever one account does, others go on
            why = rating_failed(error)
        bare = (
            SupplyWork(
                part.occupancy.occupancy_id,
                part.term.agreement_id,
                part.occupancy.point,
                part.occupancy.zone,
                part.term.tariff,
                part.days,
                AgreementFacts(),
                CarriedState(),
                {},
                settles=part.settles,
            )
            for part in bill.parts
        )
        return AccountWork(bill, self._account(bill.account_id), tuple(bare), unread=why)

    def _waits(self, bill: PlannedBill) -> Hold | None:
        for part in bill.parts:
            ends = self._books.before(*part.key)
            if ends is None or ends[1] is None:
                continue
            earlier = ends[1][0].record
            if earlier.bill.state is BillState.HELD and earlier.id != bill.bill_id:
                return earlier_not_billed(f"{part.occupancy.point}, {earlier.bill.period}")
        return None

    def work(self, bill: PlannedBill) -> AccountWork:
        """Get one bill."""
        account = with_balance(
            self._account(bill.account_id), [self._cutover(part) for part in bill.parts]
        )
        parts = [claim for part in bill.parts if (claim := self._claimed(part)) is not None]
        entries = open_entries(self._state, account.number, parts)
        supplies = tuple(map(self._supply, bill.parts))
        shared = own_before(self._state, bill)
        return AccountWork(
            bill,
            account,
            supplies,
            entries=entries,
            shared=shared,
            document_days=self._document_days(bill),
        )

    def _document_days(self, bill: PlannedBill) -> DocumentDays | None:
        try:
            zone = bill.parts[0].occupancy.zone
            return document_days(list(self._state.settings.values()), zone, self._at)
        except OperatorError:
            return None

    def _claimed(self, part: PlannedPart) -> int | None:
        claim = self._state.claims.get((part.occupancy.occupancy_id, part.days.end))
        return None if claim is None else claim.part

    def _account(self, account_id: int) -> Account:
        record = self._state.accounts[account_id]
        return Account(record.number, record.party, self._state.seller.get(1, Party("")))

    def _supply(self, part: PlannedPart) -> SupplyWork:
        days, point = part.days, part.occupancy.point
        interval = part.occupancy.interval(days)
        channels = {
            channel: row.record.obis
            for channel, row in self._state.channels.items()
            if row.point == point and bills(part.occupancy, row.record.obis) and not part.settles
        }
        per_channel = {channel: self._blocks(channel, days) for channel in channels}
        blocks: dict[str, list[DayBlock]] = {}
        for channel, found in per_channel.items():
            blocks.setdefault(input_of(channels[channel]), []).extend(found)
        stamp = stamp_of(self._state, self._state.agreements[part.term.agreement_id])
        doubtful = any(map(not_metered, per_channel.values()))
        installed = [other for other in self._state.installations.values() if other.point == point]
        installed.sort(key=lambda other: other.start)
        return SupplyWork(
            occupancy_id=part.occupancy.occupancy_id,
            agreement_id=part.term.agreement_id,
            point=point,
            zone=part.occupancy.zone,
            day_start=part.occupancy.day_start,
            tariff=part.rated_by(self._opening(part)),
            days=days,
            facts=part.term.facts,
            opening=self._opening(part),
            blocks=blocks,
            holds=()
            if part.settles
            else (
                *self._holds(channels, installed, days, interval),
                *(self._holes(point, interval) if doubtful else ()),
                *first_pending(waiting_at(self._books, point, days), days),
            ),
            reads=tuple(
                read
                for channel, obis in channels.items()
                for read in meter_reads(
                    list(self._spans(installed, channel, obis, interval, self._cutover(part))),
                    per_channel[channel],
                )
            ),
            final=part.final,
            account_stays=part.account_stays,
            open_elsewhere=part.open_elsewhere,
            carries=self._carries(part),
            settles=part.settles,
            stamp=replace(stamp, not_metered=doubtful),
            taken_over=CarriedState() if (taken := self._cutover(part)) is None else taken.state,
        )

    def _blocks(self, channel: PointChannelId, days: DayRange) -> list[DayBlock]:
        found = (block_of(self._state, ChannelDay(channel, day), None) for day in days.days())
        return [block for block in found if block is not None]

    def _opening(self, part: PlannedPart) -> CarriedState:
        ends = self._books.before(*part.key)
        if ends is None:
            return CarriedState()
        claim, earlier = ends
        opening = claim.opening if earlier is None else earlier[1].part.closing
        return opening or CarriedState()

    def _carries(self, planned: PlannedPart) -> bool:
        """Whether the part before is in no account's order."""
        ends = self._books.before(*planned.key)
        if ends is None or ends[1] is None:
            return True
        bill, row = ends[1]
        return row not in own_parts(bill)

    def _cutover(self, part: PlannedPart) -> CutoverOpening | None:
        ends = self._books.before(*part.key)
        if ends is None or ends[1] is not None:
            return None
        return self._state.openings.get(part.key[0])

    def _holds(
        self,
        channels: dict[PointChannelId, Obis],
        installed: Sequence[InstallationRecord],
        days: DayRange,
        interval: Interval,
    ) -> Iterator[Hold]:
        for (key, code, start), kept in sorted(self._state.findings.items()):
            mine = key.channel_id in channels and days.first <= key.day < days.end
            critical = kept.finding.severity == "critical" and kept.accepted_by is None
            if mine and critical and code != "MISSING_INTERVALS":
                evidence = f"channel {key.channel_id}, {start.isoformat()}"
                yield Hold(code, kept.finding.message, evidence, HeldDay(*key))
        for at in sorted(
            at
            for obis in channels.values()
            for one in installed
            for at in conflicts_of(self._ingest, one, obis)
            if interval.start <= at <= interval.end
        ):
            message = "A reading has two different values; an operator must decide."
            yield Hold("CONFLICTING_READINGS", message, at.isoformat())

    def _holes(self, point: str, interval: Interval) -> Iterator[Hold]:
        for code, gateway, finding in holes_at(self._books, point, interval):
            yield hole_hold(code, gateway, finding)

    def _spans(
        self,
        installed: Sequence[InstallationRecord],
        channel: PointChannelId,
        obis: Obis,
        days: Interval,
        cutover: CutoverOpening | None,
    ) -> Iterator[BilledSpan]:
        unit = self._state.channels[channel].record.unit
        for one in installed:
            within = installed_within(one.start, one.end, days)
            if within is None:
                continue
            facts = one.registers.get(obis)
            opening = facts.opening if facts and one.start == within.start else None
            if opening is None:
                meter = f"{one.manufacturer}/{one.serial}"
                opening = cutover_read(cutover, meter, obis, within.start, days.start)
            closing = facts.closing if facts and one.end == within.end else None
            yield BilledSpan(
                serial=one.serial,
                obis=obis,
                unit=unit,
                within=within,
                multiplier=one.multiplier,
                opening=self._shown(one, obis, within.start) if opening is None else opening,
                closing=self._shown(one, obis, within.end) if closing is None else closing,
            )

    def _shown(self, one: InstallationRecord, obis: Obis, at: datetime) -> Decimal | None:
        found, asked_ms = [], to_ms(at)
        for channel, (kind, _, source, _) in device_channels(self._ingest, one, obis).items():
            if kind is not Kind.REGISTER:
                continue
            near = readings_between(
                self._ingest, channel, asked_ms - _TOLERANCE_MS, asked_ms + _TOLERANCE_MS
            )
            for at_ms, kept in near.items():
                quality, time_quality = unpack_flags(kept.flags)
                if (
                    quality is not Quality.SUSPECT
                    and time_quality is not TimeQuality.UNSYNCHRONISED
                ):
                    found.append((-source, abs(at_ms - asked_ms), at_ms, kept))
        if not found:
            return None
        kept = min(found, key=lambda one: one[:3])[3]
        return Decimal(kept.mantissa).scaleb(kept.exponent)


def earlier_days(books: MemoryBooks, occupancy: OccupancyChain, days: DayRange) -> EarlierDays:
    """What is known of earlier days of an occupancy."""
    state, found = books.state, dict[str, list[DayBlock]]()
    for channel, row in state.channels.items():
        if row.point == occupancy.point and bills(occupancy, row.record.obis):
            named = found.setdefault(input_of(row.record.obis), [])
            blocks = (block_of(state, ChannelDay(channel, day), None) for day in days.days())
            named.extend(block for block in blocks if block is not None)
    waiting = waiting_at(books, occupancy.point, days)
    return EarlierDays(found, first_pending(waiting, days))


def bills(occupancy: OccupancyChain, obis: Obis) -> bool:
    """Whether an occupancy's service bills a channel of its point."""
    return not occupancy.channels or obis.code in occupancy.channels
