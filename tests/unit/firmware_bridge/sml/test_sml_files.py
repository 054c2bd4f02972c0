from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.codec.crc import kermit, x25
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Observation,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
    TelegramUnsupportedError,
    plain,
)
from firmware_bridge.simulator.sml.encoding import (
    ESCAPE,
    START,
    Entry,
    integer,
    list_file,
    listing,
    message,
    octets,
    unsigned,
    wrap,
)
from firmware_bridge.sml.frames import parse_messages
from firmware_bridge.sml.transport import parse_file
from firmware_bridge.sml.values import SmlScanner
from tests.support.telegrams import SERVER, sml_entries

IMPORT = bytes.fromhex("0100010800FF")
POWER = bytes.fromhex("0100100700FF")


def read(data: bytes) -> list[Telegram]:
    scanner = SmlScanner()
    return [*scanner.feed(data), *scanner.close()]


def values(data: bytes) -> list[Observation]:
    return [value for telegram in read(data) for value in telegram.observations]


def test_signed_scaled_and_escaped_values_are_exact() -> None:
    shown = {
        str(v.obis): f"{plain(v.value)} {v.unit}" for v in values(list_file(SERVER, sml_entries()))
    }
    assert shown == {
        "1-0:1.8.0*255": "12345678901.2 Wh",
        "1-0:1.8.1*255": "45476124.3 Wh",
        "1-0:2.8.0*255": f"{0x1B1B1B1B1B // 10}.{0x1B1B1B1B1B % 10} Wh",
        "1-0:16.7.0*255": "-123.4 W",
        "1-0:36.7.0*255": "-1 W",
    }


def test_the_meter_is_named_as_on_its_plate() -> None:
    (first, *_) = values(list_file(SERVER, sml_entries()))
    assert (first.meter.manufacturer, first.meter.serial) == ("EMH", "1EMH0019088743")


def test_an_old_server_id_keeps_its_letters_and_hex() -> None:
    (value,) = values(list_file(bytes.fromhex("06454D4801040005D0A1"), [energy(1)]))
    assert (value.meter.manufacturer, value.meter.serial) == ("EMH", "01040005D0A1")


def energy(number: int, **parts: bytes) -> Entry:
    return Entry(IMPORT, unsigned(number, 8), 30, -1, **parts)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (listing(unsigned(1, 1), unsigned(123_456, 4)), None),
        (unsigned(123_456, 4), None),
        (
            listing(unsigned(2, 1), unsigned(1_700_000_000, 4)),
            datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        ),
        (
            listing(
                unsigned(3, 1),
                listing(unsigned(1_700_000_000, 4), integer(60, 2), integer(0, 2)),
            ),
            datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        ),
    ],
)
def test_only_timestamps_are_times(time: bytes, expected: datetime | None) -> None:
    (value,) = values(list_file(SERVER, [energy(5, time=time)]))
    assert value.meter_time == expected
    (value,) = values(list_file(SERVER, [energy(5)], time=time))
    assert value.meter_time == expected


def test_entries_without_number_or_unit_are_no_values() -> None:
    entries = [
        Entry(IMPORT, octets(b"abc"), 30, 0),
        Entry(IMPORT, b"\x42\x01", 30, 0),
        Entry(IMPORT, unsigned(5, 1)),
        Entry(IMPORT, b"\x01", 30, 0),
        Entry(b"\x01\x02", unsigned(5, 1), 30, 0),
    ]
    (telegram,) = read(list_file(SERVER, entries))
    assert (telegram.error, telegram.observations) == (None, ())


