"""Rules that settle small differences, on PostgreSQL; the statements: `correction_rules.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.correction_rule import (
    CorrectionRule,
    RuleCause,
    RuleState,
    RuleTerms,
)
from central.domain.billing.state import SelfApprovalError
from central.service.ports.correction_rules import CoveredCandidate
from central.service.ports.decisions import DecisionNote

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class TimescaleCorrectionRules:
    """`CorrectionRuleStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enter(self, name: str, terms: RuleTerms, note: DecisionNote) -> int:
        """See `CorrectionRuleStore`."""
        fields = {**asdict(terms), "way": terms.way.value, "cause": terms.cause.value}
        values = {"name": name, "actor": note.actor.key, "at": note.at, "reason": note.reason}
        while True:
            try:
                with translated():
                    async with self._pool.connection() as connection, connection.transaction():
                        await record_at(connection, note.at)
                        ((version,),) = await _rows(connection, "enter", **values, **fields)
                        detail = change(None, {**fields, "version": version}, note.reason)
                        action, subject = "correction.rule_entered", f"{name}@{version}"
                        await audit(connection, note.at, note.actor, action, subject, detail)
                        return int(version)
            except errors.UniqueViolation:  # somebody entered that version meanwhile
                continue

    async def approve(self, name: str, version: int, approver: Actor, at: datetime) -> bool:
        """See `CorrectionRuleStore`."""
        values = {"name": name, "version": version, "actor": approver.key, "at": at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, at)
                rows = await _rows(connection, "hold", **values)
                if not rows or rows[0][1] is not None:
                    return False
                if rows[0][0] == approver.key:
                    message = "The approver entered it, so another person must approve this rule."
                    raise SelfApprovalError(message, value=approver.id)
                await connection.execute(_SQL["approve"], values)
                detail = change({"state": "entered"}, {"state": RuleState.IN_FORCE.value})
                action, subject = "correction.rule_approved", f"{name}@{version}"
                await audit(connection, at, approver, action, subject, detail)
                return True

    async def withdraw(self, name: str, version: int, note: DecisionNote) -> bool:
        """See `CorrectionRuleStore`."""
        values = {"name": name, "version": version, "actor": note.actor.key, "at": note.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                if not await _rows(connection, "hold", **values):
                    return False
                await connection.execute(_SQL["withdraw"], values)
                detail = change(None, {"state": RuleState.WITHDRAWN.value}, note.reason)
                action, subject = "correction.rule_withdrawn", f"{name}@{version}"
                await audit(connection, note.at, note.actor, action, subject, detail)
                return True

    async def rules(self) -> Sequence[CorrectionRule]:
        """See `CorrectionRuleStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return [_rule(row) for row in await _rows(connection, "rules")]

    async def covered(
        self, today: date, since: datetime | None, limit: int
    ) -> Sequence[CoveredCandidate]:
        """See `CorrectionRuleStore`."""
        values = {"today": today, "since": since, "limit": limit}
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "covered", **values)
        return [CoveredCandidate(*row) for row in rows]


def _rule(row: _Row) -> CorrectionRule:
    name, version, way, amount, currency, days, cause, state, *others = row
    terms = RuleTerms(CorrectionWay(way), amount, currency, days, RuleCause(cause))
    return CorrectionRule(name, version, terms, RuleState(state), *others)


async def _rows(
    connection: AsyncConnection[_Row], statement: str, /, **values: object
) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
