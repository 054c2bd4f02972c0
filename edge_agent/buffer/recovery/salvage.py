"""A damaged buffer is set aside, never deleted; what is good in it goes on in a new file.

Good batches keep their identity: their epoch, sequence and hash. Sequences that are missing among
the unacknowledged ones are filled with void batches, so that the centre does not wait for them. The
new file's own epoch names the damaged file's and its last known sequence.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosqlite

from edge_agent.buffer import damaged_file, schema
from edge_agent.buffer.connection import Database
from edge_agent.buffer.epochs import EpochRecord
from edge_agent.buffer.records import PRUNED, READ, VOIDED
from edge_agent.buffer.recovery.bit_repair import mend, rescue
from edge_agent.buffer.recovery.page_carver import carve
from edge_agent.buffer.transaction import insert_ack, insert_epoch, no_hash
from firmware_bridge.contract.body import Void
from firmware_bridge.contract.envelope import (
    NO_HASH,
    Link,
    open_batch,
    open_header,
    seal_void,
)
from firmware_bridge.contract.errors import MessageError
from firmware_bridge.contract.reading import to_ms

# More missing sequences than a year of minutes are no gap but a misread number.
GAP_MAX = 1_000_000
DAMAGED_MAX = 64
_BATCH_COLUMNS, _HELD_COLUMNS, _EPOCH_COLUMNS, _ACK_COLUMNS, _MARK_COLUMNS = 6, 6, 7, 4, 3


@dataclass(slots=True)
class _Found:
    """What one epoch of the damaged file still has."""

    created_ms: int
    ordinal: int | None = None
    previous: UUID | None = None
    previous_last: int = 0
    batches: dict[int, tuple[bytes, int, int, bytes]] = field(default_factory=dict)
    acks: dict[int, tuple[bytes, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Salvage:
    """Everything that could be read from the damaged file."""

    gateway: str
    epochs: dict[UUID, _Found] = field(default_factory=dict)
    damaged: list[tuple[int, object, bytes]] = field(default_factory=list)
    acks: list[Sequence[Any]] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    # Once, though two files may have them; held ones with the number that gives their order.
    held: dict[tuple[str, int, int, bytes], int] = field(default_factory=dict)
    events: dict[tuple[int, str, str, bytes | None], None] = field(default_factory=dict)


async def salvage_into(
    database: Database, gateway: str, now: datetime, new_id: Callable[[], UUID]
) -> None:
    """Fill a new buffer with what is good in the damaged ones that wait, and begin its own epoch.

    More than one waits only where a power cut or a second damage came in between.

    Raises:
        BufferFullError, BufferUnavailableError: The new file cannot be written.
    """
    salvage = _Salvage(gateway)
    for damaged in damaged_file.waiting(database.path):
        _carve(salvage, damaged)
        _query(salvage, damaged)
        _mend_damaged(salvage)
        _rescue_missing(salvage, damaged)
    name = damaged_file.last_name(database.path, now).name

    async def work(connection: aiosqlite.Connection) -> None:
        await _write(connection, salvage, now, new_id)
        await connection.execute(
            "INSERT INTO event (at_ms, code, detail, raw) VALUES (?, ?, ?, NULL)",
            (to_ms(now), "buffer_set_aside", f"The damaged buffer was set aside as {name}."),
        )

    await database.transact(work, lambda: None)


# --- reading ---


def _carve(salvage: _Salvage, damaged: Path) -> None:
    for cell in carve(damaged):
        row = cell.row
        # The number of a row stands as NULL in its record.
        if len(row) == _BATCH_COLUMNS and isinstance(row[-1], bytes):
            _take_batch(salvage, cell.number, row[1], row[-1])
        elif len(row) == _HELD_COLUMNS and cell.current:
            _take_held(salvage, cell.number, *row[1:])
        elif len(row) == _EPOCH_COLUMNS:
            _take_epoch(salvage, cell.number, *row[1:])
        elif len(row) == _ACK_COLUMNS:
            salvage.acks.append((cell.number, *row[1:]))
        elif len(row) == _MARK_COLUMNS and row[0] is not None:
            _take_oldest_mark(salvage, *row)


def _query(salvage: _Salvage, damaged: Path) -> None:
    """Ask SQLite for the rest, table by table, as far as it gets."""
    for query, take in (
        ("SELECT id, sha256, payload FROM batch ORDER BY id", _take_batch),
        ("SELECT * FROM epoch", _take_epoch),
        ("SELECT * FROM mark", _take_mark),
        ("SELECT id, boot, taken_ms, count, readings, crc FROM held", _take_held),
        ("SELECT at_ms, code, detail, raw FROM event ORDER BY id", _take_event),
    ):
        for row in _rows(damaged, query):
            take(salvage, *row)
    salvage.acks.extend(_rows(damaged, "SELECT * FROM ack ORDER BY id"))
    ordinals = {found.ordinal: found for found in salvage.epochs.values()}
    for identity, sha256, at_ms, crc in salvage.acks:
        if crc == schema.checksum(identity, sha256, at_ms):
            ordinal, sequence = schema.split_id(identity)
            if found := ordinals.get(ordinal):
                found.acks[sequence] = (sha256, at_ms)


def _rows(damaged: Path, query: str) -> Iterator[Sequence[Any]]:
    try:
        with closing(
            sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True)
        ) as connection:
            # A text whose bytes were hit still comes out; its checksum then refuses it.
            connection.text_factory = lambda data: data.decode(errors="replace")
            yield from connection.execute(query)
    except sqlite3.Error:
        return


def _take_batch(salvage: _Salvage, number: int, sha256: object, payload: object) -> None:
    if not isinstance(payload, bytes):
        return
    try:
        header = open_header(salvage.gateway, payload)
    except MessageError:
        salvage.damaged.append((number, sha256, payload))
        return
    found = salvage.epochs.setdefault(header.epoch, _Found(0))
    if header.sequence in found.batches:
        return
    try:
        batch = open_batch(salvage.gateway, payload)
        count, made_at_ms = len(batch.columns), batch.made_at_ms
    except MessageError:
        # Intact, of a newer release: still to be sent as it is.
        count, made_at_ms = 0, 0
    ordinal, sequence = schema.split_id(number)
    if found.ordinal is None and sequence == header.sequence:
        found.ordinal = ordinal
    found.created_ms = min(found.created_ms or made_at_ms, made_at_ms)
    found.batches[header.sequence] = (header.sha256, count, made_at_ms, payload)


def _mend_damaged(salvage: _Salvage) -> None:
    """Batches that fail their hash: one flipped bit may explain it."""
    names = {found.ordinal: epoch for epoch, found in salvage.epochs.items()}
    for number, sha256, payload in salvage.damaged[:DAMAGED_MAX]:
        ordinal, sequence = schema.split_id(number)
        epoch = names.get(ordinal)
        if epoch is None or sequence in salvage.epochs[epoch].batches:
            continue
        link = Link(salvage.gateway, epoch, sequence, NO_HASH)
        whole = mend(link, no_hash(sha256), payload)
        if whole is not None:
            _take_batch(salvage, number, None, whole)


def _rescue_missing(salvage: _Salvage, damaged: Path) -> None:
    """Batches that are intact, but whose cells are not."""
    for epoch, found in salvage.epochs.items():
        known = {*found.batches, *found.acks}
        span = range(min(found.batches, default=1), max(known, default=0) + 1)
        # One more than is known: the last one may be what was hit.
        missing = [sequence for sequence in span if sequence not in found.batches]
        for sequence in [*missing[:DAMAGED_MAX], span.stop]:
            whole = rescue(damaged, Link(salvage.gateway, epoch, sequence, NO_HASH))
            if whole is not None:
                _take_batch(salvage, 0, None, whole)


def _take_epoch(salvage: _Salvage, *row: Any) -> None:  # noqa: ANN401 - checked by its checksum
    if row[-1] != schema.checksum(*row[:-1]) or row[2] != salvage.gateway:
        return
    found = salvage.epochs.setdefault(UUID(bytes=row[1]), _Found(row[3]))
    found.ordinal, found.created_ms = row[0], row[3]
    found.previous = None if row[4] is None else UUID(bytes=row[4])
    found.previous_last = row[5]


def _take_mark(salvage: _Salvage, name: str, value: int, crc: int) -> None:
    if crc == schema.checksum(name, value):
        salvage.marks[name] = value


def _take_oldest_mark(salvage: _Salvage, name: object, value: object, crc: object) -> None:
    """Of several versions of a page the lower value is safe: what it repeats is harmless."""
    if isinstance(name, str) and isinstance(value, int) and crc == schema.checksum(name, value):
        salvage.marks[name] = min(value, salvage.marks.get(name, value))


def _take_held(salvage: _Salvage, number: int, *row: Any) -> None:  # noqa: ANN401 - checked by its checksum
    if row[4] == schema.checksum(*row[:4]):
        salvage.held.setdefault((row[0], row[1], row[2], row[3]), number)


def _take_event(salvage: _Salvage, *row: Any) -> None:  # noqa: ANN401 - a log line, shown as it is
    if isinstance(row[0], int) and all(isinstance(text, str) for text in row[1:3]):
        salvage.events[row[0], row[1], row[2], row[3]] = None


# --- writing ---


async def _write(
    connection: aiosqlite.Connection, salvage: _Salvage, now: datetime, new_id: Callable[[], UUID]
) -> None:
    order = sorted(
        salvage.epochs.items(), key=lambda item: (item[1].ordinal or 2**20, item[1].created_ms)
    )
    ordinal, last_epoch, last = 0, None, 0
    for ordinal, (epoch, found) in enumerate(order, start=1):
        record = EpochRecord(ordinal, epoch, found.created_ms, found.previous, found.previous_last)
        await insert_epoch(connection, salvage.gateway, record)
        last_epoch, last = (
            epoch,
            await _write_batches(connection, salvage.gateway, record, found, now),
        )
    await insert_epoch(
        connection,
        salvage.gateway,
        EpochRecord(ordinal + 1, new_id(), to_ms(now), last_epoch, last),
    )
    for row in sorted(salvage.held, key=salvage.held.__getitem__):
        await connection.execute(
            "INSERT INTO held (boot, taken_ms, count, readings, crc) VALUES (?, ?, ?, ?, ?)",
            (*row, schema.checksum(*row)),
        )
    await connection.executemany(
        "INSERT INTO event (at_ms, code, detail, raw) VALUES (?, ?, ?, ?)", list(salvage.events)
    )
    await _write_totals(connection, salvage)


async def _write_batches(
    connection: aiosqlite.Connection,
    gateway: str,
    record: EpochRecord,
    found: _Found,
    now: datetime,
) -> int:
    """Returns the last sequence known of the epoch."""
    cum = max(found.acks, default=0)
    last = max(max(found.batches, default=0), cum)
    for sequence in sorted(found.batches):
        sha256, count, made_at_ms, payload = found.batches[sequence]
        row = (record.id_of(sequence), sha256, count, made_at_ms, payload)
        await connection.execute("INSERT INTO batch VALUES (?, ?, ?, ?, NULL, ?)", row)
    previous = found.batches[cum][0] if cum in found.batches else NO_HASH
    for sequence in range(max(cum + 1, last - GAP_MAX), last + 1):
        if sequence in found.batches:
            previous = found.batches[sequence][0]
            continue
        link = Link(gateway, record.epoch, sequence, previous)
        void = seal_void(link, now, Void(NO_HASH, "not found in the damaged buffer"))
        row = (record.id_of(sequence), void.sha256, 0, to_ms(now), void.payload)
        await connection.execute("INSERT INTO batch VALUES (?, ?, ?, ?, NULL, ?)", row)
        previous = void.sha256
    for sequence, (sha256, at_ms) in found.acks.items():
        await insert_ack(connection, record.id_of(sequence), sha256, at_ms)
    return last


async def _write_totals(connection: aiosqlite.Connection, salvage: _Salvage) -> None:
    """What the old total says beyond what was found is lost, and counted as such."""
    marks = dict(salvage.marks)
    here = sum(
        batch[1] for found in salvage.epochs.values() for batch in found.batches.values()
    ) + sum(row[2] for row in salvage.held)
    here += marks.get(PRUNED, 0)
    marks[READ] = max(marks.get(READ, 0), here)
    marks[VOIDED] = marks[READ] - here
    await connection.executemany(
        "INSERT INTO mark VALUES (?, ?, ?)",
        [(name, value, schema.checksum(name, value)) for name, value in marks.items()],
    )
