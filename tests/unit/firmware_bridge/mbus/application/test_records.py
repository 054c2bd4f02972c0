from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import (
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
    plain,
)
from firmware_bridge.mbus.application.dates import type_f, type_g, type_i
from firmware_bridge.mbus.application.records import Function, bcd, parse_records, real32
from firmware_bridge.mbus.application.telegram import Address, parse_application
from firmware_bridge.mbus.application.units import Direction
from firmware_bridge.mbus.application.values import observe
from firmware_bridge.mbus.wired.scanner import WiredScanner
from firmware_bridge.simulator.mbus.encoding import device, long_frame, long_header, short_frame


def one(text: str) -> object:
    (record,) = parse_records(bytes.fromhex(text))
    return record.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("01 13 FF", "-0.001"),
        ("02 13 01 80", "-32.767"),
        ("03 13 FF FF 7F", "8388.607"),
        ("04 06 01 00 00 00", "1000"),
        ("06 03 FF FF FF FF FF FF", "-1"),
        ("07 03 FF FF FF FF FF FF FF 7F", "9223372036854775807"),
        ("09 13 99", "0.099"),
        ("0A 13 21 43", "4.321"),
        ("0C 13 78 56 34 12", "12345.678"),
        ("0E 13 78 56 34 12 90 78", "789012345.678"),
        ("0C 13 21 43 65 F7", "-7654.321"),
        ("05 13 CD CC 4C 3E", "0.0002"),
        ("05 2B 00 00 80 3F", "1"),
        ("02 25 3C 00", "3600"),
        ("02 43 64 00", "0.6000"),
        ("02 4B 64 00", "0.360000"),
        ("02 FD 48 02 09", "230.6"),
        ("02 FB 2D 88 13", "50.00"),
        ("02 93 71 88 13", "0.00005"),
        ("02 93 7D 01 00", "1"),
    ],
)
def test_numbers_are_exact(text: str, value: str) -> None:
    found = one(text)
    assert isinstance(found, Decimal)
    assert found == Decimal(value)


def test_real32_scale_is_applied_to_its_shortest_decimal() -> None:
    # 0.2 as a float is 0.200000003; its meter meant 0.2 litres.
    assert one("05 13 CD CC 4C 3E") == Decimal("0.0002")


@pytest.mark.parametrize("text", ["0C 13 EB DD DD BD", "0A 13 0A 00", "05 13 00 00 C0 7F"])
def test_error_digits_and_nan_are_no_value(text: str) -> None:
    assert one(text) is None


def test_storage_tariff_and_subunit_grow_with_each_dife() -> None:
    (record,) = parse_records(bytes.fromhex("C4 F1 95 01 13 00 00 00 00"))
    assert (record.storage, record.tariff, record.subunit) == (1 | 1 << 1 | 5 << 5 | 1 << 9, 7, 1)


def test_function_direction_phase_and_error() -> None:
    (maximum,) = parse_records(bytes.fromhex("11 2B 01"))
    assert maximum.function is Function.MAXIMUM
    (export,) = parse_records(bytes.fromhex("01 83 3C 01"))
    assert export.direction is Direction.NEGATIVE
    (second,) = parse_records(bytes.fromhex("01 FD C8 FC 02 01"))
    assert second.phase == 2
    (failed,) = parse_records(bytes.fromhex("01 93 15 01"))
    assert (failed.error, failed.value) == (0x15, None)


def test_texts_binaries_and_negative_digits_of_variable_length() -> None:
    texts = parse_records(bytes.fromhex("0D 78 03 43 42 41  0D 13 C2 34 12  0D 13 D2 34 12"))
    assert [record.data for record in texts] == ["ABC", 1234, -1234]
    (binary,) = parse_records(bytes.fromhex("0D 13 E2 FE FF"))
    assert binary.value == Decimal("-0.002")


