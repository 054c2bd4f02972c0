"""SunSpec meters are found by the chain of their device, wherever it begins."""

from __future__ import annotations

import pytest

from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.driver.interface import Absence, MeterAnswerError, MeterRefusalError

from .conftest import Device, rogue

WH = Unit.WATT_HOUR
COMMON, INVERTER, METER = 1, 103, 203


def common(serial: str) -> tuple[int, list[int]]:
    raw = serial.encode("ascii").ljust(32, b"\0")
    words = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, 32, 2)]
    return COMMON, [0] * 48 + words + [1]


def meter(imported: int, exported: int, power: int) -> tuple[int, list[int]]:
    words = [0] * 105
    words[44:46] = [imported >> 16, imported & 0xFFFF]
    words[36:38] = [exported >> 16, exported & 0xFFFF]
    words[52] = power & 0xFFFF
    return METER, words


def chain(base: int, *models: tuple[int, list[int]]) -> dict[int, int]:
    words = [0x5375, 0x6E53]
    for number, content in models:
        words += [number, len(content), *content]
    return dict(enumerate([*words, 0xFFFF, 0], start=base))


SOLAREDGE = (
    common("7E000001"), (INVERTER, [0] * 50),
    common("600001"), meter(1_234_567, 70_000, 0),
    common("600002"), meter(8_901, 23, 2),
    common("600003"), meter(4, 5, -1),
)  # fmt: skip


@pytest.mark.parametrize("base", [40_000, 50_000, 0])
@pytest.mark.parametrize(
    ("which", "serial", "imported", "exported"),
    [
        (1, "600001", Quantity(1_234_567, 0, WH), Quantity(70_000, 0, WH)),
        (2, "600002", Quantity(8_901, 2, WH), Quantity(23, 2, WH)),
        (3, "600003", Quantity(4, -1, WH), Quantity(5, -1, WH)),
    ],
)
async def test_each_meter_of_an_inverter_is_found(
    base: int, which: int, serial: str, imported: Quantity, exported: Quantity
) -> None:
    async with (
        rogue(Device(chain(base, *SOLAREDGE))) as server,
        server.driver(profile="sunspec-meter", sunspec_meter=which) as driver,
    ):
        read_out = await driver.read()
    assert read_out.meter.serial == serial
    assert {str(item.obis): item.quantity for item in read_out.values} == {
        "1-0:1.8.0*255": imported, "1-0:2.8.0*255": exported,
    }  # fmt: skip


async def test_a_meter_that_moved_is_found_again() -> None:
    device = Device(chain(40_000, *SOLAREDGE))
    async with (
        rogue(device) as server,
        server.driver(profile="sunspec-meter") as driver,
    ):
        before = await driver.read()
        asked = len(device.asked)
        await driver.read()
        # It is not looked for as long as it is where it was: its header, number and two registers.
        assert len(device.asked) - asked <= 5
        device.words = chain(40_000, common("7E000001"), (INVERTER, [0] * 80), *SOLAREDGE[2:])
        after = await driver.read()
    assert after == before


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (chain(40_000, *SOLAREDGE[:2]), MeterRefusalError, "has 0 SunSpec meters"),
        ({1: 2}, MeterRefusalError, "no SunSpec registers at 40000, 50000 or 0"),
        ({40_000: 0x5375, 40_001: 0x6E53, 40_002: 9, 40_003: 1}, MeterRefusalError, "refused"),
        (dict.fromkeys(range(40_002, 40_400), 0) | {40_000: 0x5375, 40_001: 0x6E53},
         MeterAnswerError, "does not end"),
        ({40_000: 0x5375, 40_001: 0x6E53, 40_002: 9, 40_003: 0xFFFF}, MeterAnswerError,
         "does not end"),
    ],
)  # fmt: skip
async def test_a_device_without_such_a_meter_says_so(
    words: dict[int, int], error: type[Exception], text: str
) -> None:
    async with (
        rogue(Device(words)) as server,
        server.driver(profile="sunspec-meter") as driver,
    ):
        with pytest.raises(error, match=text):
            await driver.read()


# Counters 1 and 2, their powers of ten, what they count, and that the connection is not reversed.
ISKRA = {406: 0, 407: 1500, 408: 0, 409: 30, 401: 1, 402: 1}
SET = {421: 1, 422: 6, 431: 1, 432: 9, 151: 0}


@pytest.mark.parametrize(
    ("changed", "absent"),
    [
        ({}, ()),
        ({422: 9}, ("1-0:1.8.0*255",)),
        ({421: 2}, ("1-0:1.8.0*255",)),
        ({432: 6}, ("1-0:2.8.0*255",)),
        ({151: 2}, ("1-0:1.8.0*255", "1-0:2.8.0*255")),
        ({421: 0xFFF1, 151: 0xFFFD}, ()),
    ],
)
async def test_a_counter_that_is_set_to_something_else_is_absent(
    changed: dict[int, int], absent: tuple[str, ...]
) -> None:
    device = Device(ISKRA | SET | changed)
    async with (
        rogue(device) as server,
        server.driver(profile="iskra-mc", serial="4711") as driver,
    ):
        read_out = await driver.read()
    values = {"1-0:1.8.0*255": Quantity(1500, 1, WH), "1-0:2.8.0*255": Quantity(30, 1, WH)}
    assert {str(item.obis): item.absence for item in read_out.absent} == dict.fromkeys(
        absent, Absence.NOT_AVAILABLE
    )
    assert {str(item.obis): item.quantity for item in read_out.values} == {
        obis: value for obis, value in values.items() if obis not in absent
    }
