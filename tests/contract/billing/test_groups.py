"""Named groups and their members, on every store."""

from __future__ import annotations

from datetime import date

import pytest

from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import NotRegisteredError, RegistryConflictError
from central.service.registry.groups import NamedGroups
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CLERK
from tests.support.books import NOVEMBER, OCTOBER, Utility

SEPTEMBER = date(2026, 9, 1)
FEEDER = GroupRecord("feeder:7", GroupOf.POINT)
ROUTE = GroupRecord("route-7", GroupOf.ACCOUNT)


def _groups(utility: Utility) -> NamedGroups:
    return NamedGroups(utility.registry, CLERK, lambda: utility.now)


async def _members(utility: Utility, group: str, day: date) -> tuple[str, ...]:
    async with utility.registry.transaction(utility.now) as registry:
        there = await registry.memberships(group)
    return tuple(membership.member for membership in there if membership.holds_on(day))


async def test_a_group_has_members_of_one_kind(utility: Utility) -> None:
    await utility.found()
    groups = _groups(utility)
    assert await groups.add(FEEDER) is Effect.ADDED
    assert await groups.add(FEEDER) is Effect.UNCHANGED
    with pytest.raises(RegistryConflictError):
        await groups.add(GroupRecord("feeder:7", GroupOf.ACCOUNT))
    with pytest.raises(InvalidValueError):
        await groups.add(GroupRecord("a feeder", GroupOf.POINT))
    assert await groups.assign("feeder:7", Membership("SP-1", SEPTEMBER)) is Effect.ADDED
    for group, member in (("feeder:7", "A-1"), ("feeder:9", "SP-1")):
        with pytest.raises(NotRegisteredError):
            await groups.assign(group, Membership(member, SEPTEMBER))


async def test_a_membership_has_days(utility: Utility) -> None:
    await utility.found(customers=2)
    groups = _groups(utility)
    await groups.add(ROUTE)
    first = Membership("A-1", SEPTEMBER, OCTOBER)
    assert await groups.assign("route-7", first) is Effect.ADDED
    assert await groups.assign("route-7", first) is Effect.UNCHANGED
    assert await groups.assign("route-7", Membership("A-2", OCTOBER)) is Effect.ADDED
    assert await groups.assign("route-7", Membership("A-1", NOVEMBER)) is Effect.ADDED
    assert await _members(utility, "route-7", SEPTEMBER) == ("A-1",)
    assert await _members(utility, "route-7", OCTOBER) == ("A-2",)
    assert await _members(utility, "route-7", NOVEMBER) == ("A-1", "A-2")
    with pytest.raises(RegistryConflictError):
        await groups.assign("route-7", Membership("A-1", date(2026, 8, 1), date(2026, 9, 2)))
    with pytest.raises(RegistryConflictError):
        await groups.assign("route-7", Membership("A-1", SEPTEMBER))
    with pytest.raises(InvalidValueError):
        await groups.assign("route-7", Membership("A-1", OCTOBER, OCTOBER))
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.memberships("route-7", "A-1") == (first, Membership("A-1", NOVEMBER))
        assert await registry.groups() == ((ROUTE, 3),)


async def test_a_member_leaves(utility: Utility) -> None:
    await utility.found(customers=2)
    groups = _groups(utility)
    await groups.add(ROUTE)
    await groups.assign("route-7", Membership("A-1", SEPTEMBER))
    await groups.assign("route-7", Membership("A-2", NOVEMBER))
    assert await groups.remove("route-7", "A-1", OCTOBER) is Effect.CHANGED
    assert await groups.remove("route-7", "A-1", NOVEMBER) is Effect.UNCHANGED
    assert await groups.remove("route-7", "A-2", OCTOBER) is Effect.CHANGED
    async with utility.registry.transaction(utility.now) as registry:
        assert await registry.memberships("route-7") == (Membership("A-1", SEPTEMBER, OCTOBER),)
    with pytest.raises(NotRegisteredError):
        await groups.remove("route-7", "A-2", OCTOBER)
