"""Meters whose telegrams name no serial number: refused with a remedy, read once named."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import entry_points

import pytest

from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.dlms.line import LineScanner
from firmware_bridge.driver.interface import DriverSettingError, MeterIdentity, ReadOut
from firmware_bridge.driver.line import MeterLine, TcpAddress
from firmware_bridge.driver.naming import (
    NOT_CONFIGURED,
    ConfiguredIdentity,
    MeterSeveralError,
    MeterUnnamedError,
    check_named,
    host_of,
    identity,
    is_filler,
    named_values,
)
from firmware_bridge.driver.polled import PolledDriver, SharedLine
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.driver.registry import create_driver, driver_class
from firmware_bridge.driver.telegram import UNKNOWN, Observation, Scanner, Telegram
from firmware_bridge.iec62056_21.frames import block_check
from firmware_bridge.iec62056_21.p1_values import P1Scanner
from firmware_bridge.iec62056_21.values import ReadOutScanner
from firmware_bridge.probe.finding import Found
from firmware_bridge.recordings.decode import decode_bytes
from firmware_bridge.simulator.dlms.encoding import Register, hdlc, notification
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header
from tests.support.data import data_root
from tests.support.telegrams import Capture, all_captures

SCANNERS: dict[str, type[Scanner]] = {
    "dsmr": P1Scanner,
    "iec62056_21": ReadOutScanner,
    "dlms": LineScanner,
}
UNNAMED = [
    capture
    for capture in all_captures()
    if capture.name
    in {
        "amshan/dlde_kamstrup.txt",
        "amshan/dlde_a_landisgyr_360.txt",
        "amshan/dlde_d_landisgyr_360.txt",
        "amshan/aidon_se_list.hex",
    }
]
CONFIGURED = ConfiguredIdentity("735999", "ABC")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = {"host": "127.0.0.1", "port": 1}
TABLES: Mapping[str, Mapping[str, object]] = {
    "dsmr": LINE,
    "sml": LINE,
    "dlms": LINE,
    "mbus": {**LINE, "address": 1},
    "wmbus": {**LINE, "address": "12345678"},
    "iec62056_21": LINE,
    "iec62056_21_d": LINE,
    "mqtt_native": {"host": "127.0.0.1", "topics": ["a"]},
    "modbus": {"host": "127.0.0.1", "profile": "eastron-sdm630"},
    "pulse": {"line": 1, "pulses": 1000, "count_file": "/nowhere/count"},
}


class Recorded:
    """A place whose line gives recordings, one at a time, and then is silent."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)

    def __str__(self) -> str:
        return "the line"

    async def open(self, timeout_s: float) -> MeterLine:
        assert timeout_s > 0
        return self

    async def receive(self) -> bytes:
        if not self.parts:
            await asyncio.Event().wait()
        return self.parts.pop(0)

    async def send(self, data: bytes) -> None: ...
    def set_speed(self, baudrate: int) -> None: ...
    def close(self) -> None: ...


async def pushed(capture: Capture, configured: ConfiguredIdentity = NOT_CONFIGURED) -> ReadOut:
    scanner = SCANNERS[capture.protocol]
    whole = hdlc(capture.data[3:]) if capture.protocol == "dlms" else capture.data + b"\r\n/"
    async with PushDriver(Recorded(whole), scanner, 0.3, configured=configured) as driver:
        return await driver.read()


def test_the_recordings_are_there() -> None:
    data_root("meters", "amshan")
    assert len(UNNAMED) == 7


@pytest.mark.parametrize("capture", UNNAMED, ids=str)
async def test_a_push_that_names_no_meter_is_refused_with_the_remedy(capture: Capture) -> None:
    with pytest.raises(MeterUnnamedError, match=r"Set `serial`") as caught:
        await pushed(capture)
    assert caught.value.code == "METER_UNNAMED"
    assert isinstance(caught.value.value, ReadOut)


@pytest.mark.parametrize("capture", UNNAMED, ids=str)
async def test_its_table_names_it(capture: Capture) -> None:
    out = await pushed(capture, CONFIGURED)
    assert (out.meter.manufacturer, out.meter.serial) == ("ABC", "735999")
    assert {(v.meter.manufacturer, v.meter.serial) for v in out.values} == {("ABC", "735999")}
    assert len(out.values) == 26
    alone = await pushed(capture, ConfiguredIdentity("735999"))
    made = {"amshan/aidon_se_list.hex": UNKNOWN, "amshan/dlde_kamstrup.txt": "KAM"}
    assert alone.meter.manufacturer == made.get(capture.name, "LGF")
    assert alone.meter.serial == "735999"


