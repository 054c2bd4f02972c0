"""What validation needs of a store.

The queue `touched` says which readings changed. A day is validated when it is over (the first time
by closing it) and again whenever readings around it change; a block is added only where its content
did. Everything a transaction does is under its channels' locks, so that workers share the queue
and never make two versions of one day from one change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, NewType, Protocol

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.service_point import PointChannel
from central.domain.metering.track import InstallationSegment
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimate import EstimatedDay
from central.domain.vee.finding import VeeCode, VeeFinding
from central.domain.vee.history import PastDay
from central.domain.vee.policies_in_force import PoliciesInForce
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import TariffRecord
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis

PointChannelId = NewType("PointChannelId", int)

ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)
"""Where an installation without an end is taken to end."""


class ChannelDay(NamedTuple):
    """A local day of a channel of a service point."""

    channel_id: PointChannelId
    day: date


@dataclass(frozen=True, slots=True)
class ChangedRange:
    """Readings that changed, as far as they concern a channel of a service point.

    Args:
        channel_id: The channel of the point.
        interval: Half-open.
        source: The meter's channel whose readings they are.
    """

    channel_id: PointChannelId
    interval: Interval
    source: int


@dataclass(frozen=True, slots=True)
class LockedChannel:
    """A channel that this transaction may write blocks of.

    Args:
        channel: What is counted, and where.
        closed_through: Newest local day that was closed.
        installed: When meters were there, ascending.
        occupied: When somebody was a customer of a service that bills it.
        floor: The first day that may be validated; None where all may.
        has_share: Whether it has a share in another channel, of which its days are made.
    """

    channel: PointChannel
    closed_through: date | None
    installed: tuple[Interval, ...]
    occupied: tuple[DayRange, ...] = ()
    floor: date | None = None
    has_share: bool = False

    def is_open(self, day: date) -> bool:
        """Whether a day lies above the floor."""
        return self.floor is None or day >= self.floor

    def is_vacant(self, day: date) -> bool:
        """Whether all customers have left before a day."""
        ended = any(days.end <= day for days in self.occupied)
        return ended and not any(days.first <= day < days.end for days in self.occupied)


class PastDays(NamedTuple):
    """Days of a channel, or of another one of its point, that rules ask for."""

    channel_id: PointChannelId
    obis: Obis
    """What the channel counts of which the days are."""
    days: DayRange


class Closing(NamedTuple):
    """That days of a channel were closed."""

    channel_id: PointChannelId
    before: date | None
    """Newest day that was closed when they were chosen."""
    through: date
    """Newest day that is closed now."""


class Newest(NamedTuple):
    """The newest block of a day."""

    version: int
    sha256: bytes
    decided: bool = False
    """Whether it rests on more than readings: estimates, or what somebody decided."""


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding as it is kept.

    Args:
        id: Its key.
        day: The local day.
        code: Which kind.
        severity: What it does.
        accepted_by: Who answers for it; then it no longer holds the bill.
    """

    id: int
    day: date
    code: str
    severity: str
    accepted_by: str | None


@dataclass(frozen=True, slots=True)
class ChannelTariffs:
    """The tariffs that a channel is billed by, as far as they say which days are holidays.

    Args:
        records: Versions by name.
        holidays: Years of holiday calendars that are kept.
    """

    records: Mapping[str, Sequence[TariffRecord]]
    holidays: tuple[HolidayCalendar, ...]


class EstimateTransaction(Protocol):
    """What estimates need of a transaction of validation."""

    async def days_of(self, channel_id: PointChannelId, first: date, end: date) -> list[DayBlock]:
        """The newest blocks of a channel from a day until before another, ascending."""

    async def estimates(self, days: Collection[ChannelDay]) -> dict[ChannelDay, EstimatedDay]:
        """The newest blocks of days, as far as they rest on more than readings, with on what."""

    async def with_estimates(self, channels: Collection[PointChannelId]) -> set[PointChannelId]:
        """Those of some channels of which any day is estimated."""

    async def without_meter(self, channel_id: PointChannelId, first: date, end: date) -> set[date]:
        """Days of which somebody has to say first what is to be billed: no meter was installed."""

    async def issued(self, channel_id: PointChannelId, days: DayRange) -> list[DayRange]:
        """The days of issued bills in which a channel is billed, as far as they touch a range."""

    async def shares_of(self, channel_id: PointChannelId) -> dict[PointChannelId, Obis]:
        """The channels that have a share in a channel, with what they count."""

    async def tariffs_of(self, channel_id: PointChannelId, days: DayRange) -> ChannelTariffs:
        """The tariffs of agreements of some days under which a channel is billed."""

    async def profile(self, name: str, days: DayRange) -> ClassProfile | None:
        """A series as the profile of a class, in some UTC days; None where none of them is known.

        Args:
            name: Of the series.
            days: In UTC.
        """

    async def add_estimates(self, days: Sequence[EstimatedDay], actor: Actor, at: datetime) -> None:
        """Add blocks of days that rest on more than readings, each with its evidence."""

    async def raise_findings(
        self, findings_of: Mapping[ChannelDay, Sequence[VeeFinding]], at: datetime
    ) -> int:
        """Raise findings beside those that are open.

        Returns:
            How many were not open yet.
        """

    async def close_finding(self, day: ChannelDay, code: VeeCode, at: datetime) -> None:
        """Close the findings of a code of a day."""


