"""Readings that were stored before, and are shown again at each read.

How it works: what a meter keeps with a date of its own (a day's or month's end, a peak) it shows at
each read until the next one. It is stored once: what is equal in every respect to a reading that
was stored says nothing. Another value at the same time is stored, so that somebody decides on it.
As many dates of a channel are remembered as it shows at once. Entries of load profiles are none of
these: what of them is stored, their meter's own mark says.

After a start the buffer's newest readings say what was stored, and for what is older its marks do:
a date that is shown for the second time gets a slot there. A buffer that begins a new epoch, or
gives a batch up, may have lost what it stored, so that all is stored again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from edge_agent.buffer.records import VOIDED
from firmware_bridge.contract.reading import Channel, Reading, Source, TimeQuality, to_ms

DATES_MAX: Final = 36
"""How many dates of a channel are known after a start; meters show up to 24 months."""
_PREFIX: Final = "dated"
_AT: Final = "at_ms"
_PROOF: Final = "proof"
_FIELDS: Final = 9


class _MarkedDate(NamedTuple):
    """A date that the marks know: its instant, and what proves that a reading was stored then."""

    at_ms: int
    proof: int


class RepeatedReadings:
    """The readings that meters gave their own time to, as they were stored last.

    Args:
        epoch: Of the buffer.
        marks: As the buffer keeps them, as of its last commit.
    """

    def __init__(self, epoch: UUID, marks: Mapping[str, int]) -> None:
        self._marks = marks
        self._life = (epoch, marks.get(VOIDED, 0))
        self._stored: dict[Channel, dict[datetime, Reading]] = {}
        self._shown: dict[Channel, int] = {}
        self._again: list[Reading] = []
        self._dates = _dates_in(marks)
        self._pending: dict[str, dict[int, _MarkedDate]] = {}

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
        if (life := (epoch, self._marks.get(VOIDED, 0))) != self._life:
            self._life = life
            self._stored.clear()
        self._shown |= Counter(reading.channel for reading in filter(_is_dated, readings))
        self._again = []
        fresh: list[Reading] = []
        for reading in readings:
            is_again = _is_dated(reading) and self._has(reading)
            (self._again if is_again else fresh).append(reading)
        return fresh

    def marks(self) -> dict[str, int]:
        """What is to be marked, so that a start knows the readings that this cycle showed again.

        A channel has `DATES_MAX` slots; the one with the earliest date is used anew.
        """
        changed: dict[str, int] = {}
        self._pending.clear()
        for reading in self._again:
            base = _base(reading.channel)
            slots = self._pending.setdefault(base, dict(self._dates.get(base, {})))
            shown = _MarkedDate(to_ms(reading.at), self._proof(reading))
            if shown in slots.values():
                continue
            same = (slot for slot, other in slots.items() if other.at_ms == shown.at_ms)
            slot = next(same, len(slots))
            if slot >= DATES_MAX:
                slot = min(slots, key=lambda each: slots[each].at_ms)
            slots[slot] = shown
            changed[f"{base}\t{slot}\t{_AT}"] = shown.at_ms
            changed[f"{base}\t{slot}\t{_PROOF}"] = shown.proof
        return changed

    def commit(self, readings: Iterable[Reading]) -> None:
        """These are stored, and so is what was to be marked with them."""
        self._dates |= self._pending
        self._pending.clear()
        for reading in filter(_is_dated, readings):
            dates = self._stored.setdefault(reading.channel, {})
            dates[reading.at] = reading
            while len(dates) > self._shown.get(reading.channel, 1):
                del dates[min(dates)]

    def _has(self, reading: Reading) -> bool:
        stored = self._stored.get(reading.channel, {}).get(reading.at)
        if stored is not None:
            return stored == reading
        slots = self._dates.get(_base(reading.channel))
        if not slots:
            return False
        return _MarkedDate(to_ms(reading.at), self._proof(reading)) in slots.values()

    def _proof(self, reading: Reading) -> int:
        """63 bits over the value, its qualities, and the life of the buffer that stored it."""
        value = (reading.mantissa, reading.exponent, reading.flags, reading.span_ms)
        text = "\t".join(map(str, (*self._life, to_ms(reading.at), *value)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def _is_dated(reading: Reading) -> bool:
    return reading.time_quality is TimeQuality.METER and reading.channel.source is Source.LIVE


@lru_cache(maxsize=4096)
def _base(channel: Channel) -> str:
    """A channel as the beginning of its marks' names; no part of it holds a tab."""
    name = (channel.manufacturer, channel.serial, str(channel.obis), channel.kind.name.lower())
    return "\t".join((_PREFIX, *name, str(channel.period_s), str(channel.unit)))


def _dates_in(marks: Mapping[str, int]) -> dict[str, dict[int, _MarkedDate]]:
    """What marks know, by channel and slot; other marks, and halves, are passed over."""
    by_channel: dict[str, dict[int, _MarkedDate]] = {}
    for name, value in marks.items():
        if not name.startswith(_PREFIX) or name.count("\t") != _FIELDS - 1:
            continue
        base, slot, what = name.rsplit("\t", 2)
        proof = marks.get(f"{base}\t{slot}\t{_PROOF}")
        if what == _AT and proof is not None and slot.isdecimal():
            by_channel.setdefault(base, {})[int(slot)] = _MarkedDate(value, proof)
    return by_channel
