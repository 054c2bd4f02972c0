"""The intervals that readings are cut into: of one length, or the local days of a daily channel."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.service_point import PointChannel
from firmware_bridge.contract.interval import Interval, expected_count
from firmware_bridge.contract.reading import to_ms

_DAY, _LONGEST_DAY = timedelta(days=1), timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Grid:
    """Consecutive intervals.

    Args:
        start_ms: First instant. [ms since 1970]
        period_ms: Length of one; of days the usual one. [ms]
        count: How many.
        edges: Of days: the first instant of each, and the end of the last; else none.
            [ms since 1970]
    """

    start_ms: int
    period_ms: int
    count: int
    edges: tuple[int, ...] = ()

    @property
    def end_ms(self) -> int:
        """The first instant after the last interval."""
        return self.edge_ms(self.count)

    def edge_ms(self, number: int) -> int:
        """Where an interval begins; the number of intervals gives the end. [ms since 1970]."""
        return self.edges[number] if self.edges else self.start_ms + number * self.period_ms

    def number_of(self, at_ms: int) -> int:
        """The interval in which an instant lies; below 0 or from `count` on beside the grid."""
        if self.edges:
            return bisect_right(self.edges, at_ms) - 1
        return (at_ms - self.start_ms) // self.period_ms

    def numbers_of(self, at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """As `number_of`, for many instants."""
        if self.edges:
            return np.searchsorted(self.edges, at_ms, side="right").astype(np.int64) - 1
        return (at_ms - self.start_ms) // self.period_ms

    def is_edge(self, at_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which instants are boundaries of intervals."""
        on: NDArray[np.bool_] = (at_ms - self.start_ms) % self.period_ms == 0
        if self.edges:
            on = np.isin(at_ms, np.array(self.edges, dtype=np.int64))
        return on

    def nearest_edge(self, at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The boundary nearest to each instant. [ms since 1970]."""
        if not self.edges:
            half = self.period_ms // 2
            places = (at_ms - self.start_ms + half) // self.period_ms
            return places * self.period_ms + self.start_ms
        edges = np.array(self.edges, dtype=np.int64)
        later = np.clip(np.searchsorted(edges, at_ms), 1, len(edges) - 1)
        before, after = edges[later - 1], edges[later]
        return np.where(after - at_ms <= at_ms - before, after, before)


def margin_of(channel: PointChannel, margin: timedelta) -> timedelta:
    """How long the whole intervals are that a margin reaches into: at least one, days at most."""
    longest = _LONGEST_DAY if channel.daily else timedelta(seconds=channel.period_s)
    return max(1, -(-margin // longest)) * longest


def reach_of(channel: PointChannel, first: date, last: date, margin: timedelta) -> Interval:
    """Some local days, with the intervals that a margin on either side reaches into.

    Args:
        channel: Whose intervals; one of a day is as long as its local day.
        first: First day.
        last: Last day.
        margin: At least one interval of it is taken.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    period = timedelta(seconds=channel.period_s)
    around = max(1, -(-margin // period))
    if channel.daily:
        before, after = first - around * _DAY, last + around * _DAY
        return Interval(channel.local_day(before).start, channel.local_day(after).end)
    start, end = channel.local_day(first).start, channel.local_day(last).end
    return Interval(start - around * period, end + around * period)


def grid_of(channel: PointChannel, first: date, last: date, margin: timedelta) -> Grid:
    """The intervals in the reach of some local days, as `reach_of` says.

    Raises:
        InvalidValueError: The zone is unknown, or intervals do not fill the days.
    """
    reach, period_ms = reach_of(channel, first, last, margin), channel.period_s * 1000
    if not channel.daily:
        return Grid(to_ms(reach.start), period_ms, expected_count(reach, channel.period_s))
    begin, end = (channel.local_date(instant) for instant in (reach.start, reach.end))
    days = (channel.local_day(begin + number * _DAY) for number in range((end - begin).days))
    # A date that a zone skipped has no time in it.
    bounds = {to_ms(instant) for day in days for instant in (day.start, day.end)}
    edges = tuple(sorted(bounds))
    return Grid(edges[0], period_ms, len(edges) - 1, edges)
