"""What a buffer file says when it is opened: its epochs, their ends, and its marks."""

from __future__ import annotations

from uuid import UUID

from edge_agent.buffer import schema
from edge_agent.buffer.connection import Database
from edge_agent.buffer.epochs import EpochRecord, Ledger
from edge_agent.buffer.records import PRUNED, READ, VOIDED
from edge_agent.buffer.transaction import no_hash
from edge_agent.errors import BufferDamagedError, BufferOwnerError


async def load_ledger(database: Database, gateway: str) -> Ledger:
    """The epochs of the file.

    Raises:
        BufferDamagedError: An epoch's row fails its checksum, or there is none.
        BufferOwnerError: The file belongs to another gateway.
    """
    records = []
    for row in await database.rows("SELECT * FROM epoch ORDER BY ordinal"):
        if row[-1] != schema.checksum(*row[:-1]):
            message = f"The checksum of an epoch in {database.path} does not match."
            raise BufferDamagedError(message, value=row[0])
        if row[2] != gateway:
            message = f"The buffer {database.path} belongs to gateway {row[2]!r}, not {gateway!r}."
            raise BufferOwnerError(
                message,
                value=row[2],
                remedy="Restore the gateway's name, or set buffer.path to another file.",
            )
        previous = None if row[4] is None else UUID(bytes=row[4])
        record = EpochRecord(row[0], UUID(bytes=row[1]), row[3], previous, row[5])
        await _find_ends(database, record)
        records.append(record)
    if not records:
        message = f"The buffer {database.path} contains no epoch."
        raise BufferDamagedError(message)
    ledger = Ledger(records)
    if ledger.current.cum > ledger.current.last:
        # A sequence must never be used twice, and the last one is not known any more.
        message = f"The buffer {database.path} has lost the end of its epoch."
        raise BufferDamagedError(message, value=ledger.current.last)
    ledger.forget_empty()
    return ledger


async def _find_ends(database: Database, record: EpochRecord) -> None:
    bounds = (record.id_of(0), record.id_of(2**40 - 1))
    await _find_acknowledged(database, record, bounds)
    rows = await database.rows(
        "SELECT min(id), max(id) FROM batch WHERE id BETWEEN ? AND ?", bounds
    )
    if rows[0][0] is None:
        record.first, record.last, record.last_hash = record.cum + 1, record.cum, record.cum_hash
        return
    record.first, record.last = (schema.split_id(identity)[1] for identity in rows[0])
    rows = await database.rows(
        "SELECT sha256 FROM batch WHERE id = ?", (record.id_of(record.last),)
    )
    record.last_hash = no_hash(rows[0][0])


async def _find_acknowledged(
    database: Database, record: EpochRecord, bounds: tuple[int, int]
) -> None:
    # Newest first: one whose checksum fails is as if it had never come, which costs a resend.
    for row in await database.rows(
        "SELECT * FROM ack WHERE id BETWEEN ? AND ? ORDER BY id DESC", bounds
    ):
        if row[3] == schema.checksum(*row[:3]):
            record.cum, record.cum_hash = schema.split_id(row[0])[1], row[1]
            return


async def load_marks(database: Database) -> dict[str, int]:
    """The marks whose checksum holds; a total whose own does not is found from the others."""
    rows = await database.rows("SELECT name, value, crc FROM mark")
    marks = {row[0]: row[1] for row in rows if row[2] == schema.checksum(row[0], row[1])}
    if len(marks) < len(rows):
        await _complete_totals(database, marks)
    return marks


async def _complete_totals(database: Database, marks: dict[str, int]) -> None:
    rows = await database.rows(
        "SELECT (SELECT coalesce(sum(count), 0) FROM batch)"
        " + (SELECT coalesce(sum(count), 0) FROM held),"
        " (SELECT min(id) & ? FROM batch) > 1",
        (2**40 - 1,),
    )
    here, is_pruned = int(rows[0][0]), bool(rows[0][1])
    known = here + marks.get(PRUNED, 0) + marks.get(VOIDED, 0)
    missing = marks.setdefault(READ, known) - known
    if missing > 0:
        name = PRUNED if is_pruned and PRUNED not in marks else VOIDED
        marks[name] = marks.get(name, 0) + missing
