"""Damaged, endless and random bytes: no decoder crashes, hangs, grows, or gives a false value.

Every form of every protocol meets every kind of stream, and every capture all kinds of damage; what
is sized is how much of it. METERLINE_NOISE sets the megabytes of noise for each, METERLINE_BITS how
many bits of each byte are flipped, METERLINE_CUTS at how many places a capture is cut.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.telegram import Observation
from firmware_bridge.recordings.decode import DecodeOptions, protocols, scanners
from firmware_bridge.simulator.dlms.encoding import blocks, hdlc
from firmware_bridge.simulator.mbus.encoding import long_frame
from tests.support.size import sized, within
from tests.support.telegrams import Capture, all_captures, own_captures

NOISE = sized("METERLINE_NOISE", 1, 10) * 1_000_000
BITS = sized("METERLINE_BITS", 1, 8)
CUTS = sized("METERLINE_CUTS", 100, 1_000_000)
LONGEST_STEP_S = 1.0
MEMORY_MAX = 20_000_000
ENDLESS_SIZE = 150_000

CAPTURES = all_captures()
ENDLESS = {
    "slashes": b"/",
    "identifications": b"/AAA5a\r\n",
    "telegrams": b"/AAA5a\r\n!\r\n",
    "data lines": b"/AAA5a\r\n" + b"1.8.0(1*kWh)\r\n" * 200,
    "flags": b"\x7e",
    "frame starts": b"\x7e\xa0",
    "long frame starts": b"\x68\x68\x68\x68",
    "long frames": b"\x68\xff\xff\x68\x08\x00\x72",
    "overflowed frame starts": b"\x68\x01\x01\x68",
    "frame starts within each other": b"\x68\xff\xff\x68" + b"\x68\x05\x05\x68" * 30,
    "escapes": b"\x1b",
    "file starts": b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01",
    "doubled escapes": b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01" + b"\x1b" * 80_000,
    "block starts": b"\x02",
    "radio starts": b"\xff\x44",
    "ciphered starts": b"\xdb\x08",
    "nested lists": b"\x0f\x00\x00\x00\x00\x00" + b"\x02\x01" * 200,
    "zeros": b"\x00",
    # Sound frames, each of which says that the next one continues it.
    "segments": hdlc(bytes(2000), segment=1000)[: 1000 + 11],
    "blocks": b"".join(map(hdlc, blocks(bytes(60_000), 60)[:-1])),
    "bus segments": b"".join(
        long_frame(bytes([number % 16, 1, 0x67]) + bytes(200), 0xFF, 0x53) for number in range(600)
    ),
    "list files": b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01" + b"\x76\x05" * 50_000,
    "topics": b"tele/p/SENSOR " + b'{"a":' * 20_000,
    "open strings": b't {"' + b'\\"' * 30_000 + b"\n",
    "read-outs": b"/ABC5m\r\n\x02" + b"1.8.0(1*kWh)\r\n" * 10_000,
}


def resident() -> int:
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def forms() -> list[tuple[str, int]]:
    # wmbus is the second form of mbus.
    names = [name for name in protocols() if name != "wmbus"]
    return [(name, form) for name in names for form in range(len(scanners(name)))]


def once(captures: tuple[Capture, ...]) -> list[Capture]:
    """P1 telegrams only as such: as read-outs they go through the same parser."""
    return [c for c in captures if c.protocol != "iec62056_21" or c.name.startswith("own")]


def steps(data: bytes, size: int = 4096) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def values(found: list[Observation]) -> list[Observation]:
    """Without the meter's name, which modes A to C send outside of what they check."""
    return [replace(value, meter=MeterIdentity("", "")) for value in found]


@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_fed_in_any_portions_it_says_the_same(capture: Capture) -> None:
    assert capture.values(step=1) == capture.values() == capture.values(step=7)


@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_cut_anywhere_it_gives_nothing_or_the_same(capture: Capture) -> None:
    whole = capture.values()
    for size in range(0, len(capture.data), -(-len(capture.data) // CUTS)):
        found = capture.values(capture.data[:size])
        # Several telegrams may be in one recording: those before the cut stand.
        assert found == whole[: len(found)]


@pytest.mark.parametrize("capture", once(CAPTURES), ids=str)
def test_no_flipped_bit_gives_another_value(capture: Capture) -> None:
    whole = capture.values()
    data = bytearray(capture.data)
    for at in range(len(data)):
        # Without a checksum only survival is at stake, which one bit of each byte shows.
        for turn in range(BITS if capture.checked else 1):
            bit = (at + turn) % 8
            data[at] ^= 1 << bit
            found = capture.values(bytes(data))
            data[at] ^= 1 << bit
            if capture.checked:
                assert values(found) in (values(whole), []), (at, bit)


@pytest.mark.parametrize(("protocol", "form"), forms())
def test_megabytes_of_noise_give_nothing_and_take_no_long_step(protocol: str, form: int) -> None:
    scanner = scanners(protocol)[form](DecodeOptions())
    noise = random.Random(7).randbytes(NOISE)  # noqa: S311 - reproducible, no secret
    before = resident()
    for part in steps(noise):
        with within(LONGEST_STEP_S, time.process_time):
            assert all(not telegram.observations for telegram in scanner.feed(part))
    assert resident() - before < MEMORY_MAX


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize(("protocol", "form"), forms())
def test_an_endless_stream_costs_neither_time_nor_memory(
    protocol: str, form: int, kind: str
) -> None:
    unit = ENDLESS[kind]
    stream = unit * (ENDLESS_SIZE // len(unit) + 1)
    scanner = scanners(protocol)[form](DecodeOptions())
    before = resident()
    for part in steps(stream):
        with within(LONGEST_STEP_S, time.process_time):
            for telegram in scanner.feed(part):
                assert len(telegram.raw) <= 65_536
    assert resident() - before < MEMORY_MAX


@pytest.mark.parametrize("capture", list(own_captures()), ids=str)
def test_a_telegram_is_found_between_noise(capture: Capture) -> None:
    if capture.protocol == "dlms" and "wrapper" in capture.name:
        pytest.skip("wrapper packets travel on connections, which carry no noise")
    noise = random.Random(3)  # noqa: S311 - reproducible, no secret
    whole = capture.values()
    assert whole
    for _ in range(20):
        junk = bytes(byte for byte in noise.randbytes(600) if byte not in b"\x7e\x68\x1b\x02\x0f")
        stream = b"\x01" + junk + capture.data + junk
        assert whole == capture.values(stream)[-len(whole) :]
