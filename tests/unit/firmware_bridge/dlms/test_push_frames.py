from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from firmware_bridge.dlms.axdr import Descriptor, Tag, parse
from firmware_bridge.dlms.clock import instant
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.dlms.hdlc import parse_frame
from firmware_bridge.dlms.notification import parse_apdu
from firmware_bridge.iec62056_21.clock import LocalClock
from firmware_bridge.simulator.dlms_encoding import (
    Register,
    blocks,
    cipher,
    hdlc,
    notification,
    wrapper,
)
from firmware_bridge.simulator.mbus_encoding import long_frame
from firmware_bridge.telegram import (
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
        (b"\x13\x00", TelegramSyntaxError),
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
    assert instant(bytes.fromhex(text), LocalClock()) == expected
