"""A day's values and qualities in few bytes, many days at a time.

    width      1 byte: bits of a packed value, 0 to 64; plus 128 where it is a difference to the
               value before rather than to the day's lowest
    kind       1 byte: how many bytes the base has, 0 to 8; plus 16 where qualities follow
    base       the lowest value, or the first; little-endian, signed
    planes     of the packed values byte 0 of each, then byte 1 ...; then bit planes of what is left
               of the width, the lowest first, eight values a byte
    qualities  runs, two bytes each: the quality and how many intervals have it. Left out where
               all are ACTUAL

Whichever of the two differences takes fewer bits is packed; negative ones are folded (0, -1, 1, -2
become 0, 1, 2, 3). Of a household's quarter-hours that comes within a tenth of what their
frequencies allow, so that a compressor on top gains nothing; and planes are read for thousands of
days at once. A missing value is packed as 0 more than the base, and is missing by its quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.errors import BlockError
from central.domain.metering.quality import NULL, IntervalQuality

_DIFFERENCES, _QUALITIES = 0x80, 0x10
_HEAD, _WIDEST, _LONGEST_BASE = 2, 64, 8
_RUN = 255
# Bit k of a byte as byte k of eight.
_SPREAD = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").view(
    np.uint64
)[:, 0]
_U64 = np.uint64
_NARROWEST: tuple[Any, ...] = (np.uint8, np.uint8, np.uint16, np.uint32, np.uint32, *[_U64] * 4)


def pack_days(
    values: Sequence[NDArray[np.int64]], quality: Sequence[NDArray[np.uint8]]
) -> list[bytes]:
    """Days packed, in their order.

    Args:
        values: Of each day, as `DayBlock` has them.
        quality: Of each day, as many.
    """
    packed = [b""] * len(values)
    by_count: dict[int, list[int]] = {}
    for number, day in enumerate(values):
        by_count.setdefault(day.size, []).append(number)
    for numbers in by_count.values():
        rows = np.array([values[number] for number in numbers])
        marks = np.array([quality[number] for number in numbers])
        for number, content in zip(numbers, _pack_rows(rows, marks), strict=True):
            packed[number] = content
    return packed


def _pack_rows(rows: NDArray[np.int64], marks: NDArray[np.uint8]) -> list[bytes]:
    missing = rows == NULL
    if missing.any():
        lowest = np.where(missing, np.iinfo(np.int64).max, rows).min(axis=1)
        rows = np.where(missing, np.where(missing.all(axis=1), 0, lowest)[:, None], rows)
    # Differences wrap around, and back when they are added.
    lowest, first = rows.min(axis=1), rows[:, 0]
    above = (rows - lowest[:, None]).view(_U64)
    steps = np.diff(rows, axis=1, prepend=first[:, None])
    folded = ((steps << 1) ^ (steps >> 63)).view(_U64)
    above_width, folded_width = _widths(above), _widths(folded)
    is_step = folded_width < above_width
    width = np.where(is_step, folded_width, above_width)
    base = np.where(is_step, first, lowest)
    head = width + np.where(is_step, _DIFFERENCES, 0)
    length = _base_lengths(base)
    packed = np.where(is_step[:, None], folded, above)
    bodies = [b""] * len(rows)
    shapes = head * 16 + length
    for shape in np.unique(shapes).tolist():
        chosen = np.flatnonzero(shapes == shape)
        planes = _planes(packed[chosen], shape // 16 & 0x7F)
        body = np.concatenate(
            [base[chosen].astype("<i8")[:, None].view(np.uint8)[:, : shape % 16], planes], 1
        )
        for number, row in zip(chosen.tolist(), body, strict=True):
            bodies[number] = row.tobytes()
    marked: list[bool] = np.any(marks, axis=1).tolist()
    runs = [_runs(mark) if has else b"" for mark, has in zip(marks, marked, strict=True)]
    return [
        bytes((kind, size + (_QUALITIES if run else 0))) + body + run
        for kind, size, body, run in zip(head.tolist(), length.tolist(), bodies, runs, strict=True)
    ]


def _widths(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bits the largest value of each row has."""
    every = np.bitwise_or.reduce(rows, axis=1)
    width: NDArray[np.int64] = np.zeros(len(rows), dtype=np.int64)
    for half in (32, 16, 8, 4, 2, 1):
        high = every >> _U64(half) > 0
        width += np.where(high, half, 0)
        every = np.where(high, every >> _U64(half), every)
    width += every > 0
    return width


