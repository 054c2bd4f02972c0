from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from firmware_bridge.codec.crc import en13757
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    ChecksumError,
    KeyMissingError,
    Keys,
    Telegram,
    TelegramUnsupportedError,
    plain,
)
from firmware_bridge.mbus.application.security import link_decrypt
from firmware_bridge.mbus.wireless.radio_frame import parse_a, parse_b
from firmware_bridge.mbus.wireless.scanner import WirelessScanner
from firmware_bridge.simulator.mbus.encoding import device, format_a, format_b, mode_5, radio_frame

# The gas meter of OMS Specification Volume 2, annex N: both examples show 28504.27 m3.
OMS_MODE_5 = bytes.fromhex(
    "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"
)
OMS_MODE_5_KEY = bytes.fromhex("0102030405060708090A0B0C0D0E0F11")
OMS_MODE_7 = bytes.fromhex(
    "434493157856341233038C2075900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B8"
    "0A1B0F98B629024AAC727942BFC549233C0140829B93"
)
OMS_MODE_7_KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
FORMATS = [format_a, format_b]


def read(data: bytes, key: bytes | None = None, *, stripped: bool = False) -> Telegram:
    scanner = WirelessScanner(Keys(key), stripped=stripped)
    (found,) = [*scanner.feed(data), *scanner.close()]
    return found


@pytest.mark.parametrize(
    ("frame", "key"), [(OMS_MODE_5, OMS_MODE_5_KEY), (OMS_MODE_7, OMS_MODE_7_KEY)]
)
@pytest.mark.parametrize("crcs", [*FORMATS, bytes])
def test_the_published_examples_open(frame: bytes, key: bytes, crcs: type[bytes]) -> None:
    (value,) = read(crcs(frame), key, stripped=crcs is bytes).observations
    assert (value.meter.manufacturer, value.meter.serial) == ("ELS", "12345678")
    assert (str(value.obis), plain(value.value), value.unit) == ("7-0:3.0.0*255", "28504270", "L")
    assert value.meter_time == datetime(2008, 5, 31, 21, 50, tzinfo=UTC)


@pytest.mark.parametrize("frame", [OMS_MODE_5, OMS_MODE_7])
def test_a_wrong_or_missing_key_is_named(frame: bytes) -> None:
    assert isinstance(read(format_a(frame), bytes(16)).error, AuthenticationError)
    assert isinstance(read(format_a(frame)).error, KeyMissingError)


def test_a_changed_message_fails_its_authentication() -> None:
    changed = OMS_MODE_7[:-1] + bytes([OMS_MODE_7[-1] ^ 1])
    assert isinstance(read(format_b(changed), OMS_MODE_7_KEY).error, AuthenticationError)


def test_without_crcs_only_what_is_authenticated_or_wholly_encrypted_is_read() -> None:
    (value,) = read(OMS_MODE_7, OMS_MODE_7_KEY).observations
    assert value.quality is Quality.ACTUAL
    (value,) = read(OMS_MODE_5, OMS_MODE_5_KEY).observations
    assert value.quality is Quality.SUSPECT
    (value,) = read(OMS_MODE_5, OMS_MODE_5_KEY, stripped=True).observations
    assert value.quality is Quality.ACTUAL
    named = device("00000001", "ABC", 1, 7)
    plain_frame = radio_frame(named, b"\x78" + bytes.fromhex("0C1378563412"))
    assert isinstance(read(plain_frame).error, ChecksumError)
    assert len(read(plain_frame, stripped=True).observations) == 1


@pytest.mark.parametrize("crcs", FORMATS)
@pytest.mark.parametrize(
    ("frame", "key"), [(OMS_MODE_5, OMS_MODE_5_KEY), (OMS_MODE_7, OMS_MODE_7_KEY)]
)
def test_a_damaged_frame_never_passes_as_one_without_crcs(
    frame: bytes, key: bytes, crcs: Callable[[bytes], bytes]
) -> None:
    data = bytearray(crcs(frame))
    for at in range(len(data)):
        for bit in range(8):
            data[at] ^= 1 << bit
            scanner = WirelessScanner(Keys(key))
            found = [*scanner.feed(bytes(data)), *scanner.close()]
            assert not any(telegram.observations for telegram in found)
            data[at] ^= 1 << bit


@pytest.mark.parametrize("size", [1, 6, 7, 22, 100, 116, 117, 200, 230])
def test_formats_of_any_length(size: int) -> None:
    named = device("00000001", "ABC", 1, 7)
    user = b"\x78" + bytes.fromhex("2F") * (size - 1)
    frame = radio_frame(named, user)
    assert parse_a(format_a(frame)).user == user
    assert parse_b(format_b(frame)).user == user
    broken = bytearray(format_a(frame))
    broken[-1] ^= 1
    with pytest.raises(ChecksumError):
        parse_a(bytes(broken))


def test_several_frames_and_noise_in_one_recording() -> None:
    key = bytes(range(16))
    named = device("00000001", "ABC", 1, 7)
    frame = radio_frame(
        named, mode_5(named, 5, 0, bytes.fromhex("0C13785634 12".replace(" ", "")), key)
    )
    data = b"\x00\xff" + format_a(frame) + b"\x44" * 5 + format_b(frame) + format_a(frame)
    scanner = WirelessScanner(Keys(key))
    found = [t for at in range(len(data)) for t in scanner.feed(data[at : at + 1])]
    found += scanner.close()
    assert [plain(t.observations[0].value) for t in found if t.observations] == ["12345678"] * 3


