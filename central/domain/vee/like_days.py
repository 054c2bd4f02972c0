"""What a channel used at the same local times of like days: the shape of days without data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.domain.vee.linear import spread
from firmware_bridge.contract.interval import zone_info

REACH_DAYS = 35
"""How far from a day its like days may be."""

LIKE_DAYS = 4
"""How many like days are averaged."""

PROFILE_DAYS = 10
"""How many days of any kind are averaged, where no like day has the time of day."""

_SATURDAY, _SUNDAY = 5, 6
_METERED = frozenset(
    {IntervalQuality.ACTUAL, IntervalQuality.EDITED, IntervalQuality.ESTIMATED_BY_METER}
)


@dataclass(frozen=True, slots=True)
class LikeValue:
    """What an interval is expected to be.

    Args:
        value: The average. [unit]
        quality: ESTIMATED_LIKE_DAY of days like it, ESTIMATED_PROFILE of any.
        days: Those averaged, with the versions of their blocks.
    """

    value: Fraction
    quality: IntervalQuality
    days: tuple[tuple[date, int], ...]


class LikeDays:
    """The metered intervals of a channel's own days, by local time.

    A day's like days are the nearest ones of its weekday, then those of its kind: working days or
    weekends. A public holiday counts as a Sunday, whichever weekday it is.

    Args:
        zone: IANA zone of the service point.
        blocks: Newest blocks of other days; only what was metered counts.
        holidays: Public holidays, among them those of the days that are asked for.

    Raises:
        InvalidValueError: The zone is unknown.
    """

    def __init__(
        self, zone: str, blocks: Sequence[DayBlock], holidays: Collection[date] = ()
    ) -> None:
        self._zone = zone_info(zone)
        self._holidays = frozenset(holidays)
        self._daily = all(len(block.values) == 1 for block in blocks)
        self._versions = {block.day: block.version for block in blocks}
        self._days = {block.day: dict(self._metered(block)) for block in blocks}
        self._alike: dict[date, Sequence[tuple[list[date], int, IntervalQuality]]] = {}

    def at(self, instant: datetime, day: date | None = None) -> LikeValue | None:
        """What the interval that starts at an instant is expected to be; None without any day.

        Args:
            instant: Aware.
            day: To which it belongs, where that is not its own date: gas days begin at 06:00.
        """
        local = instant.astimezone(self._zone)
        day, minute = day or local.date(), self._minute(local)
        for days, most, quality in self._near(day):
            having = [other for other in days if minute in self._days[other]]
            if having:
                return self._average(having[:most], minute, quality)
        return None

    def _near(self, day: date) -> Sequence[tuple[list[date], int, IntervalQuality]]:
        """The days like a day, the nearest first: same weekday, same kind, any."""
        if day not in self._alike:
            near = [other for other in self._days if 0 < abs((other - day).days) <= REACH_DAYS]
            near.sort(key=lambda other: (abs((other - day).days), other))
            weekday = self._weekday(day)
            same = [other for other in near if self._weekday(other) == weekday]
            rests = weekday >= _SATURDAY
            kind = [other for other in near if (self._weekday(other) >= _SATURDAY) == rests]
            self._alike[day] = (
                (same, LIKE_DAYS, IntervalQuality.ESTIMATED_LIKE_DAY),
                (kind, LIKE_DAYS, IntervalQuality.ESTIMATED_LIKE_DAY),
                (near, PROFILE_DAYS, IntervalQuality.ESTIMATED_PROFILE),
            )
        return self._alike[day]

    def _weekday(self, day: date) -> int:
        """The weekday that a day is like."""
        return _SUNDAY if day in self._holidays else day.weekday()

    def _average(self, days: Sequence[date], minute: int, quality: IntervalQuality) -> LikeValue:
        total = sum((self._days[day][minute] for day in days), Fraction(0))
        versions = tuple((day, self._versions[day]) for day in sorted(days))
        return LikeValue(total / len(days), quality, versions)

    def _metered(self, block: DayBlock) -> Iterator[tuple[int, Fraction]]:
        scale, step = Fraction(10) ** block.exponent, timedelta(seconds=block.period_s)
        pairs = zip(block.values.tolist(), block.quality.tolist(), strict=True)
        for number, (value, quality) in enumerate(pairs):
            if quality in _METERED:
                local = (block.start + number * step).astimezone(self._zone)
                yield self._minute(local), value * scale

    def _minute(self, local: datetime) -> int:
        """Minute of the local day; both hours of an autumn change have the same, a day has 0."""
        return 0 if self._daily else local.hour * 60 + local.minute


def shares(weights: Sequence[Fraction], total: int | None) -> list[int]:
    """Whole numbers in proportion to weights.

    They are the steps of the floor of the running sum, so that nothing is invented or lost.

    Args:
        weights: None below zero.
        total: What they sum to; None where the weights themselves are what is expected.
    """
    whole = sum(weights, Fraction(0))
    if total is not None and not whole:
        return spread(total, len(weights))
    factor = Fraction(1) if total is None else total / whole
    steps: list[int] = []
    running, before = Fraction(0), 0
    for weight in weights:
        running += weight * factor
        steps.append(running.__floor__() - before)
        before = running.__floor__()
    return steps