def test_a_register_without_a_unit_is_named_beside_what_is_read() -> None:
    entries = [
        Entry(IMPORT, unsigned(12345, 4), 30, -1),
        Entry(bytes.fromhex("0100020800FF"), unsigned(12345, 4)),
        Entry(POWER, integer(5, 2), 250),
        # None of these is a value that somebody misses.
        Entry(bytes.fromhex("0100480700FF"), listing()),
        Entry(bytes.fromhex("01000D0700FF"), unsigned(95, 1), None, -2),
        Entry(bytes.fromhex("0100605A0201"), unsigned(7, 1)),
        Entry(bytes.fromhex("8181C78205FF"), octets(b"key")),
    ]
    (found,) = read(list_file(SERVER, entries))
    assert [str(v.obis) for v in found.observations] == ["1-0:1.8.0*255"]
    assert isinstance(found.rest, TelegramUnsupportedError)
    assert "with 1-0:2.8.0*255." in found.rest.message


def test_a_list_longer_than_fifteen_and_several_lists_in_a_row() -> None:
    data = list_file(SERVER, [energy(n) for n in range(40)])
    assert [plain(v.value) for v in values(data * 3)][-40:] == [
        f"{n // 10}.{n % 10}" for n in range(40)
    ]
    assert len(read(data * 3)) == 3


def test_the_kermit_checksum_holds_only_where_all_use_it() -> None:
    assert len(values(list_file(SERVER, [energy(1)], crc=kermit))) == 1
    mixed = wrap(parse_file(list_file(SERVER, [energy(1)], crc=kermit)).messages, crc=x25)
    (telegram,) = read(mixed)
    assert isinstance(telegram.error, ChecksumError)


def test_a_message_with_a_wrong_checksum_is_refused() -> None:
    good = message(0, 0x0101, listing(b"\x01"))
    for at in range(4, len(good) - 1):
        broken = bytearray(good)
        broken[at] ^= 1
        with pytest.raises(TelegramError):
            parse_messages(bytes(broken))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x76", TelegramTruncatedError),
        (b"\x75" + b"\x01" * 5, TelegramSyntaxError),
        (b"\x76" + b"\x71" * 30, TelegramTooLargeError),
        (b"\x76\xff\x8f\x8f\x8f\x0f", TelegramTooLargeError),
        (b"\x76\x00", TelegramSyntaxError),
        (b"\x76\x5a" + bytes(12), TelegramSyntaxError),
        (b"\x76\xf7\x70", TelegramSyntaxError),
    ],
)
def test_malformed_messages_are_named(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_messages(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", TelegramSyntaxError),
        (START, TelegramTruncatedError),
        (START + bytes(8) + ESCAPE + b"\x02\x00\x00\x00", TelegramSyntaxError),
        (START + bytes(8) + ESCAPE + b"\x1a\x00\x00\x00", ChecksumError),
    ],
)
def test_malformed_files_are_named(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_file(data)


def test_a_file_cut_by_the_next_one_is_refused_and_the_next_is_read() -> None:
    data = list_file(SERVER, sml_entries())
    found = read(data[:100] + data)
    assert [telegram.error is None for telegram in found] == [False, True]


@given(st.binary(max_size=200).map(lambda data: data.replace(b"\x1b" * 3, b"\x1b\x1b\x1b\x1b")))
def test_any_content_survives_the_transport(content: bytes) -> None:
    padded = content + bytes(4 - len(content) % 4)  # the last message's end is a 00
    assert parse_file(wrap(padded)).messages == padded


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-20, 20))
def test_any_number_and_scaler_is_exact(number: int, scaler: int) -> None:
    (value,) = values(list_file(SERVER, [Entry(POWER, integer(number, 8), 27, scaler)]))
    sign, digits, exponent = value.value.as_tuple()
    assert (-1 if sign else 1) * int("".join(map(str, digits))) == number
    assert exponent == scaler


DZG = bytes.fromhex("0A01445A470002820A1E")


def power_of(server: bytes, status: int, raw: bytes) -> str:
    entries = [
        Entry(IMPORT, unsigned(54_301_577, 8), 30, -1, status=unsigned(status, 4)),
        Entry(POWER, bytes([0x51 + len(raw)]) + raw, 27, -2),
    ]
    return plain(values(list_file(server, entries))[-1].value)


