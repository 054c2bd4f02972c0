"""What a bill was made from, as integers: equal integers are equal inputs.

Every writer of an input raises the revision of what it changes in its own transaction. A part of a
bill keeps the revisions that were read before its inputs were; approving and issuing lock the rows
and compare. Only where integers differ are the inputs themselves compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from uuid import UUID

from central.domain.metering.block import DayBlock
from central.domain.metering.service_point import PointChannel
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.document_days import DocumentDays
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.day import Thresholds
from central.domain.vee.reopened import days_reached, days_reopened
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.interval import Interval

VALIDATION_PENDING = "VALIDATION_PENDING"
"""The code of what waits until validation has been through a change."""

DaysRead = Mapping[int, tuple[DayRange, ...]]
"""Local days by key of the channel, ascending."""

_LIMITS = Thresholds()


class InputKind(StrEnum):
    """What has a revision of its own, or a gateway of which something never arrived."""

    POINT = "service point"
    ACCOUNT = "account"
    TARIFF = "tariff"
    HOLIDAYS = "holidays"
    SERIES = "series"
    GATEWAY = "gateway"
    SETTINGS = "settings"
    ADJUSTMENT = "adjustment"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class InputStamp:
    """The revisions of the inputs of a part of a bill.

    Args:
        point: Of the service point: its channels, meters, days, findings and agreements.
        account: Of the account: its party and agreements.
        tariff: Of the tariff: its versions.
        settings: Of what is the same for all bills.
        series: Of the price and factor series that the tariff names.
        others: Of other tariffs that it was rated with, by name: those of its occupancy before and
            after it, and of days of the account that are to be billed yet.
        holidays: Of the years of holidays that it was rated with, by calendar and year. A change
            raises the tariff's revision; these say what it was.
        days_read: Local days of each channel that it was rated with, by the channel's key; None
            where nobody kept them.
        not_metered: Whether an interval of its days is estimated or missing: then a batch that may
            still come, of a gateway of its meters, concerns it.
        looks_back_days: How many days before its own it was rated with.
        document_days: Of its bill's document, where these say the rate of one of its taxes.
    """

    point: int = 0
    account: int = 0
    tariff: int = 0
    settings: int = 0
    series: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    holidays: Mapping[str, int] = field(default_factory=dict)
    days_read: DaysRead | None = None
    not_metered: bool = False
    looks_back_days: int = 0
    document_days: DocumentDays | None = None


@dataclass(frozen=True, slots=True)
class ChangedInput:
    """An input of a bill that is another than the bill was made with.

    Args:
        kind: What it is.
        name: Which; of holidays calendar and year; empty for the settings.
        versions: Of a tariff, the dates of the versions that were added since.
    """

    kind: InputKind
    name: str
    versions: tuple[date, ...] = ()

    def __str__(self) -> str:
        if self.kind is InputKind.SETTINGS:
            return "the seller or the settings"
        if self.kind is InputKind.DOCUMENT:
            return f"the day of issue: {self.name}"
        text = f"the {self.kind} {self.name}"
        if self.kind is InputKind.GATEWAY:
            text += ", whose missing batches may still come"
        if self.kind is InputKind.ADJUSTMENT:
            text = f"the adjustment of {self.name}, which the next bill carries"
        if self.versions:
            dates = ", ".join(map(str, self.versions))
            text += f" (version{'s' if len(self.versions) > 1 else ''} from {dates})"
        return text


def changed_tariff(
    name: str, versions: Sequence[date], holidays: Sequence[str]
) -> list[ChangedInput]:
    """What changed of a tariff that has another revision: the holidays that it names, or itself.

    Args:
        name: Of the tariff.
        versions: Dates of the versions that were added since.
        holidays: Calendars and years that were changed since.
    """
    changes = [ChangedInput(InputKind.HOLIDAYS, year) for year in holidays]
    if versions or not holidays:
        changes.insert(0, ChangedInput(InputKind.TARIFF, name, tuple(versions)))
    return changes


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of bills that were to be approved or issued.

    Args:
        count: How many were.
        changed: Those that were not, because their inputs have other revisions.
        waiting: Those that were not, because changes of their days wait for validation; the
            service points.
        own: Those that were not approved, because the approver worked on them; what they did.
        barred: Those that were not, because of the bill before them; why.
    """

    count: int
    changed: Mapping[UUID, tuple[ChangedInput, ...]] = field(default_factory=dict)
    waiting: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict)
    own: Mapping[UUID, str] = field(default_factory=dict)
    barred: Mapping[UUID, OperatorError] = field(default_factory=dict)

    def beside(self, other: Decided) -> Decided:
        """What became of these and of others."""
        return Decided(
            self.count + other.count,
            {**self.changed, **other.changed},
            {**self.waiting, **other.waiting},
            {**self.own, **other.own},
            {**self.barred, **other.barred},
        )


def refusal(decided: Decided, bill: UUID) -> str:
    """Why a bill was refused, in a sentence."""
    if bill in decided.changed:
        return f"inputs changed: {'; '.join(map(str, decided.changed[bill]))}."
    if bill in decided.waiting:
        return f"changes of its days wait for validation at {', '.join(decided.waiting[bill])}."
    if bill in decided.own:
        return f"the approver {decided.own[bill]}."
    return str(decided.barred.get(bill, "it changed meanwhile."))


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A change of readings of a channel that waits for validation.

    Args:
        since: When it begins.
        days: Local days that validation may give another content by it.
    """

    since: datetime
    days: DayRange


def waiting_change(
    channel: PointChannel, change: Interval, blocks: Iterable[DayBlock] = ()
) -> WaitingChange:
    """The days that a change may give another content, by the rules of validation.

    Args:
        channel: Whose readings.
        change: The stretch of time in which they changed.
        blocks: Newest blocks of days around it, ascending: estimates in a row up to it may be
            made again by a register in it.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    first, last = days_reopened(days_reached(channel, change, _LIMITS), blocks)
    return WaitingChange(change.start, DayRange(first, last + timedelta(days=1)))


def changed_days(channel: PointChannel, at: datetime) -> DayRange:
    """The local days that another value of a reading may give another content.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    return waiting_change(channel, Interval(at, at + timedelta(milliseconds=1))).days


def reaches_into(change: WaitingChange, days: DayRange) -> bool:
    """Whether a change may give one of some local days another content."""
    return change.days.within(days) is not None


def first_pending(changes: Iterable[WaitingChange], days: DayRange) -> tuple[Hold, ...]:
    """The hold of the first of some changes that reaches into days and waits for validation."""
    message = "A change of these days waits for validation."
    near = (change for change in changes if reaches_into(change, days))
    return tuple(
        Hold(VALIDATION_PENDING, message, change.since.isoformat()) for change in islice(near, 1)
    )
