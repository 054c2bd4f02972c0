"""Drivers are found by name, and settings that do not fit are refused by key."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterAnswerError,
    MeterDriver,
    UnknownProtocolError,
)
from firmware_bridge.driver.registry import create_driver, driver_class, protocols
from firmware_bridge.modbus.driver import ModbusDriver, serial_text
from firmware_bridge.modbus.frames import RegisterSpan, WordOrder
from firmware_bridge.modbus.profiles import UnknownProfileError
from firmware_bridge.modbus.register_map import SerialForm, SerialNumber

GOOD: dict[str, Any] = {"host": "192.0.2.1", "profile": "meterline-virtual"}


def test_modbus_is_installed() -> None:
    assert "modbus" in protocols()
    assert driver_class("modbus") is ModbusDriver


def test_an_unknown_protocol_says_what_is_installed() -> None:
    with pytest.raises(UnknownProtocolError, match="modbus"):
        create_driver("morse", {})


def test_no_driver_is_imported_before_it_is_asked_for() -> None:
    script = (
        "import sys, firmware_bridge.driver.registry as r; r.protocols();"
        "sys.exit(any(name.startswith(('pymodbus', 'firmware_bridge.modbus')) "
        "for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_whether_a_model_keeps_a_profile_is_known_without_asking_it() -> None:
    assert create_driver("modbus", GOOD).has_profile
    assert not create_driver("modbus", GOOD | {"profile": "eastron-sdm630"}).has_profile


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"unit_id": 256}, "unit_id"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"hots": "x"}, "hots"),
        ({"serial": "ü"}, "serial"),
        ({"registers": ["energy"]}, "registers.0"),
        ({"serial_port": "/dev/ttyUSB0"}, "host"),
        ({"host": None}, "host"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, object], key: str) -> None:
    with pytest.raises(DriverSettingError, match=f"`{key}`") as caught:
        create_driver("modbus", GOOD | change)
    assert "unit_id" in (caught.value.remedy or "")


def test_a_register_that_the_model_has_not_is_refused() -> None:
    with pytest.raises(DriverSettingError, match="no register 7-0:3"):
        create_driver("modbus", GOOD | {"registers": ["7-0:3.0.0"]})
    with pytest.raises(UnknownProfileError):
        create_driver("modbus", GOOD | {"profile": "unknown"})


TEXT = SerialNumber(RegisterSpan(4, 0, 4), SerialForm.ASCII, WordOrder.ABCD)
NUMBER = SerialNumber(RegisterSpan(3, 0, 2), SerialForm.NUMBER, WordOrder.ABCD)
DIGITS = SerialNumber(RegisterSpan(3, 0, 3), SerialForm.BCD, WordOrder.ABCD)


def test_serial_numbers_are_text_or_integers() -> None:
    assert serial_text((0x4D4C, 0x2D37, 0x0000, 0x0000), TEXT) == "ML-7"
    assert serial_text((0x0001, 0x0000), NUMBER) == "65536"
    assert serial_text((0x0020, 0x1942, 0x0815), DIGITS) == "2019420815"


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ((0, 0, 0, 0), TEXT),
        ((0x2020, 0x2020, 0x2020, 0x2020), TEXT),
        ((0x4D0A, 0x4D4D, 0, 0), TEXT),
        ((0xFFFF, 0xFFFF, 0, 0), TEXT),
        ((0, 0), NUMBER),
        ((0xFFFF, 0xFFFF), NUMBER),
        ((0, 0, 0), DIGITS),
        ((0x0020, 0x1942, 0x081A), DIGITS),
        ((0xFFFF, 0xFFFF, 0xFFFF), DIGITS),
    ],
)
def test_registers_without_a_serial_number_are_no_answer(
    words: tuple[int, ...], field: SerialNumber
) -> None:
    with pytest.raises(MeterAnswerError, match="serial number"):
        serial_text(words, field)


async def test_a_driver_is_what_the_agent_expects_and_reads_only_inside_its_context() -> None:
    driver: MeterDriver = ModbusDriver.from_settings(GOOD)
    with pytest.raises(RuntimeError, match="async with"):
        await driver.read()
