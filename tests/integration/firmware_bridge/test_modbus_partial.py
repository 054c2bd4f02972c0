"""What a meter refuses is absent by name; the rest of the read counts."""

from __future__ import annotations

from typing import Any

import pytest

from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.driver.interface import Absence, MeterBusyError, MeterRefusalError, ReadOut
from firmware_bridge.modbus.driver import ModbusDriver
from firmware_bridge.modbus.endpoint import TcpEndpoint
from firmware_bridge.modbus.frames import RegisterSpan
from firmware_bridge.modbus.profiles.document import build

from .conftest import ILLEGAL_ADDRESS, Device, Rogue, rogue

BUSY = 6
IMPORT, EXPORT, REACTIVE = "1-0:1.8.0*255", "1-0:2.8.0*255", "1-0:3.8.0*255"


def register(obis: str, address: int, **more: object) -> dict[str, Any]:
    unit = "varh" if obis == REACTIVE else "Wh"
    return {
        "obis": obis, "function": 3, "address": address, "type": "u16", "unit": unit, **more,
    }  # fmt: skip


def driver(server: Rogue, *registers: dict[str, Any], **bus: object) -> ModbusDriver:
    document = {
        "protocol": "modbus", "manufacturer": "XYZ", "model": "Partial", "source": "a test",
        "registers": list(registers), "modbus": bus,
    }  # fmt: skip
    profile = build("partial", document)
    return ModbusDriver(TcpEndpoint("127.0.0.1", server.port), 1, profile, serial="7")


def shown(read_out: ReadOut) -> dict[str, Quantity]:
    return {str(value.obis): value.quantity for value in read_out.values}


def absent(read_out: ReadOut) -> dict[str, Absence]:
    return {str(item.obis): item.absence for item in read_out.absent}


WH = Unit.WATT_HOUR
THREE = (register(IMPORT, 10), register(EXPORT, 11), register(REACTIVE, 12))


async def test_one_refused_register_does_not_lose_the_read() -> None:
    device = Device({10: 500, 12: 7})
    async with rogue(device) as server, driver(server, *THREE) as meter:
        first, second = await meter.read(), await meter.read()
        asked = len(device.asked)
        device.words[11] = 3
        third = await meter.read()
    for read_out in (first, second):
        assert shown(read_out) == {
            IMPORT: Quantity(500, 0, WH),
            REACTIVE: Quantity(7, 0, Unit.VAR_HOUR),
        }
        assert absent(read_out) == {EXPORT: Absence.REFUSED}
    # All at once, then each; after that what it has, and what it refuses, alone.
    assert device.asked[0] == RegisterSpan(3, 10, 3)
    assert asked == 1 + 3 + 3
    assert shown(third)[EXPORT] == Quantity(3, 0, WH)
    assert not absent(third)


async def test_registers_between_that_are_refused_cost_nothing() -> None:
    device = Device({10: 500, 14: 3})
    wanted = (register(IMPORT, 10), register(EXPORT, 14))
    async with rogue(device) as server, driver(server, *wanted, max_gap=10) as meter:
        read_out = await meter.read()
    assert shown(read_out) == {IMPORT: Quantity(500, 0, WH), EXPORT: Quantity(3, 0, WH)}


async def test_a_device_that_refuses_everything_or_is_busy_fails() -> None:
    for code, error in ((ILLEGAL_ADDRESS, MeterRefusalError), (BUSY, MeterBusyError)):
        device = Device({} if code == ILLEGAL_ADDRESS else {10: 1, 12: 1}, code)
        async with rogue(device) as server, driver(server, *THREE) as meter:
            with pytest.raises(error):
                await meter.read()


@pytest.mark.parametrize(
    ("factor", "value", "reason"),
    [
        (0, Quantity(500, 0, WH), None),
        (2, Quantity(500, 2, WH), None),
        (0x10000 - 3, Quantity(500, -3, WH), None),
        (0x8000, None, Absence.NOT_AVAILABLE),
        (11, None, Absence.OUT_OF_RANGE),
        (0x10000 - 11, None, Absence.OUT_OF_RANGE),
        (None, None, Absence.REFUSED),
    ],
)
async def test_a_power_of_ten_in_a_register_of_its_own(
    factor: int | None, value: Quantity | None, reason: Absence | None
) -> None:
    words = {10: 500, 11: 3} | ({} if factor is None else {20: factor})
    wanted = (register(IMPORT, 10, factor={"address": 20}), register(EXPORT, 11))
    async with rogue(Device(words)) as server, driver(server, *wanted) as meter:
        read_out = await meter.read()
    assert shown(read_out).get(IMPORT) == value
    assert shown(read_out)[EXPORT] == Quantity(3, 0, WH)
    assert absent(read_out).get(IMPORT) == reason


async def test_a_sign_that_repeats_the_direction_is_dropped() -> None:
    device = Device({10: 0x10000 - 7, 11: 5})
    wanted = (
        register(EXPORT, 10, type="i16", magnitude=True),
        register(IMPORT, 11, type="i16", magnitude=True),
    )
    async with rogue(device) as server, driver(server, *wanted) as meter:
        read_out = await meter.read()
    assert shown(read_out) == {EXPORT: Quantity(7, 0, WH), IMPORT: Quantity(5, 0, WH)}
