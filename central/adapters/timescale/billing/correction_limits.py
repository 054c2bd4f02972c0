"""Limits of corrections on PostgreSQL; the statements: `correction_limits.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.billing.correction_limit import CorrectionLimit, LimitTerms, strictest
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class TimescaleCorrectionLimits:
    """`CorrectionLimitStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enter(
        self, group: str | None, effective: date, terms: LimitTerms, note: DecisionNote
    ) -> int:
        """See `CorrectionLimitStore`."""
        columns = {"effective": effective, **asdict(terms)}
        written = {"actor": note.actor.key, "at": note.at, "reason": note.reason}
        while True:
            try:
                with translated():
                    async with self._pool.connection() as connection, connection.transaction():
                        await record_at(connection, note.at)
                        key = await _group(connection, group)
                        ((revision,),) = await _rows(
                            connection, "enter", group_id=key, **columns, **written
                        )
                        fields = {"effective": effective.isoformat(), **terms.to_json()}
                        detail = change(None, {**fields, "revision": revision}, note.reason)
                        subject, action = group or "everybody", "correction.limit_entered"
                        await audit(connection, note.at, note.actor, action, subject, detail)
                        return int(revision)
            except errors.UniqueViolation:  # somebody entered that revision meanwhile
                continue

    async def limits(self) -> Sequence[CorrectionLimit]:
        """See `CorrectionLimitStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return [_limit(row) for row in await _rows(connection, "limits")]


async def limit_of(
    connection: AsyncConnection[_Row], account_id: int, day: date
) -> LimitTerms | None:
    """What limits corrections of an account on a day; None for nothing."""
    rows = await _rows(connection, "of_account", account_id=account_id, day=day)
    return strictest(LimitTerms(*row) for row in rows)


async def _group(connection: AsyncConnection[_Row], name: str | None) -> int | None:
    if name is None:
        return None
    rows = await _rows(connection, "group", name=name)
    if not rows:
        message = f"There is no group {name!r}."
        raise NotRegisteredError(message, value=name)
    return int(rows[0][0])


def _limit(row: _Row) -> CorrectionLimit:
    group, effective, revision, charge, credit, smallest, currency, source, *others = row
    terms = LimitTerms(charge, credit, smallest, currency, source)
    return CorrectionLimit(group, effective, revision, terms, *others)


async def _rows(
    connection: AsyncConnection[_Row], statement: str, /, **values: object
) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
