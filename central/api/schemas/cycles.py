"""Billing cycles and groups, as they are asked for and answered."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from central.api.schemas.writes import Name, Order
from central.domain.billing.billing_cycle import BillingCycle
from central.service.ports.groups import GroupOf, GroupRecord, Membership

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


class PeriodOut(BaseModel):
    """A period of a cycle."""

    period: str
    first: date
    end: date
    bill_day: date


class CycleMemberOut(BaseModel):
    """An account that was put into a cycle on a day."""

    account: str
    first: date = Field(alias="from")


class CycleDetailsOut(BaseModel):
    """A billing cycle with its periods and accounts."""

    cycle: str
    periods: list[PeriodOut]
    accounts: list[CycleMemberOut]


class CycleIn(Order):
    """A billing cycle; its name is its key."""

    cycle: CycleName
    months: Annotated[int, Field(ge=1, le=12)]
    first: date
    bill_after: Annotated[int, Field(ge=0, le=366)] = 0

    def record(self) -> BillingCycle:
        """As it is added."""
        return BillingCycle(self.cycle, self.first, self.months, self.bill_after)


class AccountCycleIn(Order):
    """From which day on an account is in a cycle."""

    account: Name
    cycle: CycleName
    first: date


class GroupOut(BaseModel):
    """A named group."""

    group: str
    of: GroupOf
    memberships: int


class MembershipOut(BaseModel):
    """A member of a group with its days."""

    member: str
    first: date
    end: date | None

    @classmethod
    def of(cls, membership: Membership) -> MembershipOut:
        """As the group has it."""
        return cls(member=membership.member, first=membership.first, end=membership.end)


class GroupIn(Order):
    """A named group; its name is its key."""

    group: GroupName
    of: GroupOf

    def record(self) -> GroupRecord:
        """As it is added."""
        return GroupRecord(self.group, self.of)


class MembershipIn(Order):
    """A member of a group; giving an end takes it out."""

    member: Name
    first: date
    end: date | None = None

    def record(self) -> Membership:
        """As it is added."""
        return Membership(self.member, self.first, self.end)
