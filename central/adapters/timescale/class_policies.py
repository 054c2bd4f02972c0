"""Policies of classes on PostgreSQL, of days and of bills; the statements: `class_policies.sql`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection, errors
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.vee.policies_in_force import PolicyVersion
from central.domain.vee.policy_document import PolicyDocument, PolicySchema
from central.service.ports.class_policies import RecordedPolicy
from central.service.ports.decisions import DecisionNote

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class Judged(NamedTuple):
    """What policies judge.

    Args:
        of: As it is kept.
        action: How the audit log names it when one is set.
        anew: Whether open bills are judged anew when one is set.
    """

    of: str
    action: str
    anew: bool = False


OF_DAYS = Judged("day", "vee.policy_set")
OF_BILLS = Judged("bill", "bill.check_policy_set", anew=True)


class TimescaleClassPolicies:
    """`ClassPolicyStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
        judged: What its policies judge.
        schema: What their documents may say.
    """

    def __init__(self, pool: Pool, judged: Judged, schema: PolicySchema) -> None:
        self._pool = pool
        self._judged = judged
        self._schema = schema

    async def policies(self, class_name: str | None = None) -> Sequence[RecordedPolicy]:
        """See `ClassPolicyStore`."""
        rows = await self._read(_SQL, "policies", of=self._judged.of, class_name=class_name)
        return [
            RecordedPolicy(PolicyVersion(row[0], row[1], row[2], self._schema.of(row[3])), *row[4:])
            for row in rows
        ]

    async def has_group(self, name: str) -> bool:
        """See `ClassPolicyStore`."""
        return bool((await self._read(_SQL, "has_group", name=name))[0][0])

    async def add_policy(
        self, class_name: str, effective: date, document: PolicyDocument, note: DecisionNote
    ) -> int:
        """See `ClassPolicyStore`."""
        content = document.to_json()
        values = {"of": self._judged.of, "class_name": class_name, "effective": effective}
        while True:
            try:
                with translated():
                    async with self._pool.connection() as connection, connection.transaction():
                        await record_at(connection, note.at)
                        written = {**values, "document": Jsonb(content), **noted(note)}
                        rows = await rows_of(connection, _SQL, "add_policy", **written)
                        version = int(rows[0][0])
                        await ChangedInputs(settings=self._judged.anew).raise_in(connection)
                        new = {"effective": effective, "document": content}
                        subject = f"{class_name}@{version}"
                        await log(connection, note, self._judged.action, subject, None, new)
                        return version
            except errors.UniqueViolation:  # somebody entered that version meanwhile
                continue

    async def _read(
        self, queries: Mapping[str, LiteralString], statement: str, /, **values: object
    ) -> list[_Row]:
        with translated():
            async with self._pool.connection() as connection:
                return await rows_of(connection, queries, statement, **values)


async def rows_of(
    connection: AsyncConnection[_Row],
    queries: Mapping[str, LiteralString],
    statement: str,
    /,
    **values: object,
) -> list[_Row]:
    """What a named statement returns."""
    return await (await connection.execute(queries[statement], values)).fetchall()


def noted(note: DecisionNote) -> dict[str, Any]:
    """Who, when and why, as columns have it."""
    return {"actor": note.actor.key, "at": note.at, "reason": note.reason}


async def log(  # noqa: PLR0913, PLR0917 - a row of the log
    connection: AsyncConnection[_Row],
    note: DecisionNote,
    action: str,
    subject: str,
    old: dict[str, Any] | None,
    new: dict[str, Any],
) -> None:
    """Log what was decided."""
    detail = change(old, new, note.reason)
    await audit(connection, note.at, note.actor, action, subject, detail)
