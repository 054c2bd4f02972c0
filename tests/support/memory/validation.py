"""The validation store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.metering.block import DayBlock
from central.domain.metering.installation import Installation, Multiplier
from central.domain.metering.installed_days import has_day_to_close
from central.domain.metering.series import ReadingSeries
from central.domain.metering.track import InstallationSegment
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.catalogue import NOT_ACCEPTED
from central.domain.vee.finding import Severity, VeeFinding
from central.domain.vee.history import PastDay
from central.domain.vee.policies_in_force import PoliciesInForce
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import ChannelId
from central.service.ports.registry import InstallationRecord
from central.service.ports.stamps import InputKind
from central.service.ports.validation import (
    ENDLESS,
    ChangedRange,
    ChannelDay,
    Closing,
    LockedChannel,
    Newest,
    OpenFinding,
    PastDays,
    PointChannelId,
    ValidationTransaction,
)
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Kind, Source, from_ms, to_ms
from tests.support.memory.books import BookState, KeptFinding, MemoryBooks
from tests.support.memory.clocks import clock_errors
from tests.support.memory.estimates import EstimateTables
from tests.support.memory.history import block_of, channel_of, occupied, past_days
from tests.support.memory.ingest import State, StoredReading, Touched
from tests.support.memory.versions import MemoryBlockVersions

_INSTANT = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


class MemoryValidationStore(MemoryBlockVersions):
    """`ValidationStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[ValidationTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""
        async with self._books.begin() as state:
            work = _Transaction(state, self._books.ingest.state)
            yield work
            for entry, action, subject, detail in work.notes:
                self._books.audit(entry.at, entry.actor, action, subject, detail)

    async def accept_finding(
        self, finding_id: int, actor: Actor, reason: str, at: datetime
    ) -> bool:
        """See `ValidationStore`."""
        async with self._books.begin() as state:
            for key, kept in state.findings.items():
                may = kept.accepted_by is None and kept.finding.code not in NOT_ACCEPTED
                if kept.id == finding_id and may:
                    state.findings[key] = replace(kept, accepted_by=actor.key)
                    point = state.channels[key[0].channel_id].point
                    state.raise_input(InputKind.POINT, point)
                    state.worked[point, key[0].day, actor.key] = "accepted a finding of its days"
                    new = {"accepted_by": actor.key, "code": key[1], "day": key[0].day}
                    detail = change({"accepted_by": None}, new, reason)
                    subject = f"finding {finding_id}"
                    self._books.audit(at, actor, "finding.accepted", subject, detail)
                    return True
        return False

    async def open_findings(self, channel_id: PointChannelId) -> list[OpenFinding]:
        """See `ValidationStore`."""
        async with self._books.begin() as state:
            found = sorted(
                (key[0].day, key[2], key[1], kept)
                for key, kept in state.findings.items()
                if key[0].channel_id == channel_id
            )
        return [
            OpenFinding(kept.id, day, code, kept.finding.severity.value, kept.accepted_by)
            for day, _, code, kept in found
        ]


class _Transaction(EstimateTables):
    """`ValidationTransaction` over dictionaries."""

    def __init__(self, state: BookState, ingest: State) -> None:
        self._state = state
        self._ingest = ingest
        # Days that are closed for the first time here: no bill has been rated with them.
        self._fresh: set[ChannelDay] = set()
        self.notes: list[tuple[DecisionNote, str, str, Mapping[str, Any]]] = []

    def note(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        self.notes.append((note, action, subject, detail))

    def _changed(self, key: ChannelDay) -> None:
        self._state.raise_input(InputKind.POINT, self._state.channels[key.channel_id].point)

    def _is_billed(self, key: ChannelDay) -> bool:
        """Whether a bill has a day already, or looked back at it."""
        back = {
            row.id: timedelta(days=bill.stamps[row.part.agreement_id].looks_back_days)
            for bill in self._state.bills.values()
            for row in bill.parts
            if row.part.agreement_id in bill.stamps
        }
        channel = self._state.channels[key.channel_id]
        billing = {
            name
            for (point, name), service in self._state.services.items()
            if point == channel.point
            and (not service.channels or channel.record.obis in service.channels)
        }
        return any(
            occupancy.point == channel.point
            and occupancy.service in billing
            and any(
                of == number
                and claim.first is not None
                and claim.first - back.get(claim.part or 0, timedelta()) <= key.day < end
                for (of, end), claim in self._state.claims.items()
            )
            for number, occupancy in self._state.occupancies.items()
        )

    def _note_finding(self, key: ChannelDay, one: VeeFinding) -> None:
        """Note that a finding comes or goes: a critical one holds bills."""
        if one.severity is Severity.CRITICAL and key not in self._fresh:
            self._changed(key)

    async def take(self, limit: int) -> tuple[int, list[ChangedRange]]:
        taken = sorted(self._ingest.touched)[:limit]
        changes: list[ChangedRange] = []
        for key in taken:
            changes.extend(self._changes(self._ingest.touched.pop(key)))
        return len(taken), changes

    def _changes(self, touched: Touched) -> Iterator[ChangedRange]:
        interval = Interval(from_ms(touched.from_ms), from_ms(touched.until_ms))
        for key in self._state.channels:
            # One that was withdrawn leaves days that were validated with it.
            withdrawn = self._state.withdrawn_installations.values()
            point = self._state.channels[key].point
            for installation in (
                *self._installations(key),
                *(meter for meter in withdrawn if meter.point == point),
            ):
                near = Interval(installation.start, (installation.end or ENDLESS) + _INSTANT)
                feeds = touched.channel_id in device_channels(
                    self._ingest, installation, self._obis(key)
                )
                if feeds and near.overlap(interval):
                    yield ChangedRange(key, interval, touched.channel_id)

    def _obis(self, key: PointChannelId) -> Obis:
        return self._state.channels[key].record.obis

    def _installations(self, key: PointChannelId) -> list[InstallationRecord]:
        point = self._state.channels[key].point
        found = [one for one in self._state.installations.values() if one.point == point]
        return sorted(found, key=lambda one: one.start)

    async def due(
        self, before: datetime, since: datetime, after: PointChannelId, limit: int
    ) -> list[PointChannelId]:
        found = [
            key
            for key, kept in sorted(self._state.channels.items())
            if key > after
            and has_day_to_close(
                self._spans(key),
                self._state.points[kept.point].zone,
                kept.closed_through,
                before,
                since,
                kept.day_start,
            )
        ]
        return found[:limit]

    async def put_back(self, changes: Sequence[ChangedRange]) -> None:
        for one in changes:
            number = max(self._ingest.touched, default=0) + 1
            first, until = to_ms(one.interval.start), to_ms(one.interval.end)
            self._ingest.touched[number] = Touched(ChannelId(one.source), first, until)

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        backup = self._state.copy()
        try:
            yield
        except BaseException:
            self._state.restore(backup)
            raise

    async def reopen(self, channel_id: PointChannelId, day: date) -> None:
        kept = self._state.channels[channel_id]
        if kept.closed_through is not None and kept.closed_through >= day:
            self._state.channels[channel_id] = replace(kept, closed_through=day - _DAY)

    def _spans(self, key: PointChannelId) -> tuple[Interval, ...]:
        installed = self._installations(key)
        return tuple(Interval(one.start, one.end or ENDLESS) for one in installed)

    async def lock(
        self, channels: Collection[PointChannelId]
    ) -> dict[PointChannelId, LockedChannel]:
        return {key: self._locked(key) for key in sorted(channels) if key in self._state.channels}

    def _locked(self, key: PointChannelId) -> LockedChannel:
        closed_through = self._state.channels[key].closed_through
        channel = channel_of(self._state, key)
        return LockedChannel(channel, closed_through, self._spans(key), occupied(self._state, key))

    async def policies_in_force(
        self, channels: Collection[PointChannelId], days: DayRange
    ) -> PoliciesInForce:
        del channels, days
        return PoliciesInForce()

    async def past_days(self, asked: Sequence[PastDays]) -> dict[PastDays, list[PastDay]]:
        return {days: list(past_days(self._state, days)) for days in asked}

    async def segments(
        self, windows: Mapping[PointChannelId, Interval]
    ) -> dict[PointChannelId, list[InstallationSegment]]:
        return {
            key: [
                self._segment(one, key, window)
                for one in self._installations(key)
                if one.start <= window.end and (one.end or ENDLESS) >= window.start
            ]
            for key, window in windows.items()
        }

    def _segment(
        self, one: InstallationRecord, key: PointChannelId, window: Interval
    ) -> InstallationSegment:
        installation = Installation(
            meter=f"{one.manufacturer}/{one.serial}",
            start=one.start,
            end=one.end,
            multiplier=Multiplier(one.multiplier),
            registers=dict(one.registers),
        )
        first = to_ms(max(window.start, one.start))
        last = to_ms(min(window.end, one.end or ENDLESS))
        series = []
        for channel_id, (kind, period_s, source, unit) in device_channels(
            self._ingest, one, self._obis(key)
        ).items():
            rows = [
                (at_ms, kept.mantissa, kept.exponent, kept.flags)
                for at_ms, kept in sorted(
                    readings_between(self._ingest, channel_id, first, last).items()
                )
            ]
            if rows:
                series.append(
                    ReadingSeries.of(rows, kind=kind, source=source, period_s=period_s, unit=unit)
                )
        return InstallationSegment(installation, tuple(series), clock_errors(self._ingest, one))

    async def conflicts(
        self, windows: Mapping[PointChannelId, Interval]
    ) -> dict[PointChannelId, list[datetime]]:
        return {
            key: sorted(
                at
                for one in self._installations(key)
                for at in conflicts_of(self._ingest, one, self._obis(key))
                if window.start <= at <= window.end
            )
            for key, window in windows.items()
        }

    async def newest(self, days: Collection[ChannelDay]) -> dict[ChannelDay, Newest]:
        found = {key: block_of(self._state, key, None) for key in days}
        return {
            key: Newest(
                block.version,
                block.sha256,
                decided=(key, block.version) in self._state.estimates,
            )
            for key, block in found.items()
            if block is not None
        }

    async def add_blocks(self, blocks: Sequence[DayBlock], actor: Actor, at: datetime) -> None:
        del actor, at
        for block in blocks:
            key = (ChannelDay(PointChannelId(block.channel_id), block.day), block.version)
            assert key not in self._state.blocks, "a block is never changed"
            self._state.blocks[key] = block
            if block.version == 1:
                self._fresh.add(key[0])
                if self._is_billed(key[0]):
                    self._changed(key[0])
            else:
                self._changed(key[0])

    async def settle_findings(
        self, found: Mapping[ChannelDay, Sequence[VeeFinding]], at: datetime
    ) -> int:
        del at
        open_keys = [key for key in self._state.findings if key[0] in found]
        wanted: dict[tuple[ChannelDay, str, datetime], VeeFinding] = {
            (day, one.code, one.interval.start): one
            for day, findings in found.items()
            for one in findings
        }
        for key in open_keys:
            if wanted.get(key) == self._state.findings[key].finding:
                del wanted[key]
            else:
                self._note_finding(key[0], self._state.findings.pop(key).finding)
        for key, one in wanted.items():
            number = max((kept.id for kept in self._state.findings.values()), default=0) + 1
            self._state.findings[key] = KeptFinding(number, one)
            self._note_finding(key[0], one)
        return len(wanted)

    async def close_through(self, closings: Sequence[Closing]) -> set[PointChannelId]:
        for key, before, through in closings:
            kept = self._state.channels[key]
            assert kept.closed_through == before, "nobody reopens days meanwhile"
            self._state.channels[key] = replace(kept, closed_through=through)
        return {one.channel_id for one in closings}


_Device = tuple[Kind, int, Source, Unit]


def device_channels(
    ingest: State, installation: InstallationRecord, obis: Obis
) -> dict[int, _Device]:
    """The channels of an installed meter that count something: kind, period, source, unit."""
    meter = ingest.meters.get((installation.manufacturer, installation.serial))
    found: dict[int, _Device] = {}
    for (meter_id, code, kind, period_s, source), record in ingest.channels.items():
        if meter_id == meter and code == obis:
            assert isinstance(kind, Kind)
            assert isinstance(source, Source)
            assert isinstance(period_s, int)
            found[record.id] = (kind, period_s, source, Unit(record.unit))
    return found


def readings_between(
    ingest: State, channel_id: int, first_ms: int, last_ms: int
) -> dict[int, StoredReading]:
    """The newest revision of a device channel's readings by instant, both ends included. [ms]."""
    return {
        at_ms: kept
        for table in (ingest.readings, ingest.revised)
        for (key, at_ms), kept in table.items()
        if key == channel_id and first_ms <= at_ms <= last_ms
    }


def conflicts_of(ingest: State, installation: InstallationRecord, obis: Obis) -> Iterator[datetime]:
    """Instants at which a second value of an installed meter waits."""
    channels = device_channels(ingest, installation, obis)
    for key, conflict in ingest.conflicts.items():
        at = from_ms(conflict.at_ms)
        if (
            key not in ingest.decided
            and conflict.channel_id in channels
            and (installation.start <= at <= (installation.end or ENDLESS))
        ):
            yield at
