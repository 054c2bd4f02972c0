"""Brute force for what is measured beyond sums: baselines, factors, levels. Imports no product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo


@dataclass
class Use:
    """Energy per interval, from an instant on.

    Args:
        start: First instant. Aware.
        step: Length of an interval.
        wh: Per interval.
        zone: IANA zone of the local days.
    """

    start: datetime
    step: timedelta
    wh: list[int]
    zone: str

    def at(self, number: int) -> datetime:
        """Local time at which an interval starts."""
        return (self.start + number * self.step).astimezone(ZoneInfo(self.zone))

    def days(self) -> dict[date, list[int]]:
        """Numbers of the intervals of each local day."""
        found: dict[date, list[int]] = {}
        for number in range(len(self.wh)):
            found.setdefault(self.at(number).date(), []).append(number)
        return found

    def clock(self, number: int) -> tuple[int, int]:
        """Hour and minute at which an interval starts."""
        local = self.at(number)
        return local.hour, local.minute


@dataclass
class Rules:
    """A baseline in the plainest terms: see `rebate`."""

    days: int
    pick: int
    rank: str
    alike: Callable[[date, date], bool]
    floor: str
    minutes: int = 0
    gap: int = 0
    cap: Fraction = Fraction(0)


def rebate(use: Use, marked: list[bool], first: date, end: date, rules: Rules) -> Fraction:
    """Reduction in kWh over the events of the days from `first` to before `end`.

    A baseline is made for each marked interval by itself: the mean over the picked days of what was
    used at that time of day, times the adjustment of the event.
    """
    days, total = use.days(), Fraction(0)
    for day in sorted(days):
        event = [n for n in days[day] if marked[n]]
        if not first <= day < end or not event:
            continue
        picked = _picked(use, marked, day, event, rules)
        factor = _factor(use, event, picked, rules)
        differences = []
        for n in event:
            same = [_same(use, days[other], n) for other in picked]
            whole = sum(use.wh[own] for own in same if own is not None)
            differences.append(Fraction(whole, len(picked)) * factor - use.wh[n])
        if rules.floor == "interval":
            total += sum((max(Fraction(0), one) for one in differences), Fraction(0))
        elif rules.floor == "event":
            total += max(Fraction(0), sum(differences, Fraction(0)))
        else:
            total += sum(differences, Fraction(0))
    return total / 1000


def _same(use: Use, numbers: list[int], like: int) -> int | None:
    """The first interval of a day at the time of day of another interval."""
    return next((n for n in numbers if use.clock(n) == use.clock(like)), None)


def _picked(use: Use, marked: list[bool], day: date, event: list[int], rules: Rules) -> list[date]:
    days = use.days()
    found: list[date] = []
    other = day - timedelta(days=1)
    while other in days and len(found) < rules.days:
        whole = all(_same(use, days[other], n) is not None for n in event)
        if rules.alike(day, other) and whole and not any(marked[n] for n in days[other]):
            found.append(other)
        other -= timedelta(days=1)

    def used(one: date) -> int:
        times = {use.clock(n): n for n in reversed(event)}
        return sum(use.wh[_same(use, days[one], n) or 0] for n in times.values())

    if rules.rank == "highest":
        found = sorted(found, key=lambda one: (-used(one), -one.toordinal()))
    if rules.rank == "lowest":
        found = sorted(found, key=lambda one: (used(one), -one.toordinal()))
    return found[: rules.pick]


def _factor(use: Use, event: list[int], picked: list[date], rules: Rules) -> Fraction:
    if rules.minutes == 0:
        return Fraction(1)
    days = use.days()
    hour, minute = use.clock(event[0])
    end = hour * 60 + minute - rules.gap
    own = days[use.at(event[0]).date()]
    inside: dict[tuple[int, int], int] = {}
    for n in own:
        hour, minute = use.clock(n)
        if end - rules.minutes <= hour * 60 + minute < end:
            inside.setdefault((hour, minute), n)
    before = [[_same(use, days[other], n) for n in inside.values()] for other in picked]
    if not inside or any(n is None for row in before for n in row):
        return Fraction(1)
    mean = Fraction(sum(use.wh[n or 0] for row in before for n in row), len(picked))
    if mean == 0:
        return Fraction(1)
    ratio = Fraction(sum(use.wh[n] for n in inside.values())) / mean
    return min(max(ratio, 1 - rules.cap), 1 + rules.cap)


def weighted(wh: list[int], factors: list[list[Fraction]]) -> Fraction:
    """Sum of use times all its factors, in thousandths. Each list has a factor per interval."""
    total = Fraction(0)
    for number, value in enumerate(wh):
        product = Fraction(value, 1000)
        for own in factors:
            product *= own[number]
        total += product
    return total


def held(
    changes: list[tuple[datetime, str, Fraction]],
    opening: dict[str, Fraction],
    first: datetime,
    end: datetime,
) -> Fraction:
    """Average over time of the sum of levels, second by second of the changes' instants."""
    levels, total, now = dict(opening), Fraction(0), first
    for at, key, value in sorted(changes):
        if first <= at < end:
            total += sum(levels.values()) * Fraction((at - now).total_seconds())
            levels[key], now = value, at
    total += sum(levels.values()) * Fraction((end - now).total_seconds())
    return total / Fraction((end - first).total_seconds())
