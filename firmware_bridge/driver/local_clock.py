"""Local times of meters: with a daylight-saving letter, or bare. Source: DSMR P1, 6.4 (TST)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Europe/Amsterdam"
_STAMP = re.compile(r"(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?([SW])?", re.ASCII)
_HOUR = timedelta(hours=1)


class MeterZone:
    """Turns a meter's wall times into UTC.

    Args:
        zone: IANA name of the zone that the meter's clock follows.
    """

    def __init__(self, zone: str = DEFAULT_ZONE) -> None:
        self._zone = ZoneInfo(zone)

    def stamp(self, text: str) -> tuple[datetime, bool] | None:
        """Read `YYMMDDhhmmss` with S (summer), W (winter) or no letter; seconds may be missing.

        The letter decides, so both passes of the hour that autumn repeats are told apart.

        Returns:
            The UTC instant, and whether the text names it without doubt; None if it is not a time.
        """
        match = _STAMP.fullmatch(text.strip())
        if match is None:
            return None
        year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
        try:
            wall = datetime(2000 + year, month, day, hour, minute, int(match[6] or 0))  # noqa: DTZ001 - the zone follows
        except ValueError:
            return None
        if year >= 70:  # noqa: PLR2004 - clocks that were never set say 1970
            wall = wall.replace(year=1900 + year) if (month, day) != (2, 29) else wall
        return self.wall(wall, match[7])

    def wall(self, wall: datetime, letter: str | None = None) -> tuple[datetime, bool]:
        """The instant of a naive wall time; S, W or None for the rule of the zone."""
        if letter is not None:
            offset = self._offset(wall.year, summer=letter == "S")
            return wall.replace(tzinfo=timezone(offset)).astimezone(UTC), True
        first = wall.replace(tzinfo=self._zone, fold=0)
        second = wall.replace(tzinfo=self._zone, fold=1)
        return first.astimezone(UTC), first.utcoffset() == second.utcoffset()

    def _offset(self, year: int, *, summer: bool) -> timedelta:
        offsets = [
            datetime(year, month, 1, tzinfo=self._zone).utcoffset() or timedelta()
            for month in (1, 7)
        ]
        return min(offsets) + _HOUR if summer else min(offsets)
