from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from firmware_bridge.dlms.axdr import Descriptor, Tag, parse
from firmware_bridge.dlms.clock import instant
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.dlms.hdlc import parse_frame
from firmware_bridge.dlms.notification import parse_apdu
from firmware_bridge.driver.local_clock import MeterZone
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    ChecksumError,
    Keys,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
    plain,
)
from firmware_bridge.recordings.decode import decode_bytes
from firmware_bridge.simulator.dlms.encoding import (
    Register,
    blocks,
    cipher,
    date_time,
    hdlc,
    notification,
    octets,
    wrapper,
)
from firmware_bridge.simulator.mbus.encoding import long_frame

KEY, AUTHENTICATION = bytes(range(16)), bytes(range(16, 32))
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
REGISTERS = [
    Register(bytes.fromhex("0100010800FF"), 123_456_789, -1, 30),
    Register(bytes.fromhex("0100200700FF"), 2301, -1, 35),
]
APDU = notification(AT, "123456", REGISTERS)
CIPHERED = cipher(APDU, b"ABC\1\2\3\4\5", 7, KEY, AUTHENTICATION)
KEYS = Keys(KEY, AUTHENTICATION)


def read(data: bytes, keys: Keys = KEYS) -> list[Telegram]:
    scanner = DlmsScanner(keys)
    return [*scanner.feed(data), *scanner.close()]


def mbus_segments(apdu: bytes, size: int) -> list[bytes]:
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [
        long_frame(bytes([number | (0x10 if part is parts[-1] else 0), 1, 0x67]) + part, 0xFF, 0x53)
        for number, part in enumerate(parts)
    ]


@pytest.mark.parametrize(
    "data",
    [
        APDU,
        b"\xe6\xe7\x00" + APDU,
        hdlc(APDU),
        hdlc(CIPHERED, segment=30),
        b"".join(hdlc(block) for block in blocks(CIPHERED, 40)),
        wrapper(CIPHERED),
        wrapper(APDU) * 3,
        APDU * 4,
        b"".join(mbus_segments(CIPHERED, 50)),
        b"\x00" * 9 + hdlc(APDU) + b"\x55\x7e\x7e" + hdlc(CIPHERED),
    ],
    ids=lambda data: f"{data[:2].hex()}-{len(data)}",
)
def test_every_transport_gives_the_same_values(data: bytes) -> None:
    found = read(data)
    assert found
    for telegram in found:
        shown = {str(v.obis): plain(v.value) for v in telegram.observations}
        assert shown == {"1-0:1.8.0*255": "12345678.9", "1-0:32.7.0*255": "230.1"}
        assert {v.meter_time for v in telegram.observations} == {AT}
        assert {v.meter.serial for v in telegram.observations} == {"123456"}


def test_a_missing_segment_or_block_loses_the_telegram_and_no_other() -> None:
    pieces = hdlc(CIPHERED, segment=30).replace(b"\x7e\x7e", b"\x7e|\x7e").split(b"|")
    assert len(pieces) > 3
    for missing in range(len(pieces)):
        kept = b"".join(piece for at, piece in enumerate(pieces) if at != missing)
        found = read(kept + hdlc(APDU) + hdlc(APDU))
        assert not any(t.observations for t in found[:-2])
        assert found[-1].error is None
    parts = [hdlc(block) for block in blocks(CIPHERED, 40)]
    for missing in range(len(parts)):
        kept = b"".join(part for at, part in enumerate(parts) if at != missing)
        found = read(kept)
        assert not any(t.observations for t in found)
        assert any(t.error for t in found)
    segments = mbus_segments(CIPHERED, 50)
    assert not any(t.observations for t in read(b"".join(segments[:1] + segments[2:])))


def test_segments_that_never_finish_are_dropped_at_a_bound() -> None:
    endless = hdlc(bytes(2000), segment=1000)[: 1000 + 11]
    scanner = DlmsScanner()
    found = [t for _ in range(200) for t in scanner.feed(endless)]
    assert found
    assert {type(t.error) for t in found} == {TelegramTooLargeError}
    assert all(len(t.raw) <= 4096 for t in found)


def test_the_tag_covers_every_byte() -> None:
    for at in range(12, len(CIPHERED)):
        changed = bytearray(CIPHERED)
        changed[at] ^= 1
        with pytest.raises(TelegramError):
            parse_apdu(bytes(changed), KEYS)
    with pytest.raises(AuthenticationError):
        parse_apdu(CIPHERED, Keys(KEY, bytes(16)))


