"""Subscriptions: points without a meter, whose usage events are counted.

Field, before the day's readings are sent:

subscribe  a point without a meter
happens    an event of a `subject` comes: of some days `ago`, or another `version` of one that came;
           it may belong to nobody yet
undone     an event that came counts for nothing
belongs    events of a subject belong to a point from a day on
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from tests.life.books import Point
from tests.life.clerk import Clerk
from tests.life.counted import Happened
from tests.life.events import Event
from tests.life.product_usage import usage_event
from tests.life.violation import ORACLE, Violation


class Subscriptions(Clerk):
    """Counts what happens; see above."""

    async def _subscribe(self, event: Event) -> None:
        name, zone = event.said["name"], event.said["zone"]
        await self.product.subscription(name, zone)
        self.books.points[name] = Point(name, zone, "subscription", "")
        self.books.counted.zones[name] = zone

    async def _happens(self, event: Event) -> None:
        said, counted = event.said, self.books.counted
        at = datetime.combine(event.day, time(11, tzinfo=UTC)) - timedelta(minutes=said["ago"])
        name, subject, version = said["name"], said["subject"], said.get("version", 1)
        known = counted.events.get(name)
        if version > 1 and known is not None:
            at, subject = known.at, known.subject
        sent = usage_event(name, subject, at, str(said["value"]), version)
        fates = await self.product.usage.take(sent)
        if fates != ["stored", "duplicate"]:
            self.broken.append(Violation(ORACLE, f"{sent} sent twice is {fates}"))
        counted.take(name, Happened(subject, at, Fraction(str(said["value"])), version))
        await self._nobodys()

    async def _undone(self, event: Event) -> None:
        name, counted = event.said["name"], self.books.counted
        known = counted.events[name]
        await self.product.usage.cancel(name)
        counted.take(
            name, replace(known, value=Fraction(0), version=known.version + 1, counts=False)
        )
        await self._nobodys()

    async def _belongs(self, event: Event) -> None:
        subject, point = event.said["subject"], event.said["point"]
        first = date.fromisoformat(event.said["first"])
        await self.product.usage.assign(subject, point, first)
        self.books.counted.assign(subject, point, first)
        await self._nobodys()

    async def _nobodys(self) -> None:
        """What is nobody's waits, and is counted."""
        waiting = await self.product.usage.waiting()
        nobodys = self.books.counted.nobodys()
        if waiting != nobodys:
            message = f"{waiting} events wait for their point, not {nobodys}"
            self.broken.append(Violation(ORACLE, message))
