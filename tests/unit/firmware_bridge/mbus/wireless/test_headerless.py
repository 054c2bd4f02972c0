"""Compact frames, and recordings whose receiver kept the CRCs back."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from firmware_bridge.codec.crc import en13757
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import Keys, Telegram, plain
from firmware_bridge.mbus.wireless.headerless import headerless_frames
from firmware_bridge.recordings.decode import DecodeOptions, decode_bytes
from firmware_bridge.simulator.mbus.encoding import device, format_a, format_b, mode_5, radio_frame

KEY = bytes(range(16))
NAMED = device("12345678", "ABC", 1, 7)
RECORDS = bytes.fromhex("0C13785634120413D2040000")
PLAIN = radio_frame(NAMED, b"\x7a\x01\x00\x00\x00" + RECORDS)
SECRET = radio_frame(NAMED, mode_5(NAMED, 7, 0, RECORDS, KEY))
HEADS = bytes.fromhex("0C130413")


def read(data: bytes, key: bytes | None = None) -> list[Telegram]:
    return decode_bytes("wmbus", data, DecodeOptions(Keys(key)))


def values(found: list[Telegram]) -> list[str]:
    return [plain(value.value) for telegram in found for value in telegram.observations]


def compact(whole: bytes, data: bytes, heads: bytes = HEADS) -> bytes:
    marks = en13757(heads).to_bytes(2, "little") + en13757(whole).to_bytes(2, "little")
    return radio_frame(NAMED, b"\x79" + marks + data)


def test_a_recording_of_bare_frames_only_is_read_for_what_it_is() -> None:
    found = read(PLAIN + SECRET + PLAIN, KEY)
    assert values(found) == ["12345678", "1234"] * 3
    assert {value.quality for t in found for value in t.observations} == {Quality.ACTUAL}
    assert (
        values(read((PLAIN.hex() + "\n" + SECRET.hex()).encode(), KEY)) == ["12345678", "1234"] * 2
    )


@pytest.mark.parametrize("more", [b"\x00", b"\x10\x44", PLAIN[:-1], format_a(PLAIN)])
def test_what_is_not_bare_to_the_last_byte_is_not_taken_for_it(more: bytes) -> None:
    assert headerless_frames(PLAIN + more) == ()
    assert headerless_frames(more + PLAIN) == ()


@pytest.mark.parametrize("crcs", [format_a, format_b])
@pytest.mark.parametrize("key", [None, KEY])
def test_no_damaged_frame_with_crcs_passes_as_a_bare_one(
    crcs: Callable[[bytes], bytes], key: bytes | None
) -> None:
    data = bytearray(crcs(SECRET if key else PLAIN))
    for at in range(len(data)):
        for bit in range(8):
            data[at] ^= 1 << bit
            assert values(read(bytes(data), key)) == []
            data[at] ^= 1 << bit
    assert values(read(bytes(data), key)) == ["12345678", "1234"]


def test_noise_is_never_taken_for_bare_frames() -> None:
    chance = random.Random(5)  # noqa: S311 - reproducible, no secret
    for _ in range(2000):
        size = chance.randrange(12, 60)
        noise = bytes([size - 1, 0x44]) + chance.randbytes(size - 2)
        assert values(read(noise)) == []


def test_a_compact_frame_is_read_once_its_heads_were_seen() -> None:
    whole = bytes.fromhex("0C13000000010413E8030000")
    later = compact(whole, whole[2:6] + whole[8:])
    first = read(format_a(later))
    assert [telegram.error.code for telegram in first if telegram.error] == ["TELEGRAM_UNSUPPORTED"]
    assert values(read(format_a(PLAIN) + format_b(later))) == [
        "12345678",
        "1234",
        "1000000",
        "1000",
    ]
    assert values(read(PLAIN + later)) == ["12345678", "1234", "1000000", "1000"]


def test_a_compact_frame_needs_the_crc_of_the_whole_one() -> None:
    whole = bytes.fromhex("0C13000000010413E8030000")
    for data in (whole[2:6] + whole[9:] + b"\0", whole[2:6]):
        found = read(format_a(PLAIN) + format_a(compact(whole, data)))
        assert values(found) == ["12345678", "1234"]
        assert found[-1].error is not None


def test_heads_that_meters_hardly_ever_send_are_known() -> None:
    heads = bytes.fromhex("02FF2004134413")
    whole = bytes.fromhex("02FF200000" + "0413D2040000" + "441310000000")
    data = compact(whole, bytes.fromhex("0000D204000010000000"), heads)
    assert values(read(format_b(data))) == ["1234", "16"]


@pytest.mark.parametrize(
    "recording",
    [
        lambda: "b" + format_a(PLAIN).hex().upper() + "\r\n",
        lambda: "bY" + format_b(PLAIN).hex().upper() + "\n",
        lambda: f"T1;1;1;2026-03-01 12:00:00.000;97;148;12345678;0x{PLAIN.hex()}\n",
        lambda: f'{{"time":"2026-03-01 12:00:00","mode":"T","data":"{PLAIN.hex()}"}}\n',
        lambda: f"12:00:01 frame |{PLAIN.hex().upper()[:20]}_{PLAIN.hex().upper()[20:]}|",
    ],
)
def test_what_receivers_and_their_programs_print_is_read(recording: Callable[[], str]) -> None:
    assert values(read(recording().encode())) == ["12345678", "1234"]
