"""Which closed days changes reach into, how many of them are done now, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from central.domain.metering.service_point import PointChannel
from central.domain.vee.day import Thresholds
from central.domain.vee.reopened import days_reached
from central.service.ports.validation import ChangedRange, LockedChannel, PointChannelId
from central.service.validation.validate_each import DaysDone
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval

_DAY = timedelta(days=1)
_INSTANT = timedelta(milliseconds=1)
# What is left of a change reaches a day or two back again, so fewer would not get on.
_LEAST = 8


class ChangedDays:
    """The days of some changes, for `ValidateEach`.

    Args:
        changes: As they were taken.
        closed_through: Tells the last closed day of a channel.
        limits: They say how far a reading reaches.
        most: Days of a channel that are done at a time, and how far apart they are at most.
    """

    def __init__(
        self,
        changes: Sequence[ChangedRange],
        closed_through: Callable[[LockedChannel], date],
        limits: Thresholds,
        most: int,
    ) -> None:
        self._changes: dict[PointChannelId, list[ChangedRange]] = {}
        for change in changes:
            self._changes.setdefault(change.channel_id, []).append(change)
        self._closed_through = closed_through
        self._limits = limits
        self._most = max(most, _LEAST)

    def __call__(self, one: LockedChannel) -> list[date]:
        """The first of the closed days whose window a change of the channel reaches into."""
        days = self._days(one)
        return [day for day in days[: self._most] if day < days[0] + self._most * _DAY]

    def _days(self, one: LockedChannel) -> list[date]:
        channel, last = one.channel, self._closed_through(one)
        changes = self._changes[PointChannelId(channel.id)]
        days = {day for change in changes for day in self._around(change, channel, last)}
        return sorted(filter(one.is_open, days))

    def _around(self, change: ChangedRange, channel: PointChannel, last: date) -> Iterable[date]:
        first, reached = days_reached(channel, change.interval, self._limits)
        last = min(last, reached)
        return (first + _DAY * number for number in range((last - first).days + 1))

    def left(self, done: Mapping[PointChannelId, DaysDone]) -> list[ChangedRange]:
        """What of the changes is still to be done."""
        return [change for key, one in done.items() for change in self._left(key, one.channel)]

    def _left(self, key: PointChannelId, one: LockedChannel | None) -> Iterator[ChangedRange]:
        try:
            days = [] if one is None else self._days(one)
        except InvalidValueError:
            return
        chosen = set() if one is None else set(self(one))
        rest = [day for day in days if day not in chosen]
        if one is None or not rest:
            return
        for change in self._changes[key]:
            if any(day >= rest[0] for day in self._around(change, one.channel, days[-1])):
                start = min(one.channel.local_day(rest[0]).start, change.interval.end - _INSTANT)
                start = max(start, change.interval.start)
                yield replace(change, interval=Interval(start, change.interval.end))

    def first_day(self, key: PointChannelId, one: DaysDone) -> date:
        """From which day on a channel that failed is closed anew."""
        if one.failed is not None and one.days:
            return one.failed
        # Where its days cannot be told, any zone's first day lies behind this one.
        start = min(change.interval.start for change in self._changes[key])
        start -= self._limits.linear_gap
        earliest = start.date() - 3 * _DAY
        return earliest if one.failed is None else min(one.failed, earliest)
