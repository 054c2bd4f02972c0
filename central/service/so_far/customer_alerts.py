"""Alerts that customers set on their own accounts: a rule of alerts like any other.

An account has one rule for each measure and period at most; its name says whose it is, so that
nobody's rule is in another's way. What it raises is a notice with `set_by` customer; a rule of
notices sends it on, such as to the address that the account gets its invoices at.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from central.domain.actor import Actor
from central.domain.alerts.alert_rule import (
    CUSTOMERS_RULE,
    AlertMeasure,
    AlertPeriod,
    AlertRule,
    AlertSubject,
)
from central.service.ports.so_far import AlertRuleVersion
from central.service.so_far.alerts import Alerts
from central.service.views.billing import AccountView
from firmware_bridge.contract.errors import InvalidValueError

_KEY_DIGITS = 20
EVERY_MINUTES: Final[Mapping[AlertPeriod, int]] = {AlertPeriod.DAY: 60, AlertPeriod.MONTH: 360}
"""How often customers' rules are looked at: each of them rates an account. [min]"""
THRESHOLD_MAX = Decimal(1_000_000_000)
_DIGITS_MAX = 3
_REASON = "set by the customer"


class AlertChoice(NamedTuple):
    """What a customer may set a threshold on.

    Args:
        measure: What is compared.
        period: Over which days.
    """

    measure: AlertMeasure
    period: AlertPeriod

    @property
    def key(self) -> str:
        """As a form sends it."""
        return f"{self.measure}-{self.period}"


CHOICES: Final = tuple(
    AlertChoice(measure, period)
    for measure in AlertMeasure
    for period in AlertPeriod
    if not (measure.forecasts and period is AlertPeriod.DAY)
)


def rule_name(account: AccountView, choice: AlertChoice) -> str:
    """The name of an account's rule, such as `own-…-cost-month`."""
    key = account.account.replace("-", "")[-_KEY_DIGITS:]
    measure = choice.measure.value.replace("_", "-")
    period = "" if choice.measure.forecasts else f"-{choice.period}"
    return f"{CUSTOMERS_RULE}{key}-{measure}{period}"


class CustomerAlerts:
    """The use-cases.

    Args:
        alerts: The use-cases of alerts.
    """

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def listed(self, account: AccountView) -> list[tuple[AlertChoice, AlertRuleVersion]]:
        """The rules of an account that are on."""
        names = {rule_name(account, choice): choice for choice in CHOICES}
        rows = await self._alerts.store.rules(list(names))
        return [(names[row.name], row) for row in rows if not row.rule.off]

    async def set(
        self, account: AccountView, choice: AlertChoice, threshold: Decimal, actor: Actor
    ) -> None:
        """Set a threshold, in the place of the one there was.

        Raises:
            InvalidValueError: The threshold is not above zero, too large, or has too many decimals.
        """
        exponent = threshold.normalize().as_tuple().exponent
        fine = isinstance(exponent, int) and exponent >= -_DIGITS_MAX
        if not (fine and threshold <= THRESHOLD_MAX):
            message = f"{threshold} is not a threshold up to {THRESHOLD_MAX} with 3 decimals."
            raise InvalidValueError(message, value=str(threshold))
        await self._write(account, choice, threshold, actor, off=False)

    async def end(self, account: AccountView, choice: AlertChoice, actor: Actor) -> None:
        """Raise no more alerts of a choice; those that were raised stay."""
        for each, row in await self.listed(account):
            if each == choice:
                await self._write(account, choice, row.rule.threshold, actor, off=True)

    async def _write(
        self,
        account: AccountView,
        choice: AlertChoice,
        threshold: Decimal,
        actor: Actor,
        *,
        off: bool,
    ) -> None:
        rule = AlertRule(
            choice.measure,
            AlertSubject.ACCOUNT,
            account.number,
            choice.period,
            threshold,
            EVERY_MINUTES[choice.period],
            off,
        )
        await self._alerts.set_rule(rule_name(account, choice), rule, actor, _REASON)
