"""What waits for a clerk, as it is answered, and what is done about it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from central.api.schemas.base import Instant, Schema
from central.api.schemas.decided_days import IntervalsIn, MethodIn
from central.api.schemas.writes import Name, Order, Reason
from central.domain.reason_code import ReasonCode
from central.domain.vee.finding import Severity
from central.service.exceptions.actions import BULK_MOST
from central.service.exceptions.show import ExceptionDocument
from central.service.ports.decisions import Choice
from central.service.ports.exceptions import (
    ExceptionCount,
    ExceptionFilter,
    ExceptionKind,
    ExceptionRow,
)
from central.service.ports.field_orders import FieldOrder

Key = Annotated[str, StringConstraints(pattern=r"^[bcdimqsv][0-9]{1,19}$")]


class ExceptionOut(Schema):
    """Something that waits for a clerk."""

    exception: str
    kind: ExceptionKind
    severity: Severity
    raised_at: Instant
    subject: str
    code: str
    message: str
    owner: str | None
    due_on: date | None
    hidden_until: date | None

    @classmethod
    def of(cls, row: ExceptionRow) -> ExceptionOut:
        """As the queue lists it."""
        return cls.fill(row, exception=str(row.key), kind=row.key.kind)


class ExceptionDocumentOut(ExceptionOut):
    """An exception with what it rests on, and what can be done about it."""

    evidence: dict[str, list[dict[str, str | None]]]
    actions: list[str]

    @classmethod
    def of_document(cls, document: ExceptionDocument) -> ExceptionDocumentOut:
        """As it is shown."""
        return cls.model_validate(document.to_json())


class ExceptionCountOut(Schema):
    """How many exceptions of a code wait."""

    kind: ExceptionKind
    code: str
    severity: Severity
    waiting: int
    oldest: Instant

    @classmethod
    def of(cls, entry: ExceptionCount) -> ExceptionCountOut:
        """As the queue counts it."""
        return cls.fill(entry)


class OrderedMeterOut(Schema):
    """A meter that somebody is to read."""

    meter: str
    last_read_at: Instant | None


class FieldOrderOut(Schema):
    """A reading that is ordered on site."""

    order: str
    exception: str
    service_point: str
    due_on: date
    ordered_by: str
    ordered_at: Instant
    reason: str
    meters: list[OrderedMeterOut]
    read_at: Instant | None

    @classmethod
    def of(cls, entry: FieldOrder) -> FieldOrderOut:
        """As its document says it."""
        return cls.model_validate(entry.to_json())


class MatchingIn(BaseModel):
    """What exceptions are; one thing at least."""

    model_config = ConfigDict(extra="forbid")

    kind: list[ExceptionKind] = Field(default_factory=list, max_length=len(ExceptionKind))
    severity: Severity | None = None
    code: Name | None = None
    owner: Annotated[str, Field(max_length=200)] | None = None
    subject: Name | None = None
    older: Annotated[int, Field(ge=0, le=36_500)] | None = None

    def asked(self, now: datetime) -> ExceptionFilter:
        """As a filter of the queue; hidden ones are left out."""
        older = None if self.older is None else now - timedelta(days=self.older)
        kinds, today = tuple(self.kind), now.date()
        return ExceptionFilter(
            kinds, self.severity, self.code, self.owner, older, self.subject, today
        )


class ActionIn(Order):
    """Which exceptions, by key or by what they are, and why."""

    exceptions: list[Key] = Field(default_factory=list, max_length=BULK_MOST)
    matching: MatchingIn | None = None
    expected: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Do it only if exactly so many match."
    )
    reason: Reason
    reason_code: ReasonCode = ReasonCode.OTHER
    preview: bool = False

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if bool(self.exceptions) == (self.matching is not None):
            message = "either `exceptions` or `matching`"
            raise ValueError(message)
        return self


class AssignIn(ActionIn):
    """Who has them, and until when."""

    owner: Name | None = None
    due_on: date | None = None


class SuppressExceptionsIn(ActionIn):
    """Until when they are hidden."""

    until: date


class DecideIn(ActionIn):
    """Which of both values readings have."""

    value: Choice


class FieldOrderIn(ActionIn):
    """Until when the meters are to be read."""

    due_on: date


class AssignPointIn(ActionIn):
    """To which service point the events of their subjects belong."""

    service_point: Name
    first: date = Field(description="First local day there.")
    end: date | None = Field(default=None, description="Day after the last; none for no end.")


class EditExceptionsIn(ActionIn, IntervalsIn):
    """What intervals of their day are to say."""


class EstimateExceptionsIn(ActionIn, MethodIn):
    """How their days are to be estimated."""


class ActionDoneOut(Schema):
    """What was done about an exception."""

    exception: str
    done: str
    closed: bool


class ActionRefusedOut(Schema):
    """Why nothing was done about an exception."""

    exception: str
    code: str
    message: str
    remedy: str | None


class ActionOut(BaseModel):
    """What a decision did, or would do."""

    preview: bool
    done: list[ActionDoneOut]
    failed: list[ActionRefusedOut]
