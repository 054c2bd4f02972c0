"""A gateway's batches, packed column by column from docs/reference/wire.md.

It shares no code with the product's own packing, which takes a reading at a time.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgpack
import numpy as np
import zstandard

from tests.life.truth import GAS, WATER, Run

MAKER = "MTL"
BATCH = 1_000
"""Readings of a batch at most."""
_REGISTER, _PROFILE = 0, 1
_BY_METER = 3 << 4
_CLOCK_WRONG, _CLOCK_RIGHT = 5, 6
_WATT_HOUR, _LITRE = 1, 10


@dataclass
class Sender:
    """A gateway's chain of batches."""

    name: str
    epoch: UUID
    sequence: int = 0
    previous: bytes = bytes(32)

    def seal(self, made_at_ms: int, runs: Sequence[Run], **other: object) -> bytes:
        """The next batch; `other` fields of the body stand instead of what is right."""
        events = [*_events(runs)]
        body = _packed(
            {
                "prev_hash": self.previous,
                "made_at": made_at_ms,
                "meters": [*map(_meter, runs)],
                "cols": _columns(runs),
                **({"events": events} if events else {}),
                **other,
            }
        )
        self.sequence += 1
        name = self.name.encode()
        place = struct.pack(">B16sQ", 1, self.epoch.bytes, self.sequence)
        self.previous = hashlib.sha256(bytes((len(name),)) + name + place + body).digest()
        return b"MLB" + place + self.previous + body


def batches(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Runs in batches, each as full as it can be."""
    held: list[Run] = []
    room = BATCH
    for run in sorted(runs, key=_order):
        first = 0
        while first < len(run):
            part = run.part(first, room)
            held.append(part)
            first += len(part)
            room -= len(part)
            if not room:
                yield held
                held, room = [], BATCH
    if held:
        yield held


def _order(run: Run) -> tuple[object, ...]:
    return run.serial, run.period_s, _code(run.obis)


def _code(obis: str) -> bytes:
    for sign in ":.*":
        obis = obis.replace(sign, "-")
    return bytes(map(int, obis.split("-")))


def _meter(run: Run) -> list[object]:
    unit = _LITRE if run.obis in {GAS, WATER} else _WATT_HOUR
    return [
        MAKER,
        run.serial,
        [[_REGISTER, run.period_s, _PROFILE, _code(run.obis), bytes([unit])]],
    ]


def _columns(runs: Sequence[Run]) -> bytes:
    count = sum(map(len, runs))
    channel = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    nothing = np.zeros(count, np.int64)
    at, shown = (
        np.concatenate([getattr(run, name) for run in runs] or [nothing])
        for name in ("at_ms", "values")
    )
    flags = np.zeros(count, np.int64)
    for number, run in enumerate(runs):
        if run.by_meter:
            flags[(channel == number) & np.isin(at, [*run.by_meter])] = _BY_METER
    columns = [channel, at, nothing, shown, flags]
    steps = [np.diff(column, prepend=0).tolist() for column in columns]
    return zstandard.ZstdCompressor(level=1).compress(_packed([*steps, []]))


def _events(runs: Sequence[Run]) -> Iterator[list[object]]:
    """How the gateway saw the clocks of meters; `before` is the reading at the meter's own time."""
    row = 0
    for run in runs:
        for look in run.looks:
            for place in np.flatnonzero(run.at_ms == look.at_ms).tolist():
                kind = _CLOCK_RIGHT if look.ahead_ms is None else _CLOCK_WRONG
                own = look.at_ms + (look.ahead_ms or 0)
                yield [kind, row + place, [own, int(run.values[place]), 0], None]
        row += len(run)


def _packed(value: object) -> bytes:
    return bytes(msgpack.packb(value, use_bin_type=True))
