"""M-Bus and optical-head drivers against virtual devices, on TCP and on a serial line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterAnswerError,
    MeterConnectionError,
    MeterTimeoutError,
    ReadOut,
)
from firmware_bridge.driver.telegram import TelegramError
from firmware_bridge.iec62056_21.driver import Iec62056Driver, ModeDDriver
from firmware_bridge.mbus.driver import RESET, MbusDriver
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.iec62056_21.optical import VirtualOpticalHead, mode_d
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header
from firmware_bridge.simulator.mbus.slave import VirtualMbus
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.polled import ReplyPart, VirtualPolledPort
from firmware_bridge.simulator.pty import SerialCable
from firmware_bridge.simulator.pushed import VirtualPushedPort

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=30)
LOCAL: dict[str, object] = {"host": "127.0.0.1", "timeout_s": 0.4}
HEAD: dict[str, object] = LOCAL | {"reaction_s": 0}


def virtual(serial: str) -> VirtualMeter:
    load = from_kw([Decimal("1.2345"), Decimal("-0.5"), Decimal("3.75")], 3600)
    return compose(serial, load, script=Script(start=START, loop=True), clock=ManualClock(NOW))


async def test_two_meters_on_one_bus_are_read_at_once_over_one_connection() -> None:
    meters = {1: virtual("00004711"), 7: virtual("00004712")}
    async with VirtualPolledPort(VirtualMbus(meters)) as bus:
        place = LOCAL | {"port": bus.port}
        async with (
            MbusDriver.from_settings(place | {"address": 1}) as first,
            MbusDriver.from_settings(place | {"address": 7}) as second,
        ):
            one, two = await asyncio.gather(first.read(), second.read())
            assert (one.meter.manufacturer, one.meter.serial) == ("MTL", "00004711")
            assert two.meter.serial == "00004712"
            shown = {value.obis: value.quantity.decimal() for value in one.values}
            assert shown[ACTIVE_IMPORT] == meters[1].register_wh(ACTIVE_IMPORT, NOW) > 0
            assert shown[ACTIVE_EXPORT] == meters[1].register_wh(ACTIVE_EXPORT, NOW) > 0
            assert len(bus._open) == 1
            assert (await first.identify()).serial == "00004711"
            assert not first.has_profile
            assert await first.profile_memory() is None
            assert [c async for c in first.read_profile(Interval(START, NOW))] == []


async def test_a_dead_slave_loses_only_its_own_readings() -> None:
    meters = {1: virtual("1"), 2: virtual("2")}
    meters[1].faults.silent = True
    async with VirtualPolledPort(VirtualMbus(meters)) as bus:
        place = LOCAL | {"port": bus.port}
        async with (
            MbusDriver.from_settings(place | {"address": 1}) as dead,
            MbusDriver.from_settings(place | {"address": 2}) as alive,
        ):
            outcomes = await asyncio.gather(dead.read(), alive.read(), return_exceptions=True)
            assert isinstance(outcomes[0], MeterTimeoutError)
            assert not isinstance(outcomes[1], BaseException)
            assert outcomes[1].meter.serial == "00000002"


async def test_a_slave_is_selected_by_its_identification_number() -> None:
    async with VirtualPolledPort(VirtualMbus({1: virtual("4711"), 2: virtual("815")})) as bus:
        place = LOCAL | {"port": bus.port}
        async with MbusDriver.from_settings(place | {"secondary": "00000815"}) as driver:
            assert (await driver.read()).meter.serial == "00000815"
        async with MbusDriver.from_settings(place | {"secondary": "00000001"}) as driver:
            with pytest.raises(MeterTimeoutError, match="selection"):
                await driver.read()


async def test_mbus_over_a_serial_line() -> None:
    async with (
        SerialCable() as cable,
        VirtualPolledPort(VirtualMbus({5: virtual("5")}), serial_port=cable.meter_end),
        MbusDriver.from_settings(
            {"serial_port": cable.agent_end, "address": 5, "timeout_s": 1}
        ) as driver,
    ):
        assert (await driver.read()).meter.serial == "00000005"


def corrupt(raw: bytes) -> bytes:
    return raw if len(raw) < 30 else raw[:25] + bytes([raw[25] ^ 4]) + raw[26:]


async def test_a_damaged_answer_carries_its_bytes_and_the_next_read_is_good() -> None:
    meter = virtual("5")
    meter.faults.tamper = corrupt
    async with (
        VirtualPolledPort(VirtualMbus({5: meter})) as bus,
        MbusDriver.from_settings(LOCAL | {"port": bus.port, "address": 5}) as driver,
    ):
        with pytest.raises(MeterAnswerError) as caught:
            await driver.read()
        assert isinstance(caught.value.value, bytes)
        meter.faults.tamper = None
        assert (await driver.read()).replaced is None
        meter.exchange("6")
        replaced = (await driver.read()).replaced
        assert replaced is not None
        assert replaced.serial == "00000005"


HEADER = long_header(device("12345678", "ABC", 1, 2), 1, 0, b"")
ENERGY, POWER = bytes.fromhex("04 03 39 30 00 00"), bytes.fromhex("02 2B 10 0E")
CUT, MORE = bytes.fromhex("04 83 3C 01"), b"\x1f"


async def read_bus(*users: bytes, noise: bytes = b"") -> ReadOut:
    """One read of a slave that answers with these telegrams, one after the other."""
    due = iter(users)

    def answer(held: bytes) -> tuple[tuple[ReplyPart, ...], int]:
        if held[1] == RESET:
            return (ReplyPart(b"\xe5"),), 5
        user = next(due, None)
        return (ReplyPart(noise + long_frame(user, 5)),) if user else (), 5

    async with (
        VirtualPolledPort(answer) as bus,
        MbusDriver.from_settings(LOCAL | {"port": bus.port, "address": 5}) as driver,
    ):
        return await driver.read()


async def test_the_end_of_an_answer_that_cannot_be_read_is_named_beside_its_values() -> None:
    cut = HEADER + ENERGY + CUT
    found = await read_bus(cut)
    assert [str(value.quantity.decimal()) for value in found.values] == ["12345"]
    assert [(item.code, item.raw, item.count) for item in found.refused] == [
        ("TELEGRAM_TRUNCATED", long_frame(cut, 5), 1)
    ]
    assert "ends within a record" in found.refused[0].message


async def test_an_answer_that_does_not_come_costs_not_those_before_it() -> None:
    found = await read_bus(HEADER + ENERGY + MORE)
    assert [str(value.quantity.decimal()) for value in found.values] == ["12345"]
    (missing,) = found.refused
    assert missing.code == "TELEGRAM_TRUNCATED"
    assert "announced another telegram, and none came" in missing.message
    with pytest.raises(MeterTimeoutError):
        await read_bus()


async def test_each_of_several_answers_of_one_read_is_judged_by_itself() -> None:
    found = await read_bus(HEADER + ENERGY + MORE, HEADER + POWER + bytes.fromhex("0D 13 FA"))
    assert [str(value.quantity.decimal()) for value in found.values] == ["12345", "3600"]
    assert [item.code for item in found.refused] == ["TELEGRAM_SYNTAX"]
    found = await read_bus(HEADER + ENERGY + MORE, bytes([0xA0, 1, 2]))
    assert [str(value.quantity.decimal()) for value in found.values] == ["12345"]
    assert [item.code for item in found.refused] == ["TELEGRAM_UNSUPPORTED"]


@pytest.mark.parametrize("noise", ["68 01 01 68", "68 20 20 68 00", "68 00 00 68 10"])
async def test_noise_before_an_answer_costs_no_read(noise: str) -> None:
    found = await read_bus(HEADER + ENERGY, noise=bytes.fromhex(noise))
    assert [str(value.quantity.decimal()) for value in found.values] == ["12345"]


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (HEADER, "TELEGRAM_EMPTY"),
        (HEADER + bytes.fromhex("02 FD 17 00 00"), "TELEGRAM_EMPTY"),  # error flags only
        (HEADER + bytes.fromhex("44 03 39 30 00 00"), "TELEGRAM_EMPTY"),  # a stored value only
        (HEADER + CUT, "TELEGRAM_TRUNCATED"),
        (bytes([0x70, 8]), "DEVICE_REPORT"),
        (bytes([0xB7, 1, 2]), "TELEGRAM_UNSUPPORTED"),
    ],
)
async def test_an_answer_without_values_has_its_reason(user: bytes, code: str) -> None:
    with pytest.raises(MeterAnswerError) as caught:
        await read_bus(user)
    assert caught.value.value == long_frame(user, 5)
    assert isinstance(caught.value.__cause__, TelegramError)
    assert caught.value.__cause__.code == code


@pytest.mark.parametrize("speed", ["5", "3", "0", "E", "@"])
async def test_an_optical_head_is_asked_in_modes_a_b_and_c(speed: str) -> None:
    meter = virtual("4711")
    async with (
        VirtualPolledPort(VirtualOpticalHead(meter, speed)) as head,
        Iec62056Driver.from_settings(HEAD | {"port": head.port}) as driver,
    ):
        for _ in range(2):
            out = await driver.read()
            assert (out.meter.manufacturer, out.meter.serial) == ("MTL", "4711")
            shown = {value.obis: value.quantity.decimal() for value in out.values}
            assert shown[ACTIVE_IMPORT] == meter.register_wh(ACTIVE_IMPORT, NOW)


async def test_an_optical_head_on_a_serial_line_changes_its_speed() -> None:
    async with (
        SerialCable() as cable,
        VirtualPolledPort(VirtualOpticalHead(virtual("4711")), serial_port=cable.meter_end),
        Iec62056Driver.from_settings(
            {"serial_port": cable.agent_end, "timeout_s": 2, "reaction_s": 0.02}
        ) as driver,
    ):
        assert (await driver.read()).meter.serial == "4711"
        assert driver._line is not None
        assert (await driver.read()).meter.serial == "4711"


async def test_a_silent_or_damaged_optical_head_is_named() -> None:
    meter = virtual("4711")
    async with (
        VirtualPolledPort(VirtualOpticalHead(meter)) as head,
        Iec62056Driver.from_settings(HEAD | {"port": head.port}) as driver,
    ):
        meter.faults.tamper = corrupt
        with pytest.raises(MeterAnswerError):
            await driver.read()
        meter.faults.tamper = None
        meter.faults.silent = True
        with pytest.raises(MeterTimeoutError):
            await driver.read()
        meter.faults.silent = False
        assert (await driver.read()).values


async def test_mode_d_is_listened_to() -> None:
    async with (
        VirtualPushedPort(virtual("4711"), mode_d, 0.02) as port,
        ModeDDriver.from_settings(LOCAL | {"port": port.port}) as driver,
    ):
        assert (await driver.read()).meter.serial == "4711"


async def test_nothing_there_is_a_connection_error() -> None:
    async with VirtualPolledPort(VirtualMbus({})) as gone:
        port = gone.port
    async with MbusDriver.from_settings(LOCAL | {"port": port, "address": 1}) as driver:
        with pytest.raises(MeterConnectionError):
            await driver.read()


@pytest.mark.parametrize(
    "settings", [{}, {"address": 1, "secondary": "00000001"}, {"address": 255}, {"secondary": "1"}]
)
def test_a_meter_on_a_bus_needs_one_address(settings: dict[str, object]) -> None:
    with pytest.raises(DriverSettingError):
        MbusDriver.from_settings({"serial_port": "/dev/x"} | settings)
