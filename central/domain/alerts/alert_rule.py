"""Rules of alerts, and what days so far come to in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any

from firmware_bridge.contract.errors import InvalidValueError

MINUTES_MAX = 1_440
CUSTOMERS_RULE = "own-"
"""What the names of rules that customers set begin with."""
COMPLETE_MIN = 3
"""How many days have to be over before a period is forecast."""

_DIGITS = Decimal("0.001")


class AlertMeasure(StrEnum):
    """What is compared with the threshold. Stored: never renamed."""

    USAGE = "usage"
    """Energy or volume that was imported. [billing unit]"""
    COST = "cost"
    """What a bill of the days so far says of them. [currency]"""
    FORECAST_USAGE = "forecast_usage"
    """Use at the end of the period, at the mean of its days so far. [billing unit]"""
    FORECAST_COST = "forecast_cost"
    """Cost at the end of the period, likewise. [currency]"""

    @property
    def of_cost(self) -> bool:
        """Whether it is money."""
        return self in {AlertMeasure.COST, AlertMeasure.FORECAST_COST}

    @property
    def forecasts(self) -> bool:
        """Whether it is of the end of the period."""
        return self in {AlertMeasure.FORECAST_USAGE, AlertMeasure.FORECAST_COST}


class AlertPeriod(StrEnum):
    """Over which days. Stored: never renamed."""

    DAY = "day"
    MONTH = "month"


class AlertSubject(StrEnum):
    """Of what. Stored: never renamed."""

    ACCOUNT = "account"
    """An account, with all of its service points."""
    GROUP = "group"
    """Each account of a group of accounts, by itself."""
    POINT = "point"
    """A service point of an account."""
    TARIFF = "tariff"
    """Each account that a tariff is agreed with, by itself."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When an alert is raised.

    Args:
        measure: What is compared.
        subject_kind: Of what.
        subject: Number of the account, or name of the group or service point.
        period: Over which days.
        threshold: Reached from this on. [billing unit or currency]
        every_minutes: How often it is looked at. [min]
        off: Whether it is switched off.

    Raises:
        InvalidValueError: A number is out of range, or the period is not one that the measure has.
    """

    measure: AlertMeasure
    subject_kind: AlertSubject
    subject: str
    period: AlertPeriod
    threshold: Decimal
    every_minutes: int = 15
    off: bool = False

    def __post_init__(self) -> None:
        if not self.threshold.is_finite() or self.threshold <= 0:
            message = f"{self.threshold} is not a threshold above zero."
            raise InvalidValueError(message, value=str(self.threshold))
        if not 1 <= self.every_minutes <= MINUTES_MAX:
            message = f"{self.every_minutes} minutes are not 1 to {MINUTES_MAX}."
            raise InvalidValueError(message, value=self.every_minutes)
        if self.measure.forecasts and self.period is AlertPeriod.DAY:
            message = "A day is not forecast."
            raise InvalidValueError(message, value=self.period.value, remedy="Use a month.")

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; the threshold as a string, exact."""
        return {
            "measure": self.measure.value,
            "subject_kind": self.subject_kind.value,
            "subject": self.subject,
            "period": self.period.value,
            "threshold": format(self.threshold, "f"),
            "every_minutes": self.every_minutes,
            "off": self.off,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AlertRule:
        """The rule that `to_json` wrote."""
        return cls(
            AlertMeasure(value["measure"]),
            AlertSubject(value["subject_kind"]),
            value["subject"],
            AlertPeriod(value["period"]),
            Decimal(value["threshold"]),
            value["every_minutes"],
            value["off"],
        )


@dataclass(frozen=True, slots=True)
class Reached:
    """That a threshold is reached.

    Args:
        first: First local day of the period.
        value: What it came to, cut to three decimals. [billing unit or currency]
    """

    first: date
    value: Decimal


def forecast_month(by_day: Mapping[date, Decimal], today: date) -> Decimal | None:
    """What the present month comes to if it goes on like its days that are over.

    Args:
        by_day: What each day comes to, the present one so far.
        today: Local.

    Returns:
        In the unit of the days, exact but for a division; None where too few days are over.
    """
    first = today.replace(day=1)
    complete = (today - first).days
    if complete < COMPLETE_MIN:
        return None
    past = sum((value for day, value in by_day.items() if first <= day < today), Decimal(0))
    count = ((first + timedelta(days=31)).replace(day=1) - first).days
    # Of the present day at least what it has come to.
    rest = max(past / complete, by_day.get(today, Decimal(0))) + past / complete * (
        count - complete - 1
    )
    return past + rest


def reached(rule: AlertRule, by_day: Mapping[date, Decimal], today: date) -> Reached | None:
    """Whether days so far reach a rule's threshold in the period that goes on.

    Args:
        rule: The rule.
        by_day: What each day comes to, the present one so far.
        today: Local.
    """
    first = today if rule.period is AlertPeriod.DAY else today.replace(day=1)
    days = {day: value for day, value in by_day.items() if first <= day <= today}
    value = sum(days.values(), Decimal(0))
    if rule.measure.forecasts:
        forecast = forecast_month(days, today)
        if forecast is None:
            return None
        value = forecast
    if value < rule.threshold:
        return None
    return Reached(first, value.quantize(_DIGITS, ROUND_HALF_EVEN))