@pytest.mark.parametrize(
    ("status", "raw", "expected"),
    [
        (0x1C0104, "8B28", "356.24"),  # imports, so the sign can be none
        (0x1C0104, "FF9C", "654.36"),
        (0x1C0104, "FF", "2.55"),
        (0x1C0104, "7FFF", "327.67"),
        (0x1C0904, "D6CA", "-105.50"),  # exports
        (0x1C0004, "D6CA", "-105.50"),  # another generation's word
        (0x1C0104, "FFFFD6CA", "-105.50"),  # in four bytes a sign is one
    ],
)
def test_a_sign_that_the_status_word_denies_is_a_digit(
    status: int, raw: str, expected: str
) -> None:
    assert power_of(DZG, status, bytes.fromhex(raw)) == expected
    assert power_of(SERVER, status, bytes.fromhex("D6CA")) == "-105.50"


PHASES = [bytes.fromhex(f"0100{c}0700FF") for c in ("24", "38", "4C")]


def powers(*raws: str, total: str = "8B28") -> dict[str, tuple[str, Quality]]:
    """Powers in 0.01 W that a DZG sends while its status word says import."""
    sent = [(POWER, total), *zip(PHASES, raws, strict=True)]
    entries = [Entry(IMPORT, unsigned(1, 8), 30, -1, status=unsigned(0x1C0104, 4))]
    entries += [
        Entry(name, bytes([0x51 + len(raw) // 2]) + bytes.fromhex(raw), 27, -2)
        for name, raw in sent
    ]
    found = {str(v.obis): v for v in values(list_file(DZG, entries))}
    codes = ("1-0:36.7.0*255", "1-0:56.7.0*255", "1-0:76.7.0*255")
    return {code: (plain(found[code].value), found[code].quality) for code in codes}


@pytest.mark.parametrize(
    ("raws", "expected"),
    [
        # 356.24 W in all.
        (("8B28", "0000", "0000"), ["356.24", "0.00", "0.00"]),
        (("2EE0", "5C48", "0000"), ["120.00", "236.24", "0.00"]),
        (("9C40", "FFFFD120", "1DC8"), ["400.00", "-120.00", "76.24"]),  # one exports
        (("FFFF9C40", "5C48", "5FA8"), ["-255.36", "236.24", "244.88"]),
    ],
)
def test_the_signs_of_phases_are_those_that_add_up(
    raws: tuple[str, ...], expected: list[str]
) -> None:
    total = {"FFFF9C40": "5830"}.get(raws[0], "8B28")
    shown = powers(*raws, total=total)
    assert [value for value, _ in shown.values()] == expected
    assert {quality for _, quality in shown.values()} == {Quality.ACTUAL}


def test_of_two_phases_of_which_one_sign_is_a_digit_nobody_knows_which() -> None:
    shown = powers("9C40", "D120", "1DC8")  # 400.00 and -120.00, or -255.36 and 535.36
    assert shown["1-0:36.7.0*255"] == ("-255.36", Quality.SUSPECT)
    assert shown["1-0:56.7.0*255"] == ("-120.00", Quality.SUSPECT)
    assert shown["1-0:76.7.0*255"] == ("76.24", Quality.ACTUAL)


def test_phases_that_do_not_add_up_stay_as_sent_and_are_suspect() -> None:
    shown = powers("8B28", "0001", "D120")
    assert shown["1-0:36.7.0*255"] == ("-299.12", Quality.SUSPECT)
    assert shown["1-0:56.7.0*255"] == ("0.01", Quality.ACTUAL)
    assert shown["1-0:76.7.0*255"] == ("-120.00", Quality.SUSPECT)


def test_a_server_id_written_as_text_names_the_meter_as_printed() -> None:
    (value,) = values(list_file(b"02280816", [Entry(IMPORT, unsigned(1, 4), 30, -1)]))
    assert value.meter.serial == "02280816"
