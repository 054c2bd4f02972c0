"""Share out what a channel counts to other service points, by dated coefficients.

Every closed day of the channel makes a day at each point, in the transaction that makes the day
itself: what comes late, is edited or estimated reaches the shares at once. Entering coefficients
for days that are closed already shares those out anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.metering.allocation import Allocations
from central.domain.metering.allocation_document import AllocationDocument, share_text
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.allocations import (
    AllocationStore,
    AllocationTransaction,
    NewAllocation,
    SharedDay,
    SharingPoint,
)
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import LockedChannel, PointChannelId
from central.service.validation.decide_days import MOST_DAYS, NoSuchChannelError
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.obis import Obis

_DAY = timedelta(days=1)


class NoSuchPointError(OperatorError):
    """An allocation names a service point that there is not."""

    code = "NO_SUCH_POINT"
    default_remedy = "Register the point first, or correct its name."


class AllocationCycleError(OperatorError):
    """What has a share would be shared out, or what is shared out would have a share."""

    code = "ALLOCATION_CYCLE"
    default_remedy = "Share out what a meter counts, at once to all who have a share in it."


class AllocatedElsewhereError(OperatorError):
    """A channel has a share in another one already."""

    code = "ALLOCATED_ELSEWHERE"
    default_remedy = "Let the shares count something else there: `as: 1-66:2.8.0`."


class CountsItselfError(OperatorError):
    """A channel that has days of its own cannot have a share."""

    code = "CHANNEL_COUNTS_ITSELF"
    default_remedy = "Let the shares count something else there: `as: 1-66:2.8.0`."


class DaysCutOtherwiseError(OperatorError):
    """Days of a point begin at other instants than those of what is shared out."""

    code = "DAYS_CUT_OTHERWISE"
    default_remedy = "Share out among points of one time zone, to services whose days begin alike."


class TooLongAgoError(OperatorError):
    """An allocation reaches further back than days are shared out anew at once."""

    code = "ALLOCATION_TOO_LONG_AGO"
    default_remedy = f"Let it begin at most {MOST_DAYS} days before the last closed day."


class NothingAllocatedError(OperatorError):
    """There is no such allocation that could be taken back."""

    code = "NO_SUCH_ALLOCATION"
    default_remedy = "`allocation list` shows them."


@dataclass(frozen=True, slots=True)
class AllocationEffect:
    """What entering an allocation did.

    Args:
        revision: Of its day.
        days: Closed days of points that were made anew.
        billed: Days of issued bills from that day on, by point: candidates for a correction.
    """

    revision: int
    days: int
    billed: tuple[tuple[str, DayRange], ...]


class Allocate:
    """The use-cases.

    Args:
        store: Where allocations and days are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: AllocationStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def enter(
        self, document: AllocationDocument, actor: Actor, reason: str, *, preview: bool = False
    ) -> AllocationEffect:
        """Enter how a channel is shared out from a day on.

        Args:
            document: Whose share is how much.
            actor: Who.
            reason: Why, for the audit log.
            preview: Whether to change nothing.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchChannelError: The source counts nothing, or not one thing.
            NoSuchPointError: A point of a share is unknown.
            AllocationCycleError: The source has a share itself, or a share would go to a source.
            AllocatedElsewhereError: A point's channel has a share in another source.
            CountsItselfError: A point's channel has days of its own.
            DaysCutOtherwiseError: A point's days begin at other instants.
            TooLongAgoError: It reaches back too far.
        """
        note = self._noted(actor, reason)
        async with self._begin(document.source, document.counts, preview=preview) as (work, source):
            obis = document.obis(source.channel.obis)
            if source.has_share:
                message = f"{_name(source)} has a share in another channel."
                raise AllocationCycleError(message, value=_name(source))
            _require_recent(source, document.effective)
            points = await work.sharing_points(document.shares, obis)
            for point in document.shares:
                _require_sharing(point, points.get(point), source, obis)
                _require_open(point, points[point].floor, document.effective)
            entry = NewAllocation(
                PointChannelId(source.channel.id),
                document.effective,
                obis,
                document.shares,
                document.remainder,
            )
            return await _entered(work, entry, source, note)

    async def withdraw(
        self,
        point: str,
        counts: Obis | None,
        effective: date,
        note: tuple[Actor, str],
        *,
        preview: bool = False,
    ) -> AllocationEffect:
        """Take back what was entered for a day by mistake: what was before goes on.

        Args:
            point: Service point of what is shared out.
            counts: What it counts; None for the only one.
            effective: The first local day of what is taken back.
            note: Who, and why.
            preview: Whether to change nothing.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchChannelError: The point counts nothing, or not one thing.
            NothingAllocatedError: Nothing holds from that day on.
            TooLongAgoError: It reaches back too far.
        """
        noted = self._noted(*note)
        async with self._begin(point, counts, preview=preview) as (work, source):
            key = PointChannelId(source.channel.id)
            there = Allocations((await work.allocations_of([key])).get(key, ())).on(effective)
            if there is None or there.effective != effective:
                message = f"Nothing is entered for {_name(source)} from {effective} on."
                raise NothingAllocatedError(message, value=str(effective))
            _require_recent(source, effective)
            obis = source.channel.obis
            entry = NewAllocation(key, effective, obis, {}, withdrawn=True)
            return await _entered(work, entry, source, noted)

    async def days(self, point: str, counts: Obis | None, days: DayRange) -> Sequence[SharedDay]:
        """Closed days of a channel with their shares, ascending.

        Args:
            point: Its service point.
            counts: What it counts; None for the only one.
            days: Local days, at most `MOST_DAYS`.

        Raises:
            InvalidValueError: They are too many.
            NoSuchChannelError: The point counts nothing, or not one thing.
        """
        if (days.end - days.first).days > MOST_DAYS:
            message = f"At most {MOST_DAYS} days are shown at once."
            raise InvalidValueError(message, value=str(days.end))
        return await self._store.shared_days(await self._channel(point, counts), days)

    @asynccontextmanager
    async def _begin(
        self, point: str, counts: Obis | None, *, preview: bool
    ) -> AsyncIterator[tuple[AllocationTransaction, LockedChannel]]:
        key = await self._channel(point, counts)
        try:
            async with self._store.transaction() as work:
                yield work, (await work.lock([key]))[key]
                _undo(when=preview)
        except _PreviewedError:
            pass

    async def _channel(self, point: str, counts: Obis | None) -> PointChannelId:
        channels = await self._store.channels_at(point)
        chosen = [counts] if counts is not None else list(channels)
        if len(chosen) != 1 or chosen[0] not in channels:
            names = ", ".join(map(str, channels)) or "nothing"
            message = f"{point} counts {names}."
            raise NoSuchChannelError(
                message, value=point, remedy="Name what it counts, one of these, as `counts`."
            )
        return channels[chosen[0]]

    def _noted(self, actor: Actor, reason: str) -> DecisionNote:
        if not reason.strip():
            message = "An allocation needs a reason, such as 'agreement of 3 October'."
            raise InvalidValueError(message, value=reason)
        return DecisionNote(actor, reason, self._clock())


