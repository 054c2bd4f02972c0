"""What a batch weighs, and how long sealing and opening it take."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from uuid import UUID

import pytest

from firmware_bridge.contract.envelope import Link, open_batch, seal
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source

START = datetime(2026, 10, 1, tzinfo=UTC)
LINK = Link.first("roof-7", UUID(int=7))
BUDGET = {10: 35.0, 1000: 3.0}


def polls(count: int) -> list[Reading]:
    """Ten registers every 15 minutes, read some 100 ms after the boundary."""
    noise = random.Random(1)  # noqa: S311 - a load, no secret
    channels = [
        Channel(
            "EAS",
            "21570034",
            Obis(bytes([1, 0, number, 8, 0, 255])),
            Kind.REGISTER,
            900,
            Source.LIVE,
            Unit.WATT_HOUR,
        )
        for number in range(1, 11)
    ]
    shown = [noise.randrange(10**6, 10**8) for _ in channels]
    readings = []
    for poll in range(count):
        at = START + timedelta(seconds=900 * poll, milliseconds=noise.randrange(20, 300))
        for index, channel in enumerate(channels):
            shown[index] += noise.randrange(50, 600)
            readings.append(Reading(channel, at, shown[index], 0))
    return readings


def timed(work: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Least, median and most of a few runs. [us]"""
    took = []
    for _ in range(times):
        begin = perf_counter()
        work()
        took.append((perf_counter() - begin) * 1e6)
    return min(took), median(took), max(took)


@pytest.mark.parametrize("size", [10, 1000])
def test_batch_stays_within_its_size(size: int) -> None:
    readings = polls(size // 10)
    sealed = seal(LINK, START, readings)
    each = len(sealed.payload) / size
    print(f"\nbatch of {size}: {len(sealed.payload)} bytes, {each:.2f} a reading")
    for name, work in (
        ("seal", lambda: seal(LINK, START, readings)),
        ("open", lambda: open_batch("roof-7", sealed.payload)),
    ):
        least, middle, most = timed(work, 100)
        print(f"  {name}: {least:.0f} / {middle:.0f} / {most:.0f} us (least / median / most)")
    assert each <= BUDGET[size]
