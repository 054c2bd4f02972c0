"""Rows of the statement `month` as days of channels, unpacked at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from central.adapters.timescale.validation.blocks import BlockHeading, start_of
from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays
from central.domain.metering.packed_day import unpack_days
from firmware_bridge.contract.quantity import Unit

_DAY = attrgetter("day")
_unit = lru_cache(Unit)
_SHA256 = 32


class _MonthRow(NamedTuple):
    """A row of the statement: days of one channel and heading, in any order."""

    channel_id: int
    days: bytes
    versions: bytes
    sha256: bytes
    lengths: bytes
    content: bytes
    heading: BlockHeading

    @property
    def placed(self) -> tuple[bytes, bytes, int, int]:
        """What says where each day stands."""
        return self.days, self.versions, self.heading.start_ms, self.heading.intervals

    @property
    def shape(self) -> tuple[int, str, str, int, int]:
        """What days that lie end to end have in common."""
        heading = self.heading
        return self.channel_id, heading.zone, heading.unit, heading.period_s, heading.exponent


class _Order(NamedTuple):
    """Days of some rows in ascending order, and where they stand in these.

    Args:
        days: Local dates.
        starts: First instant of each.
        versions: Of each.
        counts: Intervals of each.
        spans: First interval of each in the rows, and the one after its last.
        hashes: Where the hash of each stands in the rows.
    """

    days: tuple[date, ...]
    starts: tuple[datetime, ...]
    versions: tuple[int, ...]
    counts: tuple[int, ...]
    spans: tuple[slice, ...]
    hashes: tuple[slice, ...]


def months_of(rows: Iterable[Sequence[Any]]) -> dict[int, Sequence[DayBlock]]:
    """The days of each channel, ascending.

    Args:
        rows: Of the statement `month`.
    """
    by_shape: dict[object, list[_MonthRow]] = {}
    for channel_id, days, versions, sha256, lengths, content, *facts in rows:
        heading = BlockHeading(*facts)
        row = _MonthRow(channel_id, days, versions, sha256, lengths, content, heading)
        by_shape.setdefault(row.shape, []).append(row)
    by_channel: dict[int, list[ChannelDays]] = {}
    for month in _unpacked(by_shape):
        by_channel.setdefault(month.channel_id, []).append(month)
    # Days of several shapes do not lie end to end.
    return {
        key: shapes[0] if len(shapes) == 1 else sorted(chain.from_iterable(shapes), key=_DAY)
        for key, shapes in by_channel.items()
    }


def _unpacked(by_shape: Mapping[object, Sequence[_MonthRow]]) -> Iterator[ChannelDays]:
    rows = [*chain.from_iterable(by_shape.values())]
    if not rows:
        return
    lengths = np.frombuffer(b"".join([row.lengths for row in rows]), dtype=">i4")
    counts = np.repeat(
        [row.heading.intervals for row in rows], [len(row.days) // 4 for row in rows]
    )
    content = b"".join([row.content for row in rows])
    values, quality = unpack_days(content, lengths.astype(np.int64), counts)
    metered, end = not quality.any(), 0
    for of_shape in by_shape.values():
        first = of_shape[0]
        order = _order(tuple([row.placed for row in of_shape]))
        begin, end = end, end + sum(order.counts)
        sha256 = b"".join([row.sha256 for row in of_shape])
        yield ChannelDays(
            first.channel_id,
            first.heading.zone,
            first.heading.period_s,
            first.heading.exponent,
            _unit(first.heading.unit),
            order.days,
            order.starts,
            order.versions,
            order.counts,
            _joined(values[begin:end], order.spans),
            bytes(end - begin) if metered else _joined(quality[begin:end], order.spans),
            b"".join(map(sha256.__getitem__, order.hashes)),
        )


def _joined(values: NDArray[Any], spans: Iterable[slice]) -> bytes:
    return b"".join([values[span] for span in spans])  # type: ignore[misc]  # buffers


# Most channels have the same days. PostgreSQL counts them from 2000 on.
@lru_cache(maxsize=1024)
def _order(rows: tuple[tuple[bytes, bytes, int, int], ...]) -> _Order:
    placed: list[tuple[Any, ...]] = []
    begin = 0
    for days, versions, start_ms, count in rows:
        numbers = np.frombuffer(days + versions, dtype=">i4").reshape(2, -1).tolist()
        for number, version in zip(*numbers, strict=True):
            day = date(2000, 1, 1) + timedelta(days=number)
            at = len(placed) * _SHA256
            hashed, span = slice(at, at + _SHA256), slice(begin, begin + count)
            placed.append((day, start_of(day, start_ms), version, count, span, hashed))
            begin += count
    return _Order(*zip(*sorted(placed, key=lambda row: row[0]), strict=True))