def test_an_encrypted_extended_link_layer_is_opened() -> None:
    key = bytes(range(16))
    named = device("00000001", "KAM", 0x1B, 6)
    records = b"\x78" + bytes.fromhex("0413D2040000")
    inner = en13757(records).to_bytes(2, "little") + records
    head = b"\x20\x05" + (1 << 29 | 77).to_bytes(4, "little")
    radio = named[4:6] + named[:4] + named[6:8]
    vector = radio + head[:1] + head[2:] + b"\0\0\0"
    user = b"\x8d" + head + link_decrypt(key, vector, inner)
    frame = format_b(radio_frame(named, user))
    (value,) = read(frame, key).observations
    assert (str(value.obis), plain(value.value), value.unit) == ("9-0:1.0.0*255", "1234", "L")
    assert isinstance(read(frame, bytes(16)).error, AuthenticationError)


def test_other_security_modes_are_unsupported() -> None:
    named = device("00000001", "ABC", 1, 7)
    user = b"\x7a\x01\x00" + (13 << 8 | 0x10).to_bytes(2, "little") + bytes(16)
    found = read(format_a(radio_frame(named, user)), bytes(16))
    assert isinstance(found.error, TelegramUnsupportedError)


def test_what_the_receiver_decrypted_already_is_read_without_a_key() -> None:
    named = device("00000001", "KAM", 0x1B, 6)
    records = bytes.fromhex("0413D2040000")
    sealed = b"\x2f\x2f" + records + b"\x2f" * 8
    user = b"\x7a\x01\x00" + (5 << 8 | 0x10).to_bytes(2, "little") + sealed
    (value,) = read(format_a(radio_frame(named, user))).observations
    assert plain(value.value) == "1234"
    # The extended link layer's own CRC says that what it calls encrypted no longer is.
    inner = b"\x78" + records
    head = b"\x8d\x20\x05" + (1 << 29 | 77).to_bytes(4, "little")
    user = head + en13757(inner).to_bytes(2, "little") + inner
    (value,) = read(format_b(radio_frame(named, user))).observations
    assert plain(value.value) == "1234"
    assert isinstance(
        read(format_b(radio_frame(named, user)), bytes(16)).error, AuthenticationError
    )


HEADS = bytes.fromhex("02FF2004134413")
COMPACT_UNKNOWN = bytes.fromhex(
    "2244c514552850220504c8567320248622c5140504770000003412abeccbcd3930000078560000c6b3"
)


def compact_long(named: bytes, whole: bytes, data: bytes, heads: bytes = HEADS) -> bytes:
    """CI 73 by radio: a long header, then the CRC of the heads, of the records, bare data."""
    crcs = en13757(heads).to_bytes(2, "little") + en13757(whole).to_bytes(2, "little")
    return b"\x73" + named + bytes([1, 0, 0, 0]) + crcs + data


def test_a_compact_frame_with_a_long_header_is_no_fixed_structure() -> None:
    named = device("12345678", "KAM", 27, 0x16)
    whole = bytes.fromhex("02FF200000 0413D2040000 4413E8030000")
    data = bytes.fromhex("0000 D2040000 E8030000")
    found = read(
        format_a(radio_frame(device("00000001", "XYZ", 1, 0x31), compact_long(named, whole, data)))
    )
    assert [plain(value.value) for value in found.observations] == ["1234", "1000"]
    assert {value.meter.serial for value in found.observations} == {"12345678"}
    assert isinstance(read(COMPACT_UNKNOWN).error, TelegramUnsupportedError)


def test_no_fixed_structure_is_read_from_the_radio() -> None:
    frame = radio_frame(device("12345678", "KAM", 27, 2), bytes([0x77]) + bytes(range(1, 17)))
    error = read(format_a(frame)).error
    assert isinstance(error, TelegramUnsupportedError)
    assert "77" in error.message


@pytest.mark.parametrize("code", [0xA0, 0xA2, 0xB7])
@pytest.mark.parametrize("crcs", [*FORMATS, bytes])
def test_a_makers_own_form_is_named(code: int, crcs: type[bytes]) -> None:
    frame = radio_frame(device("12345678", "ABC", 1, 7), bytes([code]) + bytes(range(20)))
    error = read(crcs(frame)).error
    assert isinstance(error, TelegramUnsupportedError)
    assert f"{code:02X}" in error.message
    assert "maker's own" in error.message


@pytest.mark.parametrize("crcs", FORMATS)
def test_records_before_one_that_is_cut_stand_where_crcs_hold(crcs: type[bytes]) -> None:
    records = bytes.fromhex("041339300000 0403") + b"\x01\x02"
    frame = radio_frame(device("12345678", "ABC", 1, 7), b"\x7a\x01\x00\x00\x00" + records)
    found = read(crcs(frame))
    assert [plain(value.value) for value in found.observations] == ["12345"]
    assert found.rest is not None
    assert read(frame, stripped=False).error is not None
