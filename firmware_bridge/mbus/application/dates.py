"""Compound times: types F, G, I and J. Source: EN 13757-3:2018, annex A."""
# ruff: noqa: PLR2004 - bit masks of the standard's figures

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class WallTime:
    """A meter's local time.

    Args:
        at: Naive.
        summer: What the summer-time bit says; None where the type has none.
    """

    at: datetime
    summer: bool | None


def _year(low: int, hundreds: int) -> int:
    """Two digits and a hundred-year field; 00 .. 80 without one is 2000 .. 2080."""
    if hundreds == 0 and low <= 80:
        hundreds = 1
    return 1900 + 100 * hundreds + low


def every_year(raw: bytes) -> bool:
    """Whether a date of type G, F or I names no year of its own, as recurring due dates do."""
    at = {2: 0, 4: 2, 6: 3}.get(len(raw))
    return at is not None and (raw[at] >> 5 | raw[at + 1] >> 1 & 0x78) > 99


def type_g(raw: bytes) -> date | None:
    """Two bytes: a date; None where it is marked invalid or does not exist."""
    day, month = raw[0] & 0x1F, raw[1] & 0x0F
    try:
        return date(_year(raw[0] >> 5 | raw[1] >> 1 & 0x78, 0), month, day)
    except ValueError:
        return None


def type_f(raw: bytes) -> WallTime | None:
    """Four bytes: date and time to the minute; None where marked invalid or not existing."""
    minute, hour = raw[0] & 0x3F, raw[1] & 0x1F
    if raw[0] & 0x80:
        return None
    day, month = raw[2] & 0x1F, raw[3] & 0x0F
    year = (raw[2] >> 5 | raw[3] >> 1 & 0x78, raw[1] >> 5 & 0x03)
    return _wall(year, month, day, hour, minute, 0, summer=bool(raw[1] & 0x80))


def type_i(raw: bytes) -> WallTime | None:
    """Six bytes: date and time to the second; None where marked invalid or not existing."""
    second, minute, hour = raw[0] & 0x3F, raw[1] & 0x3F, raw[2] & 0x1F
    if raw[1] & 0x80:
        return None
    day, month = raw[3] & 0x1F, raw[4] & 0x0F
    year = (raw[3] >> 5 | raw[4] >> 1 & 0x78, 0)
    return _wall(year, month, day, hour, minute, second, summer=bool(raw[0] & 0x40))


def _wall(  # noqa: PLR0913, PLR0917 - the six parts of a time
    year: tuple[int, int],
    month: int,
    day: int,
    hour: int,
    minute: int,
    second: int,
    *,
    summer: bool,
) -> WallTime | None:
    try:
        return WallTime(datetime(_year(*year), month, day, hour, minute, second), summer)  # noqa: DTZ001 - local by nature
    except ValueError:
        return None
