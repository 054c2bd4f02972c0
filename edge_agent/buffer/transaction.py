"""What a transaction does to the tables, and, once it is committed, to the ledger.

Memory follows the file: statements go to the connection at once, while totals, marks and each
epoch's ends are collected here and applied only after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import aiosqlite

from edge_agent.buffer import schema
from edge_agent.buffer.batches import pack_waiting, readings_of, seal_all
from edge_agent.buffer.epochs import EpochRecord, Ledger
from edge_agent.buffer.records import PRUNED, READ, VOIDED, BatchRow, WaitingReadings
from firmware_bridge.contract.envelope import NO_HASH, Batch, Sealed
from firmware_bridge.contract.event import MeterEvent
from firmware_bridge.contract.reading import Reading, to_ms

RETENTION = timedelta(days=35)
PRUNE_ROWS = 2_000
BatchOf = Callable[[EpochRecord, int, BatchRow], "Batch | None"]


@dataclass(slots=True)
class Transaction:
    """One transaction under way.

    Args:
        connection: In it, all statements run.
        gateway: Whose buffer it is.
        ledger: As of the last commit.
        known: Marks as of the last commit.
        after: Called once it is committed, before the next can begin.
    """

    connection: aiosqlite.Connection
    gateway: str
    ledger: Ledger
    known: dict[str, int]
    marks: dict[str, int] = field(default_factory=dict)
    after: list[Callable[[], None]] = field(default_factory=list)
    _records: dict[int, EpochRecord] = field(default_factory=dict)

    def apply(self) -> None:
        """Tell the ledger, after the commit."""
        self.known.update(self.marks)
        for record in self.ledger:
            if after := self._records.pop(record.ordinal, None):
                record.first, record.last, record.last_hash = (
                    after.first,
                    after.last,
                    after.last_hash,
                )
        for record in self._records.values():
            self.ledger.begin(record)
        self.ledger.forget_empty()
        for call in self.after:
            call()

    def add(self, name: str, amount: int) -> None:
        """Raise a total."""
        if amount:
            self.marks[name] = self.marks.get(name, self.known.get(name, 0)) + amount

    async def write_marks(self, marks: Mapping[str, int] | None = None) -> None:
        """Write the totals that changed, and `marks` besides."""
        self.marks.update(marks or {})
        await self.connection.executemany(
            "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)",
            [(name, value, schema.checksum(name, value)) for name, value in self.marks.items()],
        )

    async def seal(
        self,
        record: EpochRecord,
        made_at: datetime,
        readings: Sequence[Reading],
        events: Sequence[MeterEvent],
    ) -> tuple[Sealed, ...]:
        """Seal readings at the end of an epoch."""
        after = self._changing(record)
        sealed = tuple(seal_all(after.link(self.gateway), made_at, readings, events))
        await self.connection.executemany(
            "INSERT INTO batch VALUES (?, ?, ?, ?, NULL, ?)",
            [
                (
                    record.id_of(batch.sequence),
                    batch.sha256,
                    batch.count,
                    to_ms(made_at),
                    batch.payload,
                )
                for batch in sealed
            ],
        )
        if sealed:
            after.last, after.last_hash = sealed[-1].sequence, sealed[-1].sha256
        return sealed

    async def hold(self, held: Iterable[WaitingReadings]) -> None:
        """Keep readings whose time is not known."""
        for item in held:
            row = (item.boot, item.taken_ms, len(item.readings), pack_waiting(item.readings))
            await self.connection.execute(
                "INSERT INTO held (boot, taken_ms, count, readings, crc) VALUES (?, ?, ?, ?, ?)",
                (*row, schema.checksum(*row)),
            )

    async def begin(self, record: EpochRecord) -> None:
        """Begin an epoch."""
        self._records[record.ordinal] = replace(record)
        await insert_epoch(self.connection, self.gateway, record)

    async def move(
        self, source: EpochRecord, target: EpochRecord, now: datetime, batch_of: BatchOf
    ) -> None:
        """Seal the unacknowledged batches of one epoch anew at the end of another, one by one."""
        for sequence in range(max(source.cum + 1, source.first), source.last + 1):
            rows = await self.rows(
                "SELECT sha256, payload, count FROM batch WHERE id = ?", source.id_of(sequence)
            )
            row = BatchRow.read(*rows[0][:2]) if rows else BatchRow(NO_HASH, b"")
            batch = batch_of(source, sequence, row)
            if batch is None:
                self.add(VOIDED, rows[0][2] if rows else 0)
                continue
            await self.seal(target, now, readings_of(batch), batch.events)
        await self.connection.execute(
            "DELETE FROM batch WHERE id > ? AND id <= ?",
            (source.id_of(source.cum), source.id_of(source.last)),
        )
        after = self._changing(source)
        after.last, after.last_hash = source.cum, source.cum_hash
        after.first = min(after.first, after.last + 1)

    async def replace(self, record: EpochRecord, sealed: Sealed, replaces: bytes | None) -> None:
        """Put other bytes in a batch's place; `replaces` names the hash that a void stands for."""
        identity = record.id_of(sealed.sequence)
        rows = await self.rows("SELECT made_at_ms FROM batch WHERE id = ?", identity)
        made_at_ms = rows[0][0] if rows else 0
        if replaces is not None:
            self.add(VOIDED, await self._missing_without(identity))
        await self.connection.execute(
            "INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?)",
            (identity, sealed.sha256, sealed.count, made_at_ms, replaces, sealed.payload),
        )
        if sealed.sequence == record.last:
            self._changing(record).last_hash = sealed.sha256

    async def _missing_without(self, identity: int) -> int:
        """How many readings are nowhere, but for a batch whose own count may be what was hit."""
        rows = await self.rows(
            "SELECT (SELECT coalesce(sum(count), 0) FROM batch WHERE id <> ?)"
            " + (SELECT coalesce(sum(count), 0) FROM held)",
            identity,
        )
        totals = {**self.known, **self.marks}
        gone = totals.get(PRUNED, 0) + totals.get(VOIDED, 0)
        return max(totals.get(READ, 0) - gone - int(rows[0][0]), 0)

    async def prune(self, now: datetime) -> None:
        """Delete batches whose retention is over, and stamp acknowledgements that lack a time."""
        now_ms = to_ms(now)
        for identity, sha256 in await self.rows("SELECT id, sha256 FROM ack WHERE acked_at_ms = 0"):
            await self.connection.execute(
                "UPDATE ack SET acked_at_ms = ?, crc = ? WHERE id = ?",
                (now_ms, schema.checksum(identity, sha256, now_ms), identity),
            )
        await self.drop_acknowledged(to_ms(now - RETENTION), PRUNE_ROWS)

    async def drop_acknowledged(self, before_ms: int, most: int) -> None:
        """Delete batches acknowledged before an instant, oldest first; the very last one stays."""
        for record in self.ledger:
            acknowledged = await self.rows(
                "SELECT max(id) FROM ack WHERE id BETWEEN ? AND ? AND acked_at_ms < ?",
                record.id_of(0),
                record.id_of(record.cum),
                before_ms,
            )
            if acknowledged[0][0] is None:
                continue
            # The chain and the numbering go on from the current epoch's last batch.
            until = acknowledged[0][0]
            if record is self.ledger.current:
                until = min(until, record.id_of(record.last) - 1)
            doomed = await self.rows(
                "SELECT id, count FROM batch WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
                record.id_of(0),
                until,
                most,
            )
            if doomed:
                await self._delete(record, doomed)

    async def _delete(self, record: EpochRecord, doomed: Sequence[Sequence[int]]) -> None:
        last = doomed[-1][0]
        await self.connection.execute(
            "DELETE FROM batch WHERE id BETWEEN ? AND ?", (doomed[0][0], last)
        )
        # The newest acknowledgement stays: it says where the epoch stands.
        await self.connection.execute(
            "DELETE FROM ack WHERE id BETWEEN ? AND ? AND id < ?",
            (record.id_of(0), last, record.id_of(record.cum)),
        )
        self.add(PRUNED, sum(count for _, count in doomed))
        self._changing(record).first = schema.split_id(last)[1] + 1

    async def rows(self, sql: str, *parameters: object) -> list[Any]:
        """All rows of a query."""
        return list(await self.connection.execute_fetchall(sql, parameters))

    def _changing(self, record: EpochRecord) -> EpochRecord:
        return self._records.setdefault(record.ordinal, replace(record))


async def insert_epoch(connection: aiosqlite.Connection, gateway: str, record: EpochRecord) -> None:
    """Write an epoch's row."""
    previous = None if record.previous is None else record.previous.bytes
    row = (
        record.ordinal,
        record.epoch.bytes,
        gateway,
        record.created_ms,
        previous,
        record.previous_last,
    )
    await connection.execute(
        "INSERT INTO epoch VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, schema.checksum(*row))
    )


async def insert_ack(
    connection: aiosqlite.Connection, identity: int, sha256: bytes, at_ms: int
) -> None:
    """Write that everything of an epoch up to a batch is acknowledged."""
    await connection.execute(
        "INSERT OR REPLACE INTO ack VALUES (?, ?, ?, ?)",
        (identity, sha256, at_ms, schema.checksum(identity, sha256, at_ms)),
    )


def no_hash(value: object) -> bytes:
    """A stored hash, or zeros where it is none."""
    return value if isinstance(value, bytes) and len(value) == len(NO_HASH) else NO_HASH
