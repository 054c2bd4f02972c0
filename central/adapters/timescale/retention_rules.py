"""Retention by rules on PostgreSQL; the statements are in `retention_rules.sql`.

What deletes are functions of the owner: the application may call them, and delete nothing itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import AuditEntry, audit, audit_all
from central.adapters.timescale.errors import translated
from central.adapters.timescale.instance import differs, see_restored
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.retention import (
    FloorEntry,
    FloorStep,
    HoldExistsError,
    HoldOf,
    LegalHold,
    NoSuchHoldError,
    PastTerm,
    RetentionKind,
    RetentionReceipt,
    RetentionRule,
    RetentionTerm,
)
from central.domain.uuid7 import uuid7
from central.service.backups import DATABASE, RESTORED
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleRetentionRules:
    """`RetentionRuleStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enter_rule(self, term: RetentionTerm, note: DecisionNote) -> RetentionRule:
        """See `RetentionRuleStore`."""
        async with self._deciding(note.at) as connection:
            group_id = None
            if term.group is not None:
                group_id = await _key(connection, "group", "group", term.group)
            values = {"kind": term.kind.value, "months": term.months, "source": term.source}
            ((rule, revision),) = await _rows(
                connection, "enter_rule", group_id=group_id, **values, **_written(note)
            )
            detail = change(None, {"rule": rule, **term.to_json()}, note.reason)
            await audit(connection, note.at, note.actor, "retention.rule", term.kind.value, detail)
        return RetentionRule(rule, term, revision, note.reason, note.actor.key, note.at)

    async def rules(self) -> Sequence[RetentionRule]:
        """See `RetentionRuleStore`."""
        async with self._reading() as connection:
            return [
                RetentionRule(row[0], RetentionTerm(RetentionKind(row[1]), *row[2:5]), *row[5:])
                for row in await _rows(connection, "rules")
            ]

    async def place_hold(self, of: HoldOf, name: str, case: str, note: DecisionNote) -> LegalHold:
        """See `RetentionRuleStore`."""
        async with self._deciding(note.at) as connection:
            key = await _key(connection, f"subject_{of.value}", of.value, name)
            subjects = {each.value: key if each is of else None for each in HoldOf}
            uid = uuid7(note.at)
            added = await _rows(
                connection, "place_hold", uid=uid, case=case, **subjects, **_written(note)
            )
            if not added:
                message = f"The {of} {name} is held for the case {case!r} already."
                raise HoldExistsError(message, value=name)
            detail = change(None, {"hold": str(uid), "of": of.value, "case": case}, note.reason)
            await audit(connection, note.at, note.actor, "retention.hold_placed", name, detail)
        return LegalHold(uid, of, name, case, note.reason, note.actor.key, note.at)

    async def lift_hold(self, uid: UUID, note: DecisionNote) -> LegalHold:
        """See `RetentionRuleStore`."""
        async with self._deciding(note.at) as connection:
            if not await _rows(connection, "lift_hold", uid=uid, **_written(note)):
                message = f"No hold {uid} holds anything."
                raise NoSuchHoldError(message, value=str(uid))
            (row,) = await _rows(connection, "holds", uid=uid)
            hold = _hold(row)
            old = {"hold": str(uid), "of": hold.of.value, "case": hold.case}
            detail = change(old, None, note.reason)
            await audit(connection, note.at, note.actor, "retention.hold_lifted", hold.name, detail)
        return hold

    async def holds(self) -> Sequence[LegalHold]:
        """See `RetentionRuleStore`."""
        async with self._reading() as connection:
            return [_hold(row) for row in await _rows(connection, "holds", uid=None)]

    async def restored_at(self, now: datetime) -> datetime | None:
        """See `RetentionRuleStore`."""
        async with self._reading() as connection:
            # No process may have started since, which would write it.
            if await differs(connection) is not None:
                return now
            rows = await _rows(connection, "restored_at", database=DATABASE, restored=RESTORED)
            return rows[0][0] if rows else None

    async def resume(self, note: DecisionNote) -> None:
        """See `RetentionRuleStore`."""
        async with self._deciding(note.at) as connection:
            await see_restored(connection, note.at)
            detail = change(None, {"deleting": True}, note.reason)
            await audit(connection, note.at, note.actor, "retention.resumed", DATABASE, detail)

    async def past_term(self, at: datetime) -> Sequence[PastTerm]:
        """See `RetentionRuleStore`."""
        async with self._reading() as connection:
            return [
                PastTerm(RetentionKind(row[0]), *row[1:])
                for row in await _rows(connection, "past_term", at=at)
            ]

    async def drop(
        self, kind: RetentionKind, at: datetime, limit: int, actor: Actor
    ) -> Sequence[RetentionReceipt]:
        """See `RetentionRuleStore`."""
        async with self._deciding(at) as connection:
            rows = await _rows(
                connection, f"drop_{kind.value}", at=at, limit=limit, actor=actor.key
            )
            receipts = [_receipt(row) for row in rows]
            await audit_all(
                connection,
                [
                    AuditEntry(at, actor, "retention.deleted", kind.value, receipt.to_json())
                    for receipt in receipts
                ],
            )
        return receipts

    async def raise_floors(
        self, day: date, point: str | None, group: str | None, note: DecisionNote, *, dry: bool
    ) -> Sequence[FloorStep]:
        """See `RetentionRuleStore`."""
        async with self._deciding(note.at) as connection:
            group_id = None
            if point is not None:
                await _key(connection, "subject_point", "point", point)
            elif group is not None:
                group_id = await _key(connection, "group", "group", group)
            points = await _rows(connection, "points", point=point, group_id=group_id)
            rows = await _rows(
                connection,
                "raise_floors",
                points=[row[0] for row in points],
                day=day,
                dry=dry,
                **_written(note),
            )
            steps = [FloorStep(*row) for row in rows]
            raised = sum(step.refusal is None for step in steps)
            if raised and not dry:
                new = {"floor": day.isoformat(), "points": raised}
                subject = point or group or "everybody"
                detail = change(None, new, note.reason)
                await audit(connection, note.at, note.actor, "retention.floor", subject, detail)
        return steps

    async def floors(self, limit: int) -> Sequence[FloorEntry]:
        """See `RetentionRuleStore`."""
        async with self._reading() as connection:
            return [FloorEntry(*row) for row in await _rows(connection, "floors", limit=limit)]

    async def receipts(self, limit: int) -> Sequence[RetentionReceipt]:
        """See `RetentionRuleStore`."""
        async with self._reading() as connection:
            return [_receipt(row) for row in await _rows(connection, "receipts", limit=limit)]

    @asynccontextmanager
    async def _deciding(self, at: datetime) -> AsyncIterator[_Connection]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, at)
                await _rows(connection, "lock")
                yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[_Connection]:
        with translated():
            async with self._pool.connection() as connection:
                yield connection


def _written(note: DecisionNote) -> dict[str, object]:
    return {"actor": note.actor.key, "reason": note.reason, "at": note.at}


def _hold(row: _Row) -> LegalHold:
    return LegalHold(row[0], HoldOf(row[1]), *row[2:])


def _receipt(row: _Row) -> RetentionReceipt:
    return RetentionReceipt(row[0], RetentionKind(row[1]), *row[2:])


async def _key(connection: _Connection, statement: str, what: str, name: str) -> int:
    rows = await _rows(connection, statement, name=name)
    if not rows:
        message = f"There is no {what} {name!r}."
        raise NotRegisteredError(message, value=name)
    return int(rows[0][0])


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
