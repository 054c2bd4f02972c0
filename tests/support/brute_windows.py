"""Demand by brute force: every window of a load looked at by itself, with zoneinfo and fractions.

It imports nothing of the product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo


@dataclass
class Steps:
    """Energy per step, with the local time at which each begins.

    Args:
        start: First instant.
        minutes: Length of a step.
        zone: IANA zone.
        wh: Energy of each.
    """

    start: datetime
    minutes: int
    zone: str
    wh: list[int]

    def local(self, number: int) -> datetime:
        """Local time at the start of a step."""
        at = self.start.astimezone(UTC) + timedelta(minutes=self.minutes * number)
        return at.astimezone(ZoneInfo(self.zone))


@dataclass
class Window:
    """A window of whole steps.

    Args:
        first: Number of its first step.
        kw: Average power.
        day: Local date of its first step.
        label: Period of its steps.
    """

    first: int
    kw: Fraction
    day: date
    label: str


def windows(  # noqa: PLR0913 - what a window depends on
    steps: Steps,
    minutes: int,
    *,
    rolling: bool,
    label: Callable[[datetime], str],
    counts: Callable[[int], bool] = lambda _: True,
    astride: str = "none",
) -> list[Window]:
    """Every window all of whose steps count, once for each period that it counts for.

    Args:
        steps: The load.
        minutes: Length of a window.
        rolling: From any step on, instead of from whole multiples of the length on the wall clock.
        label: Period at a local time.
        counts: Whether a step may be in a window.
        astride: Which of several periods a window counts for: first, last, each or none.
    """
    width = minutes // steps.minutes
    found: list[Window] = []
    for first in range(len(steps.wh) - width + 1):
        inside = range(first, first + width)
        begin = steps.local(first)
        if not rolling and (begin.hour * 60 + begin.minute) % minutes:
            continue
        names = list(dict.fromkeys(label(steps.local(number)) for number in inside))
        names = {
            "first": names[:1],
            "last": [label(steps.local(inside[-1]))],
            "each": names,
            "none": names if len(names) == 1 else [],
        }[astride]
        if not all(counts(number) for number in inside):
            continue
        energy = Fraction(sum(steps.wh[number] for number in inside), 1000)
        kw = energy * Fraction(60, minutes)
        found.extend(Window(first, kw, begin.date(), name) for name in names)
    return found


def peaks(found: list[Window]) -> dict[str, Fraction]:
    """The highest window of each period."""
    best: dict[str, Fraction] = {}
    for window in found:
        best[window.label] = max(window.kw, best.get(window.label, window.kw))
    return best


def daily_peaks(found: list[Window]) -> dict[str, Fraction]:
    """The sum over local days of each day's highest window, by period."""
    best: dict[tuple[str, date], Fraction] = {}
    for window in found:
        key = (window.label, window.day)
        best[key] = max(window.kw, best.get(key, window.kw))
    total: dict[str, Fraction] = {}
    for (name, _), kw in best.items():
        total[name] = total.get(name, Fraction(0)) + kw
    return total
