"""The local days on which a meter was there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval, local_day, zone_info

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def local_date(instant: datetime, zone: str) -> date:
    """The local date of an instant.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    return instant.astimezone(zone_info(zone)).date()


def is_installed(installed: Sequence[Interval], day: date, zone: str) -> bool:
    """Whether a meter was there at any time of a local day.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    interval = local_day(day, zone)
    return any(one.overlap(interval) for one in installed)


def installed_days(
    installed: Sequence[Interval], zone: str, first: date, last: date
) -> Iterator[date]:
    """The days from `first` to `last`, both included, on which a meter was there.

    Years without a meter cost nothing.

    Args:
        installed: When meters were there, ascending and apart.
        zone: Where the days are cut.
        first: The earliest day.
        last: The latest day.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    day = first
    for one in installed:
        day = max(day, local_date(one.start, zone))
        end = min(last, local_date(one.end - _TICK, zone))
        while day <= end:
            # A date that a zone skipped (Samoa, 30 December 2011) has no time in it.
            if is_installed((one,), day, zone):
                yield day
            day += _DAY


def has_day_to_close(
    installed: Sequence[Interval],
    zone: str,
    closed_through: date | None,
    before: datetime,
    since: datetime,
) -> bool:
    """Whether a day on which a meter was there is over and not closed.

    Args:
        installed: When meters were there, ascending and apart.
        zone: Where the days are cut.
        closed_through: The last day that was closed.
        before: Days that ended by then are over.
        since: Days that were over then are not closed where none ever was.

    Returns:
        True where the zone is unknown too: whoever closes the day says so.
    """
    try:
        first = local_date(since, zone) if closed_through is None else closed_through + _DAY
        days = installed_days(installed, zone, first, local_date(before, zone) - _DAY)
        return next(days, None) is not None
    except InvalidValueError:
        return True
