"""Usage events: what became of each, and those that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import Field

from central.api.schemas.base import Instant, Schema
from central.api.schemas.writes import Name, Order
from central.service.ports.usage_events import KeptEvent, SubjectAssignment, WaitingSubject
from central.service.usage.take_events import EventResult, counted


class EventResultOut(Schema):
    """What became of one event that was sent."""

    status: str = Field(description="`stored`, `duplicate` or `refused`.")
    source: str | None = None
    id: str | None = None
    version: int | None = None
    code: str | None = Field(None, description="Why it is refused.")
    message: str | None = None
    remedy: str | None = None


class EventResultsOut(Schema):
    """What became of the events that were sent together, in their order."""

    stored: int
    duplicate: int
    refused: int
    results: list[EventResultOut]

    @staticmethod
    def document(results: Sequence[EventResult]) -> dict[str, Any]:
        """The same as JSON, quicker: of thousands of results a second."""
        each = [result.to_json() for result in results]
        for fields in each:
            fields.pop("value", None)
            if fields.get("remedy", "") is None:
                del fields["remedy"]
        return {**counted(results), "results": each}


class EventOut(Schema):
    """A version of an event."""

    source: str
    id: str
    version: int
    subject: str
    type: str
    time: Instant
    value: str
    attributes: dict[str, str]
    cancelled: bool
    counts: bool
    recorded_at: Instant
    actor: str
    reason: str | None

    @classmethod
    def of(cls, row: KeptEvent) -> EventOut:
        """What is kept."""
        return cls.model_validate(row.to_json())


class WaitingOut(Schema):
    """A subject of whose events some belong to nobody yet."""

    subject: str
    events: int
    first_at: Instant
    last_at: Instant

    @classmethod
    def of(cls, row: WaitingSubject) -> WaitingOut:
        """What waits."""
        return cls.model_validate(row.to_json())


class WaitingEventsOut(Schema):
    """Events that belong to nobody yet."""

    events: int
    subjects: list[WaitingOut]


class AssignmentIn(Order):
    """To which service point a subject's events belong, from a local day on."""

    subject: Name
    point: Name | None = Field(None, description="Service point; none: nobody's from then on.")
    first: date = Field(description="First local day of the service point.")
    until: date | None = Field(None, description="Day after the last; none: no end.")
    reason: str = Field("", max_length=1_000, description="Why it corrects what was said.")


class AssignmentOut(Schema):
    """What was said of a subject."""

    subject: str
    first: date
    point: str | None
    revision: int
    withdrawn: bool
    recorded_at: Instant
    recorded_by: str
    reason: str | None

    @classmethod
    def of(cls, row: SubjectAssignment) -> AssignmentOut:
        """What was said."""
        fields = row.to_json()
        fields["first"] = fields.pop("from")
        return cls.model_validate(fields)
