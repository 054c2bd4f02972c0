"""When to poll: UTC boundaries, kept through jumps of the wall clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware_bridge.contract.interval import floor_boundary, next_boundary


class Beat:
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
