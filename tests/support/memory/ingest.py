"""The ingest store in memory: one transaction at a time, none of it durable.

One module, longer than others: it implements one port, whose methods share one state and one lock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from central.domain.actor import Actor
from central.domain.audit.chain import SealedRow
from central.domain.audit.change import change
from central.service.ingest.finding_quota import within_quota
from central.service.ports.decisions import DecisionNote
from central.service.ports.gateway_quota import EpochsFullError, GatewayQuota, QuarantineFullError
from central.service.ports.ingest import IngestTransaction
from central.service.ports.ingest_records import (
    BatchCounts,
    BatchId,
    BatchKey,
    BatchState,
    ChannelId,
    ChannelRecord,
    ClosedSpan,
    EpochCursor,
    EpochKey,
    FindingCode,
    GatewayId,
    GatewayRecord,
    IngestFinding,
    MeterId,
    NewBatch,
    Placement,
    Quarantine,
    QuarantinedBatch,
    ReadingFate,
    Rejection,
    Rows,
    SequenceClaim,
    StoredLink,
    StoredSignature,
)
from central.service.ports.meter_clocks import ClockLook
from firmware_bridge.contract.envelope import NO_HASH
from firmware_bridge.contract.messages import Status
from firmware_bridge.contract.reading import Channel, to_ms
from tests.support.memory.audit import AuditLine, add_line
from tests.support.memory.columns import check
from tests.support.memory.journal import Journal

LINKS_AT_ONCE = 1_000
REJECTED_MAX = 10_000


class StoredReading(NamedTuple):
    """A row of `reading` behind its key."""

    mantissa: int
    exponent: int
    flags: int
    span_ms: int
    batch_id: BatchId


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A row of `batch`."""

    id: BatchId
    new: NewBatch
    stored: int
    duplicate: int
    conflict: int


@dataclass(frozen=True, slots=True)
class StoredConflict:
    """A row of `conflict`."""

    channel_id: ChannelId
    at_ms: int
    value: StoredReading
    kept: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Touched:
    """A row of `touched`: readings of a channel in [from_ms, until_ms) changed."""

    channel_id: ChannelId
    from_ms: int
    until_ms: int


@dataclass(slots=True)
class State:
    """The tables. Values are immutable, so a copy of the dictionaries is a backup."""

    gateways: dict[str, GatewayRecord] = field(default_factory=dict)
    statuses: dict[str, tuple[Status, datetime]] = field(default_factory=dict)
    epochs: dict[EpochKey, EpochCursor] = field(default_factory=dict)
    meters: dict[tuple[str, str], MeterId] = field(default_factory=dict)
    homes: dict[MeterId, GatewayId] = field(default_factory=dict)
    channels: dict[tuple[object, ...], ChannelRecord] = field(default_factory=dict)
    batches: dict[BatchKey, StoredBatch] = field(default_factory=dict)
    batch_keys: dict[BatchId, BatchKey] = field(default_factory=dict)
    readings: dict[tuple[ChannelId, int], StoredReading] = field(default_factory=dict)
    conflicts: dict[tuple[ChannelId, int, StoredReading], StoredConflict] = field(
        default_factory=dict
    )
    quarantine: dict[BatchId, Quarantine] = field(default_factory=dict)
    signatures: dict[BatchId, StoredSignature] = field(default_factory=dict)
    clocks: dict[tuple[str, str, datetime], ClockLook] = field(default_factory=dict)
    rejected: dict[tuple[str, str, bytes], Rejection] = field(default_factory=dict)
    findings: dict[str, IngestFinding] = field(default_factory=dict)
    answered: dict[str, IngestFinding] = field(default_factory=dict)
    touched: dict[int, Touched] = field(default_factory=dict)
    audit: dict[int, AuditLine] = field(default_factory=dict)
    personal: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    seals: dict[int, SealedRow] = field(default_factory=dict)
    imports: dict[EpochKey, tuple[bytes, str]] = field(default_factory=dict)
    # What operators decided: the newest revision of a reading, and conflicts that are settled.
    revised: dict[tuple[ChannelId, int], StoredReading] = field(default_factory=dict)
    decided: dict[tuple[ChannelId, int, StoredReading], str] = field(default_factory=dict)

    def copy(self) -> State:
        """A backup."""
        return State(**{f.name: dict(getattr(self, f.name)) for f in fields(self)})


