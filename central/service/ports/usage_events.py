"""What usage events need of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from central.domain.actor import Actor
from central.domain.usage.usage_event import EventKey, UsageEvent
from central.domain.usage.usage_meter import UsageMeterVersion
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import OperatorError


class EventFate(StrEnum):
    """What became of an event that was sent."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    DIFFERS = "differs"


class EventDiffersError(OperatorError):
    """An event of that key says something else."""

    code = "EVENT_DIFFERS"
    default_remedy = "Send what replaces it with a higher version; a version is never changed."


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event as it is kept.

    Args:
        event: What was sent.
        counts: Whether no higher version is kept, and it is not cancelled.
        recorded_at: When it was taken in.
        actor: Key of who sent it.
        reason: Of what a person decided; "" of what senders deliver.
    """

    event: UsageEvent
    counts: bool
    recorded_at: datetime
    actor: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            **self.event.to_json(),
            "counts": self.counts,
            "recorded_at": self.recorded_at.isoformat(),
            "actor": self.actor,
            "reason": self.reason or None,
        }


class EventFilter(NamedTuple):
    """Which events are asked for.

    Args:
        subject: To whom; None for all.
        type: What; None for all.
        from_at: First instant; None for all.
        until_at: First instant after; None for all.
    """

    subject: str | None = None
    type: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


class WaitingSubject(NamedTuple):
    """A subject of whose events some belong to nobody yet.

    Args:
        subject: Name.
        events: How many of them wait.
        first_at: When the first of those happened.
        last_at: When the last did.
    """

    subject: str
    events: int
    first_at: datetime
    last_at: datetime

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "subject": self.subject,
            "events": self.events,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class SubjectAssignment:
    """To which service point a subject's events belong, from a local day on.

    Args:
        subject: Name.
        from_day: First local day of the service point.
        point: Name of the service point; "" for nobody.
        revision: Of that day, from 1; the highest counts.
        withdrawn: Whether the day says nothing: entered by mistake.
        recorded_at: When it was said.
        recorded_by: Key of who said it.
        reason: Why, where it corrects or takes back.
    """

    subject: str
    from_day: date
    point: str
    revision: int
    withdrawn: bool
    recorded_at: datetime
    recorded_by: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "subject": self.subject,
            "from": self.from_day.isoformat(),
            "point": self.point or None,
            "revision": self.revision,
            "withdrawn": self.withdrawn,
            "recorded_at": self.recorded_at.isoformat(),
            "recorded_by": self.recorded_by,
            "reason": self.reason or None,
        }


class SubjectTransaction(Protocol):
    """One transaction on one subject; others who change it wait."""

    async def history(self) -> tuple[SubjectAssignment, ...]:
        """All that was said of it, by day and revision."""

    async def zone_of(self, point: str) -> tuple[str, Any]:
        """Zone and day start of a service point.

        Raises:
            NotRegisteredError: The registry has no such service point.
        """

    async def add(
        self, assignment: SubjectAssignment, from_at: datetime, detail: Mapping[str, Any]
    ) -> None:
        """Say to whom the subject belongs, raise the revisions of its points, and log it."""

    async def dismiss(self) -> int | None:
        """Say that its events that wait concern nobody, and log it.

        Returns:
            How many they are; None where none waits.
        """


@dataclass(frozen=True, slots=True)
class KeptUsageMeter:
    """What was said of how events are counted.

    Args:
        version: What was said.
        recorded_at: When.
        recorded_by: Key of who said it.
        reason: Why, where it corrects or takes back.
    """

    version: UsageMeterVersion
    recorded_at: datetime
    recorded_by: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "meter": self.version.meter.name,
            "since": self.version.since.isoformat(),
            "revision": self.version.revision,
            "withdrawn": self.version.withdrawn,
            **self.version.meter.to_json(),
            "recorded_at": self.recorded_at.isoformat(),
            "recorded_by": self.recorded_by,
            "reason": self.reason or None,
        }


class UsageMeterTransaction(Protocol):
    """One transaction on one meter of usage; others who change it wait."""

    async def history(self) -> tuple[KeptUsageMeter, ...]:
        """All that was said of it, by day and revision."""

    async def add(self, version: UsageMeterVersion, detail: Mapping[str, Any]) -> None:
        """Say how events are counted, raise the meter's revision, and log it."""


class UsageEventStore(Protocol):
    """Where usage events are kept; none is ever changed."""

    async def add(  # noqa: PLR0913 - what is kept, by whom and how
        self,
        events: Sequence[UsageEvent],
        actor: Actor,
        at: datetime,
        *,
        reason: str = "",
        audited: tuple[str, str, Mapping[str, Any]] | None = None,
        keep: bool = True,
    ) -> Sequence[EventFate]:
        """Take events in, all or none; late ones raise the revision of their service points.

        Args:
            events: Each key once; of the last three years.
            actor: Who sends them.
            at: Now.
            reason: Why, where a person decided it.
            audited: Action, subject and detail of a row in the audit log; None for none.
            keep: Whether they are kept; else it is only said what would become of them.

        Returns:
            What became of each, in their order.

        Raises:
            StoreUnavailableError: Send them again; what is kept is known.
        """

    async def versions(self, source: str, event_id: str) -> tuple[KeptEvent, ...]:
        """All versions of an event, ascending."""

    async def listed(
        self, wanted: EventFilter, after: tuple[datetime, EventKey] | None, limit: int
    ) -> Sequence[KeptEvent]:
        """Events by time and key, every version; those behind a place where one is given."""

    async def waiting(self, limit: int) -> tuple[int, Sequence[WaitingSubject]]:
        """How many events belong to nobody yet, and the subjects of which most do."""

    def subject(
        self, name: str, note: DecisionNote
    ) -> AbstractAsyncContextManager[SubjectTransaction]:
        """Begin a transaction on a subject; leaving commits, an exception rolls back."""

    def meter(
        self, name: str, note: DecisionNote
    ) -> AbstractAsyncContextManager[UsageMeterTransaction]:
        """Begin a transaction on a meter of usage; leaving commits, an exception rolls back."""

    async def meters(self, name: str | None) -> Sequence[KeptUsageMeter]:
        """What was said of a meter of usage, or of all; by name, day and revision."""

    async def assignments(
        self,
        subject: str | None,
        behind: tuple[str, date, int] | None = None,
        limit: int | None = None,
        since: datetime | None = None,
    ) -> Sequence[SubjectAssignment]:
        """What was said of a subject, or of all; by subject, day and revision.

        Args:
            subject: Its name.
            behind: Only what comes behind this subject, day and revision.
            limit: Most of them; None for all.
            since: Only what was recorded then or later.
        """
