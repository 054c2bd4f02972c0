"""Drivers of pushing meters against virtual ones, on TCP and on a serial line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_IMPORT, ACTIVE_POWER_IMPORT, Obis
from firmware_bridge.dlms.driver import DlmsDriver
from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterAnswerError,
    MeterConnectionError,
    MeterTimeoutError,
)
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.driver.telegram import TelegramEmptyError
from firmware_bridge.dsmr.driver import DsmrDriver
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.dlms.encoding import hdlc
from firmware_bridge.simulator.dlms.encoding import octets as dlms_octets
from firmware_bridge.simulator.dlms.telegrams import Cipher, dlms_push
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.pty import SerialCable
from firmware_bridge.simulator.pushed import PUSHES, VirtualPushedPort
from firmware_bridge.simulator.sml.encoding import Entry, list_file, octets
from firmware_bridge.sml.driver import SmlDriver
from tests.unit.firmware_bridge.dlms.test_list_layouts import apdu

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=30)
DRIVERS: dict[str, type[PushDriver]] = {"dsmr": DsmrDriver, "sml": SmlDriver, "dlms": DlmsDriver}
SERIALS = {"dsmr": "4711", "sml": "1MTL0000004711", "dlms": "4711"}
KEYS = Cipher(bytes(range(16)), bytes(range(16, 32)))
TIMEOUT_S = 0.5
# For what comes, however busy the machine is.
PATIENCE_S = 60.0


@pytest.fixture
def meter() -> VirtualMeter:
    load = from_kw([Decimal("1.2345"), Decimal("3.75"), Decimal(0)], 3600)
    return compose("4711", load, script=Script(start=START, loop=True), clock=ManualClock(NOW))


def driver(protocol: str, settings: dict[str, object]) -> PushDriver:
    made = DRIVERS[protocol].from_settings({"timeout_s": PATIENCE_S} | settings)  # type: ignore[attr-defined]
    assert isinstance(made, PushDriver)
    return made


def is_import(code: Obis) -> bool:
    """The total, or a tariff of a meter that sends no total."""
    return code.code[:4] == ACTIVE_IMPORT.code[:4]


@pytest.mark.parametrize("protocol", DRIVERS)
async def test_a_pushing_meter_is_read_over_tcp(protocol: str, meter: VirtualMeter) -> None:
    async with (
        VirtualPushedPort(meter, PUSHES[protocol], 0.02) as port,
        driver(protocol, {"host": "127.0.0.1", "port": port.port}) as reader,
    ):
        assert (await reader.identify()).serial == SERIALS[protocol]
        out = await reader.read()
        assert out.meter.serial == SERIALS[protocol]
        shown = {value.obis: value for value in out.values}
        energies = [value for code, value in shown.items() if is_import(code)]
        total = sum(value.quantity.decimal() for value in energies)
        assert total == meter.register_wh(ACTIVE_IMPORT, NOW)
        assert {value.meter_time for value in energies} == {NOW}
        assert shown[ACTIVE_POWER_IMPORT].quantity.decimal() > 0
        again = await reader.read()
        assert (again.replaced, len(again.values)) == (None, len(out.values))
        assert not reader.has_profile
        assert await reader.profile_memory() is None
        span = Interval(START, NOW)
        assert [chunk async for chunk in reader.read_profile(span)] == []


@pytest.mark.parametrize("protocol", DRIVERS)
async def test_a_pushing_meter_is_read_over_a_serial_line(
    protocol: str, meter: VirtualMeter
) -> None:
    async with (
        SerialCable() as cable,
        VirtualPushedPort(meter, PUSHES[protocol], 0.02, serial_port=cable.meter_end),
        driver(protocol, {"serial_port": cable.agent_end}) as reader,
    ):
        out = await reader.read()
        assert any(is_import(value.obis) for value in out.values)


async def test_an_encrypted_push_needs_its_keys(meter: VirtualMeter) -> None:
    async with VirtualPushedPort(meter, partial(dlms_push, cipher=KEYS), 0.02) as port:
        place: dict[str, object] = {"host": port.host, "port": port.port}
        keys = {"key": KEYS.key.hex(), "auth_key": KEYS.authentication.hex()}
        async with driver("dlms", place | keys) as reader:
            assert (await reader.read()).meter.manufacturer == "MTL"
        async with driver("dlms", place | {"timeout_s": TIMEOUT_S}) as reader:
            with pytest.raises(MeterAnswerError, match="encrypted") as caught:
                await reader.read()
            assert isinstance(caught.value.value, bytes)


async def test_values_come_again_after_the_gateway_restarts(meter: VirtualMeter) -> None:
    async with (
        VirtualPushedPort(meter, PUSHES["dsmr"], 0.02) as port,
        driver("dsmr", {"host": "127.0.0.1", "port": port.port}) as reader,
    ):
        await reader.read()
        port.hang_up()
        read = 0
        for _ in range(10):
            with suppress(MeterConnectionError):  # at most the read that met the closed line
                read += bool((await reader.read()).values)
        assert read >= 9


def flip(data: bytes) -> bytes:
    return data[:60] + bytes([data[60] ^ 1]) + data[61:]


@pytest.mark.parametrize("protocol", DRIVERS)
async def test_bad_telegrams_silence_and_absence_are_named(
    protocol: str, meter: VirtualMeter
) -> None:
    meter.faults.tamper = flip
    async with VirtualPushedPort(meter, PUSHES[protocol], 0.02) as port:
        place: dict[str, object] = {
            "host": port.host,
            "port": port.port,
            "timeout_s": TIMEOUT_S,
        }
        async with driver(protocol, place) as reader:
            with pytest.raises(MeterAnswerError):
                await reader.read()
            assert reader.bad_frames > 0
            meter.faults.tamper = None
            assert (await reader.read()).values
            meter.faults.silent = True
            await asyncio.sleep(0.1)
            reader._kept.clear()
            with pytest.raises(MeterTimeoutError):
                await reader.read()
    async with driver(protocol, place) as reader:
        with pytest.raises(MeterConnectionError):
            await reader.read()
        with pytest.raises(MeterConnectionError):
            await reader.read()


NAME_ONLY = {
    "dsmr": b"/MTL5X\r\n\r\n0-0:96.1.1(3132)\r\n!\r\n",
    "sml": list_file(
        b"\x0a\x01MTL\0\0\0\x12\x67",
        [Entry(bytes.fromhex("0100600100FF"), octets(b"\x0a\x01MTL\0\0\0\x12\x67"))],
    ),
    "dlms": hdlc(apdu([dlms_octets(b"Kamstrup_V0001"), dlms_octets(b"4711")])),
}


@pytest.mark.parametrize("protocol", DRIVERS)
async def test_sound_telegrams_without_values_are_named_and_are_no_silence(
    protocol: str, meter: VirtualMeter
) -> None:
    meter.faults.tamper = lambda _: NAME_ONLY[protocol]
    async with VirtualPushedPort(meter, PUSHES[protocol], 0.02) as port:
        place = {"host": port.host, "port": port.port, "timeout_s": TIMEOUT_S}
        async with driver(protocol, place) as reader:
            with pytest.raises(MeterAnswerError, match="is sound and holds no value") as caught:
                await reader.read()
            assert isinstance(caught.value.__cause__, TelegramEmptyError)
            assert caught.value.__cause__.code == "TELEGRAM_EMPTY"
            # Its bytes are there for whoever looks into it.
            assert isinstance(caught.value.value, bytes)
            assert caught.value.value
            meter.faults.tamper = None
            assert (await reader.read()).values


async def test_an_exchange_is_reported_once(meter: VirtualMeter) -> None:
    async with (
        VirtualPushedPort(meter, PUSHES["dsmr"], 0.02) as port,
        driver("dsmr", {"host": "127.0.0.1", "port": port.port}) as reader,
    ):
        assert (await reader.read()).replaced is None
        meter.exchange("4712")
        while (out := await reader.read()).meter.serial == "4711":
            pass
        assert (out.meter.serial, out.replaced and out.replaced.serial) == ("4712", "4711")
        assert (await reader.read()).replaced is None


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "a"},
        {"host": "a", "port": 1, "serial_port": "/dev/x"},
        {"serial_port": "/dev/x", "parity": "Q"},
        {"serial_port": "/dev/x", "colour": "red"},
        {"serial_port": "/dev/x", "key": "secret-of-mine"},
    ],
)
@pytest.mark.parametrize("make", [d.from_settings for d in (DsmrDriver, SmlDriver, DlmsDriver)])
def test_wrong_settings_are_refused_by_key(
    make: Callable[[dict[str, object]], PushDriver], settings: dict[str, object]
) -> None:
    with pytest.raises(DriverSettingError) as caught:
        make(settings)
    assert "secret-of-mine" not in str(caught.value)


async def test_a_missing_serial_device_is_a_connection_error() -> None:
    async with driver("sml", {"serial_port": "/dev/no-such-device"}) as reader:
        with pytest.raises(MeterConnectionError):
            await reader.read()
