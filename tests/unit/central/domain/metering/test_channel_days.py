"""Days of a channel as columns are the same blocks as one by one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import (
    ChannelDays,
    joined_quality,
    joined_values,
    present_sum,
)
from central.domain.rating.columnar.day_matrix import Days
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import expected_count, local_day
from tests.support.rating import blocks_of

ZONE = "Europe/Madrid"
# Two clock changes lie a year apart; one of them here, on the 25th.
OCTOBER = DayRange(date(2026, 10, 20), date(2026, 10, 28))
COUNTS = [expected_count(local_day(day, ZONE), 900) for day in OCTOBER.days()]
BLOCKS = blocks_of(OCTOBER, ZONE, 900, [n * 7 % 400 for n in range(sum(COUNTS))])


def columns(blocks: list[DayBlock]) -> ChannelDays:
    first = blocks[0]
    return ChannelDays(
        channel_id=first.channel_id,
        zone=first.zone,
        period_s=first.period_s,
        exponent=first.exponent,
        unit=first.unit,
        days=tuple(block.day for block in blocks),
        starts=tuple(block.start for block in blocks),
        versions=tuple(block.version for block in blocks),
        counts=tuple(len(block.values) for block in blocks),
        values=joined_values(blocks).tobytes(),
        quality=joined_quality(blocks).tobytes(),
        sha256=b"".join(block.sha256 for block in blocks),
    )


def test_columns_give_every_block_and_some_of_them() -> None:
    days = columns(BLOCKS)
    assert list(days) == BLOCKS
    assert all(block.verified for block in days)
    assert (days[0], days[-1], len(days)) == (BLOCKS[0], BLOCKS[-1], 8)
    assert list(days[2:6]) == BLOCKS[2:6]
    assert list(days[::2]) == BLOCKS[::2]
    assert list(days.between(date(2026, 10, 24), date(2026, 10, 26))) == BLOCKS[4:6]
    assert list(days.between(date(2026, 11, 1), date(2026, 11, 3))) == []
    assert days.between(OCTOBER.first, OCTOBER.end) is days
    assert present_sum(days) == present_sum(BLOCKS) == sum(block.total() for block in BLOCKS)


@pytest.mark.parametrize("cut", [0, 3])
def test_a_row_of_a_matrix_is_the_same_from_columns_and_from_blocks(cut: int) -> None:
    billed = DayRange(OCTOBER.first + timedelta(days=cut), OCTOBER.end)
    of = Days(billed, ZONE)
    assert of.row_of(columns(BLOCKS)) == of.row_of(BLOCKS) != None  # noqa: E711 - all three
    assert of.row_of(columns(BLOCKS[cut + 1 :])) is None
    assert Days(billed, "Europe/London").row_of(columns(BLOCKS)) is None
