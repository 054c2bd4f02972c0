"""Moves on PostgreSQL, with all of the registry; the statements are in `moves.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.errors import translated
from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.registry import TimescaleRegistryTransaction
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.domain.uuid7 import uuid7
from central.service.ports.bill_window import HeldRun
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest import IngestStore
from central.service.ports.moves import (
    MoveKind,
    MoveRecord,
    MoveTransaction,
    NewMove,
    RegisterAt,
)
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Kind

_SQL = load_queries(Path(__file__).with_name("moves.sql"))
_Connection = AsyncConnection[tuple[Any, ...]]
_ALL = 10_000


class TimescaleMoves:
    """`MoveStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self, now: datetime | None = None) -> AsyncIterator[MoveTransaction]:
        """See `MoveStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if now is not None:
                    await record_at(connection, now)
                work = _MoveTransaction(connection)
                yield work
                await work.finish()

    async def left_unbilled(self, now: datetime) -> Sequence[HeldRun]:
        """See `MoveStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["left_unbilled"], {"now": now})
                rows = await cursor.fetchall()
        lasts = dict.fromkeys((row[0], row[1].year, row[1].month) for row in rows)
        return [
            HeldRun(Cycle(year, month), RunType.FINAL, RunScope(account=account))
            for account, year, month in lasts
        ]

    async def listed(
        self,
        account: str | None,
        point: str | None,
        limit: int,
        behind: int | None = None,
        since: datetime | None = None,
    ) -> Sequence[MoveRecord]:
        """See `MoveStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await _moves(
                    connection,
                    account=account,
                    point=point,
                    limit=limit,
                    behind=behind,
                    since=since,
                )


class _OneConnection:
    """Lends one connection that is in a transaction, to a store that asks a pool for one.

    Args:
        connection: What is lent; whoever began its transaction ends it.
    """

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[_Connection]:
        """The connection."""
        yield self._connection


class _MoveTransaction(TimescaleRegistryTransaction):
    """`MoveTransaction` on one connection."""

    async def registers_at(
        self, point: str, at: datetime, *, before: bool
    ) -> tuple[RegisterAt, ...]:
        """See `MoveTransaction`."""
        values = {"point": point, "at": at, "before": before}
        kinds = {"register": Kind.REGISTER.value, "interval": Kind.INTERVAL.value}
        cursor = await self._connection.execute(_SQL["registers_at"], {**values, **kinds})
        return tuple(
            RegisterAt(
                manufacturer=row[0],
                serial=row[1],
                gateway=row[2],
                obis=Obis(bytes(row[3])),
                unit=Unit(row[4]),
                value=_value(row),
                counted=row[9],
            )
            for row in await cursor.fetchall()
        )

    def ingest(self) -> IngestStore:
        """See `MoveTransaction`."""
        return TimescaleIngestStore(cast("Pool", _OneConnection(self._connection)))

    async def add_move(self, move: NewMove, note: DecisionNote) -> UUID:
        """See `MoveTransaction`."""
        uid = uuid7(note.at)
        values = {
            "uid": uid,
            "kind": move.kind.value,
            "point": move.point,
            "account": move.account,
            "at": move.at,
            "asked": Jsonb(dict(move.asked)),
            "steps": Jsonb(dict(move.steps)),
        }
        await self._connection.execute(_SQL["add_move"], {**values, **_noted(note)})
        return uid

    async def moves(self, point: str) -> tuple[MoveRecord, ...]:
        """See `MoveTransaction`."""
        newest = await _moves(self._connection, point=point, holding=True)
        return tuple(reversed(newest))

    async def move(self, uid: UUID) -> MoveRecord | None:
        """See `MoveTransaction`."""
        rows = await _moves(self._connection, uid=uid)
        return rows[0] if rows else None

    async def undo_move(self, uid: UUID, note: DecisionNote) -> None:
        """See `MoveTransaction`."""
        await self._connection.execute(_SQL["undo_move"], {"uid": uid, **_noted(note)})


async def _moves(  # noqa: PLR0913 - each is a way to choose
    connection: _Connection,
    *,
    uid: UUID | None = None,
    account: str | None = None,
    point: str | None = None,
    limit: int = _ALL,
    holding: bool = False,
    behind: int | None = None,
    since: datetime | None = None,
) -> list[MoveRecord]:
    """Moves that were asked for, newest first."""
    values = {
        "uid": uid,
        "account": account,
        "point": point,
        "limit": limit,
        "holding": holding,
        "behind": behind,
        "since": since,
    }
    cursor = await connection.execute(_SQL["moves"], values)
    return [
        MoveRecord(row[0], row[1], NewMove(MoveKind(row[2]), *row[3:8]), *row[8:])
        for row in await cursor.fetchall()
    ]


def _noted(note: DecisionNote) -> dict[str, object]:
    return {"actor": note.actor.key, "now": note.at, "reason": note.reason}


def _value(row: tuple[Any, ...]) -> Decimal | None:
    """What a register showed: a read written down at that instant counts before a stored one."""
    mantissa, exponent, opening, closing = row[5:9]
    begins, ends = row[10:12]
    if begins and opening is not None:
        return Decimal(opening)
    if ends and closing is not None:
        return Decimal(closing)
    return None if mantissa is None else Decimal(mantissa).scaleb(exponent)
