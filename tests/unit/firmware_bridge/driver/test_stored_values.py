"""What a meter keeps of earlier periods is shown to people and is no reading of now."""

from __future__ import annotations

import pytest

from firmware_bridge.contract.obis import Obis
from firmware_bridge.driver.telegram import Observation, Telegram, meter_values, plain, storage_of
from firmware_bridge.iec62056_21.p1_values import P1Scanner
from firmware_bridge.simulator.dlms.encoding import octets
from firmware_bridge.simulator.sml.encoding import Entry, list_file, unsigned
from firmware_bridge.sml.values import SmlScanner
from tests.support.telegrams import SERVER
from tests.unit.firmware_bridge.dlms.test_list_layouts import apdu, number
from tests.unit.firmware_bridge.dlms.test_list_layouts import read as read_push

WATT_HOURS = b"\x02\x02\x0f\x00\x16\x1e"


def of_sml() -> Telegram:
    entries = [
        Entry(bytes((1, 0, 1, 8, 0, last)), unsigned(value, 4), 30, 0)
        for last, value in ((255, 5_000), (96, 7), (97, 70), (98, 300), (99, 3_000))
    ]
    (found,) = SmlScanner().feed(list_file(SERVER, entries))
    return found


def of_dlms() -> Telegram:
    members = [
        part
        for last, value in ((255, 5_000), (1, 4_000))
        for part in (octets(bytes((1, 0, 1, 8, 0, last))), number(value), WATT_HOURS)
    ]
    return read_push(apdu(members))


def of_p1() -> Telegram:
    lines = ("/XYZ5A", "", "1-0:1.8.0(000005.000*kWh)", "1-0:1.8.0*1(000004.000*kWh)", "!", "")
    (found,) = P1Scanner().feed("\r\n".join(lines).encode())
    return found


@pytest.mark.parametrize(
    ("read", "stored"),
    [
        (of_sml, {"96": "7", "97": "70", "98": "300", "99": "3000"}),
        (of_dlms, {"1": "4000"}),
        (of_p1, {"1": "4000"}),
    ],
)
def test_only_the_present_value_becomes_a_reading(read, stored) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a function and what it keeps
    found: tuple[Observation, ...] = read().observations
    assert [plain(value.quantity.decimal()) for _, value in meter_values(found)] == ["5000"]
    assert {
        str(item.obis).partition("*")[2]: plain(item.value) for item in found if item.storage
    } == stored


def test_the_last_group_is_the_storage() -> None:
    assert [storage_of(Obis(bytes((1, 0, 1, 8, 0, last)))) for last in (255, 0, 1, 99)] == [
        0, 1, 1, 99,
    ]  # fmt: skip
