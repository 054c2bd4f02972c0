"""An alert is reached by what days come to, or would at the end of the month."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.alerts.alert_rule import (
    AlertMeasure,
    AlertPeriod,
    AlertRule,
    AlertSubject,
    Reached,
    reached,
)
from firmware_bridge.contract.errors import InvalidValueError

FIRST, TODAY = date(2026, 11, 1), date(2026, 11, 11)
TEN_A_DAY = {FIRST + timedelta(days=day): Decimal(10) for day in range(10)}
USAGE, COST = AlertMeasure.USAGE, AlertMeasure.FORECAST_COST


def rule(
    threshold: str, measure: AlertMeasure = USAGE, period: AlertPeriod = AlertPeriod.MONTH
) -> AlertRule:
    return AlertRule(measure, AlertSubject.ACCOUNT, "A-1", period, Decimal(threshold))


@pytest.mark.parametrize(
    ("of", "today", "value"),
    [
        (rule("104"), "4", Reached(FIRST, Decimal("104.000"))),
        (rule("104.001"), "4", None),
        (rule("4", period=AlertPeriod.DAY), "4", Reached(TODAY, Decimal("4.000"))),
        (rule("5", period=AlertPeriod.DAY), "4", None),
        # Ten days of 10, and twenty more at their mean; of today at least what it has come to.
        (rule("300", COST), "4", Reached(FIRST, Decimal("300.000"))),
        (rule("300.001", COST), "4", None),
        (rule("315", COST), "25", Reached(FIRST, Decimal("315.000"))),
    ],
)
def test_it_is_reached_from_the_threshold_on(of: AlertRule, today: str, value: object) -> None:
    days = {**TEN_A_DAY, TODAY: Decimal(today), date(2026, 10, 31): Decimal(999)}
    assert reached(of, days, TODAY) == value


def test_nothing_is_forecast_from_two_days() -> None:
    assert reached(rule("1", COST), TEN_A_DAY, date(2026, 11, 3)) is None
    assert reached(rule("1", COST), TEN_A_DAY, date(2026, 11, 4)) is not None


def test_what_is_no_rule_is_refused() -> None:
    given = rule("5.50", COST)
    assert AlertRule.from_json(given.to_json()) == given
    for threshold in ("0", "-1", "nan"):
        with pytest.raises(InvalidValueError, match="above zero"):
            rule(threshold)
    with pytest.raises(InvalidValueError, match="not forecast"):
        rule("1", COST, AlertPeriod.DAY)
    with pytest.raises(InvalidValueError, match="minutes"):
        AlertRule(USAGE, AlertSubject.ACCOUNT, "A-1", AlertPeriod.DAY, Decimal(1), 0)
