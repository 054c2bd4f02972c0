"""A gateway's own files explain lists that nobody else does, exactly, and never by their length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from firmware_bridge.contract.obis import Obis
from firmware_bridge.dlms.axdr import Tag
from firmware_bridge.dlms.driver import DlmsDriver
from firmware_bridge.dlms.frames import DlmsScanner
from firmware_bridge.dlms.list_files import ListFileError, TaughtLists
from firmware_bridge.driver.telegram import Keys, Telegram, TelegramUnsupportedError, plain
from firmware_bridge.recordings.decode import DecodeOptions, decode_bytes, reading_line
from firmware_bridge.simulator.dlms.encoding import cipher, octets
from tests.unit.firmware_bridge.dlms.test_list_layouts import (
    AUTHENTICATION,
    KEY,
    VOLTAGES_NOT_ENERGIES,
    apdu,
    number,
)

TWELVE = """
[[lists]]
name = "Iskraemeco, twelve members"
source = "the operator's description of the customer port"
maker = "ISK"
members = [
    { type = "octet-string", obis = "0-0:42.0.0" },
    { type = "octet-string", obis = "0-0:96.1.0" },
    { type = "long-unsigned", obis = "1-0:32.7.0", scale = -1, unit = "V" },
    { type = "long-unsigned", obis = "1-0:52.7.0", scale = -1, unit = "V" },
    { type = "long-unsigned", obis = "1-0:72.7.0", scale = -1, unit = "V" },
    { type = "long-unsigned", obis = "1-0:31.7.0", scale = -2, unit = "A" },
    { type = "long-unsigned", obis = "1-0:51.7.0", scale = -2, unit = "A" },
    { type = "long-unsigned", obis = "1-0:71.7.0", scale = -2, unit = "A" },
    { type = "double-long-unsigned", obis = "1-0:1.7.0", unit = "W" },
    { type = "double-long-unsigned", obis = "1-0:2.7.0", unit = "W" },
    { type = "double-long-unsigned", obis = "1-0:3.7.0", unit = "var" },
    { type = "double-long-unsigned" },
]
"""
BY_CODE = """
[[lists]]
name = "Landis+Gyr E450, values without a scaler"
source = "the operator's description of the customer port"
maker = "LGZ"
by = "code"
members = [
    { obis = "1-0:1.8.0", type = "double-long-unsigned", scale = 1, unit = "Wh" },
    { obis = "1-0:32.7.0", type = "long-unsigned", scale = -1, unit = "V" },
]
"""


def taught(folder: Path, text: str) -> TaughtLists:
    path = folder / "lists.toml"
    path.write_text(text, encoding="utf-8")
    return TaughtLists.load([str(path)])


def read(data: bytes, lists: TaughtLists, keys: Keys | None = None) -> Telegram:
    scanner = DlmsScanner(keys, None, lists)
    (found,) = [*scanner.feed(data), *scanner.close()]
    return found


def shown(found: Telegram) -> dict[str, str]:
    return {str(v.obis): f"{plain(v.value)} {v.unit}" for v in found.observations}


def test_a_list_by_position_is_read_as_its_file_says(tmp_path: Path) -> None:
    lists = taught(tmp_path, TWELVE)
    assert shown(read(VOLTAGES_NOT_ENERGIES, lists)) == {
        "1-0:32.7.0*255": "231.0 V",
        "1-0:52.7.0*255": "230.1 V",
        "1-0:72.7.0*255": "234.5 V",
        "1-0:31.7.0*255": "4.50 A",
        "1-0:51.7.0*255": "5.20 A",
        "1-0:71.7.0*255": "0.90 A",
        "1-0:1.7.0*255": "2400 W",
        "1-0:2.7.0*255": "0 W",
        "1-0:3.7.0*255": "4 var",
    }
    # The list that comes with Meterline has the last power too; a file goes before it.
    assert len(shown(read(VOLTAGES_NOT_ENERGIES, TaughtLists()))) == 10
    (line, *_) = decode_bytes("dlms", VOLTAGES_NOT_ENERGIES, DecodeOptions(taught=lists))
    assert '"meter": "ISK/' in reading_line(line.observations[0])


MEMBERS = [
    octets(b"ISK1030700000001"),
    octets(b"12345678"),
    *(number(at, Tag.UINT16) for at in range(2301, 2307)),
    *(number(at) for at in range(1, 5)),
]


@pytest.mark.parametrize("at", range(12))
def test_one_member_of_another_type_is_another_list(tmp_path: Path, at: int) -> None:
    lists = taught(tmp_path, TWELVE)
    assert read(apdu(MEMBERS), lists).error is None
    odd = [*MEMBERS[:at], number(7, Tag.UINT64), *MEMBERS[at + 1 :]]
    assert isinstance(read(apdu(odd), lists).error, TelegramUnsupportedError)
    assert read(apdu(MEMBERS[:at] + MEMBERS[at + 1 :]), lists).error is not None
    assert read(apdu([*MEMBERS, number(1)]), lists).error is not None


def test_another_makers_list_of_the_same_types_is_not_that_list(tmp_path: Path) -> None:
    lists = taught(tmp_path, TWELVE)
    other = [octets(b"LGZ1030700000001"), *MEMBERS[1:]]
    assert isinstance(read(apdu(other), lists).error, TelegramUnsupportedError)
    keys = Keys(KEY, AUTHENTICATION)
    for title, holds in ((b"ISK", True), (b"LGZ", False)):
        secret = cipher(apdu(MEMBERS), title + b"\1\2\3\4\5", 7, KEY, AUTHENTICATION)
        assert (read(secret, lists, keys).error is None) is holds


def test_a_list_may_be_known_by_the_text_of_its_first_member(tmp_path: Path) -> None:
    lists = taught(tmp_path, TWELVE.replace('maker = "ISK"', 'first = "XYZ1030700000001"'))
    assert read(apdu([octets(b"XYZ1030700000001"), *MEMBERS[1:]]), lists).error is None
    other = [octets(b"XYZ1030700000002"), *MEMBERS[1:]]
    assert read(apdu(other), lists).error is not None


ENERGY, VOLTAGE = octets(bytes.fromhex("0100010800FF")), octets(bytes.fromhex("0100200700FF"))


@pytest.mark.parametrize(
    ("title", "values"),
    [
        (b"LGZ", {"1-0:1.8.0*255": "70 Wh", "1-0:32.7.0*255": "230.1 V"}),
        (b"SAG", {"1-0:1.8.0*255": "7 Wh"}),
    ],
)
def test_values_without_a_scaler_get_it_by_code(
    tmp_path: Path, title: bytes, values: dict[str, str]
) -> None:
    lists = taught(tmp_path, BY_CODE)
    members: Sequence[bytes] = [ENERGY, number(7), VOLTAGE, number(2301, Tag.UINT16)]
    secret = cipher(apdu(members), title + b"\1\2\3\4\5", 7, KEY, AUTHENTICATION)
    assert shown(read(secret, lists, Keys(KEY, AUTHENTICATION))) == values


# A Swiss E450 names the attributes that it pushes, all of them first, and sends no scaler of any.
SWISS = """
[[lists]]
name = "Landis+Gyr E450 in Switzerland, values without a scaler"
source = "the operator's description of the customer port"
by = "code"
members = [
    { obis = "1-0:1.8.0", type = "double-long-unsigned", unit = "Wh" },
    { obis = "1-0:2.8.0", type = "double-long-unsigned", unit = "Wh" },
    { obis = "1-0:32.7.0", type = "long-unsigned", scale = -1, unit = "V" },
    { obis = "1-0:31.7.0", type = ["long-unsigned", "long"], scale = -2, unit = "A" },
    { obis = "1-0:13.7.0", type = "long", scale = -3, unit = "1" },
]
"""
PUSHED = [
    ("0-8:25.9.0", 40, b""),
    ("0-0:96.1.0", 1, octets(b"LGZ1030655933512")),
    ("1-0:1.8.0", 3, number(12_345_678)),
    ("1-0:2.8.0", 3, number(90)),
    ("1-0:1.7.0", 3, number(1530)),
    ("1-0:32.7.0", 3, number(2314, Tag.UINT16)),
    ("1-0:31.7.0", 3, number(457, Tag.INT16)),
]
OF_SWISS = {
    "1-0:1.8.0*255": "12345678 Wh",
    "1-0:2.8.0*255": "90 Wh",
    "1-0:1.7.0*255": "1530 W",
    "1-0:32.7.0*255": "231.4 V",
    "1-0:31.7.0*255": "4.57 A",
}


def of_swiss() -> bytes:
    entries = b"".join(
        b"\x02\x04" + number(kind, Tag.UINT16) + octets(Obis.parse(code).code) + b"\x0f\x02\x12\0\0"
        for code, kind, _ in PUSHED
    )
    return apdu([b"\x01" + bytes([len(PUSHED)]) + entries, *(value for *_, value in PUSHED[1:])])


@pytest.mark.parametrize("maker", [None, "LGZ", "SAG"])
@pytest.mark.parametrize("secret", [False, True])
def test_values_under_a_list_of_attributes_get_their_scale_by_code(
    tmp_path: Path, maker: str | None, *, secret: bool
) -> None:
    text = SWISS if maker is None else SWISS.replace("by =", f'maker = "{maker}"\nby =')
    data = of_swiss()
    if secret:
        data = cipher(data, b"LGZ\1\2\3\4\5", 7, KEY, AUTHENTICATION)
    found = read(data, taught(tmp_path, text), Keys(KEY, AUTHENTICATION))
    bare = {code: value for code, value in OF_SWISS.items() if value.endswith(("Wh", "W"))}
    assert found.error is None
    assert shown(found) == (bare if maker == "SAG" else OF_SWISS)
    assert {v.meter.serial for v in found.observations} == {"LGZ1030655933512"}


def test_a_scaler_that_the_list_sends_goes_before_the_files(tmp_path: Path) -> None:
    lists = taught(tmp_path, BY_CODE)
    told = b"\x02\x02\x0f\x03\x16\x1e"  # scaler 3, Wh
    secret = cipher(apdu([ENERGY, number(7), told]), b"LGZ\1\2\3\4\5", 7, KEY, AUTHENTICATION)
    found = read(secret, lists, Keys(KEY, AUTHENTICATION))
    assert shown(found) == {"1-0:1.8.0*255": "7000 Wh"}


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ('scale = -1, unit = "V" }', "scale = -1 }", "needs a `unit`"),
        ('obis = "1-0:1.7.0", unit = "W"', 'obis = "1-0:1.7.0", unit = "Wh"', "counted in W,"),
        ('obis = "1-0:1.7.0"', 'obis = "1-0:2.7.0"', "1-0:2.7.0*255 is listed twice"),
        ('type = "long-unsigned"', 'type = "word"', "long-unsigned"),
        ('unit = "W"', 'unit = "kW"', "'kW' is not one of"),
        ('obis = "1-0:1.7.0"', 'obis = "power"', "OBIS"),
        ("maker", "makers", "lists.0.makers"),
        ('"ISK"', '"Iskra"', "lists.0.maker"),
        ("[[lists]]", "[lists]", "lists"),
        ("[[lists]]", "[[lists", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_key(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    with pytest.raises(ListFileError) as caught:
        taught(tmp_path, TWELVE.replace(was, becomes))
    assert says in str(caught.value)
    assert str(tmp_path / "lists.toml") in str(caught.value)


def test_all_faults_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ListFileError) as caught:
        taught(tmp_path, TWELVE.replace('"ISK"', '"Iskra"').replace('unit = "var"', "unit = 1"))
    assert "lists.0.maker" in str(caught.value)
    assert "lists.0.members.10.unit" in str(caught.value)


def test_a_meters_table_names_its_files(tmp_path: Path) -> None:
    table = {"serial_port": "/dev/ttyUSB0", "lists": [str(tmp_path / "none.toml")]}
    with pytest.raises(ListFileError, match="cannot be read"):
        DlmsDriver.from_settings(table)


def test_mutants_of_a_taught_list_end_in_values_or_a_named_error(tmp_path: Path) -> None:
    lists = taught(tmp_path, TWELVE + BY_CODE)
    whole, chance = apdu(MEMBERS), random.Random(16)  # noqa: S311 - reproducible, no secret
    read_ = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        for telegram in DlmsScanner(None, None, lists).feed(bytes(data)):
            read_ += telegram.error is None
        scanner = DlmsScanner(None, None, lists)
        found = [*scanner.feed(bytes(data)), *scanner.close()]
        read_ += sum(telegram.error is None for telegram in found)
    assert read_
