"""Billing cycles, groups, installations and agreed facts, as they are shown."""

from __future__ import annotations

from typing import Any

from central.domain.billing.account_periods import built_in_cycle
from central.domain.rating.inputs.agreement_facts import Fact
from central.service.ports.groups import GroupRecord, Membership
from central.service.ports.registry import (
    InstallationRecord,
    NotRegisteredError,
    RegistryStore,
)
from central.service.views.billing import AgreementView


async def cycle_summaries(store: RegistryStore) -> list[dict[str, Any]]:
    """Every cycle that is kept, by name, as JSON objects of one shape."""
    async with store.transaction() as registry:
        records = await registry.cycles()
        members = {entry.cycle.name: await registry.members(entry.cycle.name) for entry in records}
    return [
        {
            "cycle": record.cycle.name,
            "months": record.cycle.months,
            "first": record.cycle.listed[0].days.first.isoformat(),
            "until": record.cycle.listed[-1].days.end.isoformat(),
            "bill_after": record.cycle.bill_after,
            "by_hand": record.by_hand,
            "accounts": len({number for number, _ in members[record.cycle.name]}),
        }
        for record in records
    ]


async def cycle_details(store: RegistryStore, name: str) -> dict[str, Any]:
    """The periods of a cycle, and who was put into it.

    Raises:
        NotRegisteredError: There is no such cycle.
    """
    periods = await cycle_periods(store, name)
    async with store.transaction() as registry:
        members = await registry.members(name)
    accounts = [{"account": number, "from": day.isoformat()} for number, day in members]
    return {**periods, "accounts": accounts}


async def cycle_periods(store: RegistryStore, name: str) -> dict[str, Any]:
    """The periods of a cycle; none of a built-in one.

    Raises:
        NotRegisteredError: There is no such cycle.
    """
    async with store.transaction() as registry:
        record = await registry.cycle(name)
    if record is None and built_in_cycle(name) is None:
        message = f"There is no billing cycle {name!r}."
        raise NotRegisteredError(message, value=name)
    return {
        "cycle": name,
        "periods": [
            {
                "period": entry.name,
                "first": entry.days.first.isoformat(),
                "end": entry.days.end.isoformat(),
                "bill_day": entry.bill_day.isoformat(),
            }
            for entry in (() if record is None else record.cycle.listed)
        ],
    }


async def group_summaries(store: RegistryStore) -> list[dict[str, Any]]:
    """Every group, by name, as JSON objects of one shape."""
    async with store.transaction() as registry:
        return [
            {"group": group.name, "of": group.of.value, "memberships": count}
            for group, count in await registry.groups()
        ]


async def group_details(
    store: RegistryStore, name: str
) -> tuple[GroupRecord, tuple[Membership, ...]]:
    """A group with its members.

    Raises:
        NotRegisteredError: There is no such group.
    """
    async with store.transaction() as registry:
        group = await registry.group(name)
        if group is None:
            message = f"There is no group {name!r}."
            raise NotRegisteredError(message, value=name)
        return group, await registry.memberships(name)


async def installations_of(store: RegistryStore, point: str) -> tuple[InstallationRecord, ...]:
    """The meters of a service point by its name, ascending; those taken back are left out."""
    async with store.transaction() as registry:
        return await registry.installations(point)


async def facts_of(store: RegistryStore, agreement: AgreementView) -> tuple[Fact, ...]:
    """The facts of an agreement by name and day; none of one that was taken back."""
    if agreement.withdrawn:
        return ()
    async with store.transaction() as registry:
        there = await registry.agreements(agreement.point_name)
    return next(
        (
            tuple(sorted(record.facts.facts, key=lambda fact: (fact.name, fact.effective)))
            for record in there
            if (record.service, record.first) == (agreement.service, agreement.start)
        ),
        (),
    )
