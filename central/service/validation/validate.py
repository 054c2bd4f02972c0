"""Turn queued changes into validated day blocks.

Two things make a day's block: the day ends (it is closed once, with whatever is there, so that a
silent meter shows as missing), and readings around a closed day change. Either way the day is
validated anew from all its readings, and only other content makes another version. What one channel
or day does stops no other, and what one transaction does is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from central.domain.metering.installed_days import installed_days
from central.domain.vee.day import Thresholds
from central.service.ingest.rows import PAST
from central.service.ports.validation import (
    Closing,
    LockedChannel,
    PointChannelId,
    ValidationStore,
    ValidationTransaction,
)
from central.service.validation.changed_days import ChangedDays
from central.service.validation.tally import Tally
from central.service.validation.validate_each import DaysDone, ValidateEach

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class VeeSettings:
    """How validation works off its queue.

    Args:
        grace: How long after its end a day is closed, so that last readings can come in.
        batch: Changes taken at a time.
        closing: Channels closed at a time.
        days: Most days of a channel validated at a time; the rest follow in its next turns.
        together: Most days of all channels validated at a time, or a few days of each.
        reach: How far back a channel that was never closed is closed. No older reading is taken.
        thresholds: Where rules draw their lines.
        tries: How often a channel that fails is tried in a row.
        rest: How long it is left alone then.
    """

    grace: timedelta = timedelta(minutes=15)
    batch: int = 500
    closing: int = 100
    days: int = 62
    together: int = 1_240
    reach: timedelta = PAST
    thresholds: Thresholds = field(default_factory=Thresholds)
    tries: int = 3
    rest: timedelta = timedelta(hours=6)


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
        self._failing: dict[PointChannelId, tuple[int, datetime]] = {}

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
            most, channels = self._settings, {change.channel_id for change in changes}
            plan = ChangedDays(
                changes,
                self._closed_through,
                most.thresholds,
                min(most.days, most.together // len(channels)),
            )
            each = ValidateEach(work, most.thresholds, self._clock(), in_order=False)
            tally, done = await each(channels, plan)
            await work.put_back(plan.left(done))
            for key, one in done.items():
                if one.failed is not None:
                    # It is closed anew, which is tried again and again, but never in a hurry.
                    await work.reopen(key, plan.first_day(key, one))
        return Tally(changes=taken) + tally

    async def _closings(self) -> Tally:
        """Close days of the next channels that have any; at the end of the list, begin anew.

        Each channel has its turn, so that one with years to close keeps no other waiting.
        """
        before = self._clock() - self._settings.grace
        async with self._store.transaction() as work:
            due = await self._due(work, before)
            if not due:
                return Tally()
            each = ValidateEach(work, self._settings.thresholds, self._clock(), in_order=True)
            tried = [key for key in due if not self._rests(key)]
            most = min(self._settings.days, max(self._settings.together // len(due), 1))
            tally, done = await each(tried, lambda one: self._to_close(one, before, most))
            noted = await work.close_through(
                [
                    Closing(key, one.channel.closed_through, one.days[-1])
                    for key, one in done.items()
                    if one.days and one.channel is not None
                ]
            )
        self._closed_this_round = self._closed_this_round or bool(noted)
        self._after = due[-1]
        if self._closed_this_round and len(due) < self._settings.closing:
            # These were the last, so the next are those of a new round.
            self._after, self._closed_this_round = PointChannelId(0), False
        self._remember(done)
        closed = sorted(day for key in noted for day in done[key].days)
        span = (closed[0], closed[-1]) if closed else None
        return tally + Tally(closed=len(closed), looked=len(due), span=span)

    def _rests(self, key: PointChannelId) -> bool:
        """Whether a channel failed so often that it is left alone for a while."""
        tries, last = self._failing.get(key, (0, self._clock()))
        # A clock that was set back since makes no rest.
        rests = last <= self._clock() < last + self._settings.rest
        return tries >= self._settings.tries and rests

    def _remember(self, done: Mapping[PointChannelId, DaysDone]) -> None:
        for key, one in done.items():
            tries, _ = self._failing.pop(key, (0, None))
            if one.failed is not None:
                self._failing[key] = (tries + 1, self._clock())

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

    def _to_close(self, one: LockedChannel, before: datetime, most: int) -> list[date]:
        """The next days with a meter after the last that was closed, up to the last that is over.

        Whether anything was read on them does not matter: a silent meter shows as missing.
        """
        channel = one.channel
        first = max(self._closed_through(one) + _DAY, one.floor or date.min)
        last = channel.local_date(before) - _DAY
        days = installed_days(one.installed, channel.point.zone, first, last, channel.day_start)
        return list(islice(days, most))

    def _closed_through(self, one: LockedChannel) -> date:
        """The last day that is not to be closed any more."""
        if one.closed_through is not None:
            return one.closed_through
        since = self._clock() - self._settings.grace - self._settings.reach
        return one.channel.local_date(since) - _DAY
