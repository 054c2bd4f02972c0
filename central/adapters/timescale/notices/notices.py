"""Notices on PostgreSQL; the statements: `notices.sql`. Triggers write them, see the migration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.notices.notice import Notice, NoticeKind
from central.domain.notices.rule import NoticeEndpoint, NoticeRule
from central.service.ports.decisions import DecisionNote
from central.service.ports.notices import (
    AttemptRow,
    Delivery,
    DeliveryState,
    EndpointVersion,
    LeasedDelivery,
    NewDelivery,
    NoSuchDeliveryError,
    NoticeTransaction,
    RuleVersion,
    SendAttempt,
    SendOutcome,
    SortedNotice,
)
from central.service.views.paging import Page, decode_cursor, paged

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleNotices:
    """`NoticeStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[_Connection]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[NoticeTransaction]:
        """See `NoticeStore`."""
        async with self._begin() as connection:
            await record_at(connection, now)
            yield _NoticeTransaction(connection, now)

    async def waits(self, at: datetime) -> bool:
        """See `NoticeSource`."""
        async with self._begin() as connection:
            return bool((await _rows(connection, "waits", at=at))[0][0])

    async def rules(self) -> Sequence[RuleVersion]:
        """See `NoticeSource`."""
        async with self._begin() as connection:
            return [_rule(row) for row in await _rows(connection, "rules", name=None)]

    async def unsorted(self, limit: int) -> Sequence[SortedNotice]:
        """See `NoticeSource`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "unsorted", limit=limit)
        return [SortedNotice(key, _notice(row)) for key, *row in rows]

    async def sort(
        self, notices: Collection[int], deliveries: Sequence[NewDelivery], at: datetime
    ) -> None:
        """See `NoticeSource`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "sort", notices=sorted(notices), at=at)
            ours = {row[0] for row in rows}
            new = [each for each in deliveries if each.notice_id in ours]
            values = {
                "notices": [each.notice_id for each in new],
                "endpoints": [each.endpoint for each in new],
                "rules": [each.rule for each in new],
                "at": at,
            }
            await connection.execute(_SQL["add_deliveries"], values)

    async def lease(self, at: datetime, until: datetime, limit: int) -> Sequence[LeasedDelivery]:
        """See `NoticeSource`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "lease", at=at, until=until, limit=limit)
        return [
            LeasedDelivery(
                key,
                attempts,
                _notice(notice),
                endpoint,
                NoticeEndpoint.from_json(document),
                tuple(secrets),
            )
            for key, attempts, endpoint, document, *notice, secrets in rows
        ]

    async def attempted(
        self, delivery: LeasedDelivery, attempt: AttemptRow, next_at: datetime | None
    ) -> None:
        """See `NoticeSource`."""
        taken = attempt.attempt.outcome is SendOutcome.TAKEN
        over = DeliveryState.DELIVERED if taken else DeliveryState.FAILED
        state = over if next_at is None else DeliveryState.WAITING
        values = {
            "delivery": delivery.id,
            "number": attempt.number,
            "state": state.value,
            "due_at": next_at,
            "ended_at": attempt.at if next_at is None else None,
        }
        async with self._begin() as connection:
            if not await _rows(connection, "attempted", **values):
                return
            result = attempt.attempt
            await connection.execute(
                _SQL["add_attempt"],
                {
                    "delivery": delivery.id,
                    "number": attempt.number,
                    "at": attempt.at,
                    "ms": attempt.ms,
                    "outcome": result.outcome.value,
                    "status": result.status,
                    "detail": result.detail,
                },
            )

    async def endpoints(self, at: datetime) -> Sequence[EndpointVersion]:
        """See `NoticeStore`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "endpoints", name=None, at=at)
        return [_endpoint(row) for row in rows]

    async def deliveries(
        self,
        after: str | None,
        limit: int,
        state: DeliveryState | None = None,
        endpoint: str | None = None,
    ) -> Page[Delivery]:
        """See `NoticeStore`."""
        key = decode_cursor(after, (int,))
        values = {
            "after": None if key is None else key[0],
            "state": None if state is None else state.value,
            "endpoint": endpoint,
            "uid": None,
            "limit": limit + 1,
        }
        async with self._begin() as connection:
            rows = await _rows(connection, "deliveries", **values)
        return paged(rows, limit, lambda row: (row[13],)).map(_delivery)

    async def delivery(self, uid: UUID) -> Delivery | None:
        """See `NoticeStore`."""
        values = {"after": None, "state": None, "endpoint": None, "uid": uid, "limit": 1}
        async with self._begin() as connection:
            rows = await _rows(connection, "deliveries", **values)
            if not rows:
                return None
            log = await _rows(connection, "attempts", delivery=rows[0][13])
        attempts = tuple(
            AttemptRow(number, at, ms, SendAttempt(SendOutcome(outcome), status, detail))
            for number, at, ms, outcome, status, detail in log
        )
        return _delivery(rows[0], attempts)


class _NoticeTransaction:
    """`NoticeTransaction` on one connection."""

    def __init__(self, connection: _Connection, at: datetime) -> None:
        self._connection = connection
        self._at = at

    async def endpoint(self, name: str) -> EndpointVersion | None:
        """See `NoticeTransaction`."""
        await _rows(self._connection, "hold", what="endpoint", name=name)
        rows = await _rows(self._connection, "endpoints", name=name, at=self._at)
        return _endpoint(rows[0]) if rows else None

    async def add_endpoint(self, name: str, endpoint: NoticeEndpoint, note: DecisionNote) -> int:
        """See `NoticeTransaction`."""
        before = await self.endpoint(name)
        version = 1 if before is None else before.version + 1
        document = endpoint.to_json()
        await self._add("add_endpoint", name, version, document, note)
        old = None if before is None else before.endpoint.to_json()
        detail = change(old, document, note.reason)
        await audit(self._connection, note.at, note.actor, "notice.endpoint_set", name, detail)
        return version

    async def add_secret(
        self, name: str, secret: str, note: DecisionNote, others_until: datetime
    ) -> None:
        """See `NoticeTransaction`."""
        values = {"name": name, "at": note.at}
        await self._connection.execute(_SQL["end_secrets"], {"name": name, "until": others_until})
        await self._connection.execute(_SQL["drop_secrets"], values)
        await self._connection.execute(_SQL["add_secret"], {**values, "secret": secret})
        new = {"others_until": others_until.isoformat()}
        detail = change(None, new, note.reason)
        await audit(self._connection, note.at, note.actor, "notice.secret_added", name, detail)

    async def rule(self, name: str) -> RuleVersion | None:
        """See `NoticeTransaction`."""
        await _rows(self._connection, "hold", what="rule", name=name)
        rows = await _rows(self._connection, "rules", name=name)
        return _rule(rows[0]) if rows else None

    async def add_rule(self, name: str, rule: NoticeRule, note: DecisionNote) -> int:
        """See `NoticeTransaction`."""
        before = await self.rule(name)
        version = 1 if before is None else before.version + 1
        await self._add("add_rule", name, version, rule.to_json(), note)
        old = None if before is None else before.rule.to_json()
        detail = change(old, rule.to_json(), note.reason)
        await audit(self._connection, note.at, note.actor, "notice.rule_set", name, detail)
        return version

    async def _add(
        self, statement: str, name: str, version: int, document: object, note: DecisionNote
    ) -> None:
        values = {"name": name, "version": version, "document": Jsonb(document)}
        noted = {"reason": note.reason, "actor": note.actor.key, "at": note.at}
        await self._connection.execute(_SQL[statement], {**values, **noted})

    async def again(self, delivery: UUID, note: DecisionNote) -> UUID:
        """See `NoticeTransaction`."""
        await _rows(self._connection, "hold", what="delivery", name=str(delivery))
        rows = await _rows(self._connection, "again", delivery=delivery, at=note.at)
        if not rows:
            raise NoSuchDeliveryError(f"There is no delivery {delivery}.", value=str(delivery))
        ((uid, endpoint),) = rows
        detail = change(None, {"of": str(delivery), "endpoint": endpoint}, note.reason)
        await audit(self._connection, note.at, note.actor, "notice.resent", str(uid), detail)
        return UUID(str(uid))

    async def test(self, endpoint: str, note: DecisionNote) -> UUID:
        """See `NoticeTransaction`."""
        ((uid,),) = await _rows(self._connection, "test", endpoint=endpoint, at=note.at)
        detail = change(None, {"endpoint": endpoint})
        await audit(self._connection, note.at, note.actor, "notice.tested", str(uid), detail)
        return UUID(str(uid))


def _notice(row: Sequence[Any]) -> Notice:
    uid, kind, at, subject, facts = row
    return Notice(uid, NoticeKind(kind), at, subject, facts)


def _endpoint(row: _Row) -> EndpointVersion:
    name, version, document, *noted = row
    return EndpointVersion(name, version, NoticeEndpoint.from_json(document), *noted)


def _rule(row: _Row) -> RuleVersion:
    name, version, document, *noted = row
    return RuleVersion(name, version, NoticeRule.from_json(document), *noted)


def _delivery(row: _Row, log: tuple[AttemptRow, ...] = ()) -> Delivery:
    uid, *columns = row[:6]
    endpoint, rule, state, attempts, created_at, due_at, ended_at = row[6:13]
    where = DeliveryState(state)
    notice = _notice(columns)
    return Delivery(uid, notice, endpoint, rule, where, attempts, created_at, due_at, ended_at, log)


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall() if cursor.description else []
