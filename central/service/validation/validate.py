"""Turn what waits in the queue into validated day blocks.

Two things make a day's block: the day ends (it is closed once, with whatever is there, so that a
silent meter shows as missing), and readings around a closed day change. Either way the day is
validated anew from all its readings, and only other content makes another version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from central.domain.metering.block import DayBlock
from central.domain.metering.errors import MeteringError
from central.domain.metering.installed_days import installed_days, is_installed, local_date
from central.domain.metering.track import InstallationSegment
from central.domain.vee.day import Thresholds
from central.domain.vee.finding import Severity, VeeCode, VeeFinding
from central.domain.vee.validate import reading_window, validate_day
from central.service.ingest.rows import PAST
from central.service.ports.validation import (
    ChangedRange,
    ChannelDay,
    Closing,
    LockedChannel,
    Newest,
    PointChannelId,
    ValidationStore,
    ValidationTransaction,
)
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval, local_day, zone_info

ACTOR = "vee"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class VeeSettings:
    """How validation works off its queue.

    Args:
        grace: How long after its end a day is closed, so that last readings can come in.
        batch: Changes taken at a time.
        closing: Channels closed at a time.
        days: Most days of a channel closed at a time; the rest follow in its next turns.
        reach: How far back a channel that was never closed is closed. No older reading is taken.
        thresholds: Where rules draw their lines.
    """

    grace: timedelta = timedelta(minutes=15)
    batch: int = 500
    closing: int = 20
    days: int = 62
    reach: timedelta = PAST
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Tally:
    """What validation did.

    Args:
        changes: Changes taken off the queue.
        days: Days validated.
        versions: Blocks added.
        findings: Findings raised.
        closed: Days closed.
        looked: Channels with days to close that were looked at.
        span: The first and the last day of those closed; None without any.
    """

    changes: int = 0
    days: int = 0
    versions: int = 0
    findings: int = 0
    closed: int = 0
    looked: int = 0
    span: tuple[date, date] | None = None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.changes + other.changes,
            self.days + other.days,
            self.versions + other.versions,
            self.findings + other.findings,
            self.closed + other.closed,
            self.looked + other.looked,
            _hull(self.span, other.span),
        )

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not self.changes and not self.looked


class Validate:
    """The use-case. Any number of them may share one store.

    Args:
        store: Where readings wait.
        clock: Now, aware.
        settings: How to work.
    """

    def __init__(
        self,
        store: ValidationStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        settings: VeeSettings | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings or VeeSettings()
        self._after = PointChannelId(0)
        self._closed_this_round = False

    async def until_idle(self, progress: Callable[[Tally], None] = lambda _: None) -> Tally:
        """Work until nothing waits and every day that is over is closed.

        Args:
            progress: Told the sum so far after each transaction.

        Raises:
            StoreUnavailableError: What was committed stays; call again.
        """
        total = Tally()
        while True:
            tally = await self.step()
            total += tally
            if tally.idle:
                return total
            progress(total)

    async def step(self) -> Tally:
        """One transaction of changes, and one of days to close.

        Raises:
            StoreUnavailableError: What was committed stays; call again.
        """
        return await self._changes() + await self._closings()

    async def _changes(self) -> Tally:
        async with self._store.transaction() as work:
            taken, changes = await work.take(self._settings.batch)
            if not changes:
                return Tally(changes=taken)
            locked = await work.lock({change.channel_id for change in changes})
            days = self._days_of(changes, locked)
            return Tally(changes=taken) + await self._validate(work, locked, days)

    async def _closings(self) -> Tally:
        """Close days of the next channels that have any; at the end of the list, begin anew.

        Each channel has its turn, so that one with years to close keeps no other waiting.
        """
        before = self._clock() - self._settings.grace
        async with self._store.transaction() as work:
            due = await self._due(work, before)
            if not due:
                return Tally()
            locked = await work.lock(due)
            days = {key: self._to_close(one, before) for key, one in locked.items()}
            days = {key: found for key, found in days.items() if found}
            tally = await self._validate(work, locked, days)
            closings = [
                Closing(key, locked[key].closed_through, found[-1]) for key, found in days.items()
            ]
            noted = await work.close_through(closings)
        self._after = due[-1]
        self._closed_this_round = self._closed_this_round or bool(noted)
        closed = sorted(day for key in noted for day in days[key])
        span = (closed[0], closed[-1]) if closed else None
        return tally + Tally(closed=len(closed), looked=len(due), span=span)

    async def _due(self, work: ValidationTransaction, before: datetime) -> list[PointChannelId]:
        """The next channels of the round; of a new one, where the last one closed anything."""
        since, limit = before - self._settings.reach, self._settings.closing
        due = await work.due(before, since, self._after, limit)
        if not due and self._closed_this_round:
            due = await work.due(before, since, PointChannelId(0), limit)
            self._closed_this_round = False
        if not due:
            self._after = PointChannelId(0)
        return due

    def _days_of(
        self, changes: Sequence[ChangedRange], locked: Mapping[PointChannelId, LockedChannel]
    ) -> dict[PointChannelId, list[date]]:
        """Closed days whose window a change reaches into."""
        found: dict[PointChannelId, set[date]] = {}
        for change in changes:
            one = locked[change.channel_id]
            closed_through = self._closed_through(one)
            reach = self._settings.thresholds.linear_gap + timedelta(
                milliseconds=self._settings.thresholds.tolerance_ms
            )
            around = Interval(change.interval.start - reach, change.interval.end + reach)
            days = _days_in(around, one.channel.point.zone)
            found.setdefault(change.channel_id, set()).update(
                day for day in days if day <= closed_through
            )
        return {key: sorted(days) for key, days in found.items() if days}

    def _to_close(self, one: LockedChannel, before: datetime) -> list[date]:
        """The next days with a meter after the last that was closed, up to the last that is over.

        Whether anything was read on them does not matter: a silent meter shows as missing.
        """
        zone = one.channel.point.zone
        first = self._closed_through(one) + _DAY
        last = local_date(before, zone) - _DAY
        days = installed_days(one.installed, zone, first, last)
        return list(islice(days, self._settings.days))

    def _closed_through(self, one: LockedChannel) -> date:
        """The last day that is not to be closed any more."""
        if one.closed_through is not None:
            return one.closed_through
        since = self._clock() - self._settings.grace - self._settings.reach
        return local_date(since, one.channel.point.zone) - _DAY

    async def _validate(
        self,
        work: ValidationTransaction,
        locked: Mapping[PointChannelId, LockedChannel],
        days: Mapping[PointChannelId, Sequence[date]],
    ) -> Tally:
        limits = self._settings.thresholds
        windows = {key: _window(locked[key], found, limits) for key, found in days.items() if found}
        segments = await work.segments(windows)
        conflicts = await work.conflicts(windows)
        keys = [ChannelDay(key, day) for key, found in days.items() for day in found]
        newest = await work.newest(keys)
        blocks: list[DayBlock] = []
        findings: dict[ChannelDay, tuple[VeeFinding, ...]] = {}
        for key in keys:
            one, known = locked[key.channel_id], newest.get(key)
            # A day whose meter turns out not to have been there must not keep its block.
            if known is None and not is_installed(one.installed, key.day, one.channel.point.zone):
                continue
            block, findings[key] = _judge(
                one,
                key.day,
                segments.get(key.channel_id, []),
                conflicts.get(key.channel_id, ()),
                known,
                limits,
            )
            if block is not None and (known is None or known.sha256 != block.sha256):
                blocks.append(block)
        now = self._clock()
        await work.add_blocks(blocks, ACTOR, now)
        raised = await work.settle_findings(findings, now)
        return Tally(days=len(findings), versions=len(blocks), findings=raised)


def _hull(
    one: tuple[date, date] | None, other: tuple[date, date] | None
) -> tuple[date, date] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def _judge(  # noqa: PLR0913, PLR0917 - the facts of one day
    one: LockedChannel,
    day: date,
    segments: Sequence[InstallationSegment],
    conflicts: Sequence[datetime],
    known: Newest | None,
    limits: Thresholds,
) -> tuple[DayBlock | None, tuple[VeeFinding, ...]]:
    version = 1 if known is None else known.version + 1
    try:
        result = validate_day(
            one.channel, day, segments, version=version, conflicts=conflicts, thresholds=limits
        )
    except (MeteringError, InvalidValueError) as error:
        # One day that cannot be told must not stop the queue; it holds its bill instead.
        interval = local_day(day, one.channel.point.zone)
        finding = VeeFinding(
            VeeCode.UNREADABLE_DAY,
            Severity.CRITICAL,
            interval,
            error.message,
            {"error": error.code},
        )
        return None, (finding,)
    return result.block, result.findings


def _window(one: LockedChannel, days: Sequence[date], limits: Thresholds) -> Interval:
    first = reading_window(one.channel, days[0], limits)
    last = reading_window(one.channel, days[-1], limits)
    return Interval(first.start, last.end)


def _days_in(interval: Interval, zone: str) -> Iterable[date]:
    info = zone_info(zone)
    first, last = interval.start.astimezone(info).date(), interval.end.astimezone(info).date()
    return (first + _DAY * number for number in range((last - first).days + 1))
