"""A load as an exact counter: what a perfect integer register shows at any instant.

Energy accrues linearly within a step and the register shows whole Wh, rounded down. Everything is
integer arithmetic: sums at the steps' bounds are kept, and the one division comes last.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Protocol, Self

from firmware_bridge.contract.interval import zone_info
from firmware_bridge.contract.reading import to_ms
from firmware_bridge.simulator.load import LoadSeries, VirtualLoadError

_DAY_S = 86_400
_YEAR_DAYS = 365
_FEBRUARY_28 = 58
_WINTER = date(2001, 1, 1)
_SUMMER = date(2001, 7, 1)


class Counter(Protocol):
    """Energy over time."""

    @property
    def start(self) -> datetime:
        """The instant at which the counter is 0."""
        ...

    def energy_wh(self, at: datetime) -> int:
        """Energy from `start` to `at`, rounded down, in Wh."""
        ...

    def power_w(self, at: datetime) -> int:
        """Mean power of the step that holds `at`, rounded down, in W."""
        ...


@dataclass(frozen=True)
class _Sums:
    """A series with its running sums, in kWs / `fraction`."""

    step_ms: int
    fraction: int
    energy: tuple[int, ...]
    sums: tuple[int, ...]

    @classmethod
    def of(cls, step_s: int, digits: int, energy: tuple[int, ...]) -> Self:
        sums = tuple(accumulate(energy, initial=0))
        return cls(step_s * 1000, int(10**digits), energy, sums)

    @property
    def length_ms(self) -> int:
        return self.step_ms * len(self.energy)

    def until(self, elapsed_ms: int) -> int:
        """Energy of the first `elapsed_ms`, in kWs ms / fraction."""
        step, within = divmod(elapsed_ms, self.step_ms)
        if step >= len(self.energy):
            return self.sums[-1] * self.step_ms
        return self.sums[step] * self.step_ms + self.energy[step] * within

    def wh(self, scaled: int) -> int:
        """Whole Wh in a result of `until`: 1 kWs is 10/36 Wh."""
        return scaled * 10 // (36 * self.step_ms * self.fraction)

    def watts(self, step: int) -> int:
        return self.energy[step] * 10**6 // (self.step_ms * self.fraction)


class TimedReplay:
    """A series that starts at a given instant.

    Args:
        series: The load; its energies are not negative.
        start: When step 0 begins; where None the series must tell.
        loop: Whether it begins again at its end; else the counter stands still.

    Raises:
        LoadFileError: Nobody says when it starts.
    """

    def __init__(
        self, series: LoadSeries, start: datetime | None = None, *, loop: bool = False
    ) -> None:
        if start is None and series.start_ms is None:
            message = "The load has no times of its own."
            raise VirtualLoadError(message, remedy="Give --start, or replay it by the calendar.")
        start_ms = to_ms(start) if start is not None else series.start_ms
        self._start_ms = start_ms or 0
        self._loop = loop
        self._sums = _Sums.of(series.step_s, series.digits, series.energy)

    @property
    def start(self) -> datetime:
        """The instant at which the counter is 0."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self._start_ms)

    def energy_wh(self, at: datetime) -> int:
        """Energy from `start` to `at`, rounded down; 0 before, in Wh."""
        elapsed = max(to_ms(at) - self._start_ms, 0)
        if not self._loop:
            return self._sums.wh(self._sums.until(elapsed))
        rounds, elapsed = divmod(elapsed, self._sums.length_ms)
        whole = self._sums.until(self._sums.length_ms)
        return self._sums.wh(rounds * whole + self._sums.until(elapsed))

    def power_w(self, at: datetime) -> int:
        """Mean power of the step that holds `at`, rounded down; 0 outside, in W."""
        elapsed = to_ms(at) - self._start_ms
        if self._loop:
            elapsed %= self._sums.length_ms
        if not 0 <= elapsed < self._sums.length_ms:
            return 0
        return self._sums.watts(elapsed // self._sums.step_ms)


class CalendarReplay:
    """A year series laid onto the calendar.

    Step 0 is 1 January 00:00 local standard time: no daylight saving, as load files have it. A
    series of several years repeats after its last. 29 February repeats the day before, so that
    every other date keeps its own load.

    Args:
        series: Whole years of 365 days, energies not negative.
        zone: IANA zone whose standard time the series follows.
        first_year: The counter is 0 at its beginning.

    Raises:
        LoadFileError: The series is not a whole number of years, or names its own times.
    """

    def __init__(self, series: LoadSeries, zone: str, first_year: int) -> None:
        per_day = _DAY_S // series.step_s
        per_year = per_day * _YEAR_DAYS
        if series.start_ms is not None or not series.energy or len(series.energy) % per_year:
            message = "Only a load of whole years of 365 days can be replayed by the calendar."
            raise VirtualLoadError(message, value=len(series.energy))
        self._offset = standard_offset(zone)
        self._first_year = first_year
        self._per_day, self._per_year = per_day, per_year
        self._series = series
        self._years: list[_Sums] = []
        self._known: dict[tuple[int, bool], _Sums] = {}
        self._totals = [0]
        self._starts = [self._year_start_ms(first_year)]

    @property
    def start(self) -> datetime:
        """The instant at which the counter is 0."""
        return datetime(self._first_year, 1, 1, tzinfo=UTC) - self._offset

    def energy_wh(self, at: datetime) -> int:
        """Energy from `start` to `at`, rounded down; 0 before, in Wh."""
        year, elapsed = self._locate(max(to_ms(at), self._starts[0]))
        sums = self._years[year]
        return sums.wh(self._totals[year] + sums.until(elapsed))

    def power_w(self, at: datetime) -> int:
        """Mean power of the step that holds `at`, rounded down; 0 before `start`, in W."""
        if to_ms(at) < self._starts[0]:
            return 0
        year, elapsed = self._locate(to_ms(at))
        return self._years[year].watts(elapsed // self._years[year].step_ms)

    def _year_start_ms(self, year: int) -> int:
        return to_ms(datetime(year, 1, 1, tzinfo=UTC) - self._offset)

    def _locate(self, at_ms: int) -> tuple[int, int]:
        while self._starts[-1] <= at_ms:
            year = len(self._years)
            sums = self._year_sums(year)
            self._years.append(sums)
            self._totals.append(self._totals[-1] + sums.until(sums.length_ms))
            self._starts.append(self._starts[-1] + sums.length_ms)
        year = bisect_right(self._starts, at_ms) - 1
        return year, at_ms - self._starts[year]

    def _year_sums(self, index: int) -> _Sums:
        first = index * self._per_year % len(self._series.energy)
        leap = isleap(self._first_year + index)
        if (first, leap) not in self._known:
            energy = self._series.energy[first : first + self._per_year]
            if leap:
                day = _FEBRUARY_28 * self._per_day
                energy = energy[: day + self._per_day] + energy[day:]
            self._known[first, leap] = _Sums.of(self._series.step_s, self._series.digits, energy)
        return self._known[first, leap]


class Silence:
    """A direction in which nothing flows.

    Args:
        start: When the counter began to be 0.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start

    @property
    def start(self) -> datetime:
        """The instant from which the counter is 0."""
        return self._start

    def energy_wh(self, at: datetime) -> int:
        """Always 0, in Wh."""
        del at
        return 0

    def power_w(self, at: datetime) -> int:
        """Always 0, in W."""
        del at
        return 0


def standard_offset(zone: str) -> timedelta:
    """A zone's distance to UTC without daylight saving.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    info = zone_info(zone)
    for day in (_WINTER, _SUMMER):
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=info)
        if not noon.dst():
            return noon.utcoffset() or timedelta(0)
    return noon.utcoffset() or timedelta(0)
