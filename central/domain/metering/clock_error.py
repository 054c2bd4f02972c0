"""How far a meter's own clock was off, and which of its readings that concerns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from firmware_bridge.contract.interval import Interval

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClockError:
    """A stretch of time in which a meter's clock was wrong, as its gateway compared the two.

    Args:
        seen_at: When it was seen to be wrong, by the gateway's clock. Aware.
        offset: How far it was ahead of the gateway's then; negative where it was behind. None
            where it showed a time that no message can carry.
        until: When it was right again, or another look began, by the gateway's clock. Aware; None
            where that has not come.
    """

    seen_at: datetime
    offset: timedelta | None
    until: datetime | None = None

    @property
    def dated(self) -> Interval:
        """The times that readings may have which were taken meanwhile, by either of the clocks."""
        offset = self.offset or timedelta(0)
        until = _LAST if self.until is None else self.until
        return Interval(
            min(self.seen_at, _moved(self.seen_at, offset)), max(until, _moved(until, offset))
        )


def _moved(at: datetime, offset: timedelta) -> datetime:
    """An instant, some time later; the last or the first that there is where it would be beyond."""
    try:
        return at + offset
    except OverflowError:
        return _LAST if offset > timedelta(0) else _FIRST
