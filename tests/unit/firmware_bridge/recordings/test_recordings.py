"""Files that hold telegrams in the ways in which people and tools write them down."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable

import pytest

from firmware_bridge.codec.hex_dump import from_hex, lines_of_hex, within_text
from firmware_bridge.driver.interface import UnknownProtocolError
from firmware_bridge.driver.telegram import TelegramError, plain
from firmware_bridge.recordings.decode import (
    REFUSED_MAX,
    DecodeOptions,
    decode_bytes,
    protocols,
    scanners,
)
from firmware_bridge.simulator.dlms.encoding import cipher
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header

WATER = long_frame(
    long_header(device("12345678", "ABC", 1, 7), 1, 0, bytes.fromhex("0C1378563412"))
)
HEAT = long_frame(long_header(device("87654321", "DEF", 1, 4), 1, 0, bytes.fromhex("0C0611110000")))
DAMAGED = WATER[:-2] + bytes([WATER[-2] ^ 1]) + WATER[-1:]


def rows(data: bytes, size: int = 16) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + size]) for at in range(0, len(data), size)]


def printed(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def read(content: bytes) -> tuple[list[str], list[str]]:
    found = decode_bytes("mbus", content)
    values = [f"{v.meter.serial}={plain(v.value)}" for t in found for v in t.observations]
    return values, [t.error.code for t in found if isinstance(t.error, TelegramError)]


BOTH = ["12345678=12345678", "87654321=1111000"]


@pytest.mark.parametrize(
    "spelled",
    [
        lambda data: data,
        lambda data: data.hex(" ").upper() + "\r\n",
        lambda data: "; ".join(f"0x{byte:02X}" for byte in data),
        lambda data: "{" + ", ".join(f"0x{byte:02x}" for byte in data) + "};",
        lambda data: "".join(f"\\x{byte:02x}" for byte in data),
        lambda data: "\n".join(row.hex(" ") + "  # part" for _, row in rows(data, 7)),
        lambda data: "\n".join(
            f"{at:08x}: {row.hex(' ', 2)}  {printed(row)}" for at, row in rows(data)
        ),
        lambda data: (
            "\n".join(
                f"{at:08x}  {row[:8].hex(' ')}  {row[8:].hex(' ')}  |{printed(row)}|"
                for at, row in rows(data)
            )
            + f"\n{len(data):08x}\n"
        ),
        lambda data: "\r\n".join(f"{at:04X}: {row.hex(' ').upper()}" for at, row in rows(data)),
        lambda data: "\n".join(f"{at:06x} {row.hex(' ')}" for at, row in rows(data)),
        lambda data: "\n".join(f"{at:07o} {row.hex(' ')}" for at, row in rows(data)),
        lambda data: "\n".join(f"{at:07d} {row.hex(' ')}" for at, row in rows(data)),
    ],
)
def test_both_telegrams_are_read_however_they_are_written(
    spelled: Callable[[bytes], str | bytes],
) -> None:
    content = spelled(WATER + HEAT)
    content = content.encode() if isinstance(content, str) else content
    assert read(content) == (BOTH, [])
    assert read(b"\x00\xff\x10garbage" + WATER + b"\xff" + HEAT + b"\x00\x16") == (BOTH, [])


def test_what_a_hex_dump_prints_beside_the_bytes_is_none_of_them() -> None:
    # All that is printed here is itself hex, two characters after the bytes.
    data = b"ab" * 40
    text = "\n".join(f"{at:08x}: {row.hex(' ', 2)}  {printed(row)}" for at, row in rows(data))
    assert from_hex(text.encode()) == data


def test_text_that_is_no_hex_is_none() -> None:
    assert from_hex(b"/ABC5meter\r\n1-0:1.8.0(1*kWh)\r\n!\r\n") is None
    assert from_hex(b"") is None
    assert from_hex(b"abc") is None
    assert lines_of_hex(b"68 03\nno hex\n03 68\n") == (b"\x68\x03", b"\x03\x68")
    assert within_text(b"at 12:34:56 we heard 0x" + WATER.hex().encode() + b" (ok)") == (WATER,)


def test_logs_and_headings_round_telegrams_are_passed_over() -> None:
    log = f"2026-03-01 12:00:00.123 received [{WATER.hex(' ')}] from bus 1\nand {HEAT.hex()}\n"
    assert read(log.encode()) == (BOTH, [])
    headed = "water meter:\n" + WATER.hex(" ", 1) + "\nheat meter:\n" + HEAT.hex()
    assert read(headed.encode()) == (BOTH, [])


def test_a_damaged_telegram_costs_only_itself() -> None:
    for content in (
        WATER + DAMAGED + HEAT,
        "\n".join(part.hex() for part in (WATER, DAMAGED, HEAT)).encode(),
        "\n".join(part.hex() for part in (WATER, DAMAGED[:9], HEAT)).encode(),
    ):
        values, errors = read(content)
        assert values == BOTH
        assert len(errors) == 1


def test_apdus_of_one_line_each_do_not_lose_each_other() -> None:
    sound = "0f0000000000" + "0204" + "0906 0100010800ff 0600000064 0906 0100020800ff 0600000007"
    broken = sound[:40].replace(" ", "")
    content = f"{sound}\n{broken}\n{sound}\n".encode()
    found = decode_bytes("dlms", content, DecodeOptions())
    assert [len(telegram.observations) for telegram in found] == [2, 0, 2]


def test_each_line_that_holds_no_telegram_is_refused_by_itself() -> None:
    damaged = "\n".join([DAMAGED.hex()] * 4)
    assert read(damaged.encode()) == ([], ["CHECKSUM"] * 4)
    # Ciphered APDUs have no boundary but the line's: together only the first would be refused.
    secret = cipher(b"\x0f\0\0\0\1\0\0", b"ABC\1\2\3\4\5", 7, bytes(16), bytes(16)).hex()
    found = decode_bytes("dlms", f"{secret}\n{secret}\n{secret}".encode())
    assert [t.error.code for t in found if t.error] == ["KEY_MISSING"] * 3


def test_what_is_refused_says_the_most_telling_reason() -> None:
    assert read(DAMAGED.hex().encode()) == ([], ["CHECKSUM"])
    assert read(b"nothing at all") == ([], [])


def test_a_recording_of_noise_costs_little_memory_and_has_bounded_refusals() -> None:
    lines = b"zigbee2mqtt/p nonsense\n" * (REFUSED_MAX + 500)
    found = decode_bytes("mqtt_native", lines + b'zigbee2mqtt/p {"energy":1}\n')
    assert sum(telegram.error is not None for telegram in found) == REFUSED_MAX
    assert sum(len(telegram.observations) for telegram in found) == 1
    noise = random.Random(2).randbytes(400_000)  # noqa: S311 - reproducible, no secret
    for protocol in protocols():
        tracemalloc.start()
        refused = decode_bytes(protocol, noise)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert not any(telegram.observations for telegram in refused)
        assert peak < 20_000_000, protocol


def test_a_protocol_is_found_under_its_other_names() -> None:
    for name, same in (
        ("P1", "dsmr"),
        ("iec62056-21-d", "iec62056_21"),
        ("wireless-mbus", "wmbus"),
    ):
        assert scanners(name) == scanners(same)
    with pytest.raises(UnknownProtocolError):
        scanners("smoke")


@pytest.mark.parametrize(
    "text",
    [b"#\n" + b" " * 10**6, b"0000 " + b" " * 10**6 + b"x", b"0000" + b":" * 10**6, b"aa " * 10**5],
)
def test_text_of_any_shape_is_read_in_one_pass(text: bytes) -> None:
    # A pattern that looked ahead from each blank would take hours.
    assert decode_bytes("sml", text) == []
