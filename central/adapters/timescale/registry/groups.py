"""Named groups on PostgreSQL; the statements are in `groups.sql`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.queries import load_queries
from central.domain.billing.run_scope import RunScope
from central.service.ports.groups import GroupOf, GroupRecord, Membership, require_known
from central.service.ports.registry import RegistryConflictError

_SQL = load_queries(Path(__file__).with_name("groups.sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class GroupRows:
    """`GroupTransaction` on one connection."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def _group_rows(self, statement: str, /, **values: object) -> list[_Row]:
        cursor = await self._connection.execute(_SQL[statement], values)
        return await cursor.fetchall()

    async def groups(self) -> tuple[tuple[GroupRecord, int], ...]:
        """See `GroupTransaction`."""
        rows = await self._group_rows("groups")
        return tuple((GroupRecord(row[0], GroupOf(row[1])), row[2]) for row in rows)

    async def group(self, name: str, *, hold: bool = False) -> GroupRecord | None:
        """See `GroupTransaction`."""
        if hold:
            await self._group_rows("hold_group", name=name)
        rows = await self._group_rows("group", name=name)
        return GroupRecord(rows[0][0], GroupOf(rows[0][1])) if rows else None

    async def add_group(self, group: GroupRecord) -> None:
        """See `GroupTransaction`."""
        try:
            await self._connection.execute(
                _SQL["add_group"], {"name": group.name, "of": group.of.value}
            )
        except errors.UniqueViolation as error:
            message = f"There is already a group {group.name}."
            raise RegistryConflictError(message, value=group.name) from error

    async def memberships(self, group: str, member: str | None = None) -> tuple[Membership, ...]:
        """See `GroupTransaction`."""
        if member is None:
            rows = await self._group_rows("memberships", group=group)
        else:
            rows = await self._group_rows("memberships_of", group=group, member=member)
        return tuple(Membership(*row) for row in rows)

    async def add_membership(self, group: str, membership: Membership) -> None:
        """See `GroupTransaction`."""
        values = {
            "group": group,
            "member": membership.member,
            "first": membership.first,
            "end": membership.end,
        }
        try:
            await self._connection.execute(_SQL["add_membership"], values)
        except (errors.ExclusionViolation, errors.UniqueViolation) as error:
            raise _twice(group, membership.member) from error

    async def end_membership(self, group: str, member: str, first: date, end: date | None) -> None:
        """See `GroupTransaction`."""
        values = {"group": group, "member": member, "first": first, "end": end}
        try:
            await self._connection.execute(_SQL["end_membership"], values)
        except errors.ExclusionViolation as error:
            raise _twice(group, member) from error

    async def drop_membership(self, group: str, member: str, first: date) -> None:
        """See `GroupTransaction`."""
        values = {"group": group, "member": member, "first": first}
        await self._connection.execute(_SQL["drop_membership"], values)


async def accounts_in(connection: _Connection, scope: RunScope, day: date) -> list[int]:
    """The accounts of a scope that narrows a run, by key.

    Args:
        connection: In a transaction.
        scope: Not everyone's.
        day: The last local day of the run's month: who is in the group then.

    Raises:
        UnknownScopeError: There is no such group or account.
    """
    values = {"group": scope.group, "account": scope.account, "day": day}
    cursor = await connection.execute(_SQL["scope_is_known"], values)
    group, account = await cursor.fetchone() or (False, False)
    require_known(scope, group=group, account=account)
    cursor = await connection.execute(_SQL["accounts_in_scope"], values)
    return [row[0] for row in await cursor.fetchall()]


def _twice(group: str, member: str) -> RegistryConflictError:
    message = f"{member} is already in the group {group} on some of those days."
    return RegistryConflictError(message, value=member, remedy="End the other membership first.")