class ValidationTransaction(EstimateTransaction, Protocol):
    """One transaction of validation."""

    def note(
        self, note: DecisionNote, action: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        """Have the audit log say what was decided, as the transaction's last statement."""

    async def take(self, limit: int) -> tuple[int, list[ChangedRange]]:
        """Take changes off the queue, the oldest first, leaving those that others took.

        Returns:
            How many were taken, and those that concern a channel of a point. What no point's
            channel is fed by needs no validation until its meter is installed.
        """

    async def put_back(self, changes: Sequence[ChangedRange]) -> None:
        """Queue changes, or what is left of them, behind all others."""

    def part(self) -> AbstractAsyncContextManager[None]:
        """Begin a part that an exception undoes by itself; what was done before stays.

        Raises:
            StoreUnavailableError: Try the transaction again.
        """

    async def due(
        self, before: datetime, since: datetime, after: PointChannelId, limit: int
    ) -> list[PointChannelId]:
        """Channels above `after`, ascending, with a day of a meter, over at `before`, not closed.

        Args:
            before: Days that ended by then are over.
            since: Days that were over then are not closed where none ever was.
            after: The channel before the first that is asked for.
            limit: How many channels to give at most.

        Returns:
            Also those with an unknown zone.
        """

    async def lock(
        self, channels: Collection[PointChannelId]
    ) -> dict[PointChannelId, LockedChannel]:
        """Lock channels until the end of the transaction, in one order."""

    async def segments(
        self, windows: Mapping[PointChannelId, Interval]
    ) -> dict[PointChannelId, list[InstallationSegment]]:
        """Installations that touch a window, ascending, and their readings in it.

        The newest revision of each reading; both ends of a window included.
        """

    async def policies_in_force(
        self, channels: Collection[PointChannelId], days: DayRange
    ) -> PoliciesInForce:
        """The policies and storms that judge some channels on some local days."""

    async def past_days(self, asked: Sequence[PastDays]) -> dict[PastDays, list[PastDay]]:
        """The newest figures of each asked channel's days, ascending, in one statement."""

    async def conflicts(
        self, windows: Mapping[PointChannelId, Interval]
    ) -> dict[PointChannelId, list[datetime]]:
        """Instants in a window at which a second value waits for a decision."""

    async def newest(self, days: Collection[ChannelDay]) -> dict[ChannelDay, Newest]:
        """The newest block of each day that has one."""

    async def add_blocks(self, blocks: Sequence[DayBlock], actor: Actor, at: datetime) -> None:
        """Add blocks; version and day must be new."""

    async def settle_findings(
        self, found: Mapping[ChannelDay, Sequence[VeeFinding]], at: datetime
    ) -> int:
        """Make these the open findings of these days: raise new ones, close those that are gone.

        Returns:
            How many were raised.
        """

    async def close_through(self, closings: Sequence[Closing]) -> set[PointChannelId]:
        """Note the newest closed day of channels.

        Returns:
            Those of which it was noted. The others were reopened meanwhile, or are just being
            reopened: their days are closed again.
        """

    async def reopen(self, channel_id: PointChannelId, day: date) -> None:
        """Have a channel's days from one on closed anew, as far as they were closed."""


@dataclass(frozen=True, slots=True)
class BlockVersion:
    """A version of a day, as it is listed.

    Args:
        block: The day.
        actor: Key of who made it.
        made_at: When.
        evidence: What it rests on beside readings, JSON; empty for nothing.
    """

    block: DayBlock
    actor: str
    made_at: datetime
    evidence: str


class ValidationStore(Protocol):
    """Where readings wait and blocks are kept."""

    async def channels_at(self, point: str) -> dict[Obis, PointChannelId]:
        """The channels of a service point, by what they count; none where there is no point."""

    async def versions(self, channel_id: PointChannelId, days: DayRange) -> list[BlockVersion]:
        """Every version of a channel's days, by day, the newest first."""

    def transaction(self) -> AbstractAsyncContextManager[ValidationTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back.

        Raises:
            StoreUnavailableError: Try again.
        """

    async def blocks(self, days: Mapping[ChannelDay, int | None]) -> dict[ChannelDay, DayBlock]:
        """Blocks of the given versions; None takes the newest."""

    async def accept_finding(
        self, finding_id: int, actor: Actor, reason: str, at: datetime
    ) -> bool:
        """Note that somebody answers for an open finding; it no longer holds the bill.

        Returns:
            Whether there was such a finding, that nobody answered for yet and that is not one of
            `NOT_ACCEPTED`.
        """

    async def open_findings(self, channel_id: PointChannelId) -> list[OpenFinding]:
        """Open findings of a channel, by day."""
