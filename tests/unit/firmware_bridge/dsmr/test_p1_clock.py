from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firmware_bridge.crc import arc
from firmware_bridge.dsmr.encrypted import LUXEMBOURG_AUTHENTICATION_KEY, EncryptedP1Scanner
from firmware_bridge.iec62056_21.clock import LocalClock
from firmware_bridge.simulator.dlms_encoding import cipher
from firmware_bridge.telegram import AuthenticationError, Keys


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
    assert LocalClock().stamp(text) == (expected, certain)


@pytest.mark.parametrize(
    "text", ["632525252525W", "", "20102502300", "2010250230X", "991332000000S"]
)
def test_impossible_times_are_none(text: str) -> None:
    assert LocalClock().stamp(text) is None


def test_irish_winter_is_utc() -> None:
    at = LocalClock("Europe/Dublin").stamp("230102120000W")
    assert at == (datetime(2023, 1, 2, 12, tzinfo=UTC), True)


KEY = bytes(range(16))


def smarty() -> bytes:
    body = b"/Lux5\\253663629_D\r\n\r\n0-0:1.0.0(230601120000S)\r\n1-0:1.8.0(000001.500*kWh)\r\n!"
    text = body + f"{arc(body):04X}\r\n".encode()
    frame = cipher(text, b"SAGg\1\2\3\4", 9, KEY, LUXEMBOURG_AUTHENTICATION_KEY)
    body = frame[frame.index(0x30, 10) :]
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
    (refused,) = EncryptedP1Scanner(Keys(KEY)).feed(changed)
    assert isinstance(refused.error, AuthenticationError)
