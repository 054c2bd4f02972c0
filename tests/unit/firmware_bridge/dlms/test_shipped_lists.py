"""Lists by country that come with Meterline: each member is read as what its place says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from firmware_bridge.dlms.axdr import Tag
from firmware_bridge.dlms.list_files import shipped_lists
from firmware_bridge.driver.telegram import Keys, Telegram, TelegramUnsupportedError, plain
from firmware_bridge.simulator.dlms.encoding import cipher, octets
from tests.unit.firmware_bridge.dlms.test_list_layouts import (
    AUTHENTICATION,
    KEY,
    apdu,
    number,
    read,
)

NAMES = [octets(b"ISK1030700000001"), octets(b"71234567")]
VOLTS = [number(2301 + at, Tag.UINT16) for at in range(3)]
AMPERES = [number(450 + at, Tag.UINT16) for at in range(3)]
POWERS = [number(value) for value in (2400, 0, 4, 5)]
TARIFFS = [number(value) for value in (3_000, 1_000, 2_000, 300, 100, 200)]
PHASES = [number(value) for value in (801, 802, 803, 0, 0, 1)]
SPARE = [number(9), octets(b"x"), b"\0", number(1, Tag.UINT16), b"\x11\x05"]
VOLTS_AMPERES = {
    "1-0:32.7.0": "230.1 V", "1-0:52.7.0": "230.2 V", "1-0:72.7.0": "230.3 V",
    "1-0:31.7.0": "4.50 A", "1-0:51.7.0": "4.51 A", "1-0:71.7.0": "4.52 A",
}  # fmt: skip
FOUR_POWERS = {
    "1-0:1.7.0": "2400 W", "1-0:2.7.0": "0 W", "1-0:3.7.0": "4 var", "1-0:4.7.0": "5 var",
}  # fmt: skip
ENERGIES = {
    "1-0:1.8.0": "3000 Wh", "1-0:1.8.1": "1000 Wh", "1-0:1.8.2": "2000 Wh",
    "1-0:2.8.0": "300 Wh", "1-0:2.8.1": "100 Wh", "1-0:2.8.2": "200 Wh",
}  # fmt: skip
OF_PHASES = {
    "1-0:21.7.0": "801 W", "1-0:41.7.0": "802 W", "1-0:61.7.0": "803 W", "1-0:22.7.0": "0 W",
    "1-0:42.7.0": "0 W", "1-0:62.7.0": "1 W",
}  # fmt: skip
TWO_POWERS = {"1-0:1.7.0": "2400 W", "1-0:2.7.0": "0 W"}
LISTS: dict[str, tuple[Sequence[bytes], dict[str, str]]] = {
    "KELAG, 12": ([*NAMES, *VOLTS, *AMPERES, *POWERS], VOLTS_AMPERES | FOUR_POWERS),
    "Slovenia, 4": ([*NAMES, number(3_000), number(300)],
                    {"1-0:1.8.0": "3000 Wh", "1-0:2.8.0": "300 Wh"}),
    "Slovenia, 8": ([*NAMES, VOLTS[0], AMPERES[0], *POWERS], FOUR_POWERS
                    | {"1-0:32.7.0": "230.1 V", "1-0:31.7.0": "4.50 A"}),
    "Slovenia, 9": ([NAMES[0], *POWERS[:2], *TARIFFS], TWO_POWERS | ENERGIES),
    "Slovenia, 10": ([*NAMES, *POWERS, VOLTS[0], AMPERES[0], number(2400), number(0)],
                     FOUR_POWERS | {"1-0:32.7.0": "230.1 V", "1-0:31.7.0": "4.50 A",
                                    "1-0:21.7.0": "2400 W", "1-0:22.7.0": "0 W"}),
    "Slovenia, 10 energies": ([*NAMES, *(number(100 + at) for at in range(8))], {
        "1-0:1.8.1": "100 Wh", "1-0:1.8.2": "101 Wh", "1-0:2.8.1": "102 Wh",
        "1-0:2.8.2": "103 Wh", "1-0:3.8.1": "104 varh", "1-0:3.8.2": "105 varh",
        "1-0:4.8.1": "106 varh", "1-0:4.8.2": "107 varh"}),
    "Croatia, 33": ([NAMES[0], *NAMES, *TARIFFS, *POWERS, *POWERS[:2], number(990), *PHASES,
                     *VOLTS, *AMPERES, *SPARE],
                    ENERGIES | TWO_POWERS | OF_PHASES | VOLTS_AMPERES),
    "Croatia, 28": ([NAMES[0], *NAMES, *TARIFFS, *POWERS[:2], *PHASES, *VOLTS, *AMPERES, *SPARE],
                    ENERGIES | TWO_POWERS | OF_PHASES | VOLTS_AMPERES),
}  # fmt: skip
WHOLE_VOLTS = [number(230 + at, Tag.UINT16) for at in range(3)]
LANDIS = [*WHOLE_VOLTS, *AMPERES, number(2400), number(0), number(3_000), number(300)]
OF_LANDIS = {
    "1-0:32.7.0": "230 V", "1-0:52.7.0": "231 V", "1-0:72.7.0": "232 V",
    "1-0:31.7.0": "4.50 A", "1-0:51.7.0": "4.51 A", "1-0:71.7.0": "4.52 A",
    "1-0:1.7.0": "2400 W", "1-0:2.7.0": "0 W", "1-0:1.8.0": "3000 Wh", "1-0:2.8.0": "300 Wh",
}  # fmt: skip


def shown(found: Telegram) -> dict[str, str]:
    assert found.error is None
    return {
        str(v.obis).removesuffix("*255"): f"{plain(v.value)} {v.unit}" for v in found.observations
    }


@pytest.mark.parametrize("name", LISTS)
def test_each_list_is_read_by_its_places(name: str) -> None:
    members, expected = LISTS[name]
    found = read(apdu(members))
    assert shown(found) == expected
    assert {v.meter.manufacturer for v in found.observations} <= {"ISK", "unknown"}


@pytest.mark.parametrize("more", [[number(1, Tag.UINT16)] * 3, []])
def test_the_lists_of_landis_gyr_are_theirs_alone(more: list[bytes]) -> None:
    serial = "1LGZ0075555555"
    members = [*LANDIS, *more, octets(serial.encode())]
    assert isinstance(read(apdu(members)).error, TelegramUnsupportedError)
    found = read(
        cipher(apdu(members), b"LGZ\1\2\3\4\5", 7, KEY, AUTHENTICATION), Keys(KEY, AUTHENTICATION)
    )
    assert shown(found) == OF_LANDIS
    assert {(v.meter.manufacturer, v.meter.serial) for v in found.observations} == {("LGZ", serial)}


@pytest.mark.parametrize("maker", [b"ISK", b"KFM", b"SAG", b"lgz", b"\0\0\0"])
@pytest.mark.parametrize("more", [3, 0])
def test_a_list_of_an_e450_under_another_maker_is_refused(more: int, maker: bytes) -> None:
    """The types alone would fit; amperes of one maker may be another one's volts."""
    serial = octets(b"1LGZ0075555555")
    members = [*LANDIS, *[number(1, Tag.UINT16)] * more, serial]
    found = read(
        cipher(apdu(members), maker + b"\1\2\3\4\5", 7, KEY, AUTHENTICATION),
        Keys(KEY, AUTHENTICATION),
    )
    assert isinstance(found.error, TelegramUnsupportedError)
    assert not found.observations


@pytest.mark.parametrize("at", range(2, 12))
def test_a_member_of_another_type_is_another_list(at: int) -> None:
    members = list(LISTS["KELAG, 12"][0])
    members[at] = number(1, Tag.UINT64)
    assert isinstance(read(apdu(members)).error, TelegramUnsupportedError)


def test_each_shipped_list_has_a_test() -> None:
    assert len(shipped_lists().lists) == len(LISTS) + 2
