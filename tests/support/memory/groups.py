"""Named groups in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from central.domain.billing.run_scope import RunScope
from central.service.ports.groups import GroupOf, GroupRecord, Membership, require_known
from central.service.ports.registry import RegistryConflictError
from tests.support.memory.books import BookState


class GroupRows:
    """`GroupTransaction` over dictionaries."""

    def __init__(self, state: BookState) -> None:
        self._state = state

    async def groups(self) -> tuple[tuple[GroupRecord, int], ...]:
        counts = [key[0] for key in self._state.members]
        return tuple((self._state.groups[n], counts.count(n)) for n in sorted(self._state.groups))

    async def group(self, name: str, *, hold: bool = False) -> GroupRecord | None:
        del hold
        return self._state.groups.get(name)

    async def add_group(self, group: GroupRecord) -> None:
        if group.name in self._state.groups:
            message = f"There is already a group {group.name}."
            raise RegistryConflictError(message, value=group.name)
        self._state.groups[group.name] = group

    async def memberships(self, group: str, member: str | None = None) -> tuple[Membership, ...]:
        return _memberships(self._state, group, member)

    async def add_membership(self, group: str, membership: Membership) -> None:
        self._refuse_twice(group, membership)
        self._state.members[group, membership.member, membership.first] = membership

    async def end_membership(self, group: str, member: str, first: date, end: date | None) -> None:
        changed = replace(self._state.members[group, member, first], end=end)
        self._refuse_twice(group, changed)
        self._state.members[group, member, first] = changed

    async def drop_membership(self, group: str, member: str, first: date) -> None:
        del self._state.members[group, member, first]

    def _refuse_twice(self, group: str, new: Membership) -> None:
        for membership in _memberships(self._state, group, new.member):
            apart = (membership.end is not None and membership.end <= new.first) or (
                new.end is not None and new.end <= membership.first
            )
            if membership.first != new.first and not apart:
                message = f"{new.member} is already in the group {group} on some of those days."
                remedy = "End the other membership first."
                raise RegistryConflictError(message, value=new.member, remedy=remedy)


def _memberships(state: BookState, group: str, member: str | None = None) -> tuple[Membership, ...]:
    return tuple(
        membership
        for (name, other, _), membership in sorted(state.members.items())
        if name == group and member in {None, other}
    )


def accounts_in(state: BookState, scope: RunScope, day: date) -> list[int]:
    """The accounts of a scope that narrows a run, by key."""
    numbers = {account.number for account in state.accounts.values()}
    group, account = scope.group, scope.account
    require_known(
        scope,
        group=group is None or group in state.groups,
        account=account is None or account in numbers,
    )
    if scope.account is not None:
        numbers &= {scope.account}
    if scope.group is not None:
        members = {
            membership.member
            for membership in _memberships(state, scope.group)
            if membership.holds_on(day)
        }
        if state.groups[scope.group].of is GroupOf.POINT:
            members = {
                agreement.account
                for agreement in state.agreements.values()
                if agreement.point in members and agreement.first <= day
            }
        numbers &= members
    return sorted(key for key, account in state.accounts.items() if account.number in numbers)
