"""Notes that count at once and are written with the next transaction.

Losing one costs a resend (an acknowledgement) or a line in the event table, never a reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import aiosqlite

from edge_agent.buffer.transaction import insert_ack
from firmware_bridge.contract.envelope import NO_HASH

EVENTS_WAITING = 200
EVENTS_KEPT = 2_000
RAW_MAX_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class _Ack:
    identity: int
    sha256: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class _Reopen:
    base: int
    identity: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class _Event:
    at_ms: int
    code: str
    detail: str
    raw: bytes | None


Note: TypeAlias = _Ack | _Reopen | _Event


class WriteBehind:
    """The notes that wait, in order."""

    def __init__(self, notes: Sequence[Note] = ()) -> None:
        self._notes = list(notes)
        self.acknowledged = 0

    def __bool__(self) -> bool:
        return bool(self._notes)

    def acknowledge(self, identity: int, sha256: bytes, at_ms: int, gained: int) -> None:
        """Everything of an epoch up to that row is acknowledged; 0 is an unknown time."""
        self.acknowledged += gained
        before = self._notes[-1] if self._notes else None
        if isinstance(before, _Ack) and before.identity >> 40 == identity >> 40:
            self._notes.pop()
        self._notes.append(_Ack(identity, sha256, at_ms))

    def reopen(self, base: int, identity: int, sha256: bytes) -> None:
        """Nothing of an epoch above that row is acknowledged; `base` is the epoch's sequence 0."""
        self._notes.append(_Reopen(base, identity, sha256))

    def event(self, at_ms: int, code: str, detail: str, raw: bytes | None) -> None:
        """Something to remember. Where too many wait, the newest are left out."""
        if sum(isinstance(note, _Event) for note in self._notes) < EVENTS_WAITING:
            kept = None if raw is None else raw[:RAW_MAX_BYTES]
            self._notes.append(_Event(at_ms, code, detail, kept))

    def take(self) -> WriteBehind:
        """Hand over what waits, for one transaction."""
        taken = WriteBehind(self._notes)
        taken.acknowledged = self.acknowledged
        self._notes, self.acknowledged = [], 0
        return taken

    def put_back(self, taken: WriteBehind) -> None:
        """The transaction failed: these wait again, before what came since."""
        self.acknowledged += taken.acknowledged
        self._notes = [*taken._notes, *self._notes]

    async def write(self, connection: aiosqlite.Connection) -> None:
        """Write every note, in order."""
        for note in self._notes:
            if isinstance(note, _Ack):
                await insert_ack(connection, note.identity, note.sha256, note.at_ms)
            elif isinstance(note, _Reopen):
                await _reopen(connection, note)
            else:
                await _record(connection, note)


async def _reopen(connection: aiosqlite.Connection, note: _Reopen) -> None:
    covering = list(
        await connection.execute_fetchall(
            "SELECT acked_at_ms FROM ack WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
            (note.identity, note.base | (1 << 40) - 1),
        )
    )
    await connection.execute(
        "DELETE FROM ack WHERE id BETWEEN ? AND ?", (note.identity, note.base | (1 << 40) - 1)
    )
    if note.identity > note.base:
        at_ms = covering[0][0] if covering else 0
        await insert_ack(connection, note.identity, note.sha256 or NO_HASH, at_ms)


async def _record(connection: aiosqlite.Connection, note: _Event) -> None:
    cursor = await connection.execute(
        "INSERT INTO event (at_ms, code, detail, raw) VALUES (?, ?, ?, ?)",
        (note.at_ms, note.code, note.detail, note.raw),
    )
    newest = cursor.lastrowid or 0
    await connection.execute("DELETE FROM event WHERE id <= ?", (newest - EVENTS_KEPT,))
