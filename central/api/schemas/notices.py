"""Notices: endpoints, rules and deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from central.api.schemas.base import Instant, Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.notices.date_rule import DAYS_MAX, DateField, DateOffset
from central.domain.notices.notice import NoticeKind
from central.domain.notices.rule import (
    Condition,
    EndpointKind,
    NoticeEndpoint,
    NoticeRule,
    Relation,
)
from central.service.ports.notices import DeliveryState, SendOutcome

_Value = Annotated[str, Field(max_length=200)]


class NoticeEndpointIn(Order):
    """A version of an endpoint."""

    endpoint: Name
    kind: EndpointKind
    target: str = Field(max_length=2_000, description="URL of a webhook, a mail address, or ''.")
    off: bool = False
    reason: Reason

    def document(self) -> NoticeEndpoint:
        """What it says."""
        return NoticeEndpoint(self.kind, self.target, self.off)


class NoticeEndpointOut(Schema):
    """The newest version of an endpoint."""

    endpoint: str
    version: int
    kind: EndpointKind
    target: str
    off: bool
    secrets: int = Field(description="How many secrets sign for it now.")
    recorded_by: str
    recorded_at: datetime
    reason: str


class NoticeEndpointSetOut(NoticeEndpointOut):
    """Which version of an endpoint holds."""

    secret: str | None = Field(description="Of a new webhook; it is not shown again.")


class ExchangeSecretIn(Order):
    """That a webhook gets another secret."""

    beside_hours: int = Field(
        default=24, ge=0, le=720, description="How long the old ones sign beside it."
    )
    reason: Reason


class NoticeSecretOut(Schema):
    """A secret, which is not shown again."""

    endpoint: str
    secret: str


class ConditionModel(Schema):
    """What a fact of a notice has to be."""

    fact: str = Field(max_length=40)
    relation: Relation
    values: list[_Value] = Field(min_length=1, max_length=50)


class DateOffsetModel(Schema):
    """A day that is told: so many days from a date."""

    field: DateField
    days: int = Field(
        default=0, ge=-DAYS_MAX, le=DAYS_MAX, description="After it; below zero before it."
    )


class NoticeRuleIn(Order):
    """A version of a rule."""

    rule: Name
    kind: NoticeKind
    endpoint: Name
    conditions: list[ConditionModel] = Field(default_factory=list, max_length=20)
    off: bool = False
    date: DateOffsetModel | None = Field(
        default=None, description="Of date.reached, which has one; null with all else."
    )
    reason: Reason

    def document(self) -> NoticeRule:
        """What it says."""
        conditions = tuple(
            Condition(each.fact, each.relation, tuple(each.values)) for each in self.conditions
        )
        offset = None if self.date is None else DateOffset(self.date.field, self.date.days)
        return NoticeRule(self.kind, self.endpoint, conditions, self.off, offset)


class NoticeRuleOut(Schema):
    """The newest version of a rule."""

    rule: str
    version: int
    kind: NoticeKind
    endpoint: str
    conditions: list[ConditionModel]
    off: bool
    date: DateOffsetModel | None = None
    recorded_by: str
    recorded_at: datetime
    reason: str


class ResendIn(Order):
    """That a notice is sent once more."""

    reason: Reason


class DeliveryOut(Schema):
    """Where a delivery stands; a receiver knows the notice by its identifier."""

    delivery: UUID
    notice: UUID
    kind: NoticeKind
    subject: str
    at: Instant
    endpoint: str
    rule: str = Field(description="Name and version; empty where a person asked for it.")
    state: DeliveryState
    attempts: int
    created_at: Instant
    due_at: Instant | None
    ended_at: Instant | None


class AttemptOut(Schema):
    """An attempt to send."""

    number: int
    at: Instant
    ms: int
    outcome: SendOutcome
    status: int | None
    detail: str


class DeliveryLogOut(DeliveryOut):
    """A delivery with what it says, and every attempt."""

    facts: dict[str, Any]
    log: list[AttemptOut]
