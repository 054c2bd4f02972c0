"""Wireless meters behind one receiver, each with its own driver and key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.driver.interface import (
    DriverSettingError,
    MeterAnswerError,
    MeterConnectionError,
    MeterTimeoutError,
    ReadOut,
)
from firmware_bridge.driver.telegram import TelegramError
from firmware_bridge.mbus.radio import RadioDriver
from firmware_bridge.mbus.wireless.receiver import _receivers
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.mbus.encoding import format_a, radio_frame
from firmware_bridge.simulator.mbus.slave import identification
from firmware_bridge.simulator.mbus.wireless import Packing, Radio, SecurityMode
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.pty import SerialCable
from firmware_bridge.simulator.pushed import VirtualPushedPort

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=5)
KEYS = {"4711": bytes(range(16)), "4712": bytes(range(16, 32))}
TIMEOUT_S = 0.6


def virtual(serial: str) -> VirtualMeter:
    load = from_kw([Decimal("1.5")], 3600)
    return compose(serial, load, script=Script(start=START, loop=True), clock=ManualClock(NOW))


METERS = (virtual("4711"), virtual("4712"), virtual("4713"))


def driver(place: dict[str, object], serial: str, **settings: object) -> RadioDriver:
    base = {"address": serial.rjust(8, "0"), "timeout_s": TIMEOUT_S}
    return RadioDriver.from_settings(base | place | settings)


def imported(out: ReadOut) -> Decimal:
    shown = {value.obis: value.quantity.decimal() for value in out.values}
    return shown[ACTIVE_IMPORT]


async def test_meters_share_a_receiver_and_keep_their_keys() -> None:
    radio = Radio(Packing.FRAMES, SecurityMode.MODE_7, KEYS | {"": bytes(16)})
    async with VirtualPushedPort(METERS, radio.telegram, 0.05) as port:
        place: dict[str, object] = {"host": port.host, "port": port.port}
        async with (
            driver(place, "4711", key=KEYS["4711"].hex()) as first,
            driver(place, "4712", key=KEYS["4712"].hex(), manufacturer="MTL") as second,
            driver(place, "4712", key=KEYS["4711"].hex()) as wrong_key,
            driver(place, "4711") as keyless,
            driver(place, "4799", key=KEYS["4711"].hex()) as absent,
        ):
            drivers = (first, second, wrong_key, keyless, absent)
            outs = await asyncio.gather(*(one.read() for one in drivers), return_exceptions=True)
            assert isinstance(outs[0], ReadOut)
            assert isinstance(outs[1], ReadOut)
            assert (outs[0].meter.serial, outs[1].meter.serial) == ("00004711", "00004712")
            assert imported(outs[0]) == METERS[0].register_wh(ACTIVE_IMPORT, NOW) > 0
            assert isinstance(outs[2], MeterAnswerError)
            assert "authentication code" in str(outs[2])
            assert isinstance(outs[3], MeterAnswerError)
            assert "encrypted" in str(outs[3])
            assert isinstance(outs[4], MeterTimeoutError)
            assert len(_receivers) == 1
            assert len(port._writers) == 1
            assert not first.has_profile
        await asyncio.sleep(0)
        assert not _receivers


async def test_a_receiver_that_is_lost_is_found_again_by_all() -> None:
    radio = Radio(Packing.CUL)
    async with VirtualPushedPort(METERS, radio.telegram, 0.05) as port:
        place: dict[str, object] = {"host": port.host, "port": port.port, "framing": "lines"}
        async with driver(place, "4711") as first, driver(place, "4712") as second:
            await asyncio.gather(first.read(), second.read())
            port.hang_up()
            serials = []
            for _ in range(6):
                again = await asyncio.gather(first.read(), second.read(), return_exceptions=True)
                serials.append([out.meter.serial for out in again if isinstance(out, ReadOut)])
            # At most the read that met the loss fails.
            assert serials.count(["00004711", "00004712"]) >= 4
    async with driver(place, "4711") as gone:
        with pytest.raises(MeterConnectionError):
            await gone.read()
    assert not _receivers


def flip(raw: bytes) -> bytes:
    return raw[:30] + bytes([raw[30] ^ 1]) + raw[31:]


async def test_damaged_frames_of_the_meter_are_named_and_those_of_others_are_not() -> None:
    meters = (virtual("4711"), virtual("4712"))
    meters[0].faults.tamper = flip
    async with (
        SerialCable() as cable,
        VirtualPushedPort(meters, Radio().telegram, 0.05, serial_port=cable.meter_end),
    ):
        place: dict[str, object] = {"serial_port": cable.agent_end}
        async with driver(place, "4711") as damaged, driver(place, "4712") as sound:
            outs = await asyncio.gather(damaged.read(), sound.read(), return_exceptions=True)
            assert isinstance(outs[0], MeterAnswerError)
            assert isinstance(outs[0].value, bytes)
            assert damaged.bad_frames > 0
            assert isinstance(outs[1], ReadOut)
            assert sound.bad_frames == 0
            meters[0].faults.tamper = None
            assert (await damaged.read()).meter.serial == "00004711"


@pytest.mark.parametrize(
    ("user", "code", "says"),
    [
        (b"\xa2" + bytes(range(20)), "TELEGRAM_UNSUPPORTED", "A2 says that the message is in its"),
        (b"\x7a\x01\0\0\0", "TELEGRAM_EMPTY", "is sound and holds no value"),
    ],
)
async def test_a_sound_frame_that_gives_no_value_has_its_reason_and_is_no_silence(
    user: bytes, code: str, says: str
) -> None:
    def telegram(meter: VirtualMeter) -> bytes:
        return format_a(radio_frame(identification(meter), user))

    async with VirtualPushedPort(METERS, telegram, 0.05) as port:
        place: dict[str, object] = {"host": port.host, "port": port.port}
        async with driver(place, "4711") as reader, driver(place, "4799") as absent:
            outs = await asyncio.gather(reader.read(), absent.read(), return_exceptions=True)
    assert isinstance(outs[0], MeterAnswerError)
    assert isinstance(outs[0].__cause__, TelegramError)
    assert (outs[0].__cause__.code, says in str(outs[0])) == (code, True)
    assert isinstance(outs[0].value, bytes)
    # It is of another meter than this one's.
    assert isinstance(outs[1], MeterTimeoutError)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "4711"},
        {"address": "00004711", "framing": "morse"},
        {"address": "00004711", "manufacturer": "mt"},
        {"address": "00004711", "key": "12"},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(DriverSettingError):
        RadioDriver.from_settings({"serial_port": "/dev/x"} | settings)
