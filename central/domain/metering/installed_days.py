"""The local days on which a meter was there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import MIDNIGHT, Interval, day_start, local_day, zone_info

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def local_date(instant: datetime, zone: str, at: time = MIDNIGHT) -> date:
    """The local date of an instant.

    Args:
        instant: Aware.
        zone: Where the days are cut.
        at: When the days begin; what is earlier in a date belongs to the day before.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    day = instant.astimezone(zone_info(zone)).date()
    return day if at == MIDNIGHT or instant >= day_start(day, zone, at) else day - _DAY


def is_installed(installed: Sequence[Interval], day: date, zone: str, at: time = MIDNIGHT) -> bool:
    """Whether a meter was there at any time of a local day.

    Args:
        installed: When meters were there.
        day: Local date.
        zone: Where the days are cut.
        at: When the days begin.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    interval = local_day(day, zone, at)
    return any(one.overlap(interval) for one in installed)


def installed_days(
    installed: Sequence[Interval], zone: str, first: date, last: date, at: time = MIDNIGHT
) -> Iterator[date]:
    """The days from `first` to `last`, both included, on which a meter was there.

    Years without a meter cost nothing.

    Args:
        installed: When meters were there, ascending and apart.
        zone: Where the days are cut.
        first: The earliest day.
        last: The latest day.
        at: When the days begin.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    day = first
    for one in installed:
        day = max(day, local_date(one.start, zone, at))
        end = min(last, local_date(one.end - _TICK, zone, at))
        while day <= end:
            # A date that a zone skipped (Samoa, 30 December 2011) has no time in it.
            if is_installed((one,), day, zone, at):
                yield day
            day += _DAY


def has_day_to_close(  # noqa: PLR0913, PLR0917 - when days are cut, and which are wanted
    installed: Sequence[Interval],
    zone: str,
    closed_through: date | None,
    before: datetime,
    since: datetime,
    at: time = MIDNIGHT,
) -> bool:
    """Whether a day on which a meter was there is over and not closed, see `first_day_to_close`.

    Returns:
        True where the zone is unknown too: whoever closes the day says so.
    """
    return first_day_to_close(installed, zone, closed_through, before, since, at) is not None


def first_day_to_close(  # noqa: PLR0913, PLR0917 - when days are cut, and which are wanted
    installed: Sequence[Interval],
    zone: str,
    closed_through: date | None,
    before: datetime,
    since: datetime,
    at: time = MIDNIGHT,
) -> date | None:
    """The first day on which a meter was there that is over and not closed; None for none.

    Args:
        installed: When meters were there, ascending and apart.
        zone: Where the days are cut.
        closed_through: The last day that was closed.
        before: Days that ended by then are over.
        since: Days that were over then are not closed where none ever was.
        at: When the days begin.

    Returns:
        The day after the last that was closed, or the UTC day of the first meter, where the zone
        is unknown.
    """
    try:
        first = local_date(since, zone, at) if closed_through is None else closed_through + _DAY
        days = installed_days(installed, zone, first, local_date(before, zone, at) - _DAY, at)
        return next(days, None)
    except InvalidValueError:
        if closed_through is not None:
            return closed_through + _DAY
        return installed[0].start.date() if installed else before.date()
