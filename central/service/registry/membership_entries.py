"""What a customer file says of the billing cycle and the groups of an account or point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from central.domain.billing.account_periods import changes_of
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.ports.registry import RegistryTransaction
from central.service.registry.cycles import BillingCycles
from central.service.registry.groups import NamedGroups
from central.service.registry.record_changes import Effect
from firmware_bridge.contract.errors import InvalidValueError


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    start: date | None = Field(default=None, alias="from")


class GroupEntry(_Entry):
    """A group that an account or point is in: its name alone, or with the days."""

    end: date | None = Field(default=None, alias="to")


CycleEntry = Annotated[_Entry, BeforeValidator(_named)]
GroupEntries = tuple[Annotated[GroupEntry, BeforeValidator(_named)], ...]


@dataclass(frozen=True, slots=True)
class MembershipImport:
    """Puts accounts and points where a customer file says.

    A name without days counts once: who is in the cycle now, or was ever in the group, stays as
    it is; anybody else comes into it on the first day of the entry's agreements or meters.

    Args:
        registry: The transaction.
        cycles: The use-cases of cycles.
        groups: The use-cases of groups.
        done: Counts what was done.
    """

    registry: RegistryTransaction
    cycles: BillingCycles
    groups: NamedGroups
    done: Counter[tuple[str, Effect]]

    async def cycle(self, account: str, entry: CycleEntry, days: Iterable[date]) -> None:
        """Put an account into its cycle.

        Raises:
            InvalidValueError: The file says no day.
            RegistryConflictError: See `BillingCycles.assign`.
        """
        changes = changes_of(await self.registry.assignments(account))
        if entry.start is None and changes and changes[-1].cycle == entry.name:
            self.done["cycle", Effect.UNCHANGED] += 1
            return
        first = entry.start or _first(account, entry.name, days)
        effect = await self.cycles.assign_in(self.registry, account, entry.name, first)
        self.done["cycle", effect] += 1

    async def members(
        self, of: GroupOf, member: str, entries: GroupEntries, days: Iterable[date]
    ) -> None:
        """Put an account or point into its groups; a group that is not there is added.

        Raises:
            InvalidValueError: The file says no day.
            RegistryConflictError: See `NamedGroups.assign`.
        """
        for entry in entries:
            group = GroupRecord(entry.name, of)
            self.done["group", await self.groups.add_in(self.registry, group)] += 1
            if entry.start is None and await self.registry.memberships(entry.name, member):
                self.done["group member", Effect.UNCHANGED] += 1
                continue
            first = entry.start or _first(member, entry.name, days)
            membership = Membership(member, first, entry.end)
            effect = await self.groups.assign_in(self.registry, entry.name, membership)
            self.done["group member", effect] += 1


def _first(member: str, name: str, days: Iterable[date]) -> date:
    first = min(days, default=None)
    if first is None:
        message = f"Nothing says from which day {member} is in {name}."
        remedy = f"Write it as {{name: {name}, from: 2026-10-01}}."
        raise InvalidValueError(message, value=member, remedy=remedy)
    return first
