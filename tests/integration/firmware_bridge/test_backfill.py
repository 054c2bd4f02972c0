"""A load profile read back over TCP is the load itself, to the watt-hour."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.reading import Kind, Reading, Source, TimeQuality
from firmware_bridge.driver.interface import MeterExchangedError, ProfileChunk
from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import read_load
from firmware_bridge.simulator.meter import ManualClock
from firmware_bridge.simulator.modbus.server import VirtualModbusServer
from tests.support.data import data_root, find_data

from .conftest import START, Bench, running

QUARTER = timedelta(minutes=15)
LOADS = sorted(
    path.name
    for path in (find_data("loads") or Path("missing")).glob("load_*.csv")
    if len(path.read_text().split()) in {8760, 35040}
)


async def read(driver: ModbusDriver, interval: Interval) -> list[ProfileChunk]:
    return [chunk async for chunk in driver.read_profile(interval)]


def readings(chunks: list[ProfileChunk]) -> list[Reading]:
    return [reading for chunk in chunks for reading in chunk.readings]


def assert_gapless(chunks: list[ProfileChunk], start: datetime, end: datetime) -> None:
    bounds = [start, *(chunk.covers.end for chunk in chunks)]
    assert [chunk.covers.start for chunk in chunks] == bounds[:-1]
    assert bounds[-1] == end


@pytest.mark.parametrize("name", LOADS or ["none"])
async def test_62_days_of_a_real_load_come_back_exactly(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    path = data_root("loads") / name
    now = datetime(2026, 5, 2, 0, 1, tzinfo=UTC)
    meter = compose(
        "1",
        read_load(path),
        script=Script(zone="UTC", first_year=2026),
        clock=ManualClock(now),
        offset_wh=123_456,
    )
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)
    async with VirtualModbusServer({1: (meter, load_profile("meterline-virtual"))}) as server:
        driver = ModbusDriver.from_settings(
            {"host": "127.0.0.1", "port": server.port, "profile": "meterline-virtual"}
        )
        async with driver:
            began = time.perf_counter()
            chunks = await read(driver, Interval(begin, end))
            took_s = time.perf_counter() - began
    got = [item for item in readings(chunks) if item.channel.obis == ACTIVE_IMPORT]
    tokens = [Fraction(token) for token in path.read_text().split()]
    per_quarter = len(tokens) // 8760 or 1
    sums, total = [], Fraction(0)
    for token in tokens:
        for _ in range(4 // per_quarter):
            sums.append(123_456 + total * 1000 // 1)
            total += token / 4
    first = 59 * 96
    assert [item.mantissa for item in got] == sums[first : first + 62 * 96]
    assert [item.at for item in got] == [begin + QUARTER * index for index in range(62 * 96)]
    record_property("seconds for 62 days", f"{took_s:.2f}")
    assert_gapless(chunks, begin, end)


async def test_entries_carry_the_meters_time_and_the_profile_channel(bench: Bench) -> None:
    async with bench.driver() as driver:
        chunks = await read(driver, Interval(START, START + QUARTER))
    imported, exported = readings(chunks)
    assert (imported.channel.obis, exported.channel.obis) == (ACTIVE_IMPORT, ACTIVE_EXPORT)
    assert imported.channel.source is Source.PROFILE
    assert (imported.channel.kind, imported.channel.period_s) == (Kind.REGISTER, 900)
    assert (imported.at, imported.time_quality) == (START, TimeQuality.METER)
    assert imported.channel.serial == "4711"


async def test_what_is_not_held_is_covered_by_no_reading(bench: Bench) -> None:
    now = bench.clock.now
    async with bench.driver() as driver:
        chunks = await read(driver, Interval(START - timedelta(days=2), now + timedelta(days=1)))
        memory = await driver.profile_memory()
    assert memory is not None
    assert memory.held == Interval(START, now + QUARTER)
    assert_gapless(chunks, START - timedelta(days=2), now + QUARTER)
    times = [item.at for item in readings(chunks)[::2]]
    assert times == [START + QUARTER * index for index in range(30 * 4 + 1)]


async def test_bounds_between_boundaries_take_only_what_lies_within(bench: Bench) -> None:
    second = timedelta(seconds=1)
    async with bench.driver() as driver:
        chunks = await read(driver, Interval(START + second, START + 2 * QUARTER + second))
        before = await read(driver, Interval(START + second, START + 2 * second))
        later = bench.clock.now + QUARTER
        future = await read(driver, Interval(later, later + QUARTER))
    assert [item.at for item in readings(chunks)[::2]] == [START + QUARTER, START + 2 * QUARTER]
    assert_gapless(chunks, START + second, START + 2 * QUARTER + second)
    assert readings(before) == []
    assert future == []


async def test_the_ring_is_read_across_its_seam(bench: Bench) -> None:
    bench.meter.capacity = 37
    async with bench.driver() as driver:
        chunks = await read(driver, Interval(START, bench.clock.now + QUARTER))
    times = [item.at for item in readings(chunks)[::2]]
    assert times == [bench.clock.now - QUARTER * back for back in reversed(range(37))]


async def test_an_entry_overwritten_while_reading_is_left_out(bench: Bench) -> None:
    bench.meter.capacity = 120
    async with bench.driver() as driver:
        source = driver.read_profile(Interval(START, bench.clock.now + QUARTER))
        first = await anext(source)
        bench.clock.advance(3 * timedelta(days=1))
        rest = [chunk async for chunk in source]
    assert len(first.readings) == 2 * 96
    assert readings(rest) == []


async def test_another_period_is_followed() -> None:
    async with running("meterline-virtual") as bench, bench.driver() as driver:
        bench.meter.period_s = 300
        chunks = await read(driver, Interval(START, START + timedelta(hours=1)))
    assert {item.channel.period_s for item in readings(chunks)} == {300}
    assert len(readings(chunks)) == 2 * 12


async def test_two_gateways_read_the_same_at_once(bench: Bench) -> None:
    interval = Interval(START, bench.clock.now)
    async with bench.driver() as one, bench.driver() as two:
        first, second = await asyncio.gather(read(one, interval), read(two, interval))
    assert first == second
    assert len(readings(first)) == 2 * 120


async def test_history_of_an_exchanged_meter_is_not_given_out_as_the_new_ones(
    bench: Bench,
) -> None:
    async with bench.driver() as driver:
        source = driver.read_profile(Interval(START, bench.clock.now))
        await anext(source)
        bench.meter.exchange("4712")
        with pytest.raises(MeterExchangedError, match="4712"):
            await anext(source)
        assert readings(await read(driver, Interval(START, bench.clock.now))) == []


async def test_a_model_without_memory_has_none() -> None:
    async with running("eastron-sdm630") as bench, bench.driver() as driver:
        assert await driver.profile_memory() is None
        assert await read(driver, Interval(START, bench.clock.now)) == []


async def test_a_live_read_waits_for_one_request_of_a_back_fill_only(bench: Bench) -> None:
    async with bench.driver() as driver:
        source = driver.read_profile(Interval(START, bench.clock.now))
        await anext(source)
        read_out = await driver.read()
        rest = [chunk async for chunk in source]
    assert read_out.values
    assert rest