@pytest.mark.parametrize("capture", UNNAMED, ids=str)
async def test_an_asked_meter_is_refused_and_named_alike(capture: Capture) -> None:
    seen = tuple(capture.scan())

    async def ask(_: SharedLine) -> tuple[Telegram, ...]:
        return seen

    async with PolledDriver(TcpAddress("127.0.0.1", 1), ask, 1.0) as driver:
        with pytest.raises(MeterUnnamedError):
            await driver.read()
        with pytest.raises(MeterUnnamedError):
            await driver.identify()
    async with PolledDriver(TcpAddress("127.0.0.1", 1), ask, 1.0, CONFIGURED) as driver:
        assert (await driver.read()).meter.serial == (await driver.identify()).serial == "735999"


@pytest.mark.parametrize("protocol", sorted(TABLES))
def test_every_protocol_takes_the_plate(protocol: str) -> None:
    table = {**TABLES[protocol], "serial": "735 A-1", "manufacturer": "ABC"}
    assert isinstance(create_driver(protocol, table), driver_class(protocol))
    for wrong in ("", " 1", "<number on its nameplate>", "1\0", "1\n", "ä", "1" * 33):
        if protocol != "pulse" or wrong not in {" 1", "<number on its nameplate>"}:
            with pytest.raises(DriverSettingError):
                create_driver(protocol, {**table, "serial": wrong})


def test_no_protocol_is_left_out() -> None:
    assert set(TABLES) == {point.name for point in entry_points(group="meterline.drivers")}


def p1(*lines: str, head: str = "/KAM5") -> bytes:
    return "\r\n".join([head, "", *lines, "!", ""]).encode()


IMPORTED = "1-0:1.8.0(000001.500*kWh)"
GAS = ("0-1:24.1.0(003)", "0-1:24.2.1(230601110000S)(00002.500*m3)")
NAMED = "0-0:96.1.1(31)"


def observed(data: bytes) -> list[Observation]:
    return [v for telegram in decode_bytes("dsmr", data) for v in telegram.observations]


@pytest.mark.parametrize(
    ("lines", "configured", "expected"),
    [
        ((IMPORTED, *GAS), NOT_CONFIGURED, ["unknown", "unknown"]),
        ((IMPORTED, *GAS), ConfiguredIdentity("77"), ["77", "77#1"]),
        ((IMPORTED, *GAS, NAMED), NOT_CONFIGURED, ["1", "1#1"]),
        ((IMPORTED, *GAS, NAMED), ConfiguredIdentity("77"), ["77", "77#1"]),
        ((IMPORTED, *GAS, "0-1:96.1.0(4731)"), ConfiguredIdentity("77"), ["77", "G1"]),
        ((*GAS, NAMED), NOT_CONFIGURED, ["1#1"]),
        ((*GAS, NAMED), ConfiguredIdentity("77"), ["77#1"]),
    ],
)
def test_what_hangs_behind_a_port_keeps_or_takes_its_name(
    lines: tuple[str, ...], configured: ConfiguredIdentity, expected: list[str]
) -> None:
    seen = observed(p1(*lines))
    values = named_values(seen, host_of(seen, configured))
    assert [value.meter.serial for value in values] == expected


async def test_a_short_list_belongs_to_the_meter_that_a_long_one_named() -> None:
    short, long = p1(IMPORTED), p1(NAMED, "1-0:2.8.0(000002.000*kWh)")
    place = Recorded(short, long, short)
    async with PushDriver(place, P1Scanner, 1.0) as driver:
        out = await driver.read()
    shown = {(v.meter.serial, str(v.obis)) for v in out.values}
    assert shown == {("1", "1-0:1.8.0*255"), ("1", "1-0:2.8.0*255")}


async def test_a_table_that_names_a_meter_hears_no_second_one() -> None:
    first, second = p1(NAMED, IMPORTED), p1("0-0:96.1.1(32)", IMPORTED)
    async with PushDriver(Recorded(first), P1Scanner, 0.3, configured=CONFIGURED) as driver:
        assert (await driver.read()).meter.serial == "735999"
        driver._place.parts.append(second)  # type: ignore[attr-defined]
        await driver._stop()
        with pytest.raises(MeterSeveralError, match="KAM/1 and KAM/2"):
            await driver.read()
    async with PushDriver(Recorded(first, second), P1Scanner, 0.3) as driver:
        assert (await driver.read()).meter.serial == "2"  # without a plate it was exchanged


