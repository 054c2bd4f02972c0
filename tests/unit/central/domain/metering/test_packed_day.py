from __future__ import annotations

import numpy as np
import pytest

from central.domain.metering.day_summary import DaySummary
from central.domain.metering.errors import BlockError
from central.domain.metering.packed_day import pack_days, unpack_days
from central.domain.metering.quality import NULL, IntervalQuality

MISSING = int(IntervalQuality.MISSING)


def packed(values: list[int], quality: list[int] | None = None) -> bytes:
    marks = np.array(quality or [0] * len(values), dtype=np.uint8)
    (content,) = pack_days([np.array(values, dtype=np.int64)], [marks])
    return content


@pytest.mark.parametrize(
    ("values", "quality", "content"),
    [
        # Nothing but the base: a daily channel's day, and one of zeros.
        ([4321], None, "00 02 e110"),
        ([0, 0, 0, 0], None, "00 00"),
        # Three bits above 100, in a plane each.
        ([100, 105, 102, 100], None, "03 01 64 02 04 02"),
        # A whole byte, and what is left of nine bits in a plane.
        ([0, 256, 3, 511], None, "09 00 000003ff 0a"),
        # Steps of 100, folded to 200.
        ([7000, 7100, 7200, 7300], None, "88 02 581b 00 c8 c8 c8"),
        # An estimate, and what is missing.
        ([5, NULL, 5, 5], [0, MISSING, 1, 1], "00 11 05 0001 ff01 0102"),
        # Below zero.
        ([-200, -201], None, "01 02 37ff 01"),
    ],
)
def test_the_layout_never_changes(
    values: list[int], quality: list[int] | None, content: str
) -> None:
    # Stored days depend on it: other bytes here are a break of the format.
    assert packed(values, quality) == bytes.fromhex(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x41\x00" + bytes(99),  # wider than 64 bits
        b"\x00\x09" + bytes(9),  # a base of nine bytes
        b"\x08\x00" + bytes(3),  # a plane too short
        b"\x08\x00" + bytes(5),  # bytes left over
        b"\x00\x10\x00\x03",  # qualities of three of four intervals
        b"\x00\x10\x00",  # half a run
    ],
)
def test_a_damaged_day_is_refused(content: bytes) -> None:
    with pytest.raises(BlockError):
        unpack_days(content, np.array([len(content)]), np.array([4]))


def test_damaged_extremes_are_refused() -> None:
    with pytest.raises(BlockError):
        DaySummary.kept(5, (0, 0, 0), b"\x05\x80")


def test_a_household_s_quarter_hours_take_little() -> None:
    draw = np.random.default_rng(4)
    days = [draw.gamma(2, 100, 96).astype(np.int64) for _ in range(50)]
    whole = sum(map(len, pack_days(days, [np.zeros(96, dtype=np.uint8)] * 50)))
    assert whole / 50 < 1.5 * 96
