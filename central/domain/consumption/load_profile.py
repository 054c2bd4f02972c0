"""The average day of a load by local hour, on working days and at weekends, its peak and factor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from central.domain.consumption.step_totals import LoadTotal

HOUR_S = 3600
HOURS = 24
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """How a load is over the day.

    Args:
        weekday: Mean of each local hour on Mondays to Fridays; None where there was none.
            [billing unit]
        weekend: The same on Saturdays and Sundays.
        days: The same on all days.
        mean: Mean load. [billing unit/h]
        peak: Highest load of a step. [billing unit/h]
        peak_at: When that step began; None where nothing was due.
        step_s: Length of the steps of which the peak is one. [s]
        channels: Most channels that counted at a time.
        missing: Intervals without a value: they count as nothing.
        estimated: Intervals whose value is an estimate.
    """

    weekday: tuple[Fraction | None, ...]
    weekend: tuple[Fraction | None, ...]
    days: tuple[Fraction | None, ...]
    mean: Fraction
    peak: Fraction
    peak_at: datetime | None
    step_s: int
    channels: int
    missing: int
    estimated: int

    @property
    def load_factor(self) -> Fraction | None:
        """Mean load of the peak; None where there is none above zero."""
        return self.mean / self.peak if self.peak > 0 else None


@dataclass(slots=True)
class _Hours:
    totals: list[Fraction] = field(default_factory=lambda: [Fraction(0)] * HOURS)
    begun: list[int] = field(default_factory=lambda: [0] * HOURS)

    def means(self, steps_an_hour: int) -> tuple[Fraction | None, ...]:
        return tuple(
            total * steps_an_hour / count if count else None
            for total, count in zip(self.totals, self.begun, strict=True)
        )


def load_profile(
    steps: Iterable[tuple[datetime, LoadTotal]], step_s: int, zone: str
) -> LoadProfile:
    """The profile of a load.

    An hour that comes twice on the day on which clocks go back counts twice, as two hours.

    Args:
        steps: Its steps of time, ascending.
        step_s: Their length, an hour or a whole part of one. [s]
        zone: IANA zone of its local hours.
    """
    local = ZoneInfo(zone)
    by_day = {is_weekend: _Hours() for is_weekend in (False, True)}
    all_days = _Hours()
    steps_an_hour = HOUR_S // step_s
    whole, highest = LoadTotal(), Fraction(0)
    count, peak_at = 0, None
    for at, step in steps:
        there = at.astimezone(local)
        for hours in (by_day[there.weekday() >= _SATURDAY], all_days):
            hours.totals[there.hour] += step.total
            hours.begun[there.hour] += 1
        whole.add_time(step)
        count += 1
        if peak_at is None or step.total > highest:
            highest, peak_at = step.total, at
    return LoadProfile(
        by_day[False].means(steps_an_hour),
        by_day[True].means(steps_an_hour),
        all_days.means(steps_an_hour),
        whole.total * steps_an_hour / count if count else Fraction(0),
        highest * steps_an_hour,
        peak_at,
        step_s,
        whole.channels,
        whole.missing,
        whole.estimated,
    )