async def test_two_devices_of_one_message_are_not_one_because_the_table_says_so() -> None:
    seen = tuple(
        Observation(MeterIdentity("Shelly", serial), ACTIVE_IMPORT, Decimal(1), "Wh")
        for serial in ("a-0", "a-1")
    )

    async def ask(_: SharedLine) -> tuple[Telegram, ...]:
        return (Telegram(b"", seen),)

    async with PolledDriver(TcpAddress("127.0.0.1", 1), ask, 1.0, CONFIGURED) as driver:
        with pytest.raises(MeterSeveralError):
            await driver.read()


def test_a_number_of_zeros_was_never_set() -> None:
    assert {v.meter.serial for v in observed(p1("0-0:96.1.1(30303030)", IMPORTED))} == {UNKNOWN}


FILLERS = (
    "FFFFFFFF", "ffffffff", "EEEEEEEE", "99999999", "9999", "XXXX", "xxxxxxxx", "----", "-", "....",
    "????", "****", "    ", "0", "00000000", "0000-0000", "FFFF FFFF", "----/----", "AAAAAAAA",
    "\xff\xff\xff\xff", "\0\0\0\0",
)  # fmt: skip


@pytest.mark.parametrize("text", FILLERS)
def test_one_sign_that_fills_a_memory_is_no_number(text: str) -> None:
    assert is_filler(text)
    assert identity("ABC", text).serial == UNKNOWN


@pytest.mark.parametrize(
    "text",
    ["11111111", "88888888", "1", "9", "99", "A", "a-0", "FFFFFFF0", "99999998", "00000001",
     "F0F0F0F0", "9999-9998", "X1", "12345678"],
)  # fmt: skip
def test_a_number_that_a_makers_count_comes_to_is_one(text: str) -> None:
    assert not is_filler(text)
    assert identity("ABC", text).serial == text


def hexed(text: str) -> str:
    return f"0-0:96.1.1({text.encode().hex().upper()})"


@pytest.mark.parametrize("text", ["----", "XXXX", "FFFFFFFF", "99999999"])
async def test_a_placeholder_in_a_telegram_is_refused_with_the_remedy(text: str) -> None:
    seen = observed(p1(hexed(text), IMPORTED))
    with pytest.raises(MeterUnnamedError, match=r"Set `serial`"):
        check_named(named_values(seen, host_of(seen, NOT_CONFIGURED)), "the line")
    named = named_values(seen, host_of(seen, ConfiguredIdentity("99999999")))
    assert {value.meter.serial for value in named} == {"99999999"}  # whoever sees the plate knows


def test_a_placeholder_does_not_hide_a_number_that_stands_elsewhere() -> None:
    seen = observed(p1(hexed("----"), "0-0:96.1.0(31323334)", IMPORTED))
    assert {value.meter.serial for value in seen} == {"1234"}


@pytest.mark.parametrize("serial", ["00000000", "FFFFFFFF", "EEEEEEEE", "99999999"])
def test_a_placeholder_of_m_bus_is_no_number(serial: str) -> None:
    record = b"\x04\x03" + (5).to_bytes(4, "little")
    frame = long_frame(long_header(device(serial, "LUG", 1, 2), 1, 0, record))
    (telegram,) = decode_bytes("mbus", frame)
    assert [value.meter.serial for value in telegram.observations] == [UNKNOWN]


@pytest.mark.parametrize("serial", ["--------", "99999999"])
def test_a_placeholder_of_dlms_or_an_optical_read_out_is_no_number(serial: str) -> None:
    push = hdlc(notification(AT, serial, [Register(bytes.fromhex("0100010800FF"), 5, 0, 30)]))
    (telegram,) = decode_bytes("dlms", push)
    assert [value.meter.serial for value in telegram.observations] == [UNKNOWN]
    body = f"\x020.0.0({serial})\r\n1.8.0(001234.567*kWh)\r\n!\r\n\x03".encode()
    optical = b"/LGZ5E650\r\n" + body + bytes([block_check(body[1:])])
    seen = [v for found in decode_bytes("iec62056_21", optical) for v in found.observations]
    assert {value.meter.serial for value in seen if str(value.obis) == "1-0:1.8.0*255"} == {UNKNOWN}


def test_a_found_meter_without_a_number_comes_with_the_remedy() -> None:
    found = Found.of("dsmr", TcpAddress("h", 1), observed(p1(IMPORTED)), {})
    assert "# serial = " in found.configuration()
    assert '\nserial = "' not in found.configuration()
    named = Found.of("dsmr", TcpAddress("h", 1), observed(p1(IMPORTED, NAMED)), {})
    assert "serial =" not in named.configuration()