def test_frame_checks() -> None:
    frame = hdlc(APDU)[1:-1]
    assert parse_frame(frame).information.endswith(APDU)
    for at in range(len(frame)):
        changed = bytearray(frame)
        changed[at] ^= 1
        with pytest.raises((ChecksumError, TelegramSyntaxError, TelegramTruncatedError)):
            parse_frame(bytes(changed))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0F FF", -1),
        ("11 FF", 255),
        ("10 80 00", -32768),
        ("12 FF FF", 65535),
        ("05 FF FF FF FE", -2),
        ("06 FF FF FF FF", 2**32 - 1),
        ("14 FF FF FF FF FF FF FF FF", -1),
        ("15 FF FF FF FF FF FF FF FF", 2**64 - 1),
        ("16 1E", 30),
        ("03 01", True),
        ("00", None),
        ("17 3E 4C CC CD", Decimal("0.2")),
        ("18 3F D5 55 55 55 55 55 55", Decimal("0.3333333333333333")),
        ("17 7F C0 00 00", None),
        ("17 7F 7F FF FF", Decimal("3.4028235E+38")),
        ("18 7F EF FF FF FF FF FF FF", Decimal("1.7976931348623157E+308")),
        ("09 81 02 AA BB", b"\xaa\xbb"),
        ("0A 02 41 42", b"AB"),
        ("04 0A FF C0", b"\xff\xc0"),
        ("19 07 E4 01 15 02 10 00 00 00 00 00 00", bytes.fromhex("07E401150210000000000000")),
    ],
)
def test_data_types(text: str, value: object) -> None:
    raw = bytes.fromhex(text)
    node, end = parse(raw)
    assert (node.value, end) == (value, len(raw))


def test_bare_attribute_descriptors_are_told_from_data() -> None:
    node, _ = parse(bytes.fromhex("02 02 00 03 01 00 01 07 00 FF 02 06 00 00 00 05"))
    assert node.items[0].value == Descriptor(3, bytes.fromhex("0100010700FF"), 2)
    plain_pair, _ = parse(bytes.fromhex("02 02 00 11 05"))
    assert [item.tag for item in plain_pair.items] == [Tag.NULL, Tag.UINT8]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x01\x01" * 200 + b"\x00", TelegramTooLargeError),
        (b"\x01\x84\xff\xff\xff\xff", TelegramTooLargeError),
        (b"\x01\x82\x40\x00" + b"\x00" * 0x4000, TelegramTooLargeError),
        (b"\x09\x85\x00\x00\x00\x00\x01", TelegramTooLargeError),
        (b"\x09\x05abc", TelegramTruncatedError),
        (b"\x02", TelegramTruncatedError),
        (b"", TelegramTruncatedError),
        (b"\x77", TelegramSyntaxError),
        (b"\x13\x00", TelegramTruncatedError),
        (b"\x13\x00\x01\x00", TelegramSyntaxError),  # members without size never end
        (b"\x13\x13\x00\x00", TelegramSyntaxError),
        (b"\x13\x06\x05\x00\x00\x00\x01\x00", TelegramTruncatedError),
        (b"\x13\x06\x03\x00\x00\x00\x01", TelegramSyntaxError),
        (b"\x13" + b"\x02\x01" * 200, TelegramTooLargeError),
        (b"\x13\x02\x82\x40\x00", TelegramTooLargeError),
        (b"\x13\x01\xff\xff\x00\x01\x00", TelegramTooLargeError),
    ],
)
def test_malformed_data_is_named(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("07E70A1D0702000000800000", (datetime(2023, 10, 29, 0, tzinfo=UTC), False)),
        ("07E70A1D0702000000800080", (datetime(2023, 10, 29, 0, tzinfo=UTC), True)),
        ("07E70A1D0702000000FF8800", (datetime(2023, 10, 29, 0, tzinfo=UTC), True)),
        ("07E70A1D0702000000FFC400", (datetime(2023, 10, 29, 1, tzinfo=UTC), True)),
        ("07E70A1D0702000000FFC402", (datetime(2023, 10, 29, 1, tzinfo=UTC), False)),
        ("07E70A1D0702000000FFC401", None),
        ("FFFF0A1D0702000000FFC400", None),
        ("07E7FF1D0702000000FFC400", None),
        ("07E70A1D0702FFFFFF", None),
    ],
)
def test_clock_deviation_and_status(text: str, expected: tuple[datetime, bool] | None) -> None:
    assert instant(bytes.fromhex(text), MeterZone()) == expected


