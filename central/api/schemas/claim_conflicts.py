"""Days that no claim can hold, as they are answered and decided."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from central.api.schemas.base import Instant, Schema
from central.api.schemas.writes import Order, Reason
from central.domain.billing.claim_conflict import ClaimDecision, ConflictKind


class NamedBillOut(Schema):
    """A bill that a conflict names."""

    bill: str
    cycle: str
    number: str | None
    state: str


class ClaimConflictOut(Schema):
    """Days of an account at a service that no claim can hold."""

    conflict: int = Field(validation_alias="id")
    kind: ConflictKind
    account_number: str
    account_name: str
    service_point: str
    service: str
    first: date
    end: date
    bill: NamedBillOut | None
    others: list[NamedBillOut]
    meaning: str
    remedy: str | None
    decision: ClaimDecision | None
    reason: str | None
    decided_by: str | None
    decided_at: Instant | None


class ClaimDecisionIn(Order):
    """What is decided about the days, and why."""

    decision: ClaimDecision
    reason: Reason


class ClaimDecisionOut(Schema):
    """What was decided."""

    conflict: int
    decision: ClaimDecision
