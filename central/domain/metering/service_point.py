"""The place served, and what is counted there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from central.domain.metering.installed_days import local_date
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import MIDNIGHT, Interval, local_day, zone_info
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class ServicePoint:
    """The place served; outlives any meter.

    Args:
        name: Its name in the registry, such as a NMI or MPAN.
        zone: IANA zone that cuts its days.
        capacity: What the connection can carry, per hour and in the base unit of its channels
            (W for Wh). None where it is not known: then no rollover can be proven. Exact.

    Raises:
        InvalidValueError: The name is empty, the zone unknown, or the capacity not positive.
    """

    name: str
    zone: str
    capacity: Fraction | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            message = "A service point needs a name."
            raise InvalidValueError(message, value=self.name)
        zone_info(self.zone)
        if self.capacity is not None and self.capacity <= 0:
            message = f"A capacity of {self.capacity} is not above zero."
            raise InvalidValueError(message, value=self.capacity)


@dataclass(frozen=True, slots=True)
class PointChannel:
    """One quantity and direction at a service point: what is validated and billed.

    Meters come and go under it, each with channels of its own; their readings become one
    series of intervals here.

    Args:
        id: As the store numbers it; `DayBlock.channel_id`.
        point: Where.
        obis: What is counted.
        period_s: Length of its intervals; divides an hour or is a whole number of them. A day's
            is one interval per local day, of 23 or 25 hours where clocks change. [s]
        unit: Unit of its intervals.
        day_start: Time of day at which its local days begin: that of the services that bill it.

    Raises:
        InvalidValueError: The period does not fit an hour or a day, or a day begins inside one.
    """

    id: int
    point: ServicePoint
    obis: Obis
    period_s: int
    unit: Unit
    day_start: time = MIDNIGHT

    def __post_init__(self) -> None:
        if self.period_s <= 0 or DAY_S % self.period_s:
            message = f"A day is not a whole number of intervals of {self.period_s} s."
            raise InvalidValueError(message, value=self.period_s)
        begins = timedelta(hours=self.day_start.hour, minutes=self.day_start.minute)
        if not self.daily and begins % timedelta(seconds=self.period_s):
            message = f"No interval of {self.period_s} s begins at {self.day_start:%H:%M}."
            raise InvalidValueError(message, value=self.period_s)

    @property
    def daily(self) -> bool:
        """Whether each local day is one interval."""
        return self.period_s == DAY_S

    def local_day(self, day: date) -> Interval:
        """The interval of one of its days.

        Raises:
            InvalidValueError: The zone is unknown.
        """
        return local_day(day, self.point.zone, self.day_start)

    def local_date(self, instant: datetime) -> date:
        """The day in which an instant lies.

        Raises:
            InvalidValueError: The zone is unknown.
        """
        return local_date(instant, self.point.zone, self.day_start)