class MemoryIngestStore:
    """`IngestStore` and `GatewayStore` over dictionaries.

    Args:
        state: What it begins with.
        quota: How much one gateway may fill.
    """

    def __init__(self, state: State | None = None, quota: GatewayQuota | None = None) -> None:
        self.quota = GatewayQuota() if quota is None else quota
        self.state = State() if state is None else state
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[IngestTransaction]:
        """See `IngestStore`."""
        async with self._turn:
            journal = Journal()
            try:
                yield _Transaction(self.state, journal, now, self.quota)
            except BaseException:
                journal.roll_back()
                raise

    async def gateways(self, names: Collection[str]) -> dict[str, GatewayRecord]:
        """See `IngestStore`."""
        return {name: self.state.gateways[name] for name in names if name in self.state.gateways}

    async def revoked_epochs(self, gateways: Collection[GatewayId]) -> set[EpochKey]:
        """See `IngestStore`."""
        epochs = self.state.epochs.values()
        return {c.key for c in epochs if c.revoked and c.key.gateway_id in gateways}

    async def owner_of_epoch(self, epoch: UUID) -> str | None:
        """See `IngestStore`."""
        names = {record.id: record.name for record in self.state.gateways.values()}
        owners = (names[key.gateway_id] for key in self.state.epochs if key.epoch == epoch)
        return next(owners, None)

    async def resolve(
        self, channels: Collection[tuple[GatewayId, Channel]], now: datetime
    ) -> dict[tuple[GatewayId, Channel], ChannelRecord]:
        """See `IngestStore`."""
        del now
        return {(sender, channel): self._channel(sender, channel) for sender, channel in channels}

    def _channel(self, sender: GatewayId, channel: Channel) -> ChannelRecord:
        state, nameplate = self.state, (channel.manufacturer, channel.serial)
        unit = channel.unit.value
        meter = state.meters.get(nameplate)
        if meter is None:
            if sum(home == sender for home in state.homes.values()) >= self.quota.meters:
                return ChannelRecord(ChannelId(0), MeterId(0), unit)
            meter = state.meters[nameplate] = MeterId(len(state.meters) + 1)
            state.homes[meter] = sender
        key = (meter, channel.obis, channel.kind, channel.period_s, channel.source)
        if key not in state.channels:
            home = state.homes[meter]
            mine = sum(state.homes[each.meter_id] == home for each in state.channels.values())
            if home != sender or mine >= self.quota.channels:
                return ChannelRecord(ChannelId(0), meter, unit)
            state.channels[key] = ChannelRecord(ChannelId(len(state.channels) + 1), meter, unit)
        return state.channels[key]

    async def homes(self, meters: Collection[MeterId]) -> dict[MeterId, GatewayId]:
        """See `IngestStore`."""
        return {meter: self.state.homes[meter] for meter in meters}

    async def closed_spans(self, channels: Collection[int]) -> list[ClosedSpan]:
        """In memory nothing is closed for good."""
        assert channels
        return []

    async def prepare(self, from_ms: int, until_ms: int, now: datetime) -> None:
        """Memory needs no telling."""

    async def quarantined(
        self, gateway: str | None, code: str | None, limit: int
    ) -> list[QuarantinedBatch]:
        """See `IngestStore`."""
        names = {record.id: record.name for record in self.state.gateways.values()}
        found = []
        for batch_id, quarantine in sorted(self.state.quarantine.items()):
            key = self.state.batch_keys[batch_id]
            name, new = names[key.gateway_id], self.state.batches[key].new
            if gateway in {None, name} and code in {None, quarantine.code}:
                found.append(QuarantinedBatch(name, key, quarantine, new.sha256, new.received_at))
        return found[:limit]

    async def stalled(self, before: datetime) -> list[EpochCursor]:
        """See `IngestStore`."""
        cursors = sorted(self.state.epochs.values(), key=lambda cursor: cursor.key)
        return [c for c in cursors if c.high > c.cum and c.advanced_at < before]

    async def open_findings(self, code: FindingCode | None = None) -> list[IngestFinding]:
        """See `IngestStore`."""
        return [f for f in self.state.findings.values() if code in {None, f.code}]

    async def enrol(self, name: str, note: DecisionNote) -> GatewayRecord:
        """See `GatewayStore`."""
        known = self.state.gateways.get(name)
        old = None if known is None else known.revoked
        self._revoked(note, ("gateway.enrolled", name), old=old, new=False)
        new = GatewayRecord(GatewayId(len(self.state.gateways) + 1), name, revoked=False)
        record = replace(self.state.gateways.get(name, new), revoked=False)
        self.state.gateways[name] = record
        return record

    async def gateway(self, name: str) -> GatewayRecord | None:
        """See `GatewayStore`."""
        return self.state.gateways.get(name)

    async def revoke(self, name: str, note: DecisionNote) -> GatewayRecord | None:
        """See `GatewayStore`."""
        record = self.state.gateways.get(name)
        if record is not None:
            self._revoked(note, ("gateway.revoked", name), old=record.revoked, new=True)
            record = replace(record, revoked=True)
            self.state.gateways[name] = record
        return record

    async def revoke_epoch(self, key: EpochKey, note: DecisionNote) -> bool:
        """See `GatewayStore`."""
        if key in self.state.epochs:
            name = next(g.name for g in self.state.gateways.values() if g.id == key.gateway_id)
            did = ("epoch.revoked", f"{name} {key.epoch}")
            self._revoked(note, did, old=self.state.epochs[key].revoked, new=True)
            self.state.epochs[key] = replace(self.state.epochs[key], revoked=True)
        return key in self.state.epochs

    async def move_meter(
        self, manufacturer: str, serial: str, home: GatewayId, note: DecisionNote
    ) -> bool:
        """See `GatewayStore`."""
        meter = self.state.meters.get((manufacturer, serial))
        if meter is not None:
            names = {record.id: record.name for record in self.state.gateways.values()}
            old, new = names[self.state.homes[meter]], names[home]
            if old != new:
                detail = change({"gateway": old}, {"gateway": new}, note.reason)
                subject = f"{manufacturer}/{serial}"
                add_line(self.state, note.at, note.actor, "meter.moved", subject, detail)
            self.state.homes[meter] = home
        return meter is not None

    def _revoked(
        self, note: DecisionNote, did: tuple[str, str], *, old: bool | None, new: bool
    ) -> None:
        if old is not new:
            before = None if old is None else {"revoked": old}
            detail = change(before, {"revoked": new}, note.reason)
            add_line(self.state, note.at, note.actor, *did, detail)

    async def close_finding(self, key: str, closed_by: Actor, at: datetime) -> bool:
        """See `GatewayStore`."""
        del closed_by, at
        return self.state.findings.pop(key, None) is not None

    async def save_status(self, name: str, status: Status, at: datetime) -> bool:
        """See `GatewayStore`."""
        check(name, status)
        record = self.state.gateways.get(name)
        if record is None or record.revoked:
            return False
        self.state.statuses[name] = (status, at)
        return True

    async def admitted(self) -> list[str]:
        """See `GatewayStore`."""
        return [name for name, each in self.state.gateways.items() if not each.revoked]

    async def epochs(self, gateway: GatewayId) -> list[UUID]:
        """See `GatewayStore`."""
        return [key.epoch for key in self.state.epochs if key.gateway_id == gateway]


