"""Subscriptions whose usage events are counted: points without a meter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.domain.billing.bill import Party
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.usage.usage_event import UsageEvent
from central.service.ports.registry import AccountRecord, AgreementRecord, PointRecord
from central.service.usage.assign_subjects import AssignSubjects
from central.service.usage.take_events import EventResult, UsageEvents
from tests.support.actors import OPERATOR
from tests.support.books import Utility, timescale_utility

NOW = datetime.fromisoformat("2026-11-20T12:00:00+00:00")


@dataclass
class Subscribed:
    """A utility with a store of usage events."""

    utility: Utility
    store: TimescaleUsageEvents

    @property
    def events(self) -> UsageEvents:
        return UsageEvents(self.store, lambda: self.utility.now)

    @property
    def subjects(self) -> AssignSubjects:
        return AssignSubjects(self.store, lambda: self.utility.now)

    async def customer(
        self,
        number: int,
        tariff: str,
        first: date,
        *,
        zone: str = "UTC",
        facts: AgreementFacts | None = None,
    ) -> None:
        """A point without a meter, and an account with an agreement there."""
        enrol = self.utility.enrol
        await enrol.seller(Party("Sierra Cloud", ("Plaza 1",), "ESB1"))
        await enrol.service_point(PointRecord(f"SUB-{number}", zone))
        await enrol.account(AccountRecord(f"A-{number}", Party(f"Customer {number}")))
        await enrol.agreement(
            AgreementRecord(
                f"A-{number}", f"SUB-{number}", tariff, first, None, facts or AgreementFacts()
            )
        )

    async def take(self, *events: UsageEvent) -> list[EventResult]:
        return await self.events.take(events, OPERATOR)

    def later(self, **delta: int) -> None:
        self.utility.now += timedelta(**delta)


@asynccontextmanager
async def subscribed(dsn: str, now: datetime = NOW) -> AsyncIterator[Subscribed]:
    """A utility without customers, and its usage events."""
    async with timescale_utility(dsn) as utility, make_pool(dsn, max_size=4) as pool:
        utility.now = now
        yield Subscribed(utility, TimescaleUsageEvents(pool))


def event(  # noqa: PLR0913 - all but two have a default
    name: str,
    at: str,
    value: str = "1",
    fields: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    *,
    of: str = "api",
    subject: str = "acme",
    version: int = 1,
    cancelled: bool = False,
) -> UsageEvent:
    """An event of the source `cloud`."""
    return UsageEvent(
        "cloud",
        name,
        subject,
        of,
        datetime.fromisoformat(at),
        Decimal(value),
        tuple(sorted(dict(fields).items())),
        version,
        cancelled,
    )
