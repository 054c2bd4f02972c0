"""Accounts whose figures are asked for, and alerts; the statements: `so_far.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.preview import previewing
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.alerts.alert_rule import AlertRule, AlertSubject
from central.domain.audit.change import change
from central.service.ports.bill_shard import ShardTransaction
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.so_far import (
    AlertRow,
    AlertRuleVersion,
    NewAlert,
    OpenDays,
    RunningAccount,
)
from central.service.views.paging import Page, decode_cursor, paged

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleSoFar:
    """`SoFarStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _begin(self, at: datetime | None = None) -> AsyncIterator[_Connection]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if at is not None:
                    await record_at(connection, at)
                yield connection

    async def running(
        self, kind: AlertSubject, subject: str, today: date
    ) -> Sequence[RunningAccount]:
        """See `SoFarStore`."""
        asked = {"kind": kind.value, "subject": subject}
        async with self._begin() as connection:
            ((exists,),) = await _rows(connection, "exists", **asked)
            if not exists:
                message = f"The registry has no {kind.value} {subject!r}."
                raise NotRegisteredError(message, value=subject)
            rows = await _rows(connection, "running", **asked, today=today)
        return [RunningAccount(*row) for row in rows]

    def previewing(
        self, ends: Mapping[int, date], open_days: OpenDays, at: datetime
    ) -> AbstractAsyncContextManager[ShardTransaction]:
        """See `SoFarStore`."""
        return previewing(self._pool, ends, at, open_days)

    async def rules(self, names: Sequence[str] | None = None) -> Sequence[AlertRuleVersion]:
        """See `SoFarStore`."""
        wanted = None if names is None else list(names)
        async with self._begin() as connection:
            return [_rule(row) for row in await _rows(connection, "rules", names=wanted)]

    async def due(self, at: datetime) -> Sequence[AlertRuleVersion]:
        """See `SoFarStore`."""
        async with self._begin() as connection:
            return [_rule(row) for row in await _rows(connection, "due", at=at)]

    async def looked(self, rule: str, at: datetime) -> None:
        """See `SoFarStore`."""
        async with self._begin() as connection:
            await connection.execute(_SQL["looked"], {"rule": rule, "at": at})

    async def add_rule(self, name: str, rule: AlertRule, note: DecisionNote) -> tuple[int, bool]:
        """See `SoFarStore`."""
        async with self._begin(note.at) as connection:
            await _rows(connection, "hold", name=name)
            rows = await _rows(connection, "rules", names=[name])
            before = _rule(rows[0]) if rows else None
            if before is not None and before.rule == rule:
                return before.version, False
            version = 1 if before is None else before.version + 1
            values = {"name": name, "version": version, "document": Jsonb(rule.to_json())}
            noted = {"reason": note.reason, "actor": note.actor.key, "at": note.at}
            await connection.execute(_SQL["add_rule"], {**values, **noted})
            await connection.execute(_SQL["forget_look"], {"name": name})
            old = None if before is None else before.rule.to_json()
            detail = change(old, rule.to_json(), note.reason)
            await audit(connection, note.at, note.actor, "alert.rule_set", name, detail)
        return version, True

    async def raise_alerts(self, alerts: Sequence[NewAlert], at: datetime) -> int:
        """See `SoFarStore`."""
        raised = 0
        async with self._begin(at) as connection:
            for alert in alerts:
                rule = alert.rule.rule
                values = {
                    "rule": alert.rule.name,
                    "version": alert.rule.version,
                    "measure": rule.measure.value,
                    "account": alert.account,
                    "subject_kind": alert.subject_kind.value,
                    "subject": alert.subject,
                    "period": rule.period.value,
                    "first": alert.reached.first,
                    "threshold": rule.threshold,
                    "value": alert.reached.value,
                    "unit": alert.unit,
                    "at": at,
                }
                raised += len(await _rows(connection, "raise", **values))
        return raised

    async def alerts(
        self, after: str | None, limit: int, account: str | None = None
    ) -> Page[AlertRow]:
        """See `SoFarStore`."""
        key = decode_cursor(after, (int,))
        values = {"after": None if key is None else key[0], "account": account}
        async with self._begin() as connection:
            rows = await _rows(connection, "alerts", **values, limit=limit + 1)
        return paged(rows, limit, lambda row: (row[0],)).map(lambda row: AlertRow(*row))


def _rule(row: _Row) -> AlertRuleVersion:
    name, version, document, *noted = row
    return AlertRuleVersion(name, version, AlertRule.from_json(document), *noted)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
