"""Write down rules of alerts, and raise what is reached: once for a rule, subject and period."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import structlog

from central.domain.actor import Actor
from central.domain.alerts.alert_rule import AlertRule, AlertSubject, reached
from central.domain.notices.rule import check_name
from central.service.halved import NOBODYS
from central.service.ingest.error_fields import error_fields
from central.service.ports.decisions import DecisionNote
from central.service.ports.so_far import AlertRuleVersion, NewAlert, SoFarStore
from central.service.registry.tariff_revisions import need_reason
from central.service.so_far.figures import AccountSoFar, SoFar

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AlertTally:
    """What a round did.

    Args:
        rules: That were looked at.
        raised: Alerts that are new.
        failed: Rules whose figures could not be had.
    """

    rules: int = 0
    raised: int = 0
    failed: int = 0


class Alerts:
    """The use-cases.

    Args:
        store: Where rules and alerts are kept.
        so_far: Gives figures.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: SoFarStore,
        so_far: SoFar,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self._so_far = so_far
        self._clock = clock

    async def set_rule(
        self, name: str, rule: AlertRule, actor: Actor, reason: str
    ) -> tuple[int, bool]:
        """Write a rule down, or another version of it.

        Returns:
            Which version holds, and whether it is new.

        Raises:
            InvalidValueError: There is no reason, or the name is none.
            NotRegisteredError: There is nothing of the subject's name.
        """
        need_reason(reason)
        note = DecisionNote(actor, reason.strip(), self._clock())
        await self.store.running(rule.subject_kind, rule.subject, note.at.date())
        return await self.store.add_rule(check_name(name), rule, note)

    async def waits(self, at: datetime) -> bool:
        """Whether a rule is to be looked at."""
        return bool(await self.store.due(at))

    async def check(self) -> AlertTally:
        """Look at every rule that is due, and raise what is reached.

        Raises:
            StoreUnavailableError: What was raised stays; call again.
        """
        tally = AlertTally()
        for version in await self.store.due(self._clock()):
            at = self._clock()
            tally.rules += 1
            try:
                rule = version.rule
                figures = await self._so_far(rule.subject_kind, rule.subject)
                alerts = [alert for each in figures if (alert := _alert(version, each)) is not None]
                tally.raised += await self.store.raise_alerts(alerts, at)
            except NOBODYS:
                raise
            except Exception as error:  # noqa: BLE001 - one rule stops no other
                tally.failed += 1
                _log.error("alerts_not_looked_at", rule=version.name, **error_fields(error))
            await self.store.looked(version.name, at)
        return tally


def _alert(version: AlertRuleVersion, figures: AccountSoFar) -> NewAlert | None:
    rule = version.rule
    is_point = rule.subject_kind is AlertSubject.POINT
    by_day, unit = _series(rule, figures, rule.subject if is_point else None)
    reason = reached(rule, by_day, figures.today)
    if reason is None:
        return None
    kind = AlertSubject.POINT if is_point else AlertSubject.ACCOUNT
    subject = rule.subject if is_point else figures.account
    return NewAlert(version, figures.account, kind, subject, reason, unit)


def _series(
    rule: AlertRule, figures: AccountSoFar, point: str | None
) -> tuple[Mapping[date, Decimal], str]:
    if rule.measure.of_cost:
        return figures.cost, figures.currency
    units: Sequence[str] = [
        each.unit for name, each in figures.points.items() if point in {None, name}
    ]
    return figures.usage(point), next(iter(units), "")
