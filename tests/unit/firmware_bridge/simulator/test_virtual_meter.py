"""A virtual meter shows, remembers and fails as a real one does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    ACTIVE_POWER_IMPORT,
    REACTIVE_IMPORT,
)
from firmware_bridge.modbus.frames import RegisterSpan, ScaledInteger
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter, VirtualMeterError
from firmware_bridge.simulator.modbus.server import RegisterMap

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def meter(clock: ManualClock, **options: int) -> VirtualMeter:
    load = from_kw([Decimal(2), Decimal(-1), Decimal(4)], 3600)
    script = Script(start=START, loop=True)
    return compose("77", load, script=script, clock=clock, **options)  # type: ignore[arg-type]


def shown(device: VirtualMeter) -> tuple[int, int]:
    now = device.clock()
    return device.register_wh(ACTIVE_IMPORT, now), device.register_wh(ACTIVE_EXPORT, now)


def test_it_counts_in_and_out_from_its_first_reading() -> None:
    clock = ManualClock(START + 2 * HOUR)
    device = meter(clock, offset_wh=500)
    assert shown(device) == (2500, 1000)
    assert device.show(ACTIVE_POWER_IMPORT, clock.now) == ScaledInteger(4000, 0)
    assert device.show(REACTIVE_IMPORT, clock.now) == ScaledInteger(0, 0)


def test_registers_roll_over_after_their_digits() -> None:
    clock = ManualClock(START + HOUR)
    device = meter(clock, offset_wh=9000, digits=4)
    assert shown(device)[0] == 1000


def test_a_reset_starts_at_zero_and_leaves_history_alone() -> None:
    clock = ManualClock(START + HOUR)
    device = meter(clock)
    device.reset()
    assert shown(device) == (0, 0)
    clock.advance(2 * HOUR)
    assert shown(device) == (4000, 1000)
    assert device.register_wh(ACTIVE_IMPORT, START + HOUR / 2) == 1000
    assert device.serial_at(clock.now) == "77"


def test_an_exchanged_meter_has_its_own_serial_register_and_memory() -> None:
    clock = ManualClock(START + 3 * HOUR)
    device = meter(clock)
    assert device.newest_entry(clock.now) - device.oldest_entry(clock.now) == 12
    device.exchange("78", register_wh=5)
    assert (device.serial_at(clock.now), device.serial_at(START)) == ("78", "77")
    assert shown(device) == (5, 5)
    assert device.newest_entry(clock.now) == device.oldest_entry(clock.now)


def test_nothing_happens_before_what_happened_last() -> None:
    clock = ManualClock(START + HOUR)
    device = meter(clock)
    device.reset()
    clock.advance(-HOUR)
    with pytest.raises(VirtualMeterError):
        device.reset()


def test_the_memory_is_a_ring_whose_entries_name_their_time() -> None:
    clock = ManualClock(START + 5 * HOUR)
    device = meter(clock, capacity=8)
    registers = RegisterMap(device, load_profile("meterline-virtual"))
    times = []
    for slot in range(8):
        words = registers.read(RegisterSpan(4, 4096 + slot * 10, 2))
        assert words is not None
        times.append(words[0] << 16 | words[1])
    newest = int(clock.now.timestamp())
    assert sorted(times) == [newest - 900 * back for back in reversed(range(8))]
    assert all(time // 900 % 8 == slot for slot, time in enumerate(times))


def test_any_cut_through_the_memory_shows_the_same_registers() -> None:
    clock = ManualClock(START + 30 * HOUR)
    registers = RegisterMap(meter(clock, capacity=50), load_profile("meterline-virtual"))
    whole = [registers.read(RegisterSpan(4, 4096 + at, 1)) for at in range(500)]
    for first in (0, 3, 10, 377):
        cut = registers.read(RegisterSpan(4, 4096 + first, 123))
        assert cut == tuple(word for words in whole[first : first + 123] for word in words or ())


def test_registers_that_the_model_has_not_are_refused() -> None:
    clock = ManualClock(START)
    registers = RegisterMap(meter(clock), load_profile("meterline-virtual"))
    assert registers.read(RegisterSpan(3, 0, 2)) is None
    assert registers.read(RegisterSpan(4, 900, 2)) is None
    assert registers.read(RegisterSpan(4, 4096 + 60_480, 1)) is None


def test_a_memory_that_does_not_fit_the_registers_is_refused() -> None:
    with pytest.raises(VirtualMeterError):
        RegisterMap(meter(ManualClock(START), capacity=6145), load_profile("meterline-virtual"))
