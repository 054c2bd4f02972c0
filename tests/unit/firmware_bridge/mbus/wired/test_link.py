"""Long frames whose length has overflowed, and telegrams that end within a record."""

from __future__ import annotations

import pytest

from firmware_bridge.driver.telegram import (
    Telegram,
    TelegramTruncatedError,
    plain,
)
from firmware_bridge.mbus.wired.link import LinkSplitter, parse_frame
from firmware_bridge.mbus.wired.scanner import WiredScanner
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header

WATER = device("12345678", "ABC", 1, 7)
VOLUME = bytes.fromhex("04 13 39 30 00 00")
ENERGY_CUT = bytes.fromhex("04 03 01 02")


def scan(data: bytes, step: int = 1000) -> list[Telegram]:
    scanner = WiredScanner()
    parts = (data[at : at + step] for at in range(0, len(data), step))
    return [*(found for part in parts for found in scanner.feed(part)), *scanner.close()]


def padded(size: int) -> bytes:
    """A frame with so many bytes between header and checksum, volume 12.345 m3."""
    user = long_header(WATER, 1, 0, VOLUME)
    return long_frame(user + b"\x2f" * (size - 2 - len(user)))


@pytest.mark.parametrize("size", [255, 256, 257, 258, 259])
@pytest.mark.parametrize("step", [1, 1000])
def test_a_length_that_overflowed_is_read_with_what_it_lost(size: int, step: int) -> None:
    frame = padded(size)
    assert frame[1] == size % 256
    found = scan(b"\xe5\x00" + frame + padded(100), step)
    assert [plain(t.observations[0].value) for t in found] == ["12345", "12345"]
    assert found[0].raw == frame


def test_a_control_frame_is_no_overflowed_one() -> None:
    control = bytes.fromhex("68 03 03 68 53 FE 50 A1 16")
    assert parse_frame(control).user == b"\x50"
    (first, second) = LinkSplitter().feed(control + padded(30))
    assert (first.raw, second.raw) == (control, padded(30))


def test_a_damaged_overflowed_frame_hides_none_behind_it() -> None:
    damaged = bytearray(padded(257))
    damaged[40] ^= 1
    found = scan(bytes(damaged) + padded(80))
    assert [t.error.code if t.error else "" for t in found] == ["CHECKSUM", ""]


NOISE = [
    *("68 01 01 68", "68 00 00 68 16", "68 03 03 68", "68 02 02 68 68 01 01 68"),
    *("68 F0 F0 68 08 01 72", "00 10 68 68 68 68 FF"),
]


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_frame_behind_noise_that_looks_like_a_header_comes_through_at_once(
    noise: str, step: int
) -> None:
    frame, data = padded(40), bytes.fromhex(noise) + padded(40)
    splitter = LinkSplitter()
    found = [
        item
        for at in range(0, len(data), step)
        for item in splitter.feed(data[at : at + step])
        if not isinstance(item, Telegram)
    ]
    assert [item.raw for item in found] == [frame]
    assert [item.raw for item in splitter.feed(frame) if not isinstance(item, Telegram)] == [frame]


@pytest.mark.parametrize("step", [1, 1000])
def test_a_frame_that_breaks_off_is_named_before_the_one_that_follows(step: int) -> None:
    broken = padded(200)[:90]
    data = broken + padded(40)
    scanner = WiredScanner()
    found = [t for at in range(0, len(data), step) for t in scanner.feed(data[at : at + step])]
    assert [t.error.code if t.error else "" for t in found] == ["TELEGRAM_TRUNCATED", ""]
    assert (found[0].raw, found[1].raw) == (broken, padded(40))


def test_an_overflowed_frame_behind_noise_is_read_whole() -> None:
    found = scan(bytes.fromhex("68 02 02 68") + padded(257) + padded(40), 1)
    assert [t.raw for t in found if t.error is None] == [padded(257), padded(40)]


def test_too_few_bytes_of_an_overflowed_frame_are_named() -> None:
    with pytest.raises(TelegramTruncatedError, match="100 of 263 bytes"):
        parse_frame(padded(257)[:100])


def test_the_records_before_one_that_is_cut_stand_under_a_checksum() -> None:
    (found,) = scan(long_frame(long_header(WATER, 1, 0, VOLUME + ENERGY_CUT)))
    assert [plain(value.value) for value in found.observations] == ["12345"]
    assert found.error is None
    assert found.rest is not None
    assert found.rest.code == "TELEGRAM_TRUNCATED"


def test_a_telegram_of_nothing_but_a_cut_record_is_refused() -> None:
    (found,) = scan(long_frame(long_header(WATER, 1, 0, ENERGY_CUT)))
    assert (found.observations, found.rest) == ((), None)
    assert found.error is not None
    assert found.error.code == "TELEGRAM_TRUNCATED"
