from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from firmware_bridge.driver.telegram import (
    ChecksumError,
    Observation,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
    plain,
)
from firmware_bridge.iec62056_21.datasets import DataSet, parse_address, parse_line
from firmware_bridge.iec62056_21.frames import block_check, parse_block_frame
from firmware_bridge.recordings.decode import decode_bytes
from tests.support.data import data_root, find_data
from tests.support.telegrams import mode_c_read_out

_FOLDER = find_data("meters", "amshan")
EXPECTED: dict[str, Any] = (
    {
        name: facts
        for name, facts in json.loads((_FOLDER / "expected.json").read_text()).items()
        if name.startswith("dlde")
    }
    if _FOLDER
    else {}
)
POWERS = {"kwh": 3, "kw": 3, "kvarh": 3, "kvar": 3, "m3": 3}


def values(raw: bytes) -> list[Observation]:
    return [v for t in decode_bytes("iec62056_21", raw) for v in t.observations]


@pytest.mark.parametrize("name", EXPECTED)
def test_mode_d_captures_are_exact(name: str) -> None:
    shown = {str(v.obis): v for v in values((data_root("meters", "amshan") / name).read_bytes())}
    checked = 0
    for item in EXPECTED[name]["objects"]:
        if len(item["values"]) != 1 or "*" not in item["values"][0]:
            continue
        number, _, unit = item["values"][0].partition("*")
        expected = Decimal(number).scaleb(POWERS.get(unit.lower(), 0))
        assert shown[f"{item['obis']}*255"].value == expected
        checked += 1
    assert checked >= 15


def test_mode_c_block_gives_values_history_and_clock() -> None:
    shown = {str(v.obis): v for v in values(mode_c_read_out())}
    now = datetime(2023, 4, 5, 10, 34, 56, tzinfo=UTC)
    total = shown["1-0:1.8.0*255"]
    assert (plain(total.value), total.unit, total.meter_time) == ("1234567", "Wh", now)
    assert (total.meter.manufacturer, total.meter.serial) == ("LGZ", "12345678")
    stored = shown["1-0:1.8.0*1"]
    assert (plain(stored.value), stored.storage, stored.meter_time) == ("1200000", 1, None)
    assert stored.meter_value() is None
    peak = shown["1-0:1.6.0*255"]
    assert peak.meter_time == datetime(2023, 4, 1, 6, 15, tzinfo=UTC)
    assert len(shown) == 4


def test_seven_bits_with_even_parity_are_read_and_checked() -> None:
    sent = bytes(b | (b.bit_count() % 2) << 7 for b in mode_c_read_out())
    assert values(sent) == values(mode_c_read_out())
    at = len(sent) - 20
    broken = sent[:at] + bytes([sent[at] ^ 0x80]) + sent[at + 1 :]
    assert values(broken) == []


def test_a_block_of_many_read_outs_is_read_one_by_one() -> None:
    assert len(values(mode_c_read_out() * 3)) == 12


def test_check_character_is_the_exclusive_or_after_stx() -> None:
    assert block_check(b"\x31\x2e\x03") == 0x31 ^ 0x2E ^ 0x03
    body = b"1.8.0(1*kWh)\r\n!\r\n\x03"
    raw = b"\x02" + body + bytes([block_check(body)])
    assert parse_block_frame(raw).objects == (DataSet("1.8.0", ("1*kWh",)),)
    with pytest.raises(ChecksumError):
        parse_block_frame(raw[:-1] + b"\x00")
    with pytest.raises(TelegramTruncatedError):
        parse_block_frame(raw[:-2])
    with pytest.raises(TelegramSyntaxError):
        parse_block_frame(raw[1:])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("1.8.0", "1-0:1.8.0*255"),
        ("1-1:1.8.1*02", "1-1:1.8.1*2"),
        ("1.8.1&03", "1-0:1.8.1*3"),
        ("1.8", "1-0:1.8.0*255"),
        ("31.7*1", "1-0:31.7.0*1"),
        ("7-0:3.0", "7-0:3.0.255*255"),
        ("C.1.0", "0-0:96.1.0*255"),
        ("F.F", "0-0:97.97.255*255"),
        ("0.9.1", "0-0:0.9.1*255"),
        ("P.01", "0-0:99.1.255*255"),
    ],
)
def test_reduced_codes_are_completed(address: str, code: str) -> None:
    assert str(parse_address(address)) == code


