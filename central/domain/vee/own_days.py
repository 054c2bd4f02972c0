"""What a channel itself metered on other days, by local time: the shape of days without data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction

from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from firmware_bridge.contract.interval import zone_info

REACH_DAYS = 35
"""How far from a day those may be that say what the channel uses; of like days policies say it."""

_SATURDAY, _SUNDAY = 5, 6
_METERED = frozenset(
    {IntervalQuality.ACTUAL, IntervalQuality.EDITED, IntervalQuality.ESTIMATED_BY_METER}
)


class OwnDays:
    """The metered intervals of a channel's own days.

    Args:
        zone: IANA zone of the service point.
        blocks: Newest blocks of other days; only what was metered counts.
        holidays: Public holidays, among them those of the days that are asked for. They count as
            Sundays, whichever weekday they are.

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
        self._days = {block.day: dict(self._by_minute(block)) for block in blocks}
        self._blocks = blocks
        self._near: dict[tuple[str, date], list[date]] = {}

    def same_weekday(self, day: date, reach: int) -> list[date]:
        """The days of a day's weekday that are within so many days, the nearest first."""
        weekday = self._weekday(day)
        return self._chosen("weekday", day, reach, lambda other: self._weekday(other) == weekday)

    def same_kind(self, day: date, reach: int) -> list[date]:
        """The days of a day's kind, working days or weekends, within so many, the nearest first."""
        rests = self._weekday(day) >= _SATURDAY
        return self._chosen(
            "kind", day, reach, lambda other: (self._weekday(other) >= _SATURDAY) == rests
        )

    def nearest(self, day: date) -> list[date]:
        """The nearest days of any kind, the nearest first."""
        return self._chosen("any", day, REACH_DAYS, lambda _: True)

    def average(
        self, instant: datetime, days: Sequence[date], most: int
    ) -> tuple[Fraction, tuple[tuple[date, int], ...]] | None:
        """What was metered at the local time of an instant on some days, on average. [unit].

        Args:
            instant: Where the interval starts. Aware.
            days: The days to choose from; those without a value then are left out.
            most: How many of them count, the first ones.

        Returns:
            With the days that count and the versions of their blocks; None where none has a value.
        """
        minute = self._minute(instant.astimezone(self._zone))
        having = [day for day in days if minute in self._days[day]][:most]
        if not having:
            return None
        total = sum((self._days[day][minute] for day in having), Fraction(0))
        return total / len(having), tuple((day, self._versions[day]) for day in sorted(having))

    def metered(self, day: date) -> Iterator[tuple[datetime, datetime, Fraction]]:
        """The metered intervals of the days within reach of a day: start, end, value. [unit]."""
        for block in self._blocks:
            if abs((block.day - day).days) <= REACH_DAYS:
                step = timedelta(seconds=block.period_s)
                for start, value in _values(block):
                    yield start, start + step, value

    def _chosen(self, kind: str, day: date, reach: int, fits: Callable[[date], bool]) -> list[date]:
        if (kind, day) not in self._near:
            days = [o for o in self._days if 0 < abs((o - day).days) <= reach and fits(o)]
            days.sort(key=lambda other: (abs((other - day).days), other))
            self._near[kind, day] = days
        return self._near[kind, day]

    def _weekday(self, day: date) -> int:
        """The weekday that a day is like."""
        return _SUNDAY if day in self._holidays else day.weekday()

    def _by_minute(self, block: DayBlock) -> Iterator[tuple[int, Fraction]]:
        for start, value in _values(block):
            yield self._minute(start.astimezone(self._zone)), value

    def _minute(self, local: datetime) -> int:
        """Minute of the local day; both hours of an autumn change have the same, a day has 0."""
        return 0 if self._daily else local.hour * 60 + local.minute


def _values(block: DayBlock) -> Iterator[tuple[datetime, Fraction]]:
    scale, step = Fraction(10) ** block.exponent, timedelta(seconds=block.period_s)
    pairs = zip(block.values.tolist(), block.quality.tolist(), strict=True)
    for number, (value, quality) in enumerate(pairs):
        if quality in _METERED:
            yield block.start + number * step, value * scale
