"""What figures so far, and alerts on them, need of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from central.domain.alerts.alert_rule import AlertRule, AlertSubject, Reached
from central.domain.metering.block import DayBlock
from central.service.ports.bill_shard import ShardTransaction
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import PointChannelId
from central.service.views.paging import Page
from firmware_bridge.contract.obis import Obis

OpenDays = Mapping[str, Sequence[tuple[Obis, DayBlock]]]
"""What is known of days that are not closed yet, by service point."""


class RunningAccount(NamedTuple):
    """An account whose figures are asked for.

    Args:
        id: Its key.
        number: What is printed on bills.
        zone: Of the days of its first service point.
        channels: That its services bill.
    """

    id: int
    number: str
    zone: str
    channels: Sequence[PointChannelId]


@dataclass(frozen=True, slots=True)
class AlertRuleVersion:
    """A version of a rule.

    Args:
        name: Of the rule.
        version: From 1.
        rule: What it says.
        recorded_by: Key of who wrote it.
        recorded_at: When.
        reason: Why.
    """

    name: str
    version: int
    rule: AlertRule
    recorded_by: str
    recorded_at: datetime
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rule": self.name,
            "version": self.version,
            **self.rule.to_json(),
            "recorded_by": self.recorded_by,
            "recorded_at": self.recorded_at.isoformat(),
            "reason": self.reason,
        }


class NewAlert(NamedTuple):
    """An alert to be raised, if it was not yet.

    Args:
        rule: The version that is reached.
        account: Number of the account.
        subject_kind: Account, or service point.
        subject: Its number or name.
        reached: What came to what.
        unit: Of the value: kWh, m3, or a currency.
    """

    rule: AlertRuleVersion
    account: str
    subject_kind: AlertSubject
    subject: str
    reached: Reached
    unit: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert that was raised.

    Args:
        number: Its own.
        rule: Name and version.
        measure: What was compared.
        subject_kind: Account, or service point.
        subject: Its number or name.
        account: Number of the account.
        period: Over which days.
        first: First local day of the period.
        threshold: That was reached.
        value: What it had come to.
        unit: Of both.
        raised_at: When.
    """

    number: int
    rule: str
    measure: str
    subject_kind: str
    subject: str
    account: str
    period: str
    first: date
    threshold: Decimal
    value: Decimal
    unit: str
    raised_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings, exact."""
        return {
            "alert": self.number,
            "rule": self.rule,
            "measure": self.measure,
            "subject_kind": self.subject_kind,
            "subject": self.subject,
            "account": self.account,
            "period": self.period,
            "first": self.first.isoformat(),
            "threshold": format(self.threshold, "f"),
            "value": format(self.value, "f"),
            "unit": self.unit,
            "raised_at": self.raised_at.isoformat(),
        }


class SoFarStore(Protocol):
    """Where accounts are read, and alerts kept."""

    async def running(
        self, kind: AlertSubject, subject: str, today: date
    ) -> Sequence[RunningAccount]:
        """The accounts of an account, a group or a service point, by number.

        Raises:
            NotRegisteredError: There is no such account, group of accounts or service point.
        """

    def previewing(
        self, ends: Mapping[int, date], open_days: OpenDays, at: datetime
    ) -> AbstractAsyncContextManager[ShardTransaction]:
        """Begin a preview of accounts with days that are not closed; it is undone at the end."""

    async def rules(self, names: Sequence[str] | None = None) -> Sequence[AlertRuleVersion]:
        """The newest version of every rule, or of some, by name."""

    async def due(self, at: datetime) -> Sequence[AlertRuleVersion]:
        """Rules that are on, and were not looked at for as long as they say."""

    async def looked(self, rule: str, at: datetime) -> None:
        """Note that a rule was looked at."""

    async def add_rule(self, name: str, rule: AlertRule, note: DecisionNote) -> tuple[int, bool]:
        """Add a version of a rule, unless the newest says the same; which, and whether new."""

    async def raise_alerts(self, alerts: Sequence[NewAlert], at: datetime) -> int:
        """Raise alerts that were not raised for rule, subject and period yet; how many."""

    async def alerts(
        self, after: str | None, limit: int, account: str | None = None
    ) -> Page[AlertRow]:
        """Alerts, the newest first.

        Raises:
            CursorError: The cursor is not one of this list.
        """
