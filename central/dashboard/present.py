"""How numbers, times and states read on a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from central.domain.metering.display_unit import spelled, spelled_quantity
from firmware_bridge.contract.interval import zone_info
from firmware_bridge.contract.quantity import Quantity, Unit

DASH = "\N{EN DASH}"
_STEPS = ((timedelta(days=2), "d", 86_400), (timedelta(hours=2), "h", 3600))
_MINUTE_S = 60


def number(value: Decimal | int | str | None, digits: int | None = None) -> str:
    """A number with groups of three; all its digits, or so many after the point."""
    if value is None:
        return DASH
    exact = Decimal(value)
    return f"{exact:,.{digits}f}" if digits is not None else f"{exact:,f}"


def words(code: str) -> str:
    """A code as people read it.

    >>> words("NOT_DUE")
    'not due'
    """
    return code.replace("_", " ").lower()


def money(value: Decimal | None, currency: str | None) -> str:
    """An amount with its currency's code."""
    if value is None:
        return DASH
    return f"{currency or ''} {value:,f}".strip().replace(" -", " \N{MINUS SIGN}")


def price(value: Decimal | None) -> str:
    """A price with all its digits, at least two after the point."""
    if value is None:
        return ""
    exponent = value.normalize().as_tuple().exponent
    digits = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{value:,.{digits}f}"


def energy(mantissa: int | None, exponent: int, unit: Unit) -> str:
    """A sum of a channel as people read it: Wh as kWh, L as m3, every digit kept."""
    return DASH if mantissa is None else spelled(mantissa, exponent, unit)


def quantity(value: Quantity | None) -> str:
    """A reading as people read it."""
    return DASH if value is None else spelled_quantity(value)


def ago(instant: datetime | None, now: datetime) -> str:
    """How long ago something was, in one unit."""
    if instant is None:
        return "never"
    gone = now - instant
    for least, name, seconds in _STEPS:
        if gone >= least:
            return f"{int(gone.total_seconds()) // seconds} {name} ago"
    if gone < timedelta(seconds=-_MINUTE_S):
        return "in the future"
    if gone < timedelta(seconds=_MINUTE_S):
        return "just now"
    return f"{int(gone.total_seconds()) // _MINUTE_S} min ago"


def utc(instant: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return DASH if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local(instant: datetime, zone: str) -> str:
    """A local time of day with its offset, which tells the two autumn hours apart."""
    there = instant.astimezone(zone_info(zone))
    return f"{there:%H:%M} {offset(there)}"


def local_stamp(instant: datetime, zone: str) -> str:
    """A local date without its year, time of day and offset."""
    there = instant.astimezone(zone_info(zone))
    return f"{there.day} {there:%b %H:%M} {offset(there)}"


def offset(there: datetime) -> str:
    """The offset from UTC such as +02:00."""
    text = f"{there:%z}"
    return f"{text[:3]}:{text[3:5]}"


def iso(instant: datetime | None) -> str:
    """RFC 3339, for machines."""
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def day(value: date | None) -> str:
    """A date that reads the same everywhere."""
    return DASH if value is None else f"{value:%a} {value.day} {value:%b %Y}"


def last_day(end: date | None) -> str:
    """The last day of days that end before one; a dash where they go on."""
    return day(None if end is None else end - timedelta(days=1))


def month_name(value: date) -> str:
    """A month and its year."""
    return f"{value:%B %Y}"


def period(seconds: int) -> str:
    """The length of an interval."""
    if seconds == 0:
        return "irregular"
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // _MINUTE_S} min" if seconds % _MINUTE_S == 0 else f"{seconds} s"


def hours(interval_s: float) -> str:
    """The length of a day; 23 and 25 hours are worth seeing."""
    return f"{interval_s / 3600:g} h"
