"""Readings that were stored before, and are shown again at each read.

How it works: what a meter keeps with a date of its own (a day's or month's end, a peak) it shows at
each read until the next one. It is stored once: what is equal in every respect to a reading that
was stored says nothing. Another value at the same time is stored, so that somebody decides on it.
As many dates of a channel are remembered as it shows at once. Entries of load profiles are none of
these: what of them is stored, their meter's own mark says. A buffer that begins a new epoch may
have lost what it stored, so that all is stored again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from firmware_bridge.contract.reading import Channel, Reading, Source, TimeQuality

DATES_MAX: Final = 36
"""How many dates of a channel are recalled after a start; meters show up to 24 months."""


class RepeatedReadings:
    """The readings that meters gave their own time to, as they were stored last.

    Args:
        epoch: Of the buffer.
    """

    def __init__(self, epoch: UUID) -> None:
        self._epoch = epoch
        self._stored: dict[Channel, dict[datetime, Reading]] = {}
        self._shown: dict[Channel, int] = {}

    def recall(self, readings: Sequence[Reading]) -> None:
        """Learn from a batch of the buffer; newer ones were learnt before it.

        Args:
            readings: Of the batch.
        """
        for reading in filter(_is_dated, readings):
            dates = self._stored.setdefault(reading.channel, {})
            if len(dates) < DATES_MAX:
                dates.setdefault(reading.at, reading)

    def fresh(self, readings: Sequence[Reading], epoch: UUID) -> list[Reading]:
        """Those that were not stored before.

        Args:
            readings: All of a cycle.
            epoch: Of the buffer that they go to.
        """
        if epoch != self._epoch:
            self._epoch = epoch
            self._stored.clear()
        self._shown |= Counter(reading.channel for reading in filter(_is_dated, readings))
        return [each for each in readings if not (_is_dated(each) and self._has(each))]

    def commit(self, readings: Iterable[Reading]) -> None:
        """These are stored."""
        for reading in filter(_is_dated, readings):
            dates = self._stored.setdefault(reading.channel, {})
            dates[reading.at] = reading
            while len(dates) > self._shown.get(reading.channel, 1):
                del dates[min(dates)]

    def _has(self, reading: Reading) -> bool:
        return self._stored.get(reading.channel, {}).get(reading.at) == reading


def _is_dated(reading: Reading) -> bool:
    return reading.time_quality is TimeQuality.METER and reading.channel.source is Source.LIVE
