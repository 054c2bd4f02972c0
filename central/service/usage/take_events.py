"""Take usage events in: each once, however often it is sent, and each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.usage.usage_event import EventKey, UsageEvent, UsageEventRefusedError
from central.service.ports.usage_events import (
    EventDiffersError,
    EventFate,
    EventFilter,
    KeptEvent,
    UsageEventStore,
    WaitingSubject,
)
from central.service.views.lookup import require
from firmware_bridge.contract.errors import InvalidValueError, MeterlineError

BATCH = 1_000
"""How many events are taken in together."""
LIST_MAX = 1_000
"""How many events a list has at most."""
OLDEST = timedelta(days=3 * 366)
"""How long ago an event may have happened."""
AHEAD = timedelta(hours=1)
"""How much later than the centre's clock an event may have happened."""

Given = UsageEvent | MeterlineError
"""An event that was sent, or why it cannot be read."""


@dataclass(frozen=True, slots=True)
class EventResult:
    """What became of an event that was sent.

    Args:
        fate: Whether it is kept; None where it is refused.
        key: What tells it from all others; None where it cannot be read.
        error: Why it is refused.
    """

    fate: EventFate | None
    key: EventKey | None = None
    error: MeterlineError | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        named = {} if self.key is None else self.key._asdict()
        if self.error is None:
            return {"status": None if self.fate is None else self.fate.value, **named}
        return {"status": "refused", **named, **self.error.as_object()}


class UsageEvents:
    """The use-cases.

    Args:
        store: Where events are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: UsageEventStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def take(
        self,
        given: Sequence[Given],
        actor: Actor,
        *,
        audited: tuple[str, str, Mapping[str, Any]] | None = None,
        keep: bool = True,
    ) -> list[EventResult]:
        """Take events in that were sent together; those that are kept are so together.

        Args:
            given: In the order in which they were sent.
            actor: Who sends them.
            audited: Action, subject and detail of a row in the audit log; None for none.
            keep: Whether they are kept; else it is only said what would become of them.

        Raises:
            StoreUnavailableError: Send them again; what is kept is known.
        """
        now = self._clock()
        results: list[EventResult | None] = []
        first: dict[EventKey, UsageEvent] = {}
        for each in given:
            refusal = each if isinstance(each, MeterlineError) else _refusal(each, first, now)
            if isinstance(each, MeterlineError):
                results.append(EventResult(None, None, each))
            elif refusal is not None:
                results.append(EventResult(None, each.key, refusal))
            else:
                results.append(None)
                first.setdefault(each.key, each)
        events = list(first.values())
        stored = await self._store.add(events, actor, now, audited=audited, keep=keep)
        fates = dict(zip(first, stored, strict=True))
        named: set[EventKey] = set()
        for number, each in enumerate(given):
            if results[number] is None and isinstance(each, UsageEvent):
                results[number] = _result(each.key, fates[each.key], again=each.key in named)
                named.add(each.key)
        return [result for result in results if result is not None]

    async def cancel(self, source: str, event_id: str, actor: Actor, reason: str) -> KeptEvent:
        """Let an event count for nothing, by a version that says so.

        Returns:
            The version that cancels it; of an event that is cancelled already, that one.

        Raises:
            InvalidValueError: No reason is given.
            NotFoundError: There is no such event.
            EventDiffersError: Somebody replaces it at the same time.
        """
        reason = reason.strip()
        if not reason:
            message = "Cancelling an event needs a reason."
            raise InvalidValueError(message, value=reason)
        name = f"{source} {event_id}"
        versions = await self._store.versions(source, event_id)
        newest = require(versions[-1] if versions else None, "event", name)
        if newest.event.cancelled:
            return newest
        event = replace(newest.event, version=newest.event.version + 1, cancelled=True)
        detail = change(newest.event.to_json(), event.to_json(), reason)
        now = self._clock()
        (fate,) = await self._store.add(
            [event], actor, now, reason=reason, audited=("event.cancelled", name, detail)
        )
        if fate is EventFate.DIFFERS:
            message = f"The event {name} is replaced at the same time."
            raise EventDiffersError(message, value=event_id)
        return (await self._store.versions(source, event_id))[-1]

    async def versions(self, source: str, event_id: str) -> tuple[KeptEvent, ...]:
        """All versions of an event, ascending; none where it is not known."""
        return await self._store.versions(source, event_id)

    async def listed(
        self,
        wanted: EventFilter,
        after: tuple[datetime, EventKey] | None = None,
        limit: int = LIST_MAX,
    ) -> Sequence[KeptEvent]:
        """Events by time, every version of them."""
        return await self._store.listed(wanted, after, min(limit, LIST_MAX))

    async def waiting(self, limit: int = LIST_MAX) -> tuple[int, Sequence[WaitingSubject]]:
        """How many events belong to nobody yet, and the subjects of which most do."""
        return await self._store.waiting(limit)


def counted(results: Iterable[EventResult]) -> dict[str, int]:
    """How many events became what."""
    counts = {"stored": 0, "duplicate": 0, "refused": 0}
    for result in results:
        counts["refused" if result.error is not None else str(result.fate)] += 1
    return counts


def _refusal(
    event: UsageEvent, first: Mapping[EventKey, UsageEvent], now: datetime
) -> MeterlineError | None:
    if not now - OLDEST <= event.at <= now + AHEAD:
        message = "The event is of more than three years ago, or lies ahead by more than an hour."
        remedy = "Correct its time, or the clock of its sender."
        return UsageEventRefusedError(message, value=event.at.isoformat(), remedy=remedy)
    before = first.get(event.key)
    if before is not None and before.sha256 != event.sha256:
        return _differs(event.key)
    return None


def _result(key: EventKey, fate: EventFate, *, again: bool) -> EventResult:
    if fate is EventFate.DIFFERS:
        return EventResult(None, key, _differs(key))
    return EventResult(EventFate.DUPLICATE if again else fate, key)


def _differs(key: EventKey) -> EventDiffersError:
    message = (
        f"Version {key.version} of the event {key.id!r} of {key.source!r} says something else."
    )
    return EventDiffersError(message, value=key.id)
