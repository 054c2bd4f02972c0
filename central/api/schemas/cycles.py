"""Billing cycles and groups, as they are asked for and answered."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from central.api.schemas.writes import Name, Order, Reason
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.registry.cycles import ListChange
from central.service.registry.record_changes import Effect
from central.service.views.memberships import (
    CycleAccountView,
    CycleView,
    GroupView,
    MemberView,
)

CycleName = Annotated[str, StringConstraints(pattern=r"^(@[0-9]{1,2}|[a-z][a-z0-9_-]{0,30})$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$")]


class CycleOut(BaseModel):
    """A billing cycle."""

    cycle: str
    months: int
    first: date
    until: date
    bill_after: int
    by_hand: bool
    accounts: int

    @classmethod
    def of(cls, view: CycleView) -> CycleOut:
        """As it is shown; `accounts` are those that are in it today."""
        return cls(
            cycle=view.name,
            months=view.months,
            first=view.first,
            until=view.end,
            bill_after=view.bill_after,
            by_hand=view.by_hand,
            accounts=view.accounts,
        )


class PeriodOut(BaseModel):
    """A period of a cycle."""

    period: str
    first: date
    end: date
    bill_day: date

    @classmethod
    def of(cls, period: BillingPeriod) -> PeriodOut:
        """As the cycle has it."""
        return cls(
            period=period.name,
            first=period.days.first,
            end=period.days.end,
            bill_day=period.bill_day,
        )


class CycleMemberOut(BaseModel):
    """An account that was put into a cycle on a day."""

    model_config = ConfigDict(serialize_by_alias=True)

    account: str
    first: date = Field(alias="from")

    @classmethod
    def of(cls, view: CycleAccountView) -> CycleMemberOut:
        """As it is shown."""
        return cls.model_validate({"account": view.number, "from": view.first})


class CycleDetailsOut(BaseModel):
    """A billing cycle with its periods."""

    cycle: str
    periods: list[PeriodOut]


class CycleIn(Order):
    """A billing cycle; its name is its key."""

    cycle: CycleName
    months: Annotated[int, Field(ge=1, le=12)]
    first: date
    bill_after: Annotated[int, Field(ge=0, le=366)] = 0
    reason: Reason | None = None

    def record(self) -> BillingCycle:
        """As it is added."""
        return BillingCycle(self.cycle, self.first, self.months, self.bill_after)


class AccountCycleIn(Order):
    """From which day on an account is in a cycle."""

    account: Name
    cycle: CycleName
    first: date
    reason: Reason | None = None


class GroupOut(BaseModel):
    """A named group."""

    group: str
    of: GroupOf
    memberships: int

    @classmethod
    def of_view(cls, view: GroupView) -> GroupOut:
        """As it is shown."""
        return cls(group=view.name, of=GroupOf(view.of), memberships=view.memberships)


class MembershipOut(BaseModel):
    """A member of a group with its days."""

    member: str
    first: date
    end: date | None

    @classmethod
    def of(cls, view: MemberView) -> MembershipOut:
        """As it is shown."""
        return cls(member=view.member, first=view.first, end=view.end)


class GroupIn(Order):
    """A named group; its name is its key."""

    group: GroupName
    of: GroupOf
    reason: Reason | None = None

    def record(self) -> GroupRecord:
        """As it is added."""
        return GroupRecord(self.group, self.of)


class MembershipIn(Order):
    """A member of a group; giving an end takes it out."""

    member: Name
    first: date
    end: date | None = None
    reason: Reason | None = None

    def record(self) -> Membership:
        """As it is added."""
        return Membership(self.member, self.first, self.end)


class RemovalIn(Order):
    """A member that is taken out of a group from a day on."""

    member: Name
    first: date
    reason: Reason | None = None


class CycleListsIn(Order):
    """Lists of periods that were written by hand."""

    LINES = frozenset({"file"})

    file: Annotated[str, StringConstraints(min_length=1, max_length=60_000)]
    """CSV with a heading: cycle, first, end, months, bill_day."""
    dry_run: bool = False
    reason: Reason | None = None


class ExtensionIn(Order):
    """Why the lists are continued."""

    reason: Reason | None = None


class ListChangeOut(BaseModel):
    """What became of a cycle's list, or would become of it."""

    cycle: str
    effect: Effect
    removed: list[PeriodOut]
    added: list[PeriodOut]

    @classmethod
    def of(cls, change: ListChange) -> ListChangeOut:
        """As the use-case says it."""
        return cls(
            cycle=change.cycle,
            effect=change.effect,
            removed=[PeriodOut.of(period) for period in change.removed],
            added=[PeriodOut.of(period) for period in change.added],
        )


class ListChangesOut(BaseModel):
    """What became of lists."""

    dry_run: bool = False
    changes: list[ListChangeOut]
