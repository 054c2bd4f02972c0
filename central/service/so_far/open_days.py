"""Days that are not closed yet, made of readings as they are stored just now, and not kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from central.domain.metering.block import DayBlock
from central.domain.metering.service_point import PointChannel
from central.domain.vee.day import JudgedDay, Thresholds
from central.service.ports.validation import PointChannelId, ValidationStore
from central.service.validation.measured_days import measured_days

DAYS_BACK = 3
"""How many days that are over, and not closed, are made of readings; others wait for validation."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day that is not closed.

    Args:
        channel: Of which channel.
        block: Its intervals so far; those that are to come are missing.
    """

    channel: PointChannel
    block: DayBlock


async def open_days(
    validation: ValidationStore, channels: Sequence[PointChannelId], at: datetime
) -> tuple[Sequence[OpenDay], Mapping[PointChannelId, date]]:
    """The days of channels that are not closed, and the local day of each channel.

    Args:
        validation: Where readings are; the channels are locked as validation locks them.
        channels: Ascending.
        at: Now, aware.

    Raises:
        StoreUnavailableError: Ask again.
    """
    async with validation.transaction() as work:
        locked = await work.lock(channels)
        today = {key: each.channel.local_date(at) for key, each in locked.items()}
        days = {key: _open(each.closed_through, today[key]) for key, each in locked.items()}
        measured = await measured_days(work, locked, days, {}, Thresholds())
    opened = [
        OpenDay(locked[key.channel_id].channel, day.block)
        for key, day in measured.items()
        if isinstance(day, JudgedDay)
    ]
    return opened, today


def _open(closed_through: date | None, today: date) -> list[date]:
    first = today - DAYS_BACK * _DAY
    if closed_through is not None:
        first = max(first, closed_through + _DAY)
    return [first + number * _DAY for number in range((today - first).days + 1)]
