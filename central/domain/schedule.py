"""When a job is due: at a local time of day, every day or once a month, by a given clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start, zone_info

DAY_MAX = 28
"""The last day of the month that every month has."""
_NIGHT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class JobSchedule:
    """When one job is done, and for whom.

    Args:
        name: Unique; that of the job where it is the only one.
        job: What is done.
        at: Local time of day.
        zone: IANA zone of that time; None for each zone in which there are service points.
        day: Day of the month, 1 .. 28; None for every day.
        group: Name of the group whose accounts a run bills; None for all.
        cycle: Name of the billing cycle whose periods a run bills; None for the month before.
        paused: Whether it is not done at present.

    Raises:
        InvalidValueError: The day is out of range.
    """

    name: str
    job: str
    at: time
    zone: str | None = "UTC"
    day: int | None = None
    group: str | None = None
    cycle: str | None = None
    paused: bool = False

    def __post_init__(self) -> None:
        if self.day is not None and not 1 <= self.day <= DAY_MAX:
            message = f"{self.day} is not a day that every month has: write 1 to {DAY_MAX}."
            raise InvalidValueError(message, value=self.day)

    def night(self, now: datetime, zone: str) -> date:
        """The newest local day on which it came due.

        Args:
            now: The present, aware.
            zone: The schedule's, or one of the points'.

        Raises:
            InvalidValueError: The zone is unknown.
        """
        night = now.astimezone(zone_info(zone)).date() + _NIGHT
        while not self._on(night) or self.came_due(night, zone) > now:
            night -= _NIGHT
        return night

    def next_at(self, now: datetime, zone: str) -> datetime:
        """When it comes due next, after now. UTC.

        Args:
            now: The present, aware.
            zone: As for `night`.
        """
        night = self.night(now, zone) + _NIGHT
        while not self._on(night):
            night += _NIGHT
        return self.came_due(night, zone)

    def came_due(self, night: date, zone: str) -> datetime:
        """The instant of its time on a local day; that of the gap's end where clocks skip it. UTC.

        Args:
            night: The day.
            zone: As for `night`.
        """
        return day_start(night, zone, self.at)

    def _on(self, night: date) -> bool:
        return self.day is None or night.day == self.day

    @property
    def text(self) -> str:
        """In words: `daily at 02:00 UTC`."""
        often = "daily" if self.day is None else f"on day {self.day} of each month"
        where = "in each zone" if self.zone is None else self.zone
        whom = [f"group {self.group}"] if self.group else []
        whom += [f"cycle {self.cycle}"] if self.cycle else []
        words = f"{often} at {self.at:%H:%M} {where}"
        return ", ".join([words, *whom, *(["paused"] if self.paused else [])])

    def to_json(self) -> dict[str, Any]:
        """Every field, as the audit log has it."""
        return {
            "job": self.job,
            "at": self.at.strftime("%H:%M"),
            "zone": self.zone,
            "day": self.day,
            "group": self.group,
            "cycle": self.cycle,
            "paused": self.paused,
        }


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A schedule whose time came.

    Args:
        schedule: Which.
        zone: In whose local time.
        night: The local day on which it came.
    """

    schedule: JobSchedule
    zone: str
    night: date

    @property
    def key(self) -> str:
        """What tells it from other occurrences of that night."""
        name = self.schedule.name
        return name if self.schedule.zone is not None else f"{name}@{self.zone}"
