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
        day: Local date of its first step, or of its last where it counts for the last period.
        label: Period of its steps.
        segment: Of the bill, from 0.
    """

    first: int
    kw: Fraction
    day: date
    label: str
    segment: int = 0


def windows(  # noqa: PLR0913 - what a window depends on
    steps: Steps,
    minutes: int,
    *,
    rolling: bool,
    label: Callable[[datetime], str],
    counts: Callable[[int], bool] = lambda _: True,
    astride: str = "none",
    cut: date | None = None,
    of_days: bool = False,
) -> list[Window]:
    """Every window all of whose steps count, once for each period and part that it counts for.

    Args:
        steps: The load.
        minutes: Length of a window.
        rolling: From any step on, instead of from whole multiples of the length on the wall clock.
        label: Period at a local time.
        counts: Whether a step may be in a window.
        astride: Which of several periods a window counts for: first, last, each or none.
        cut: Day on which the bill's second part begins.
        of_days: Whether a window is of one day, and so of one part.
    """
    width = minutes // steps.minutes
    measured: list[Window] = []
    for first in range(len(steps.wh) - width + 1):
        inside = range(first, first + width)
        begin = steps.local(first)
        if not rolling and (begin.hour * 60 + begin.minute) % minutes:
            continue
        homes = []
        for number in inside:
            at = steps.local(number)
            homes.append((label(at), 0 if cut is None or at.date() < cut else 1))
        chosen = list(dict.fromkeys(homes))
        if astride == "each" and of_days:
            chosen = [home for home in chosen if home[1] == homes[0][1]]
        elif astride == "last":
            chosen = homes[-1:]
        elif astride == "first" or (len({name for name, _ in homes}) == 1 and astride == "none"):
            chosen = homes[:1]
        elif astride == "none":
            chosen = []
        if not all(counts(number) for number in inside):
            continue
        energy = Fraction(sum(steps.wh[number] for number in inside), 1000)
        kw = energy * Fraction(60, minutes)
        day = (steps.local(inside[-1]) if astride == "last" else begin).date()
        measured.extend(Window(first, kw, day, name, segment) for name, segment in chosen)
    return measured


Peaks = dict[tuple[int, str], Fraction]
"""A number by part of the bill and period."""


def peaks(measured: list[Window]) -> Peaks:
    """The highest window of each part and period."""
    return {key: max(highest) for key, highest in _of_days(measured).items()}


def daily_peaks(measured: list[Window]) -> Peaks:
    """The sum over local days of each day's highest window, by part and period."""
    return {key: sum(highest, Fraction(0)) for key, highest in _of_days(measured).items()}


def mean_peaks(measured: list[Window], count: int) -> Peaks:
    """The mean of the highest days' peaks, by part and period."""
    highest = {key: sorted(peaks)[-count:] for key, peaks in _of_days(measured).items()}
    return {key: sum(best, Fraction(0)) / len(best) for key, best in highest.items()}


def _of_days(measured: list[Window]) -> dict[tuple[int, str], list[Fraction]]:
    best: dict[tuple[int, str], dict[date, Fraction]] = {}
    for window in measured:
        days = best.setdefault((window.segment, window.label), {})
        days[window.day] = max(window.kw, days.get(window.day, window.kw))
    return {key: list(days.values()) for key, days in best.items()}