class _Transaction:
    """`IngestTransaction` over dictionaries; every change goes through the journal."""

    def __init__(self, state: State, journal: Journal, now: datetime, quota: GatewayQuota) -> None:
        self._quota = quota
        self._state = state
        self._journal = journal
        self._now = now

    async def claim(self, batches: Sequence[NewBatch]) -> list[SequenceClaim]:
        check(batches)
        claims = []
        for new in batches:
            held = self._state.batches.get(new.key)
            if held is None:
                batch_id = BatchId(len(self._state.batches) + 1)
                self._put_batch(StoredBatch(batch_id, new, _unheld(new), 0, 0))
                claims.append(SequenceClaim(batch_id, fresh=True, stored=new.link))
            else:
                empty = held.new.received == 0
                claims.append(
                    SequenceClaim(
                        held.id,
                        fresh=False,
                        stored=held.new.link,
                        empty=empty,
                        code=held.new.code if held.new.state is BatchState.QUARANTINED else None,
                    )
                )
        return claims

    async def fill(self, batch_id: BatchId, batch: NewBatch) -> None:
        held = self._state.batches[self._state.batch_keys[batch_id]].new
        if held.sha256 != batch.sha256:
            batch = replace(batch, replaces=held.sha256)
        elif held.replaces is not None:
            batch = replace(batch, replaces=held.replaces)
        self._put_batch(StoredBatch(batch_id, batch, _unheld(batch), 0, 0))
        if batch.state is BatchState.STORED and batch_id in self._state.quarantine:
            self._journal.drop(self._state.quarantine, batch_id)

    async def keep_signatures(self, signatures: Sequence[StoredSignature]) -> None:
        for each in signatures:
            self._journal.put(self._state.signatures, each.batch_id, each)

    async def note_clocks(self, looks: Sequence[ClockLook]) -> None:
        for look in sorted(looks, key=lambda look: (look.manufacturer, look.serial, look.at)):
            key = (look.manufacturer, look.serial, look.at)
            meter = self._state.meters.get((look.manufacturer, look.serial))
            if key in self._state.clocks or meter is None:
                continue
            if self._state.homes[meter] == look.gateway_id:
                self._journal.put(self._state.clocks, key, look)
                records = self._state.channels.values()
                channels = [record.id for record in records if record.meter_id == meter]
                first, until = to_ms(look.at), max(to_ms(look.at) + 1, to_ms(self._now))
                columns = (channels, [first] * len(channels), [until] * len(channels))
                await self.queue_for_validation(*(np.array(column, np.int64) for column in columns))

    async def store(self, rows: Rows) -> Placement:
        place = np.zeros(len(rows), np.uint8)
        kept: dict[int, tuple[int, int]] = {}
        for index, (key, value) in enumerate(_readings(rows)):
            held = self._state.readings.get(key)
            if held is None:
                self._journal.put(self._state.readings, key, value)
            elif not _equal(held, value):
                place[index] = ReadingFate.CONFLICT
                kept[index] = (held.mantissa, held.exponent)
            elif held.batch_id != value.batch_id:
                place[index] = ReadingFate.DUPLICATE
        return Placement(place, kept)

    async def recount(self, counts: Sequence[BatchCounts]) -> None:
        for count in counts:
            batch = self._state.batches[self._state.batch_keys[count.batch_id]]
            state = BatchState.QUARANTINED if count.quarantined else BatchState.STORED
            new = replace(batch.new, quarantined=count.quarantined, state=state)
            total = count.stored + count.duplicate + count.conflict + count.quarantined
            assert total == new.received, "the counts of a batch reconcile"
            self._put_batch(
                StoredBatch(batch.id, new, count.stored, count.duplicate, count.conflict)
            )

    async def keep_conflicts(self, rows: Rows, kept: Sequence[tuple[int, int]]) -> None:
        for (key, value), holder in zip(_readings(rows), kept, strict=True):
            conflict = StoredConflict(*key, value, holder)
            self._journal.put(self._state.conflicts, (*key, value), conflict)

    async def quarantine(self, held: Sequence[Quarantine]) -> None:
        check(held)
        for quarantine in held:
            self._journal.put(self._state.quarantine, quarantine.batch_id, quarantine)
        keys = self._state.batch_keys
        counts = Counter(keys[batch].gateway_id for batch in self._state.quarantine)
        if any(counts[keys[each.batch_id].gateway_id] > self._quota.quarantined for each in held):
            raise QuarantineFullError(str(self._quota.quarantined))

    async def queue_for_validation(
        self,
        channel_id: NDArray[np.int64],
        from_ms: NDArray[np.int64],
        until_ms: NDArray[np.int64],
    ) -> None:
        columns = (channel_id.tolist(), from_ms.tolist(), until_ms.tolist())
        for channel, first, until in zip(*columns, strict=True):
            number = max(self._state.touched, default=0) + 1
            touched = Touched(ChannelId(channel), first, until)
            self._journal.put(self._state.touched, number, touched)

    async def lock_cursors(self, keys: Collection[EpochKey]) -> dict[EpochKey, EpochCursor]:
        counts = Counter(key.gateway_id for key in {*self._state.epochs, *keys})
        new = {key.gateway_id for key in keys if key not in self._state.epochs}
        if any(counts[gateway] > self._quota.epochs for gateway in new):
            raise EpochsFullError(str(self._quota.epochs))
        return {
            key: self._state.epochs.get(key, EpochCursor(key, 0, NO_HASH, 0, self._now))
            for key in keys
        }

    async def links(self, after: Mapping[EpochKey, int]) -> dict[EpochKey, list[StoredLink]]:
        check(after)
        found: dict[EpochKey, list[StoredLink]] = {}
        for key, batch in self._state.batches.items():
            if key.of_epoch in after and key.sequence >= after[key.of_epoch]:
                found.setdefault(key.of_epoch, []).append(batch.new.link)
        for links in found.values():
            links.sort(key=lambda link: link.sequence)
            del links[LINKS_AT_ONCE:]
        return found

    async def made_at(self, key: BatchKey) -> datetime | None:
        batch = self._state.batches.get(key)
        return None if batch is None else batch.new.made_at

    async def save_cursors(self, cursors: Collection[EpochCursor]) -> None:
        check(list(cursors))
        for cursor in cursors:
            self._journal.put(self._state.epochs, cursor.key, cursor)

    async def reject(self, rejections: Sequence[Rejection]) -> None:
        check(rejections)
        table = self._state.rejected
        for rejection in rejections:
            key = (rejection.gateway, rejection.code, rejection.payload_sha256)
            if key in table:
                self._journal.drop(table, key)
            self._journal.put(table, key, rejection)
        for key in list(table)[: max(0, len(table) - REJECTED_MAX)]:
            self._journal.drop(table, key)

    async def find(self, findings: Sequence[IngestFinding]) -> None:
        check(findings)
        counts: Counter[GatewayId] = Counter()
        for standing in self._state.findings.values():
            counts.update([] if standing.gateway_id is None else [standing.gateway_id])
        for finding in within_quota(findings, self._state.findings, counts, self._quota.findings):
            if finding.key not in {*self._state.findings, *self._state.answered}:
                self._journal.put(self._state.findings, finding.key, finding)

    async def note_import(self, key: EpochKey, sha256: bytes, imported_by: Actor) -> None:
        """See `IngestTransaction`."""
        if key not in self._state.imports:
            self._journal.put(self._state.imports, key, (sha256, imported_by.key))

    async def audit(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """See `IngestTransaction`."""
        key = add_line(self._state, note.at, note.actor, action, subject, detail)
        self._journal.put(self._state.audit, key, self._state.audit.pop(key))

    async def close_findings(self, keys: Collection[str], closed_by: Actor) -> None:
        del closed_by
        for key in keys:
            if key in self._state.findings:
                self._journal.drop(self._state.findings, key)

    async def save_hello(
        self, gateway_id: GatewayId, agent: str, epoch: UUID, at: datetime
    ) -> None:
        check(agent)
        record = next(r for r in self._state.gateways.values() if r.id == gateway_id)
        new = replace(record, current_epoch=epoch, hello_at=at)
        self._journal.put(self._state.gateways, record.name, new)

    def _put_batch(self, batch: StoredBatch) -> None:
        self._journal.put(self._state.batches, batch.new.key, batch)
        self._journal.put(self._state.batch_keys, batch.id, batch.new.key)


def _unheld(new: NewBatch) -> int:
    return (new.received or 0) - new.quarantined


def _readings(rows: Rows) -> list[tuple[tuple[ChannelId, int], StoredReading]]:
    columns = (getattr(rows, name).tolist() for name in Rows.__slots__)
    return [
        ((ChannelId(channel), at_ms), StoredReading(mantissa, exponent, flags, span_ms, batch))
        for channel, at_ms, mantissa, exponent, flags, span_ms, batch in zip(*columns, strict=True)
    ]


def _equal(left: StoredReading, right: StoredReading) -> bool:
    """Whether two readings have one value, however its digits are written (150e-2, 15e-1)."""
    if left.exponent == right.exponent:
        return left.mantissa == right.mantissa
    scaled = [Decimal(r.mantissa).scaleb(r.exponent) for r in (left, right)]
    return scaled[0] == scaled[1]
