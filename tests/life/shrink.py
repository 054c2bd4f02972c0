"""Make a life that fails shorter, while it still fails by the same invariant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date

from tests.life.events import Event, Life

Fails = Callable[[Life], Awaitable[date | None]]
"""Lives a life anew; the day on which it fails as before, None if it does not."""


class Enough(Exception):  # noqa: N818 - no error: the time for it is over
    """No more lives are lived."""


async def shrink(life: Life, day: date, fails: Fails, most: int = 60) -> Life:
    """Leave out events in ever smaller pieces as long as what is left still fails.

    Args:
        life: It fails.
        day: On which.
        fails: Lives another.
        most: Lives that are lived at most.

    Returns:
        A life of no more events that fails, and ends on the day it does.
    """
    best = _until(life, day)
    left = most

    async def tried(events: Sequence[Event]) -> bool:
        nonlocal best, left
        if not left:
            raise Enough
        left -= 1
        shorter = best.with_events(events)
        failed_on = await fails(shorter)
        if failed_on is None:
            return False
        best = _until(shorter, failed_on)
        return True

    try:
        size = max(1, len(best.events) // 2)
        while True:
            removed = False
            start = 0
            while start < len(best.events):
                kept = [*best.events[:start], *best.events[start + size :]]
                if kept and await tried(kept):
                    removed = True
                else:
                    start += size
            if size == 1 and not removed:
                return best
            size = max(1, size // 2) if not removed or size > 1 else 1
    except Enough:
        return best


def _until(life: Life, day: date) -> Life:
    """What happened until a day."""
    events = tuple(event for event in life.events if event.day <= day)
    return replace(life, end=max(day, life.first), events=events)
