"""What a person decides of days: edit intervals, estimate by a method, restore what readings say.

Each makes another version of the day's block; what was there stays. The day and its findings are
judged in the same transaction, which a preview rolls back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from central.domain.audit.change import change
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.day import JudgedDay, Thresholds
from central.domain.vee.decided_day import DayNote, decided
from central.domain.vee.estimate import EstimatedDay
from central.domain.vee.estimators.manual import with_values
from central.domain.vee.finding import VeeFinding
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    PointChannelId,
    ValidationStore,
    ValidationTransaction,
)
from central.service.validation.chosen_estimate import ChosenEstimate, estimated_by_choice
from central.service.validation.judge_days import judge_days
from central.service.validation.measured_days import measured_days
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

MOST_DAYS = 400
_DAY = timedelta(days=1)


class NoSuchChannelError(OperatorError):
    """There is no such channel of a service point."""

    code = "NO_SUCH_CHANNEL"
    default_remedy = "`registry history point` shows the channels of a service point."


class DayNotClosedError(OperatorError):
    """A day that is to be decided on is not closed."""

    code = "DAY_NOT_CLOSED"
    default_remedy = "Wait until it is over and validated."


class HasShareError(OperatorError):
    """Days of a channel follow from those of another one that it has a share in."""

    code = "CHANNEL_HAS_SHARE"
    default_remedy = "Decide about the channel that it has a share in; `allocation list` names it."


class NothingDecidedError(OperatorError):
    """The days say already what they would say."""

    code = "NOTHING_DECIDED"
    default_remedy = "Choose other days, or another method."


@dataclass(frozen=True, slots=True)
class DecidedDay:
    """A day before and after.

    Args:
        before: Its newest block.
        after: The next version.
        evidence: What that rests on, JSON.
    """

    before: DayBlock
    after: DayBlock
    evidence: str


@dataclass(frozen=True, slots=True)
class DaysDecision:
    """What became of days.

    Args:
        days: Those that changed, ascending.
        issued: Days of issued bills among them: they are candidates for a correction.
    """

    days: tuple[DecidedDay, ...]
    issued: tuple[date, ...] = ()


class DecideDays:
    """The use-cases.

    Args:
        store: Where blocks are kept.
        clock: Now, aware.
        thresholds: How readings become intervals.
    """

    def __init__(
        self,
        store: ValidationStore,
        clock: Callable[[], datetime],
        thresholds: Thresholds | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = thresholds or Thresholds()

    async def edit(
        self,
        channel: PointChannelId,
        values: Mapping[datetime, Fraction],
        note: DayNote,
        *,
        preview: bool = False,
    ) -> DaysDecision:
        """Give intervals other values. Their days stand until readings under them change.

        Args:
            channel: Whose.
            values: By the start of the interval, aware. [the channel's unit]
            note: Who, and why.
            preview: Whether to change nothing.

        Raises:
            NoSuchChannelError: There is no such channel.
            HasShareError: It has a share in another one.
            DayNotClosedError: A day is not closed yet.
            InvalidValueError: No interval starts there, a value is none, a day would still miss
                intervals, or there is no reason.
            NothingDecidedError: They have these values.
        """
        async with self._begin(channel, note, preview=preview) as (work, locked):
            given: dict[date, dict[datetime, Fraction]] = {}
            for start, value in values.items():
                given.setdefault(locked.channel.local_date(start), {})[start] = value
            days = await self._days(work, locked, sorted(given))
            decisions = [
                decided(_edited(day.newest, given[day.newest.day]), note, day.judged)
                for day in days
            ]
            return await self._keep(work, locked, days, decisions, ("interval.edited", note))

    async def estimate(
        self,
        channel: PointChannelId,
        days: DayRange,
        chosen: ChosenEstimate,
        note: DayNote,
        *,
        preview: bool = False,
    ) -> DaysDecision:
        """Estimate what days lack, by a method; what was estimated of them is estimated anew.

        Readings that come later replace it, unless readings were replaced by it: then the days
        stand until those change.

        Args:
            channel: Whose.
            days: Local days.
            chosen: How.
            note: Who, and why.
            preview: Whether to change nothing.

        Raises:
            NoSuchChannelError: There is no such channel.
            HasShareError: It has a share in another one.
            DayNotClosedError: A day is not closed yet.
            InvalidValueError: There is no such method, or no reason.
            NotEstimatedError: The method cannot say what a day used.
            NothingDecidedError: Nothing is missing.
        """
        async with self._begin(channel, note, preview=preview) as (work, locked):
            asked = await self._days(work, locked, _listed(days))
            estimated = await estimated_by_choice(
                work, locked, {day.judged.day: day.judged for day in asked}, chosen, self._limits
            )
            over = {day.judged.day: day.judged for day in asked if chosen.over_readings}
            decisions = [
                decided(block, note, over.get(block.day), grounds) for block, grounds in estimated
            ]
            return await self._keep(work, locked, asked, decisions, ("day.estimated", note))

    async def restore(
        self,
        channel: PointChannelId,
        days: DayRange,
        note: DayNote,
        *,
        preview: bool = False,
    ) -> DaysDecision:
        """Let days say again what their readings say: undo edits and estimates.

        Args:
            channel: Whose.
            days: Local days.
            note: Who, and why.
            preview: Whether to change nothing.

        Raises:
            NoSuchChannelError: There is no such channel.
            HasShareError: It has a share in another one.
            DayNotClosedError: A day is not closed yet.
            InvalidValueError: There is no reason.
            NothingDecidedError: They do.
        """
        async with self._begin(channel, note, preview=preview) as (work, locked):
            asked = await self._days(work, locked, _listed(days))
            decisions = [decided(day.judged, note, None, {"restored": True}) for day in asked]
            return await self._keep(work, locked, asked, decisions, ("day.restored", note))

    @asynccontextmanager
    async def _begin(
        self, channel: PointChannelId, note: DayNote, *, preview: bool
    ) -> AsyncIterator[tuple[ValidationTransaction, LockedChannel]]:
        if not note.text.strip():
            message = "A decision about days needs a reason, such as 'read on site'."
            raise InvalidValueError(message, value=note.text)
        try:
            async with self._store.transaction() as work:
                locked = (await work.lock([channel])).get(channel)
                if locked is None:
                    message = f"There is no channel {channel} of a service point."
                    raise NoSuchChannelError(message, value=channel)
                if locked.has_share:
                    name = f"{locked.channel.point.name} {locked.channel.obis}"
                    message = f"{name} has a share in another channel: it counts nothing by itself."
                    raise HasShareError(message, value=name)
                yield work, locked
                _undo(when=preview)
        except _PreviewedError:
            pass

    async def _days(
        self, work: ValidationTransaction, locked: LockedChannel, days: Sequence[date]
    ) -> list[_AskedDay]:
        """Days as they are, and as their readings say."""
        if not 0 < len(days) <= MOST_DAYS:
            message = f"{len(days)} days cannot be decided on at once; {MOST_DAYS} are the most."
            raise InvalidValueError(message, value=len(days))
        key = PointChannelId(locked.channel.id)
        keys = [ChannelDay(key, day) for day in days]
        newest = await work.newest(keys)
        if missing := [entry.day for entry in keys if entry not in newest]:
            message = f"{missing[0]} is not closed."
            raise DayNotClosedError(message, value=missing[0])
        blocks = {block.day: block for block in await work.days_of(key, days[0], days[-1] + _DAY)}
        measured = await measured_days(work, {key: locked}, {key: days}, newest, self._limits)
        return [_AskedDay(blocks[entry.day], _readable(entry, measured)) for entry in keys]

    async def _keep(
        self,
        work: ValidationTransaction,
        locked: LockedChannel,
        asked: Sequence[_AskedDay],
        decisions: Sequence[EstimatedDay],
        deed: tuple[str, DayNote],
    ) -> DaysDecision:
        before = {day.newest.day: day.newest for day in asked}
        changed = [day for day in decisions if day.block.sha256 != before[day.block.day].sha256]
        if not changed:
            message = "The days say already what they would say."
            raise NothingDecidedError(message, value=[str(day) for day in before])
        action, note = deed
        now, key = self._clock(), PointChannelId(locked.channel.id)
        days = [day.block.day for day in changed]
        span = DayRange(days[0], days[-1] + _DAY)
        issued = {day for billed in await work.issued(key, span) for day in billed.days()}
        await work.add_estimates(changed, note.actor, now)
        await judge_days(work, {key: locked}, {key: days}, self._limits, now)
        old = {str(day): _figures(before[day]) for day in days}
        new = {str(day.block.day): _figures(day.block) for day in changed}
        reason = f"{note.code}: {note.text}"
        name = f"{locked.channel.point.name} {locked.channel.obis}"
        work.note(DecisionNote(note.actor, reason, now), action, name, change(old, new, reason))
        return DaysDecision(
            tuple(DecidedDay(before[day.block.day], day.block, day.evidence) for day in changed),
            tuple(day for day in days if day in issued),
        )


class _PreviewedError(Exception):
    """Rolls a preview back."""


def _undo(*, when: bool) -> None:
    if when:
        raise _PreviewedError


@dataclass(frozen=True, slots=True)
class _AskedDay:
    """A day as it is, and as its readings say, both ready for the next version."""

    newest: DayBlock
    judged: DayBlock


def _listed(days: DayRange) -> list[date]:
    return list(days.days()) if (days.end - days.first).days <= MOST_DAYS else [days.first] * 1_000


def _readable(key: ChannelDay, measured: Mapping[ChannelDay, JudgedDay | VeeFinding]) -> DayBlock:
    day = measured.get(key)
    if isinstance(day, JudgedDay):
        return day.block
    why = "no meter was installed" if day is None else day.message
    message = f"{key.day} cannot be read: {why}"
    raise InvalidValueError(message, value=key.day, remedy="Mend the registry first.")


def _edited(block: DayBlock, given: Mapping[datetime, Fraction]) -> DayBlock:
    numbers: dict[int, Fraction] = {}
    step = timedelta(seconds=block.period_s)
    for start, value in given.items():
        number, rest = divmod(start - block.start, step)
        if rest or not 0 <= number < len(block.values):
            message = f"No interval of {block.day} starts at {start.isoformat()}."
            raise InvalidValueError(message, value=start)
        numbers[number] = value
    edited = with_values(block, numbers)
    if edited.missing:
        message = f"{edited.missing} intervals of {block.day} would still be missing."
        remedy = "Estimate the day first, or give all of its intervals."
        raise InvalidValueError(message, value=block.day, remedy=remedy)
    return edited


def _figures(block: DayBlock) -> dict[str, str | int]:
    total = None if block.missing else Fraction(block.total()) * Fraction(10) ** block.exponent
    text = "missing" if total is None else f"{total}"
    return {
        "version": block.version,
        "total": f"{text} {block.unit.value}",
        "missing": block.missing,
    }