def test_the_makers_tail_ends_the_telegram() -> None:
    first, tail = parse_records(bytes.fromhex("2F 2F 01 13 05 1F 01 02 03"))
    assert first.value == Decimal("0.005")
    assert (tail.tail, tail.more_follow, tail.raw) == (True, True, b"\1\2\3")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("04 13 00 00", TelegramTruncatedError),
        ("84", TelegramTruncatedError),
        ("04", TelegramTruncatedError),
        ("04" + "93" * 5, TelegramTruncatedError),
        ("84" + "80" * 10 + "00 13 00", TelegramTooLargeError),
        ("01 93" + "80" * 10 + "00 00", TelegramTooLargeError),
        ("01 7C FF" + "41" * 255 + "00", TelegramTooLargeError),
        ("01 13 00" * 301, TelegramTooLargeError),
        ("7F", TelegramSyntaxError),
        ("0D 13 FB 00", TelegramSyntaxError),
    ],
)
def test_malformed_records_are_named(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_records(bytes.fromhex(text))


def test_dates() -> None:
    assert type_g(bytes.fromhex("BF1C")) == date(2013, 12, 31)
    assert type_g(b"\0\0") is None
    found = type_f(bytes.fromhex("0B0B6D13"))
    assert found is not None
    assert found.at.isoformat() == "2011-03-13T11:11:00"
    assert type_f(bytes.fromhex("8B0B6D13")) is None
    exact = type_i(bytes.fromhex("1E0B0B6D1300"))
    assert exact is not None
    assert exact.at.second == 30


@given(st.integers(-(10**7) + 1, 10**8 - 1))
def test_bcd_round_trips(number: int) -> None:
    digits = f"{abs(number):08d}" if number >= 0 else f"F{-number:07d}"
    assert bcd(bytes.fromhex(digits)[::-1]) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_decimal_is_the_same_float(number: float) -> None:
    raw = struct.pack("<f", number)
    shortest = real32(raw)
    assert shortest is not None
    assert len(shortest.as_tuple().digits) <= 9
    assert struct.pack("<f", float(shortest)) == raw


NAMED = device("87654321", "KAM", 30, 0x02)


def shown(records: str, medium: int = 2, status: int = 0) -> dict[str, str]:
    named = NAMED[:-1] + bytes([medium])
    user = long_header(named, 1, status, bytes.fromhex(records))
    return {
        str(v.obis): f"{plain(v.value)} {v.unit}"
        for v in observe(parse_application(user), zone="Europe/Berlin")
    }


def test_electricity_records_have_the_codes_of_the_standard() -> None:
    assert shown(
        "04 03 01 00 00 00  84 10 03 02 00 00 00  04 83 3C 03 00 00 00  02 2B 05 00"
        "02 FD C8 FC 01 E6 08  03 FD D9 FC 03 10 00 00  02 FB 2E F4 01  44 03 09 00 00 00"
    ) == {
        "1-0:1.8.0*255": "1 Wh",
        "1-0:1.8.1*255": "2 Wh",
        "1-0:2.8.0*255": "3 Wh",
        "1-0:1.7.0*255": "5 W",
        "1-0:32.7.0*255": "227.8 V",
        "1-0:71.7.0*255": "0.016 A",
        "1-0:14.7.0*255": "50.0 Hz",
        "1-0:1.8.0*1": "9 Wh",
    }


def test_heat_water_gas_and_allocator_codes() -> None:
    heat = shown("04 06 01 00 00 00 04 13 01 00 00 00 02 59 01 00 02 5D 01 00 02 61 01 00", 4)
    assert list(heat) == [f"6-0:{c}.0.0*255" for c in (1, 2, 10, 11, 12)]
    assert shown("0C 13 01 00 00 00 02 3B 01 00", 7) == {
        "8-0:1.0.0*255": "1 L",
        "8-0:2.0.0*255": "1 L/h",
    }
    assert shown("0C 13 01 00 00 00", 6) == {"9-0:1.0.0*255": "1 L"}
    assert shown("0C 14 01 00 00 00", 3) == {"7-0:3.0.0*255": "10 L"}
    assert shown("02 6E 05 00", 8) == {"4-0:1.0.0*255": "5 HCA"}
    assert shown("02 83 FF 01 05 00") == {"None": "5 Wh"}
    assert shown("0C 0E 01 00 00 00", 4) == {"6-0:1.0.0*255": "1000000 J"}


def test_clock_and_due_date_give_their_times() -> None:
    records = "04 03 01 00 00 00  04 6D 0B 0B 6D 13  44 03 01 00 00 00  42 6C BF 1C"
    user = long_header(NAMED, 1, 0, bytes.fromhex(records))
    now, stored = observe(parse_application(user), zone="Europe/Berlin")
    assert now.meter_time == datetime(2011, 3, 13, 10, 11, tzinfo=UTC)
    assert stored.meter_time == datetime(2013, 12, 30, 23, tzinfo=UTC)
    assert (stored.storage, stored.meter_value()) == (1, None)
    every_year = records.replace("BF 1C", "E1 F1")
    user = long_header(NAMED, 1, 0, bytes.fromhex(every_year))
    assert observe(parse_application(user))[1].meter_time is None
    value = now.meter_value()
    assert value is not None
    assert str(value.quantity) == "1 Wh"


def test_an_error_in_the_status_makes_values_suspect() -> None:
    for status, quality in ((0, Quality.ACTUAL), (0x10, Quality.SUSPECT), (0x08, Quality.SUSPECT)):
        user = long_header(NAMED, 1, status, bytes.fromhex("04 03 01 00 00 00"))
        (value,) = observe(parse_application(user))
        assert value.quality is quality


def test_requests_and_acknowledgements_on_the_bus_are_no_telegrams() -> None:
    user = long_header(NAMED, 1, 0, bytes.fromhex("04 03 01 00 00 00"))
    stream = short_frame(0x40, 1) + b"\xe5" + short_frame(0x5B, 1) + long_frame(user) + b"\xe5"
    scanner = WiredScanner()
    found = [t for at in range(len(stream)) for t in scanner.feed(stream[at : at + 1])]
    assert [len(t.observations) for t in found] == [1]


def test_an_address_keeps_hex_digits_of_its_serial() -> None:
    assert Address.parse(device("1234567A", "ABC", 1, 2)).serial == "1234567A"


@pytest.mark.parametrize(
    "text", ["01 13 80", "02 5B 00 80", "04 06 00 00 00 80", "0C 13 00 00 A0 00"]
)
def test_what_the_meter_marks_invalid_is_no_value(text: str) -> None:
    assert one(text) is None


@pytest.mark.parametrize(
    ("text", "value", "qualified"),
    [
        ("01 93 12 05", "0.005", True),  # an average is no total
        ("01 93 14 05", "0.005", True),  # a deviation is none
        ("01 93 1D 05", "0.005", False),  # content as the standard has it
        ("01 93 15 05", None, False),  # no data available
        ("01 93 1C 05", None, False),
    ],
)
def test_only_error_codes_take_a_value_away(
    text: str,
    value: str | None,
    qualified: bool,  # noqa: FBT001 - a case
) -> None:
    (record,) = parse_records(bytes.fromhex(text))
    assert record.value == (None if value is None else Decimal(value))
    assert record.qualified is qualified


@pytest.mark.parametrize(
    ("unreadable", "code"),
    [
        ("7F 01", "TELEGRAM_SYNTAX"),
        ("4F", "TELEGRAM_SYNTAX"),
        ("0D 13 FB 00", "TELEGRAM_SYNTAX"),
        ("84" + "80" * 10 + "00 13 00", "TELEGRAM_TOO_LARGE"),
        ("01 93" + "80" * 10 + "00 00", "TELEGRAM_TOO_LARGE"),
        ("01 7C 50" + "41" * 80 + "00", "TELEGRAM_TOO_LARGE"),
        ("84 13", "TELEGRAM_TRUNCATED"),
    ],
)
def test_the_records_before_one_that_nobody_can_read_stand_under_a_checksum(
    unreadable: str, code: str
) -> None:
    body = bytes.fromhex("04 13 39 30 00 00 " + unreadable)
    raw = long_frame(long_header(device("12345678", "ABC", 1, 7), 1, 0, body))
    (found,) = WiredScanner().feed(raw)
    assert [plain(value.value) for value in found.observations] == ["12345"]
    assert found.rest is not None
    assert found.rest.code == code


@pytest.mark.parametrize(
    ("medium", "record", "code"),
    [
        (3, "04 13 39 30 00 00", "7-0:3.0.0*255"),
        (3, "04 93 3A 39 30 00 00", "7-0:3.0.0*255"),
        (3, "04 93 3E 39 30 00 00", "7-0:3.2.0*255"),
        (7, "04 93 3E 39 30 00 00", None),
    ],
)
def test_gas_at_base_conditions_is_another_register(
    medium: int, record: str, code: str | None
) -> None:
    named = long_header(device("12345678", "ABC", 1, medium), 1, 0, bytes.fromhex(record))
    (found,) = WiredScanner().feed(long_frame(named))
    (value,) = found.observations
    assert (None if value.obis is None else str(value.obis), plain(value.value)) == (code, "12345")
