"""What is asked of a store about days that are over and not closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class UnclosedDays:
    """The oldest local day, of all channels, that is over and past its grace and not closed.

    Args:
        as_of: When it was counted.
        channels: How many channels have such days.
        oldest: The oldest; None where every day is closed.
        point: Name of the service point of the channel that holds it back.
        obis: Of that channel.
    """

    as_of: datetime
    channels: int
    oldest: date | None = None
    point: str | None = None
    obis: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "as_of": self.as_of.isoformat(),
            "channels": self.channels,
            "oldest_unclosed_day": None if self.oldest is None else self.oldest.isoformat(),
            "service_point": self.point,
            "obis": self.obis,
        }


class UnclosedDaysStore(Protocol):
    """Counts such days, and keeps what was counted last for all who look."""

    async def count(self, now: datetime, before: datetime, since: datetime) -> UnclosedDays:
        """Count them over all channels.

        Args:
            now: When.
            before: Days that ended by then are over.
            since: Days that were over then are not closed where none ever was.
        """

    async def keep(self, counted: UnclosedDays) -> None:
        """Keep what was counted, in place of what was counted before."""

    async def newest(self) -> UnclosedDays | None:
        """What was counted last; None where nobody has counted yet."""
