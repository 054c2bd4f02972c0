from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.errors import BlockError, IntervalSumError
from central.domain.metering.quality import NULL, IntervalQuality
from firmware_bridge.contract.quantity import Unit

START = datetime(2026, 10, 24, 22, tzinfo=UTC)


def block(values: list[int], quality: list[int] | None = None, version: int = 1) -> DayBlock:
    return DayBlock(
        channel_id=3,
        day=date(2026, 10, 25),
        zone="Europe/Madrid",
        start=START,
        period_s=900,
        exponent=0,
        unit=Unit.WATT_HOUR,
        values=np.array(values, dtype=np.int64),
        quality=np.array(quality or [0] * len(values), dtype=np.uint8),
        version=version,
    )


def test_what_is_packed_unpacks() -> None:
    packed = block([1, 2, NULL], [0, 1, IntervalQuality.MISSING])
    again = DayBlock.unpack(
        channel_id=3,
        day=packed.day,
        zone=packed.zone,
        start=START,
        period_s=900,
        exponent=0,
        unit=Unit.WATT_HOUR,
        values=packed.pack_values(),
        quality=packed.pack_quality(),
        version=1,
    )
    assert again == packed
    assert again.pack_values()[:8] == b"\x01\x00\x00\x00\x00\x00\x00\x00"


def test_the_hash_is_of_the_content_and_not_of_the_version() -> None:
    assert block([1, 2]).sha256 == block([1, 2], version=2).sha256
    assert block([1, 2]) != block([1, 2], version=2)
    assert block([1, 2]).sha256 != block([2, 1]).sha256
    assert block([1, 2]).sha256 != block([1, 2], [0, 1]).sha256
    assert block([1, 2]).sha256 != replace(block([1, 2]), zone="UTC").sha256


def test_the_hash_never_changes() -> None:
    # Stored hashes depend on it: another value here is a break of the format.
    assert (
        block([1, 2, 3]).sha256.hex()
        == "0b4a3c58aca3b0a463625108c7a5d227cf190b7abacceeda2ee9279f7ff7e70b"
    )


def test_missing_is_null_and_never_zero() -> None:
    with pytest.raises(BlockError):
        block([1, 0], [0, IntervalQuality.MISSING])
    with pytest.raises(BlockError):
        block([1, NULL], [0, 0])
    with pytest.raises(IntervalSumError):
        block([1, NULL], [0, IntervalQuality.MISSING]).total()


def test_a_damaged_block_is_refused() -> None:
    whole = block([1, 2])
    with pytest.raises(BlockError):
        DayBlock.unpack(
            channel_id=3,
            day=whole.day,
            zone="UTC",
            start=START,
            period_s=900,
            exponent=0,
            unit=Unit.WATT_HOUR,
            values=whole.pack_values()[:-1],
            quality=whole.pack_quality(),
            version=1,
        )
    with pytest.raises(BlockError):
        block([])


def test_a_block_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        block([1, 2]).values[0] = 5


def test_sums_are_exact_beyond_64_bits() -> None:
    assert exact_sum(np.array([2**62, 2**62, 2**62], dtype=np.int64)) == 3 * 2**62
    assert block([5, 7]).total() == 12
    assert block([5, 7]).end == datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
