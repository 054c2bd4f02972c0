"""What a buffer file holds, asked of it: readings that wait, the newest batches, and counts."""

from __future__ import annotations

from collections.abc import Mapping

from aiosqlite import Connection

from edge_agent.buffer import schema
from edge_agent.buffer.connection import Database
from edge_agent.buffer.epochs import Ledger
from edge_agent.buffer.records import PRUNED, READ, VOIDED, ReadingCounts, WaitingRow

_HELD = "SELECT coalesce(sum(count), 0) FROM held"
_BY_ACKNOWLEDGEMENT = """\
SELECT
    coalesce(sum(count) FILTER (WHERE id <= ?1), 0),
    coalesce(sum(count) FILTER (WHERE id > ?1), 0)
FROM batch WHERE id BETWEEN ?2 AND ?3
"""


async def waiting(database: Database, limit: int) -> tuple[WaitingRow, ...]:
    """The oldest readings that wait for the clock and whose row is intact.

    Args:
        database: The open file.
        limit: Maximum number of rows.
    """
    rows = await database.rows(
        "SELECT id, boot, taken_ms, count, readings, crc FROM held ORDER BY id LIMIT ?", (limit,)
    )
    sound = [row for row in rows if row[5] == schema.checksum(*row[1:5])]
    return tuple(WaitingRow(row[0], row[1], row[2], row[4]) for row in sound)


async def waiting_boots(database: Database) -> dict[str, int]:
    """Each boot that readings wait from, oldest first, with its least length in ms."""
    rows = await database.rows(
        "SELECT boot, max(taken_ms) FROM held GROUP BY boot ORDER BY min(id)"
    )
    return {row[0]: row[1] for row in rows}


async def waiting_count(database: Database) -> int:
    """Readings that wait for the clock."""
    rows = await database.rows(_HELD)
    return int(rows[0][0])


async def newest(database: Database, readings: int) -> list[int]:
    """Row numbers of the newest batches, oldest first.

    Args:
        database: The open file.
        readings: Maximum number of readings, over all of them.
    """
    identities: list[int] = []
    for identity, count in await database.rows(
        "SELECT id, count FROM batch ORDER BY id DESC LIMIT ?", (readings,)
    ):
        readings -= count
        if readings < 0:
            break
        identities.append(identity)
    return identities[::-1]


async def counts(database: Database, ledger: Ledger, marks: Mapping[str, int]) -> ReadingCounts:
    """Readings by where they are, all at one moment: what is stored meanwhile counts nowhere yet.

    Args:
        database: The open file.
        ledger: Its epochs.
        marks: Its named integers; those of batches that are gone count too.
    """

    async def count(connection: Connection) -> ReadingCounts:
        acknowledged, unacknowledged = marks.get(PRUNED, 0), 0
        for record in ledger:
            ends = record.id_of(record.cum), record.id_of(0), record.id_of(record.last)
            ((gone, left),) = await connection.execute_fetchall(_BY_ACKNOWLEDGEMENT, ends)
            acknowledged += gone
            unacknowledged += left
        ((held,),) = await connection.execute_fetchall(_HELD)
        voided = marks.get(VOIDED, 0)
        return ReadingCounts(marks.get(READ, 0), held, unacknowledged, acknowledged, voided)

    return await database.snapshot(count)


async def oldest_unacknowledged_ms(database: Database, ledger: Ledger) -> int | None:
    """When the oldest unacknowledged batch was sealed; None where there is none."""
    for record in ledger:
        if record.cum < record.last:
            oldest = record.id_of(max(record.cum + 1, record.first))
            rows = await database.rows("SELECT made_at_ms FROM batch WHERE id = ?", (oldest,))
            return int(rows[0][0]) if rows else None
    return None
