from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firmware_bridge.codec.crc import arc
from firmware_bridge.driver.local_clock import MeterZone
from firmware_bridge.driver.telegram import AuthenticationError, Keys, plain
from firmware_bridge.dsmr.encrypted import LUXEMBOURG_AUTHENTICATION_KEY, EncryptedP1Scanner
from firmware_bridge.iec62056_21.p1_values import P1Scanner
from firmware_bridge.simulator.dlms.encoding import cipher


@pytest.mark.parametrize(
    ("text", "expected", "certain"),
    [
        ("201025023000S", datetime(2020, 10, 25, 0, 30, tzinfo=UTC), True),
        ("201025023000W", datetime(2020, 10, 25, 1, 30, tzinfo=UTC), True),
        ("201025023000", datetime(2020, 10, 25, 0, 30, tzinfo=UTC), False),
        ("200401120000S", datetime(2020, 4, 1, 10, tzinfo=UTC), True),
        ("700101010000W", datetime(1970, 1, 1, 0, tzinfo=UTC), True),
    ],
)
def test_the_letter_tells_both_hours_of_autumn_apart(
    text: str, expected: datetime, *, certain: bool
) -> None:
    assert MeterZone().stamp(text) == (expected, certain)


@pytest.mark.parametrize(
    "text", ["632525252525W", "", "20102502300", "2010250230X", "991332000000S"]
)
def test_impossible_times_are_none(text: str) -> None:
    assert MeterZone().stamp(text) is None


def test_irish_winter_is_utc() -> None:
    at = MeterZone("Europe/Dublin").stamp("230102120000W")
    assert at == (datetime(2023, 1, 2, 12, tzinfo=UTC), True)


KEY = bytes(range(16))


def smarty(authentication: bytes | None = LUXEMBOURG_AUTHENTICATION_KEY) -> bytes:
    body = b"/Lux5\\253663629_D\r\n\r\n0-0:1.0.0(230601120000S)\r\n1-0:1.8.0(000001.500*kWh)\r\n!"
    text = body + f"{arc(body):04X}\r\n".encode()
    frame = cipher(text, b"SAGg\1\2\3\4", 9, KEY, authentication)
    body = frame[frame.index(0x30 if authentication else 0x20, 10) :]
    # P1 always writes the length in two bytes.
    return frame[:10] + b"\x82" + len(body).to_bytes(2, "big") + body


def test_encrypted_telegrams_open_with_their_key_only() -> None:
    frame = smarty()
    scanner = EncryptedP1Scanner(Keys(KEY))
    (found,) = [t for at in range(0, len(frame), 9) for t in scanner.feed(frame[at : at + 9])]
    assert [str(v.value) for v in found.observations] == ["1500"]
    (refused,) = EncryptedP1Scanner(Keys(bytes(16))).feed(frame)
    assert isinstance(refused.error, AuthenticationError)
    changed = frame[:-1] + bytes([frame[-1] ^ 1])
    keys = Keys(KEY, LUXEMBOURG_AUTHENTICATION_KEY)
    (refused,) = EncryptedP1Scanner(keys).feed(changed)
    assert isinstance(refused.error, AuthenticationError)
    changed = frame[:40] + bytes([frame[40] ^ 1]) + frame[41:]
    (refused,) = EncryptedP1Scanner(Keys(KEY)).feed(changed)
    assert isinstance(refused.error, AuthenticationError)


def test_a_length_that_noise_announces_keeps_no_telegram_waiting() -> None:
    noise = b"\xdb\x08" + bytes(8) + b"\x82\x0f\xff\x30"
    frame = smarty()
    for before in (noise, noise + b"\xdb\x08", frame[: len(frame) // 2]):
        scanner = EncryptedP1Scanner(Keys(KEY))
        found = [t for chunk in (before, frame, frame) for t in scanner.feed(chunk)]
        read = [[str(v.value) for v in telegram.observations] for telegram in found]
        assert [values for values in read if values] == [["1500"], ["1500"]], before
    # What nothing vouches for waits for the length that it announced.
    assert not list(EncryptedP1Scanner(Keys(bytes(16))).feed(noise + frame))


def test_without_the_authentication_key_the_crc_inside_vouches() -> None:
    for frame in (smarty(bytes(range(16, 32))), smarty(None)):
        (found,) = EncryptedP1Scanner(Keys(KEY)).feed(frame)
        assert [str(v.value) for v in found.observations] == ["1500"]
    # The frame's length in its short form is the same length.
    (found,) = EncryptedP1Scanner(Keys(KEY)).feed(frame[:10] + b"\x81" + frame[12:])
    assert len(found.observations) == 1


LINES = (
    b"/XMX5LGBBFG1009325446\n\n1-3:0.2.8(42)\n0-0:1.0.0(230601120000S)\n"
    b"1-0:1.8.1(000001.500*kWh)\n!"
)


def values(data: bytes) -> list[str]:
    scanner = P1Scanner()
    found = [*scanner.feed(data), *scanner.close()]
    return [plain(value.value) for telegram in found for value in telegram.observations]


def test_line_ends_that_were_changed_on_the_way_are_put_back_for_the_crc() -> None:
    sent = LINES.replace(b"\n", b"\r\n")
    end = f"{arc(sent):04X}".encode()
    assert values(sent + end + b"\r\n") == ["1500"]
    assert values(LINES + end + b"\n") == ["1500"]
    assert values(LINES + end) == ["1500"]
    assert values(LINES.replace(b"1.500", b"2.500") + end + b"\n") == []


def test_a_last_line_without_its_end_counts_unless_a_crc_is_due() -> None:
    assert values(LINES) == []
    assert values(LINES.replace(b"1-3:0.2.8(42)\n", b"")) == ["1500"]
