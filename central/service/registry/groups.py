"""Keep named groups of points and accounts, with the days of each member."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import (
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.registry.noted import NotedChanges
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.errors import InvalidValueError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}")


class NamedGroups(NotedChanges):
    """Keep groups, and put points and accounts into them."""

    async def add(self, group: GroupRecord) -> Effect:
        """Add a group; adding it again changes nothing.

        Raises:
            InvalidValueError: The name is not valid.
            RegistryConflictError: There is a group of that name with other members.
        """
        async with self._begin() as registry:
            return await self.add_in(registry, group)

    async def add_in(self, registry: RegistryTransaction, group: GroupRecord) -> Effect:
        """See `add`."""
        if not _NAME.fullmatch(group.name):
            message = (
                f"{group.name!r} is not a name of a group:"
                " use letters, digits, '.', ':', '-' and '_', at most 63 of them."
            )
            raise InvalidValueError(message, value=group.name)
        there = await registry.group(group.name)
        if there == group:
            return Effect.UNCHANGED
        if there is not None:
            message = f"The group {group.name} has {there.of} members, not {group.of} members."
            raise RegistryConflictError(message, value=group.name)
        await registry.add_group(group)
        await self._note(registry, "group.added", group.name, {"new": {"of": group.of.value}})
        return Effect.ADDED

    async def assign(self, group: str, membership: Membership) -> Effect:
        """Put a point or account into a group for some days.

        A membership that begins on the same day gets the given end.

        Raises:
            NotRegisteredError: There is no such group or member.
            RegistryConflictError: It is in the group on some of the days.
        """
        async with self._begin() as registry:
            return await self.assign_in(registry, group, membership)

    async def assign_in(
        self, registry: RegistryTransaction, group: str, membership: Membership
    ) -> Effect:
        """See `assign`."""
        _require_days(membership)
        record = await _group(registry, group)
        await _require_member(registry, record.of, membership.member)
        there = await registry.memberships(group, membership.member)
        if membership in there:
            return Effect.UNCHANGED
        old = next((earlier for earlier in there if earlier.first == membership.first), None)
        if old is None:
            await registry.add_membership(group, membership)
        else:
            await registry.end_membership(
                group, membership.member, membership.first, membership.end
            )
        detail = {"old": _fields(old), "new": _fields(membership)}
        await self._note(registry, "group.member", group, detail)
        return Effect.ADDED if old is None else Effect.CHANGED

    async def remove(self, group: str, member: str, day: date) -> Effect:
        """Take a member out of a group from a day on.

        Raises:
            NotRegisteredError: There is no such group, or it has no such member.
        """
        async with self._begin() as registry:
            await _group(registry, group)
            there = await registry.memberships(group, member)
            if not there:
                message = f"{member} is not in the group {group}."
                raise NotRegisteredError(message, value=member)
            later = [earlier for earlier in there if earlier.end is None or earlier.end > day]
            for earlier in later:
                if earlier.first >= day:
                    await registry.drop_membership(group, member, earlier.first)
                else:
                    await registry.end_membership(group, member, earlier.first, day)
            if not later:
                return Effect.UNCHANGED
            left = await registry.memberships(group, member)
            old = {"member": member, "days": _days(there)}
            new = {"member": member, "days": _days(left)}
            await self._note(registry, "group.member_left", group, {"old": old, "new": new})
        return Effect.CHANGED


async def _group(registry: RegistryTransaction, name: str) -> GroupRecord:
    group = await registry.group(name, hold=True)
    if group is None:
        message = f"There is no group {name!r}."
        raise NotRegisteredError(message, value=name, remedy="Add it with `group add`.")
    return group


async def _require_member(registry: RegistryTransaction, of: GroupOf, name: str) -> None:
    if of is GroupOf.POINT:
        there, kind = await registry.point(name) is not None, "service point"
    else:
        there, kind = await registry.account(name) is not None, "account"
    if not there:
        message = f"The registry has no {kind} {name!r}."
        raise NotRegisteredError(message, value=name)


def _require_days(membership: Membership) -> None:
    if membership.end is not None and membership.end <= membership.first:
        message = f"{membership.member} would leave on {membership.end}, before it comes."
        remedy = "Give a later day, or take it out with `group remove`."
        raise InvalidValueError(message, value=membership.end, remedy=remedy)


def _days(memberships: Sequence[Membership]) -> list[list[str | None]]:
    """From when until when a member is in a group, time by time."""
    return [
        [
            membership.first.isoformat(),
            None if membership.end is None else membership.end.isoformat(),
        ]
        for membership in memberships
    ]


def _fields(membership: Membership | None) -> dict[str, Any] | None:
    if membership is None:
        return None
    end = None if membership.end is None else membership.end.isoformat()
    return {"member": membership.member, "from": membership.first.isoformat(), "to": end}
