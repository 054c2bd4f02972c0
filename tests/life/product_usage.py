"""Where a life meets usage events: subscriptions, subjects, and what happened to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from central.adapters.timescale.pool import Pool
from central.adapters.timescale.usage.events import TimescaleUsageEvents
from central.domain.usage.usage_event import UsageEvent
from central.service.usage.assign_subjects import AssignSubjects
from central.service.usage.take_events import UsageEvents
from tests.support.actors import person

SENDER = person("sender")


class ProductUsage:
    """The use-cases.

    Args:
        pool: Of the store.
        clock: Now.
    """

    def __init__(self, pool: Pool, clock: Callable[[], datetime]) -> None:
        store = TimescaleUsageEvents(pool)
        self._events = UsageEvents(store, clock)
        self._subjects = AssignSubjects(store, clock)

    async def take(self, event: UsageEvent) -> list[str]:
        """What becomes of an event that is sent twice."""
        results = await self._events.take([event, replace(event)], SENDER)
        return [str(one.fate) if one.error is None else one.error.code for one in results]

    async def cancel(self, name: str) -> None:
        """An event that was sent counts for nothing."""
        await self._events.cancel(SOURCE, name, SENDER, "sent by a test")

    async def assign(self, subject: str, point: str, first: date) -> None:
        """A subject belongs to a point from a day on."""
        reason = "as the contract says"
        await self._subjects.assign(subject, point, first, SENDER, reason=reason)

    async def waiting(self) -> int:
        """How many events are nobody's."""
        count, _ = await self._events.waiting()
        return count


SOURCE, CALLS = "cloud", "calls"


def usage_event(name: str, subject: str, at: datetime, value: str, version: int) -> UsageEvent:
    """A number of calls."""
    return UsageEvent(SOURCE, name, subject, CALLS, at, Decimal(value), (), version)