def _base_lengths(base: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fewest bytes of each that keep its value and sign."""
    length = np.where(base == 0, 0, 1)
    for size in range(1, _LONGEST_BASE):
        low, high = -(1 << (8 * size - 1)), (1 << (8 * size - 1)) - 1
        length += (base < low) | (base > high)
    return length


def _planes(rows: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    whole, rest = divmod(width, 8)
    octets = rows.astype("<u8")[:, :, None].view(np.uint8)
    parts = [octets[:, :, number] for number in range(whole)]
    parts += [
        np.packbits(octets[:, :, whole] >> bit & 1, axis=1, bitorder="little")
        for bit in range(rest)
    ]
    return np.concatenate([np.empty((len(rows), 0), dtype=np.uint8), *parts], axis=1)


def _runs(marks: NDArray[np.uint8]) -> bytes:
    starts = np.flatnonzero(np.diff(marks, prepend=~marks[:1]))
    runs = bytearray()
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(marks)], strict=True):
        left = end - start
        while left > 0:
            runs += bytes((int(marks[start]), min(left, _RUN)))
            left -= _RUN
    return bytes(runs)


def unpack_days(
    packed: bytes, lengths: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """What `pack_days` packed: values and qualities of all days end to end, not to be written to.

    Args:
        packed: The days end to end.
        lengths: How many bytes each takes.
        counts: How many intervals each has.

    Raises:
        BlockError: It is not what `pack_days` makes.
    """
    ends = np.cumsum(lengths)
    if len(lengths) == 0 or int(ends[-1]) != len(packed) or int(lengths.min()) < _HEAD:
        raise _damaged(len(packed))
    buffer = np.frombuffer(packed, dtype=np.uint8)
    begins = ends - lengths
    heads, kinds = buffer[begins].astype(np.int64), buffer[begins + 1].astype(np.int64)
    shapes = (counts << 16) + (heads << 8) + (kinds & ~_QUALITIES)
    places = np.cumsum(counts) - counts
    even = bool((counts == counts[0]).all())
    values = np.empty(int(counts.sum()), dtype=np.int64)
    quality_begins = np.empty_like(begins)
    order = np.argsort(shapes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(shapes[order])) + 1):
        row = int(rows[0])
        count, width, base = int(counts[row]), int(heads[row]) & 0x7F, int(kinds[row]) & 0xEF
        size = _HEAD + base + width // 8 * count + width % 8 * (-(-count // 8))
        if width > _WIDEST or base > _LONGEST_BASE or int(lengths[rows].min()) < size:
            raise _damaged(row)
        body = _gather(buffer, begins[rows], size)[:, _HEAD:]
        day_values = _values(body, count, width, base, is_step=bool(heads[row] & _DIFFERENCES))
        if even:
            values.reshape(-1, count)[rows] = day_values
        else:
            values[places[rows][:, None] + np.arange(count)] = day_values
        quality_begins[rows] = begins[rows] + size
    quality = np.zeros(values.size, dtype=np.uint8)
    has = kinds & _QUALITIES > 0
    if not bool((has | (quality_begins == ends)).all()):
        raise _damaged(len(packed))
    if has.any():
        spans = zip(quality_begins[has].tolist(), ends[has].tolist(), strict=True)
        runs = b"".join([packed[begin:end] for begin, end in spans])
        at = _places(places[has], counts[has])
        quality[at] = _marks(runs, at.size)
        values[at[quality[at] == IntervalQuality.MISSING]] = NULL
    values.flags.writeable = False
    quality.flags.writeable = False
    return values, quality


def _gather(buffer: NDArray[np.uint8], begins: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    windows = np.lib.stride_tricks.as_strided(
        buffer, (buffer.size - size + 1, size), (1, 1), writeable=False
    )
    return windows[begins]


def _values(
    body: NDArray[np.uint8], count: int, width: int, base: int, *, is_step: bool
) -> NDArray[np.int64]:
    """The values of days of one shape, a row each."""
    values: NDArray[np.int64]
    lowest: NDArray[np.int64] = np.zeros(len(body), dtype=np.int64)
    if base:
        sign = np.where(body[:, base - 1] & 0x80, 0xFF, 0).astype(np.uint8)
        octets = np.repeat(sign[:, None], 8, axis=1)
        octets[:, :base] = body[:, :base]
        lowest = octets.view("<i8")[:, 0]
    whole, rest = divmod(width, 8)
    # The narrower the numbers, the less there is to move.
    kind = _NARROWEST[whole + (rest > 0)]
    rows: NDArray[Any] = np.zeros((len(body), count), dtype=kind)
    if rest:
        wide, at = -(-count // 8), base + whole * count
        bits = body[:, at : at + rest * wide].reshape(-1, rest, wide)
        top = _SPREAD[bits[:, 0]]
        for bit in range(1, rest):
            top |= _SPREAD[bits[:, bit]] << _U64(bit)
        rows |= top.view(np.uint8)[:, :count]
    for number in range(whole - 1, -1, -1):
        if number < whole - 1 or rest:
            rows <<= kind(8)
        rows |= body[:, base + number * count : base + (number + 1) * count]
    if is_step:
        signed = f"i{rows.itemsize}"
        steps = (rows >> kind(1)).view(signed) ^ -(rows & kind(1)).view(signed)
        values = np.cumsum(steps, axis=1, dtype=np.int64)
        values += lowest[:, None]
        return values
    if kind is _U64:
        rows = rows.view(np.int64)
    values = np.add(rows, lowest[:, None], dtype=np.int64)
    return values


def _marks(runs: bytes, count: int) -> NDArray[np.uint8]:
    """The qualities that runs stand for."""
    pairs = np.frombuffer(runs, dtype=np.uint8)
    if len(pairs) % 2:
        raise _damaged(len(runs))
    marks = np.repeat(pairs[::2], pairs[1::2])
    if marks.size != count:
        raise _damaged(marks.size)
    return marks


def _places(begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the intervals of some days are among all."""
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(begins, counts) + within


def _damaged(value: int) -> BlockError:
    return BlockError("A packed day is damaged.", value=value)
