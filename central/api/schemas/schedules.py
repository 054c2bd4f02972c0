"""When the worker's jobs are done, and how they stand."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from central.api.schemas.writes import Order, Reason
from central.domain.schedule import DAY_MAX
from central.service.schedules.change import ScheduleChange
from central.service.schedules.overview import JobState

ShortName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[\x20-\x7e]*$")]


class ScheduleOut(BaseModel):
    """When a job is done."""

    name: str
    job: str
    at: str
    zone: str | None
    day: int | None
    group: str | None
    cycle: str | None
    paused: bool


class JobStatusOut(ScheduleOut):
    """A schedule in one zone: what ran, what comes next, what failed and what to do."""

    in_zone: str
    night: date
    next_at: datetime | None
    state: JobState
    attempts: int
    began_at: datetime | None
    done_at: datetime | None
    retry_at: datetime | None
    outcome: str | None
    error: str | None
    code: str | None
    remedy: str | None


class ScheduleIn(Order):
    """What is to be different, and why; what is left out stays as it is."""

    job: ShortName | None = None
    at: time | None = None
    """Local time of day."""
    zone: ShortName | None = None
    """IANA zone of that time; "" for each zone of the service points."""
    day: Annotated[int | None, Field(ge=0, le=DAY_MAX)] = None
    """Day of the month; 0 for every day."""
    group: ShortName | None = None
    """Group that a run bills; "" for all accounts."""
    cycle: ShortName | None = None
    """Billing cycle whose period is billed; "" for the month before."""
    paused: bool | None = None
    reason: Reason

    def change(self) -> ScheduleChange:
        """As the use-case takes it."""
        fields = self.model_dump(exclude={"reason", "at"})
        at = None if self.at is None else self.at.replace(second=0, microsecond=0, tzinfo=None)
        return ScheduleChange(at=at, **fields)


class WhyIn(Order):
    """Why."""

    reason: Reason


class DueOut(BaseModel):
    """What a worker does now."""

    name: str
    due: tuple[str, ...]
