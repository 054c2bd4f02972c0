"""From decoded batches to rows in key order, and what became of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from central.domain.retention import LEAST_AGE
from central.service.ports.ingest import IngestStore, IngestTransaction
from central.service.ports.ingest_records import (
    BatchCounts,
    BatchId,
    ChannelRecord,
    GatewayId,
    MeterId,
    ReadingFate,
    Rows,
)
from firmware_bridge.contract.envelope import Batch
from firmware_bridge.contract.reading import Channel, to_ms

PAST = timedelta(days=3 * 366)
FUTURE = timedelta(hours=1)
_DAY_MS = 86_400_000


class RowCode(StrEnum):
    """Why a reading is quarantined. Never renamed."""

    METER_ELSEWHERE = "METER_ELSEWHERE"
    UNIT_CHANGED = "UNIT_CHANGED"
    START_OUT_OF_RANGE = "START_OUT_OF_RANGE"
    TOO_MANY_METERS = "TOO_MANY_METERS"
    BELOW_FLOOR = "BELOW_FLOOR"


ROW_MESSAGES = {
    RowCode.METER_ELSEWHERE: "The meter belongs to another gateway.",
    RowCode.UNIT_CHANGED: "The unit of the channel has changed since its first reading.",
    RowCode.START_OUT_OF_RANGE: "The reading is older than 3 years or more than 1 hour ahead.",
    RowCode.TOO_MANY_METERS: "The gateway has as many meters or channels as it may. Look at why;"
    " then raise METERLINE_GATEWAY_METERS or METERLINE_GATEWAY_CHANNELS, and requeue.",
    RowCode.BELOW_FLOOR: "The reading is of days that are closed for good, see `retention floors`:"
    " nothing of them is validated again. What it says is kept here.",
}
_CODES = tuple(RowCode)


@dataclass(frozen=True, slots=True)
class ChannelList:
    """What the registry has for the channels that a batch names, in the batch's order.

    Args:
        ids: Their keys.
        meters: Their meters' keys.
        is_unit_kept: Whether the unit is the one that each was first seen with.
        distinct: The meters, each once.
    """

    ids: list[int]
    meters: list[MeterId]
    is_unit_kept: list[bool]
    distinct: frozenset[MeterId]

    @classmethod
    def of(
        cls,
        gateway: GatewayId,
        channels: Sequence[Channel],
        records: Mapping[tuple[GatewayId, Channel], ChannelRecord],
    ) -> ChannelList:
        """Look up the channels of a gateway's batch."""
        found = [records[gateway, channel] for channel in channels]
        meters = [record.meter_id for record in found]
        pairs = zip(found, channels, strict=True)
        kept = [record.unit == channel.unit.value for record, channel in pairs]
        distinct = frozenset(meter for meter in meters if meter)
        return cls([record.id for record in found], meters, kept, distinct)

    @property
    def is_whole(self) -> bool:
        """Whether each channel is there."""
        return all(self.ids)

    def bars(self, gateway: GatewayId, homes: Mapping[MeterId, GatewayId]) -> list[int]:
        """Why all rows of each channel are quarantined: 0, or 1 + position in RowCode."""
        at_home = all(homes[meter] == gateway for meter in self.distinct)
        if at_home and self.is_whole and all(self.is_unit_kept):
            return [0] * len(self.ids)
        channels = zip(self.ids, self.meters, self.is_unit_kept, strict=True)
        return [
            1 + _CODES.index(RowCode.METER_ELSEWHERE)
            if meter and homes[meter] != gateway
            else 1 + _CODES.index(RowCode.TOO_MANY_METERS)
            if not key
            else 0
            if is_kept
            else 1 + _CODES.index(RowCode.UNIT_CHANGED)
            for key, meter, is_kept in channels
        ]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of several batches, in the order in which they came.

    Args:
        rows: The readings; `batch_id` has the batch's position in the window.
        reason: Why each is quarantined: 0, or 1 + position in RowCode. uint8.
        counts: Readings of each batch. int64.
        quarantined: Of each batch. int64.
    """

    rows: Rows
    reason: NDArray[np.uint8]
    counts: NDArray[np.int64]
    quarantined: NDArray[np.int64]

    def code_of(self, position: int) -> RowCode | None:
        """The first reason for which readings of a batch are quarantined."""
        if not self.quarantined[position]:
            return None
        reasons = self.reason[self.rows.batch_id == position]
        return _CODES[int(reasons[reasons > 0][0]) - 1]


def tabulate(
    batches: Sequence[tuple[GatewayId, Batch, ChannelList]],
    homes: Mapping[MeterId, GatewayId],
    now: datetime,
) -> Table:
    """Join the columns of batches into one table.

    Whole windows are joined as plain lists and become arrays once: with ten readings a batch the
    cost of an array is that of its making.
    """
    ids: list[int] = []
    barred: list[int] = []
    local: list[int] = []
    offsets: list[int] = []
    lengths: list[int] = []
    columns: tuple[list[int], ...] = ([], [], [], [], [])
    for gateway, batch, listed in batches:
        offsets.append(len(ids))
        ids += listed.ids
        barred += listed.bars(gateway, homes)
        cols = batch.columns
        count = len(cols)
        lengths.append(count)
        local += cols.channel
        columns[0].extend(cols.at_ms)
        columns[1].extend(cols.mantissa)
        columns[2].extend(cols.exponent)
        columns[3].extend(cols.flags)
        columns[4].extend(cols.span_ms or [0] * count)
    counts = np.array(lengths, np.int64)
    position = np.repeat(np.arange(len(batches)), counts)
    at_ms, mantissa, exponent, flags, span_ms = (np.array(c, np.int64) for c in columns)
    index = np.array(local, np.int64) + np.repeat(np.array(offsets, np.int64), counts)
    reason = np.array(barred, np.uint8)[index]
    late = (at_ms < to_ms(now - PAST)) | (at_ms > to_ms(now + FUTURE))
    reason[late & (reason == 0)] = 1 + _CODES.index(RowCode.START_OUT_OF_RANGE)
    rows = Rows(np.array(ids, np.int64)[index], at_ms, mantissa, exponent, flags, span_ms, position)
    quarantined = np.bincount(position[reason > 0], minlength=len(batches)).astype(np.int64)
    return Table(rows, reason, counts, quarantined)


async def above_floors(store: IngestStore, table: Table, now: datetime) -> Table:
    """Bar readings of days that are closed for good; the store is asked for old readings alone.

    Args:
        store: Knows the floors.
        table: As it was made.
        now: When.
    """
    old = (table.rows.at_ms < to_ms(now - LEAST_AGE)) & (table.reason == 0)
    if not old.any():
        return table
    closed = np.zeros(len(old), np.bool_)
    rows = table.rows
    for span in await store.closed_spans(np.unique(rows.channel_id[old]).tolist()):
        closed |= (
            (rows.channel_id == span.channel_id)
            & (rows.at_ms >= span.from_ms)
            & (rows.at_ms < span.until_ms)
        )
    closed &= old
    reason = table.reason.copy()
    reason[closed] = 1 + _CODES.index(RowCode.BELOW_FLOOR)
    more = np.bincount(rows.batch_id[closed], minlength=len(table.counts))
    return replace(table, reason=reason, quarantined=table.quarantined + more)


async def place(tx: IngestTransaction, rows: Rows) -> NDArray[np.uint8]:
    """Store readings; keep those in conflict; queue the days of both for validation.

    Args:
        tx: The transaction.
        rows: In any order, keys repeated or not, with real batch keys.

    Returns:
        A `ReadingFate` for each row. uint8.
    """
    places = np.zeros(len(rows), np.uint8)
    waiting = np.lexsort((rows.at_ms, rows.channel_id))
    while len(waiting):
        chosen = rows.take(waiting)
        again = np.zeros(len(waiting), np.bool_)
        again[1:] = (np.diff(chosen.channel_id) == 0) & (np.diff(chosen.at_ms) == 0)
        # Rows that repeat a key within the window go in behind it, and meet it as a stored row.
        first = waiting[~again]
        await _place_once(tx, rows.take(first), first, places)
        waiting = waiting[again]
    # A second value changes no reading, but a day that was closed has to say that it waits.
    await _queue_for_validation(
        tx, rows.take((places == ReadingFate.STORED) | (places == ReadingFate.CONFLICT))
    )
    return places


async def _place_once(
    tx: IngestTransaction, rows: Rows, index: NDArray[np.intp], places: NDArray[np.uint8]
) -> None:
    placement = await tx.store(rows)
    places[index] = placement.place
    if placement.kept:
        conflicting = np.array(sorted(placement.kept), np.intp)
        await tx.keep_conflicts(
            rows.take(conflicting), [placement.kept[int(i)] for i in conflicting]
        )


def counted(
    batch_ids: Sequence[BatchId], rows: Rows, places: NDArray[np.uint8], table: Table
) -> list[BatchCounts]:
    """The counts of batches of which not every reading was stored at once.

    Args:
        batch_ids: By position in the table.
        rows: What was placed, `batch_id` by position in the table.
        places: What became of it.
        table: The whole table.
    """
    size = len(batch_ids)
    duplicate, conflict = (
        np.bincount(rows.batch_id[places == place], minlength=size)
        for place in (ReadingFate.DUPLICATE, ReadingFate.CONFLICT)
    )
    stored = np.bincount(rows.batch_id[places == ReadingFate.STORED], minlength=size)
    return [
        BatchCounts(
            batch_ids[i],
            int(stored[i]),
            int(duplicate[i]),
            int(conflict[i]),
            int(table.quarantined[i]),
        )
        for i in np.flatnonzero(duplicate + conflict).tolist()
    ]


async def _queue_for_validation(tx: IngestTransaction, rows: Rows) -> None:
    """Queue one range for each channel and UTC day, so that an old row re-opens its day alone."""
    if not len(rows):
        return
    day = rows.at_ms // _DAY_MS
    order = np.lexsort((rows.at_ms, day, rows.channel_id))
    channel, at_ms, day = rows.channel_id[order], rows.at_ms[order], day[order]
    edge = np.flatnonzero((np.diff(channel) != 0) | (np.diff(day) != 0)) + 1
    starts = np.concatenate(([0], edge))
    ends = np.concatenate((edge, [len(channel)])) - 1
    await tx.queue_for_validation(channel[starts], at_ms[starts], at_ms[ends] + 1)
