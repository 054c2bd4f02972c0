"""When to poll: UTC boundaries, kept through steps of the wall clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from edge_agent.clock import StepWatch
from firmware_bridge.contract.interval import floor_boundary, next_boundary


class PeriodTimer:
    """The boundaries of one period, each once, none skipped.

    The next boundary is carried on, never recomputed from the wall clock, so a small step back
    does not repeat one and a small step forward does not skip one. Only a jump of half a period or
    more starts a new count: then the old one named instants that were never real.

    Args:
        period_s: Distance of boundaries. [s]
        now: The wall clock. Aware.
    """

    def __init__(self, period_s: int, now: datetime) -> None:
        self.period_s = period_s
        self.following = next_boundary(now, period_s)

    def jump(self, step: timedelta, now: datetime) -> None:
        """The wall clock jumped by `step`, to `now`."""
        if abs(step) >= timedelta(seconds=self.period_s) / 2:
            self.following = next_boundary(now, self.period_s)

    def wait_s(self, now: datetime) -> float:
        """Seconds until the next boundary; 0 where it is due."""
        return max((self.following - now).total_seconds(), 0.0)

    def take(self, now: datetime) -> datetime | None:
        """The boundary that is due, or None. After a stall only the latest."""
        if now < self.following:
            return None
        due = max(self.following, floor_boundary(now, self.period_s))
        self.following = due + timedelta(seconds=self.period_s)
        return due


class Timetable:
    """The timers of all periods that are in use, or were.

    A timer that is in use no longer keeps counting, so that a meter which comes back to its period
    neither repeats nor skips a boundary.

    Args:
        wall: The wall clock now. Aware.
        monotonic: The monotonic clock now. [s]
    """

    def __init__(self, wall: datetime, monotonic: float) -> None:
        self._watch = StepWatch(wall, monotonic)
        self._polled_at = monotonic
        self._timers: dict[int, PeriodTimer] = {}

    def poll(
        self, wall: datetime, monotonic: float, periods_s: Iterable[int]
    ) -> tuple[dict[int, datetime], timedelta | None]:
        """What is due now, each boundary once.

        A period that is new counts from the last poll: what fell due since, its meter was not read
        for under another period either.

        Args:
            wall: The wall clock now. Aware.
            monotonic: The monotonic clock now. [s]
            periods_s: Those in use. [s]

        Returns:
            The boundary of each period that is due, and the jump of the wall clock since the last
            poll, if there was one.
        """
        step = self._watch.observe(wall, monotonic)
        if step is not None:
            for timer in self._timers.values():
                timer.jump(step, wall)
        since = wall - timedelta(seconds=max(monotonic - self._polled_at, 0.0))
        self._polled_at = monotonic
        used = set(periods_s)
        for period_s in used - self._timers.keys():
            self._timers[period_s] = PeriodTimer(period_s, since)
        due = {timer.period_s: at for timer in self._timers.values() if (at := timer.take(wall))}
        return {period_s: due[period_s] for period_s in used & due.keys()}, step

    def wait_s(self, wall: datetime, longest_s: float) -> float:
        """Seconds until something may be due, at most `longest_s`."""
        return min([longest_s, *(timer.wait_s(wall) for timer in self._timers.values())])