@pytest.mark.parametrize("address", ["", "1", "1.8.0.0", "256.8.0", "X.1.0", "1-0:1.8.0*"])
def test_other_addresses_are_no_codes(address: str) -> None:
    assert parse_address(address) is None


@pytest.mark.parametrize("line", ["1.8.0", "1.8.0(1", "1.8.0(1))", "1.8.0((1)", "(1)x", ")("])
def test_malformed_lines_are_refused(line: str) -> None:
    with pytest.raises(TelegramSyntaxError):
        parse_line(line)


def test_a_line_without_end_is_too_large() -> None:
    with pytest.raises(TelegramTooLargeError):
        parse_line("1.8.0(" + "1" * 10_000)


def test_several_sets_may_share_a_line() -> None:
    assert parse_line("1.8.0(1*kWh)2.8.0(2*kWh)(3)") == [
        DataSet("1.8.0", ("1*kWh",)),
        DataSet("2.8.0", ("2*kWh", "3")),
    ]


def block(identification: bytes, lines: bytes) -> bytes:
    body = lines + b"!\r\n\x03"
    return identification + b"\r\n\x02" + body + bytes([block_check(body)])


def test_a_heat_meters_codes_are_not_electricitys() -> None:
    found = values(
        block(
            b"/LUGCUH50",
            b"6.8(0029.055*MWh)6.26(01589.28*m3)9.21(00010213)\r\n"
            b"6.8*01(0028.086*MWh)6.33(001.476*m3ph)9.4(088*C&082*C)6.31(0030710*h)9.7(20000)\r\n",
        )
    )
    assert {v.meter.serial for v in found} == {"00010213"}
    assert [(str(v.obis) if v.obis else None, plain(v.value), v.unit) for v in found] == [
        ("6-0:1.0.0*255", "29055000", "Wh"),
        ("6-0:2.0.0*255", "1589280", "L"),
        ("6-0:1.0.0*1", "28086000", "Wh"),
        (None, "1476", "L/h"),
        (None, "30710", "h"),
    ]
    (reactive,) = values(block(b"/XXX5abc", b"6.8(12.5*kvarh)\r\n"))
    assert (str(reactive.obis), reactive.unit) == ("1-0:6.8.0*255", "varh")


def of_block(*lines: str) -> bytes:
    """A read-out of mode C, which has a checksum of its own."""
    body = "\r\n".join((*lines, "!", "")).encode() + b"\x03"
    return b"/LGZ5ZMD120\r\n\x02" + body + bytes([block_check(body)])


def of_line(*lines: str) -> bytes:
    """A read-out of mode D, which has none."""
    return "\r\n".join(("/LGZ5ZMD120", "", *lines, "!", "")).encode()


@pytest.mark.parametrize("made", [of_block, of_line])
def test_a_register_that_is_no_number_is_named_beside_what_is_read(
    made: Callable[..., bytes],
) -> None:
    text = made("0.0.0(4711)", "1.8.0(0001234.5*kWh)", "2.8.0(00O1234.5*kWh)")
    (found,) = decode_bytes("iec62056_21", text)
    assert [str(v.obis) for v in found.observations] == ["1-0:1.8.0*255"]
    assert found.rest is not None
    assert "2.8.0(00O1234.5*kWh)" in found.rest.message


@pytest.mark.parametrize("made", [of_block, of_line])
def test_the_number_of_a_device_behind_a_meter_is_not_the_meters_own(
    made: Callable[..., bytes],
) -> None:
    text = made("0-1:96.1.0(GAS42)", "0-0:96.1.1(4711)", "1.8.0(1.5*kWh)")
    (found,) = decode_bytes("iec62056_21", text)
    assert {v.meter.serial for v in found.observations} == {"4711"}
