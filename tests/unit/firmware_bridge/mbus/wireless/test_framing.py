"""What radio receivers hand over, in each of their ways, sound and damaged."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import Keys, Telegram
from firmware_bridge.mbus.wireless.framing import LINE_MAX, Framing, parse_line, splitter
from firmware_bridge.mbus.wireless.radio_frame import RadioFrame
from firmware_bridge.mbus.wireless.receiver import Sender, senders
from firmware_bridge.mbus.wireless.scanner import observe_radio
from firmware_bridge.simulator.compose import Script, compose
from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.mbus import encoding as mbus_encoding
from firmware_bridge.simulator.mbus.wireless import Packing, Radio, SecurityMode, radio_frame
from firmware_bridge.simulator.meter import ManualClock, VirtualMeter
from firmware_bridge.simulator.site import framing_of

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(hours=5)
KEY = bytes(range(16))
TEXT = {Packing.CUL, Packing.CUL_B, Packing.RTL_WMBUS, Packing.RTL_433}


def virtual(serial: str = "4711") -> VirtualMeter:
    load = from_kw([Decimal("1.5")], 3600)
    return compose(serial, load, script=Script(start=START, loop=True), clock=ManualClock(NOW))


def received(packing: Packing, raw: bytes, step: int = 0) -> list[RadioFrame | Telegram]:
    cut = splitter(framing_of(packing))
    parts = [raw[at : at + step] for at in range(0, len(raw), step)] if step else [raw]
    return [*(item for part in parts for item in cut.feed(part)), *cut.close()]


def frames(found: list[RadioFrame | Telegram]) -> list[RadioFrame]:
    return [item for item in found if isinstance(item, RadioFrame)]


@pytest.mark.parametrize("security", SecurityMode)
@pytest.mark.parametrize("packing", Packing)
def test_a_receiver_s_frames_are_read_exactly(packing: Packing, security: SecurityMode) -> None:
    meters = (virtual("4711"), virtual("4712"))
    radio = Radio(packing, security, {"": KEY})
    raw = b"".join(map(radio.telegram, meters))
    for step in (0, 1, 7):
        found = frames(received(packing, raw, step))
        assert [senders_of(frame) for frame in found] == [["00004711"], ["00004712"]]
        for frame, meter in zip(found, meters, strict=True):
            values = observe_radio(frame, Keys(KEY), None).observations
            shown = {value.obis: value for value in values}[ACTIVE_IMPORT]
            assert shown.value == meter.register_wh(ACTIVE_IMPORT, NOW) > 0
            assert (shown.meter_time, shown.quality) == (NOW, Quality.ACTUAL)


def senders_of(frame: RadioFrame) -> list[str]:
    return [address.serial for address in senders(frame)]


@pytest.mark.parametrize("packing", [p for p in Packing if p is not Packing.STRIPPED])
def test_no_flipped_bit_passes_for_a_frame(packing: Packing) -> None:
    raw = bytearray(Radio(packing).telegram(virtual()))
    sound = frames(received(packing, bytes(raw)))[0]
    dice = random.Random(20261123)  # noqa: S311 - repeatable
    for _ in range(200):
        at, bit = dice.randrange(len(raw)), 1 << dice.randrange(8)
        raw[at] ^= bit
        for frame in frames(received(packing, bytes(raw))):
            if packing in (Packing.RTL_WMBUS, Packing.RTL_433):
                continue  # text without a checksum of its own: the program has checked the radio's
            assert (frame.address, frame.user) == (sound.address, sound.user) or not frame.checked
        raw[at] ^= bit


@pytest.mark.parametrize("framing", Framing)
def test_noise_is_no_frame_and_ends_no_stream(framing: Framing) -> None:
    noise = random.Random(7).randbytes(50_000)  # noqa: S311 - repeatable
    packing = next(p for p in Packing if framing_of(p) is framing)
    cut = splitter(framing)
    heard = [item for at in range(0, len(noise), 999) for item in cut.feed(noise[at : at + 999])]
    heard += cut.close()
    if framing is not Framing.STRIPPED:
        assert not [item for item in heard if isinstance(item, RadioFrame) and item.checked]
    fresh = splitter(framing)
    good = Radio(packing).telegram(virtual())
    assert frames([*fresh.feed(good), *fresh.close()])


def test_rssi_and_times_that_receivers_append_are_passed_over() -> None:
    frame = radio_frame(virtual(), SecurityMode.NONE, b"")
    with_crcs = mbus_encoding.format_a(frame)
    for line in (
        f"b{with_crcs.hex()}8042",
        f"b{with_crcs.hex().upper()}",
        with_crcs.hex(),
        frame.hex(),
        f"00004711; MTL;01;02;00; -83; T;{frame.hex()};",
    ):
        found = parse_line(line)
        assert isinstance(found, RadioFrame), line
        assert found.address.serial == "00004711"
    body = b"\xe2\x03" + frame + bytes(4) + b"\x50"  # time, RSSI, CRC
    wrong = b"\xa5" + body + b"\x00\x00"
    assert not frames(received(Packing.IMST, wrong))
    amber = b"\xff\x03" + frame + b"\x42"
    check = 0
    for byte in amber:
        check ^= byte
    assert len(frames(received(Packing.AMBER, amber + bytes([check])))) == 1


def test_what_the_receiver_itself_doubts_is_not_trusted() -> None:
    frame = radio_frame(virtual(), SecurityMode.NONE, b"")
    doubtful = (
        f"T1;0;1;2026-11-23 12:00:00.000;63;69;00004711;0x{frame.hex()}",
        json.dumps({"model": "Wireless-MBus", "mic": "", "data": frame.hex()}),
        frame.hex(),
    )
    for line in doubtful:
        found = parse_line(line)
        assert isinstance(found, RadioFrame)
        assert not found.checked
        assert observe_radio(found, None, None).error is not None


@pytest.mark.parametrize(
    "line", ["", "b", "bY", "rtl_433 version 23.11", "{}", '{"data": 5}', "{", "T1;1;1", "b12zz"]
)
def test_a_line_without_a_frame_is_passed_over(line: str) -> None:
    assert parse_line(line) is None


def test_a_line_without_an_end_costs_nothing() -> None:
    cut = splitter(Framing.LINES)
    assert not list(cut.feed(b"b" + b"0" * 3 * LINE_MAX))
    good = Radio(Packing.CUL).telegram(virtual())
    assert frames([*cut.feed(b"\n" + good)])


def test_a_meter_is_told_by_number_and_maker_also_behind_an_adapter() -> None:
    meter = virtual()
    named = mbus_encoding.device("00004711", "MTL", 1, 2)
    adapter = mbus_encoding.device("99999999", "ADP", 1, 2)
    long = mbus_encoding.long_header(named, 1, 0, b"\x04\x03\x01\x00\x00\x00")
    raw = mbus_encoding.format_a(mbus_encoding.radio_frame(adapter, long))
    (frame,) = frames(received(Packing.FRAMES, raw))
    assert senders_of(frame) == ["99999999", "00004711"]
    assert Sender("00004711").sent(frame)
    assert Sender("00004711", "MTL").sent(frame)
    assert not Sender("00004711", "ADP").sent(frame)
    assert not Sender("00004712").sent(frame)
    assert Sender().sent(frame)
    assert meter.serial == "4711"
