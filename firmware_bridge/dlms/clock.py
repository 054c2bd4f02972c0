"""COSEM date-time. Source: IEC 62056-6-2, 4.1.6.1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from firmware_bridge.driver.local_clock import MeterZone

SIZE = 12
_YEAR_MIN, _YEAR_MAX = 1970, 2999
_UNSPECIFIED = -0x8000
_OFFSET_MAX = 14 * 60
_NOT_SPECIFIED = 0xFF
_SUMMER, _INVALID = 0x80, 0x01


def instant(raw: bytes, clock: MeterZone) -> tuple[datetime, bool] | None:
    """The UTC instant of a date-time, and whether it is certain.

    The deviation is minutes from local time to UTC. Where a meter leaves it unspecified the zone
    of its clock decides, with the summer bit where that is set.

    Args:
        raw: Twelve bytes.
        clock: The zone of the meter's clock.

    Returns:
        None where a part that is needed is unspecified, or the meter marks the time invalid.
    """
    wall = naive(raw)
    if wall is None:
        return None
    deviation, status = int.from_bytes(raw[9:11], "big", signed=True), raw[11]
    if status != _NOT_SPECIFIED and status & _INVALID:
        return None
    certain = status == _NOT_SPECIFIED or not status & 0x0F
    if deviation != _UNSPECIFIED and abs(deviation) <= _OFFSET_MAX:
        return (wall + timedelta(minutes=deviation)).replace(tzinfo=UTC), certain
    summer = status != _NOT_SPECIFIED and bool(status & _SUMMER)
    at, known = clock.wall(wall, "S" if summer else None)
    return at, known and certain


def naive(raw: bytes) -> datetime | None:
    """The wall time of a date-time; None where a part of it is unspecified or out of range."""
    if len(raw) != SIZE:
        return None
    year, month, day = int.from_bytes(raw[:2], "big"), raw[2], raw[3]
    if not _YEAR_MIN <= year <= _YEAR_MAX:  # FFFF is "not specified"
        return None
    second = 0 if raw[7] == _NOT_SPECIFIED else raw[7]
    hundredths = 0 if raw[8] == _NOT_SPECIFIED else raw[8]
    try:
        return datetime(year, month, day, raw[5], raw[6], second, hundredths * 10_000)  # noqa: DTZ001 - local by nature
    except ValueError:
        return None
