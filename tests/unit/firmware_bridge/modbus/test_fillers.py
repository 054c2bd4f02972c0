"""What fills the registers of a value that a meter does not have is no reading of any model."""

from __future__ import annotations

from typing import Any

import pytest

from firmware_bridge.driver.interface import Absence
from firmware_bridge.modbus.frames import ScaledInteger, WordOrder, decode
from firmware_bridge.modbus.profiles import load_profile, profile_names
from firmware_bridge.modbus.profiles.document import build
from firmware_bridge.modbus.register_map import MeterRegister


def register(kind: str, **keys: object) -> MeterRegister:
    table: dict[str, Any] = {
        "obis": "1-0:1.8.0", "unit": "Wh", "function": 3, "address": 0, "type": kind, **keys
    }  # fmt: skip
    document = {
        "protocol": "modbus", "manufacturer": "ACME", "model": "M", "source": "s",
        "registers": [table],
    }  # fmt: skip
    return build("mine", document).registers[0]


@pytest.mark.parametrize(
    ("kind", "filler", "beside"),
    [
        ("u16", [0xFFFF], [0xFFFE]),
        ("i16", [0x8000], [0xFFFF]),
        ("u32", [0xFFFF, 0xFFFF], [0xFFFF, 0xFFFE]),
        ("i32", [0x8000, 0], [0xFFFF, 0xFFFF]),
        ("u64", [0xFFFF] * 4, [0, 0xFFFF, 0xFFFF, 0xFFFF]),
        ("i64", [0x8000, 0, 0, 0], [0xFFFF] * 4),
    ],
)
def test_the_filler_of_a_type_is_no_value_and_its_neighbour_is(
    kind: str, filler: list[int], beside: list[int]
) -> None:
    coding = register(kind).field.coding
    assert decode(tuple(filler), coding) is Absence.NOT_AVAILABLE
    assert isinstance(decode(tuple(beside), coding), ScaledInteger)


def test_the_order_of_words_does_not_hide_it() -> None:
    coding = register("i32", order=WordOrder.CDAB.value).field.coding
    assert decode((0, 0x8000), coding) is Absence.NOT_AVAILABLE


def test_a_profile_may_say_that_there_is_none_or_another() -> None:
    assert decode((0xFFFF,), register("u16", absent=[]).field.coding) == ScaledInteger(0xFFFF, 0)
    own = register("u16", absent=[0xFFFE]).field.coding
    assert decode((0xFFFE,), own) is Absence.NOT_AVAILABLE
    assert decode((0xFFFF,), own) == ScaledInteger(0xFFFF, 0)


@pytest.mark.parametrize("name", profile_names())
def test_no_shipped_model_reads_all_ones_as_an_unsigned_counter(name: str) -> None:
    for one in load_profile(name).registers:
        coding = one.field.coding
        if coding.type.value in ("u16", "u32", "u64"):
            words = (0xFFFF,) * coding.type.words
            assert decode(words, coding) is Absence.NOT_AVAILABLE, one.obis
