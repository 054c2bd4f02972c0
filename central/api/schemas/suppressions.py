"""Days that are not billed by decision."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, Field

from central.api.schemas.base import Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.billing.suppression import SuppressionState


class SuppressionIn(Order):
    """Days of an account at a service point, from the first unbilled one on."""

    account: Name
    service_point: Name
    service: Name | None = Field(
        default=None, description="Where the account has several at the point."
    )
    end: date = Field(description="The day after the last that is not billed.")
    reason: Reason


class LiftIn(Order):
    """Take a suppression back."""

    reason: Reason


class SuppressionRef(Schema):
    """A suppression."""

    suppression: str


class SuppressionOut(SuppressionRef):
    """Days that are not billed by decision, from `first` to before `end`."""

    state: SuppressionState
    account: str
    service_point: str
    service: str
    first: date
    end: date
    reason: str
    decided_by: str
    decided_at: AwareDatetime
    approved_by: str | None
    approved_at: AwareDatetime | None
    lifted_by: str | None
    lifted_at: AwareDatetime | None
    lift_reason: str | None
