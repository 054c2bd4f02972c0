"""What is used and what it costs so far, and alerts on it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import Field

from central.api.schemas.base import Instant, Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.alerts.alert_rule import AlertMeasure, AlertPeriod, AlertRule, AlertSubject


class AlertRuleIn(Order):
    """A version of a rule."""

    rule: Name
    measure: AlertMeasure
    subject_kind: AlertSubject
    subject: Name
    period: AlertPeriod = AlertPeriod.MONTH
    threshold: Decimal = Field(gt=0, max_digits=20, description="kWh, m3 or currency.")
    every_minutes: int = Field(default=15, ge=1, le=1_440)
    off: bool = False
    reason: Reason

    def document(self) -> AlertRule:
        """What it says."""
        return AlertRule(
            self.measure,
            self.subject_kind,
            self.subject,
            self.period,
            self.threshold,
            self.every_minutes,
            self.off,
        )


class AlertRuleOut(Schema):
    """The newest version of a rule."""

    rule: str
    version: int
    measure: AlertMeasure
    subject_kind: AlertSubject
    subject: str
    period: AlertPeriod
    threshold: str
    every_minutes: int
    off: bool
    recorded_by: str
    recorded_at: Instant
    reason: str


class AlertOut(Schema):
    """An alert that was raised."""

    alert: int
    rule: str = Field(description="Name and version.")
    measure: AlertMeasure
    subject_kind: AlertSubject
    subject: str
    account: str
    period: AlertPeriod
    first: date
    threshold: str
    value: str
    unit: str
    raised_at: Instant


class SoFarSumOut(Schema):
    """What an hour, day or month of several accounts comes to so far; hours have no cost."""

    from_: str = Field(alias="from", description="Hour in UTC, local day, or month.")
    usage: str
    unit: str
    cost: str | None = None
    currency: str | None = None
    accounts: int
    held: int = Field(description="Accounts whose bill something would hold.")


class SoFarOut(Schema):
    """What an hour, day or month comes to so far; hours have no cost."""

    from_: str = Field(alias="from", description="Hour in UTC, local day, or month.")
    usage: str
    unit: str
    cost: str | None = None
    currency: str | None = None
    holds: list[str] = Field(default_factory=list, description="What would hold the bill.")
