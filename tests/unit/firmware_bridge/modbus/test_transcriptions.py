"""Registers as a second, independent reader wrote them down: a virtual meter that is made from a
profile proves how it is read, and never that it is right.

Each table names who says so; it was not made from the profile, nor from what that is made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from firmware_bridge.contract.obis import Obis
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.modbus.register_map import Evidence

CODES = {
    "import": "1-0:1.8.0", "export": "1-0:2.8.0", "reactive import": "1-0:3.8.0",
    "reactive export": "1-0:4.8.0", "total": "1-0:15.8.0", "power": "1-0:16.7.0",
    "power L1": "1-0:36.7.0", "power L2": "1-0:56.7.0", "power L3": "1-0:76.7.0",
    "volts L1": "1-0:32.7.0", "volts L2": "1-0:52.7.0", "volts L3": "1-0:72.7.0",
    "amperes L1": "1-0:31.7.0", "amperes L2": "1-0:51.7.0", "amperes L3": "1-0:71.7.0",
    "hertz": "1-0:14.7.0",
}  # fmt: skip


@dataclass(frozen=True)
class Transcription:
    """What another reader says of a model.

    Args:
        reader: Who.
        function: 3 or 4; None where the reader's differs, since the devices answer both.
        order: Of its bytes.
        base: What the reader's addresses begin at.
        rows: Quantity, address, type, and what one count is in Wh, varh, W, V, A or Hz.
    """

    reader: str
    function: int | None
    order: str
    base: int
    rows: tuple[tuple[str, int, str, str], ...]


def floats(*rows: tuple[str, int]) -> tuple[tuple[str, int, str, str], ...]:
    """Rows of a meter that sends kilowatt-hours and else base units as float32."""
    energy = {"import", "export", "reactive import", "reactive export", "total"}
    return tuple((name, at, "float32", "1000" if name in energy else "1") for name, at in rows)


ABB = (
    ("import", 0x5000, "u64", "10"), ("export", 0x5004, "u64", "10"),
    ("volts L1", 0x5B00, "u32", "0.1"), ("amperes L1", 0x5B0C, "u32", "0.01"),
    ("power", 0x5B14, "i32", "0.01"), ("hertz", 0x5B2C, "u16", "0.01"),
)  # fmt: skip
ABB_3P = (
    *ABB,
    ("volts L2", 0x5B02, "u32", "0.1"), ("volts L3", 0x5B04, "u32", "0.1"),
    ("amperes L2", 0x5B0E, "u32", "0.01"), ("amperes L3", 0x5B10, "u32", "0.01"),
    ("power L1", 0x5B16, "i32", "0.01"), ("power L2", 0x5B18, "i32", "0.01"),
    ("power L3", 0x5B1A, "i32", "0.01"),
)  # fmt: skip
VICTRON = "victronenergy/dbus-modbus-client"
MBMD = "volkszaehler/mbmd"
ONE_PHASE = floats(
    ("volts L1", 0x0), ("amperes L1", 0x6), ("power", 0xC), ("hertz", 0x46), ("import", 0x48),
    ("export", 0x4A), ("reactive import", 0x4C), ("reactive export", 0x4E), ("total", 0x156),
)  # fmt: skip
THREE_PHASES = floats(
    ("volts L1", 0x0), ("volts L2", 0x2), ("volts L3", 0x4), ("amperes L1", 0x6),
    ("amperes L2", 0x8), ("amperes L3", 0xA), ("power", 0x34), ("hertz", 0x46), ("import", 0x48),
    ("export", 0x4A),
)  # fmt: skip
SOCOMEC_3P = (
    ("volts L1", 0xC558, "u32", "0.01"), ("volts L2", 0xC55A, "u32", "0.01"),
    ("volts L3", 0xC55C, "u32", "0.01"), ("amperes L1", 0xC560, "u32", "0.001"),
    ("amperes L2", 0xC562, "u32", "0.001"), ("amperes L3", 0xC564, "u32", "0.001"),
    ("power", 0xC568, "i32", "10"), ("power L1", 0xC570, "i32", "10"),
    ("power L2", 0xC572, "i32", "10"), ("power L3", 0xC574, "i32", "10"),
)  # fmt: skip
ELTAKO = (
    ("import", 73, "i32", "10"), ("export", 75, "i32", "10"),
    ("volts L1", 1, "i32", "0.01"), ("volts L2", 3, "i32", "0.01"), ("volts L3", 5, "i32", "0.01"),
    ("amperes L1", 7, "i32", "0.01"), ("amperes L2", 9, "i32", "0.01"),
    ("amperes L3", 11, "i32", "0.01"), ("power L1", 13, "i32", "1"), ("power L2", 15, "i32", "1"),
    ("power L3", 17, "i32", "1"), ("power", 53, "i32", "1"),
)  # fmt: skip
HOMY = "groupsky/homy"
NYMEA = "nymea/nymea-plugins-modbus"
OPENEMS = "OpenEMS/openems"
TINKERFORGE = "Tinkerforge/esp32-firmware"
SECOND = {
    "bernecker-mpm3pm": Transcription(MBMD, None, "ABCD", 0, (
        ("import", 0x02, "u32", "10"), ("export", 0x04, "u32", "10"),
        ("volts L1", 0x08, "u32", "0.1"), ("volts L2", 0x0A, "u32", "0.1"),
        ("volts L3", 0x0C, "u32", "0.1"), ("amperes L1", 0x0E, "u32", "0.01"),
        ("amperes L2", 0x10, "u32", "0.01"), ("amperes L3", 0x12, "u32", "0.01"),
        ("power L1", 0x14, "i32", "0.01"), ("power L2", 0x16, "i32", "0.01"),
        ("power L3", 0x18, "i32", "0.01"), ("power", 0x26, "i32", "0.01"),
        ("hertz", 0x2C, "u32", "0.01"),
    )),
    "carlo-gavazzi-em24": Transcription(TINKERFORGE, 4, "CDAB", 0, (
        ("import", 0x3E, "i32", "100"), ("export", 0x5C, "i32", "100"),
        ("amperes L1", 0x0C, "i32", "0.001"), ("power L1", 0x12, "i32", "0.1"),
        ("hertz", 0x37, "u16", "0.1"),
    )),
    "carlo-gavazzi-em530": Transcription(TINKERFORGE, 4, "CDAB", 0, (
        ("import", 0x34, "i32", "100"), ("export", 0x4E, "i32", "100"),
        ("amperes L1", 0x0C, "i32", "0.001"), ("power L1", 0x12, "i32", "0.1"),
    )),
    "janitza-umg96rm": Transcription(TINKERFORGE, None, "ABCD", 0, (
        ("import", 19068, "float32", "1"), ("export", 19076, "float32", "1"),
        *floats(
            ("volts L1", 19000), ("amperes L1", 19012), ("power L1", 19020), ("power", 19026),
            ("hertz", 19050),
        ),
    )),
    "schneider-pm5000": Transcription("Arup, PM5100 reader", 3, "ABCD", 1, (
        ("import", 3204, "i64", "1"), ("reactive import", 3220, "i64", "1"),
        *floats(
            ("volts L1", 3028), ("volts L2", 3030), ("volts L3", 3032), ("amperes L1", 3000),
            ("amperes L2", 3002), ("amperes L3", 3004), ("hertz", 3110),
        ),
        ("power L1", 3054, "float32", "1000"), ("power L2", 3056, "float32", "1000"),
        ("power L3", 3058, "float32", "1000"), ("power", 3060, "float32", "1000"),
    )),
    "siemens-pac3200": Transcription(TINKERFORGE, None, "ABCD", 0, (
        ("import", 801, "float64", "1"), ("export", 809, "float64", "1"),
        ("reactive import", 817, "float64", "1"), ("reactive export", 825, "float64", "1"),
        *floats(
            ("volts L1", 1), ("amperes L1", 13), ("power L1", 25), ("power", 65), ("hertz", 55),
        ),
    )),
    "socomec-countis-e14": Transcription(OPENEMS, 3, "ABCD", 0, (
        ("import", 0xC702, "u32", "10"), ("export", 0xC708, "u32", "10"),
        ("volts L1", 0xC558, "u32", "0.01"), ("power", 0xC568, "i32", "10"),
    )),
    "socomec-countis-e24": Transcription(OPENEMS, 3, "ABCD", 0, (
        ("import", 0xC702, "u32", "10"), ("export", 0xC708, "u32", "10"), *SOCOMEC_3P,
    )),
    "socomec-diris-a10": Transcription(OPENEMS, 3, "ABCD", 0, (
        ("import", 0xC65C, "u32", "1000"), ("export", 0xC662, "u32", "1000"), *SOCOMEC_3P,
    )),
    "socomec-diris-b30": Transcription(OPENEMS, 3, "ABCD", 0, (
        ("import", 0x4D83, "u32", "1000"), ("export", 0x4D86, "u32", "1000"),
        ("volts L1", 0x480C, "u32", "0.01"), ("volts L2", 0x480E, "u32", "0.01"),
        ("volts L3", 0x4810, "u32", "0.01"), ("amperes L1", 0x481A, "u32", "0.001"),
        ("amperes L2", 0x481C, "u32", "0.001"), ("amperes L3", 0x481E, "u32", "0.001"),
        ("power", 0x482C, "i32", "1"), ("power L1", 0x4838, "i32", "1"),
    )),
    "sunspec-meter": Transcription("nmakel/solaredge_modbus", 3, "ABCD", 0x9CFC, (
        ("import", 0x9D2A, "u32", "1"), ("export", 0x9D22, "u32", "1"),
        ("volts L1", 0x9D04, "i16", "1"), ("volts L2", 0x9D05, "i16", "1"),
        ("volts L3", 0x9D06, "i16", "1"), ("amperes L1", 0x9CFF, "i16", "1"),
        ("amperes L2", 0x9D00, "i16", "1"), ("amperes L3", 0x9D01, "i16", "1"),
        ("hertz", 0x9D0C, "i16", "1"),
    )),
    "sunspec-meter-float": Transcription(NYMEA, 3, "ABCD", 0, (
        ("import", 68, "float32", "1"), ("export", 60, "float32", "1"),
        *floats(("volts L1", 12), ("amperes L1", 4), ("hertz", 26)),
    )),
    "abb-b21": Transcription(VICTRON, 3, "ABCD", 0, ABB),
    "abb-b23": Transcription(VICTRON, 3, "ABCD", 0, ABB_3P),
    "abb-b24": Transcription(VICTRON, 3, "ABCD", 0, ABB_3P),
    "carlo-gavazzi-em24-e1": Transcription(VICTRON, None, "CDAB", 0, (
        ("volts L1", 0x0000, "i32", "0.1"), ("amperes L1", 0x000C, "i32", "0.001"),
        ("power L1", 0x0012, "i32", "0.1"), ("power", 0x0028, "i32", "0.1"),
        ("hertz", 0x0033, "u16", "0.1"), ("import", 0x0034, "i32", "100"),
        ("export", 0x004E, "i32", "100"), ("volts L3", 0x0004, "i32", "0.1"),
        ("amperes L2", 0x000E, "i32", "0.001"), ("power L3", 0x0016, "i32", "0.1"),
    )),
    "carlo-gavazzi-em340": Transcription("OpenEMS/openems", 4, "CDAB", 300_001, (
        ("volts L1", 300_001, "i32", "0.1"), ("volts L2", 300_003, "i32", "0.1"),
        ("volts L3", 300_005, "i32", "0.1"), ("amperes L1", 300_013, "i32", "0.001"),
        ("amperes L2", 300_015, "i32", "0.001"), ("amperes L3", 300_017, "i32", "0.001"),
        ("power L1", 300_019, "i32", "0.1"), ("power L2", 300_021, "i32", "0.1"),
        ("power L3", 300_023, "i32", "0.1"), ("power", 300_041, "i32", "0.1"),
        ("hertz", 300_052, "u16", "0.1"), ("import", 300_053, "i32", "100"),
        ("export", 300_079, "i32", "100"),
    )),
    "carlo-gavazzi-em112": Transcription("victronenergy/dbus-cgwacs", 4, "CDAB", 0, (
        ("power", 0x0004, "i32", "0.1"), ("volts L1", 0x0000, "i32", "0.1"),
        ("amperes L1", 0x0002, "i32", "0.001"), ("import", 0x0010, "i32", "100"),
        ("export", 0x0020, "i32", "100"), ("hertz", 0x000F, "u16", "0.1"),
    )),
    "chint-ddsu666": Transcription("OpenEMS, meter Chint DDSU666", 3, "ABCD", 0, (
        ("power", 0x2004, "float32", "1000"),
        *floats(
            ("import", 0x4000), ("volts L1", 0x2000), ("amperes L1", 0x2002), ("hertz", 0x200E),
        ),
    )),
    "eastron-sdm120": Transcription(MBMD, 4, "ABCD", 0, ONE_PHASE),
    "eastron-sdm230": Transcription(MBMD, 4, "ABCD", 0, ONE_PHASE),
    "eastron-sdm630": Transcription(MBMD, 4, "ABCD", 0, (
        *THREE_PHASES, *floats(("reactive import", 0x4C), ("reactive export", 0x4E)),
    )),
    "eastron-sdm72": Transcription(MBMD, 4, "ABCD", 0, floats(
        ("power", 0x34), ("import", 0x48), ("export", 0x4A), ("total", 0x156),
    )),
    "eastron-sdm72-v2": Transcription(MBMD, 4, "ABCD", 0, (
        *THREE_PHASES,
        *floats(("total", 0x156), ("power L1", 0xC), ("power L2", 0xE), ("power L3", 0x10)),
    )),
    "eltako-dsz15": Transcription("Tinkerforge/bricklib2", 4, "ABCD", 1, ELTAKO),
    "inepro-pro380": Transcription(NYMEA, 3, "ABCD", 0, (
        ("power", 20_498, "float32", "1000"), ("power L1", 20_500, "float32", "1000"),
        ("power L2", 20_502, "float32", "1000"), ("power L3", 20_504, "float32", "1000"),
        *floats(
            ("import", 24_588), ("export", 24_600), ("volts L1", 20_482), ("volts L2", 20_484),
            ("volts L3", 20_486), ("amperes L1", 20_492), ("amperes L2", 20_494),
            ("amperes L3", 20_496), ("hertz", 20_488),
        ),
    )),
    "orno-we514": Transcription(HOMY, 3, "ABCD", 0, (
        ("total", 0xA000, "i32", "10"), ("volts L1", 0x131, "u16", "0.01"),
        ("amperes L1", 0x139, "i32", "0.001"), ("power", 0x140, "i32", "1"),
        ("hertz", 0x130, "u16", "0.01"),
    )),
    "orno-we516": Transcription(HOMY, 3, "ABCD", 0, floats(
        ("volts L1", 14), ("volts L2", 16), ("volts L3", 18), ("hertz", 20), ("amperes L1", 22),
        ("amperes L2", 24), ("amperes L3", 26), ("total", 0x100), ("import", 0x108),
        ("export", 0x110), ("reactive import", 0x120), ("reactive export", 0x128),
    )),
    "orno-we525": Transcription(HOMY, None, "ABCD", 0, (
        ("import", 0x10E, "i32", "10"), ("export", 0x118, "i32", "10"),
        ("total", 0x122, "i32", "10"), ("volts L1", 0x100, "i32", "0.001"),
        ("amperes L1", 0x102, "i32", "0.001"), ("power", 0x104, "i32", "1"),
    )),
    "schneider-iem3155": Transcription(MBMD, 3, "ABCD", 0, (
        ("import", 0x0C83, "i64", "1"), ("export", 0x0C87, "i64", "1"),
        ("reactive import", 0x0C93, "i64", "1"), ("reactive export", 0x0C97, "i64", "1"),
        ("volts L1", 0x0BD3, "float32", "1"), ("volts L2", 0x0BD5, "float32", "1"),
        ("volts L3", 0x0BD7, "float32", "1"), ("amperes L1", 0x0BB7, "float32", "1"),
        ("amperes L3", 0x0BBB, "float32", "1"), ("power", 0x0BF3, "float32", "1000"),
        ("hertz", 0x0C25, "float32", "1"),
    )),
    "siemens-pac1600": Transcription("evcc-io/evcc", None, "ABCD", 0, (
        ("power", 57, "i32", "0.01"), ("import", 6687, "u32", "1"),
        ("amperes L1", 7, "u32", "0.0001"), ("amperes L2", 9, "u32", "0.0001"),
        ("amperes L3", 11, "u32", "0.0001"), ("volts L1", 1, "u32", "0.01"),
    )),
    "siemens-pac2200": Transcription("OpenEMS/openems", 3, "ABCD", 0, (
        ("import", 801, "float64", "1"), ("export", 809, "float64", "1"),
        *floats(
            ("volts L1", 1), ("volts L2", 3), ("volts L3", 5), ("amperes L1", 13),
            ("amperes L2", 15), ("amperes L3", 17), ("power L1", 25), ("power L2", 27),
            ("power L3", 29), ("power", 65),
        ),
    )),
}  # fmt: skip


@pytest.mark.parametrize("name", SECOND)
def test_a_second_reader_says_the_same_of_each_register(name: str) -> None:
    second, model = SECOND[name], load_profile(name)
    for quantity, address, kind, step in second.rows:
        field = model.by_obis[Obis.parse(CODES[quantity])].field
        assert field.span.address == address - second.base, quantity
        assert second.function in (None, field.span.function), quantity
        # A reader who takes a counter for signed reads the same, below half of its range.
        same = {kind} if quantity.startswith("power") else {kind, kind.replace("i", "u")}
        assert field.coding.type in same, quantity
        assert Decimal(10) ** field.coding.scale == Decimal(step), quantity
        # One register has no order of words.
        assert field.coding.words == 1 or field.coding.order == second.order, quantity
    assert {"import", "total"} & {row[0] for row in second.rows}


@pytest.mark.parametrize("name", profile_names())
def test_only_what_two_have_read_says_so(name: str) -> None:
    ours = name == "meterline-virtual"
    is_better = load_profile(name).evidence is not Evidence.ONE_PROJECT
    assert is_better == (ours or name in SECOND)