class _PreviewedError(Exception):
    """Rolls a preview back."""


def _undo(*, when: bool) -> None:
    if when:
        raise _PreviewedError


async def _entered(
    work: AllocationTransaction, entry: NewAllocation, source: LockedChannel, note: DecisionNote
) -> AllocationEffect:
    before = Allocations((await work.allocations_of([entry.source])).get(entry.source, ()))
    old = before.on(entry.effective)
    revision = await work.add_allocation(entry, note)
    days = await work.share_days(note)
    billed = await work.issued_shares(entry.source, entry.effective)
    subject = f"{_name(source)} from {entry.effective}"
    action = "allocation.withdrawn" if entry.withdrawn else "allocation.entered"
    detail = change(
        None if old is None else {"effective": old.effective, "revision": old.revision},
        {"revision": revision, "shares": _texts(entry.shares), "remainder": entry.remainder},
        note.reason,
    )
    work.note(note, action, subject, detail)
    return AllocationEffect(revision, days, tuple(billed))


def _texts(shares: Mapping[str, Fraction]) -> dict[str, str]:
    return {point: share_text(share) for point, share in shares.items()}


def _name(locked: LockedChannel) -> str:
    return f"{locked.channel.point.name} {locked.channel.obis}"


def _require_recent(source: LockedChannel, effective: date) -> None:
    last = source.closed_through
    if last is not None and last - effective > MOST_DAYS * _DAY:
        message = f"{effective} lies more than {MOST_DAYS} days before {last}, the last closed day."
        raise TooLongAgoError(message, value=str(effective))
    _require_open(_name(source), source.floor, effective)


def _require_open(name: str, floor: date | None, effective: date) -> None:
    if floor is not None and effective < floor:
        message = f"Days of {name} before {floor} are closed for good."
        raise TooLongAgoError(message, value=str(effective), remedy=f"Begin on {floor} or later.")


def _require_sharing(
    name: str, point: SharingPoint | None, source: LockedChannel, obis: Obis
) -> None:
    if point is None:
        message = f"There is no service point {name!r}."
        raise NoSuchPointError(message, value=name)
    counted, channel = f"{name} {obis}", source.channel
    if point.shares_out or point.channel == channel.id:
        message = f"{counted} is shared out itself."
        raise AllocationCycleError(message, value=counted)
    if point.source is not None and point.source != channel.id:
        message = f"{counted} has a share in another channel."
        raise AllocatedElsewhereError(message, value=counted)
    if point.has_days:
        message = f"{counted} has days of its own."
        raise CountsItselfError(message, value=counted)
    begins = channel.day_start if point.day_start is None else point.day_start
    if (point.zone, begins) != (channel.point.zone, channel.day_start):
        message = (
            f"Days of {counted} begin at {begins:%H:%M} in {point.zone}, those of {_name(source)}"
            f" at {channel.day_start:%H:%M} in {channel.point.zone}."
        )
        raise DaysCutOtherwiseError(message, value=counted)