def test_a_compact_array_is_the_array_that_it_stands_for() -> None:
    # Two structures of code, long-unsigned and an array of two signed bytes.
    form = bytes.fromhex("020309120100020F")
    rows = bytes.fromhex("06 0100010800FF 0102 FF7F06 0100020800FF 0304 0080")
    node, end = parse(b"\x13" + form + bytes([len(rows)]) + rows)
    assert end == 2 + len(form) + len(rows)
    assert [[item.value for item in row.items[:2]] for row in node.items] == [
        [bytes.fromhex("0100010800FF"), 0x0102],
        [bytes.fromhex("0100020800FF"), 0x0304],
    ]
    assert [[n.value for n in row.items[2].items] for row in node.items] == [[-1, 127], [0, -128]]


def test_registers_in_a_compact_array_are_read() -> None:
    form = bytes.fromhex("020309060202 0F 16")
    rows = b"".join(
        bytes([6, *r.code])
        + r.number.to_bytes(4, "big")
        + r.scaler.to_bytes(1, "big", signed=True)
        + bytes([r.unit])
        for r in REGISTERS
    )
    body = b"\x13" + form + bytes([len(rows)]) + rows
    apdu = b"\x0f\0\0\0\1\x0c" + date_time(AT) + b"\x02\x01" + body
    (found,) = read(hdlc(apdu))
    shown = {str(v.obis): plain(v.value) for v in found.observations}
    assert shown == {"1-0:1.8.0*255": "12345678.9", "1-0:32.7.0*255": "230.1"}


def test_a_block_that_comes_twice_counts_once() -> None:
    twice = [part for block in blocks(CIPHERED, 40) for part in (hdlc(block), hdlc(block))]
    found = read(b"".join(twice[:-1]))
    assert [len(telegram.observations) for telegram in found] == [2]


def placed(*members: bytes) -> dict[str, str]:
    body = b"\x02" + bytes([len(members)]) + b"".join(members)
    (found,) = read(b"\x0f\0\0\0\1\x0c" + date_time(AT) + body)
    assert {v.meter.manufacturer for v in found.observations} == {"ISK"}
    assert {v.meter.serial for v in found.observations} == {"ISK1030775000001"}
    return {str(v.obis): f"{plain(v.value)} {v.unit}" for v in found.observations}


def test_lists_that_begin_with_the_logical_name_go_by_place() -> None:
    names = octets(b"ISK1030775000001"), octets(b"77500001")
    longs = [b"\x06" + number.to_bytes(4, "big") for number in range(1, 13)]
    shorts = [b"\x12" + number.to_bytes(2, "big") for number in (2301, 2302, 2303, 123, 124, 125)]
    found = placed(*names, *longs[:4], *shorts, *longs[4:10])
    assert found["1-0:1.7.0*255"] == "1 W"
    assert found["1-0:72.7.0*255"] == "230.3 V"
    assert found["1-0:31.7.0*255"] == "1.23 A"
    assert found["1-0:62.7.0*255"] == "10 W"
    found = placed(names[0], octets(b""), b"\x03\x01", octets(b"\0\2"), *longs[:8])
    assert found["1-0:1.8.0*255"] == "1 Wh"
    assert found["1-0:4.8.0*255"] == "8 varh"


def test_a_bare_text_after_all_values_is_the_meters_number() -> None:
    body = b"\x02\x02" + REGISTERS[0].encode() + octets(b"181220000009")
    (found,) = read(b"\x0f\0\0\0\1\x0c" + date_time(AT) + body)
    assert [v.meter.serial for v in found.observations] == ["181220000009"]
    assert [v.meter.manufacturer for v in found.observations] == ["unknown"]


@pytest.mark.parametrize(
    "noise", [b"\x0f\x00", b"\x68\x10\x10\x68", b"\x00\x01\x00", b"\xe6\xe7\x00"]
)
def test_what_a_recording_begins_with_does_not_hide_its_frames(noise: bytes) -> None:
    for data in (hdlc(APDU), b"".join(mbus_segments(APDU, 50))):
        found = decode_bytes("dlms", noise + data + noise)
        assert [len(t.observations) for t in found if t.error is None] == [2]
