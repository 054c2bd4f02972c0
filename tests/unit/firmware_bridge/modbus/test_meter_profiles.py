"""Meter models are data, and a wrong file is refused by key and remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.modbus.profiles import (
    MeterProfileError,
    UnknownProfileError,
    load_profile,
    profile_names,
)
from firmware_bridge.modbus.profiles.document import build
from tests.support.data import REPOSITORY

ACTIVE_TOTAL = Obis.parse("1-0:15.8.0*255")
SHIPPED = files("firmware_bridge.modbus.profiles")


def document(name: str = "meterline-virtual") -> dict[str, Any]:
    return tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))


# Counters without a direction: import and export are one.
WITHOUT_DIRECTION = {"orno-we514"}


@pytest.mark.parametrize("name", profile_names())
def test_each_shipped_model_counts_energy_and_says_where_its_registers_are_from(name: str) -> None:
    profile = load_profile(name)
    counted = ACTIVE_TOTAL if name in WITHOUT_DIRECTION else ACTIVE_IMPORT
    assert profile.by_obis[counted].unit is Unit.WATT_HOUR
    assert profile.by_obis[counted].poll
    assert profile.evidence is not None
    assert profile.source
    assert all(register.unit is not Unit.COUNT for register in profile.registers)


def test_many_models_ship_under_names_of_their_own() -> None:
    profiles = [load_profile(name) for name in profile_names()]
    assert len(profiles) >= 42
    identities = [(profile.manufacturer, profile.model) for profile in profiles]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("name", profile_names())
def test_the_table_of_models_says_what_each_is_taken_from(name: str) -> None:
    page = (REPOSITORY / "docs" / "reference" / "meter-profiles.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    profile = load_profile(name)
    assert row.endswith(f"| {profile.evidence} |")
    assert ("| told |" in row) == (profile.serial is not None)
    assert ("| yes |" in row) == (ACTIVE_EXPORT in profile.by_obis)


def change(path: str, value: object, *more: object) -> Callable[[dict[str, Any]], None]:
    """What puts a value, or further pairs of path and value, into a document."""

    def apply(tree: dict[str, Any]) -> None:
        if more:
            change(str(more[0]), *more[1:])(tree)
        *parents, last = path.split(".")
        node: Any = tree
        for part in parents:
            node = node[int(part)] if part.isdigit() else node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value

    return apply


@pytest.mark.parametrize(
    ("damage", "key", "says"),
    [
        (change("manufacturer", None), "manufacturer", "Add the key"),
        (change("manufacturer", "A NAME OF SEVENTEEN"), "manufacturer", "at most 16"),
        (change("protocol", "modbuss"), "protocol", "modbus"),
        (change("registers.0.adress", 3), "registers.0.adress", "spelling"),
        (change("registers.0.type", "u24"), "registers.0.type", "u16"),
        (change("registers.0.unit", "kWh"), "registers.0.unit", "Wh"),
        (change("registers.0.unit", "W"), "registers.0", "is counted in Wh, not in W"),
        (change("registers.2.unit", "Wh"), "registers.2", "not in Wh"),
        (change("registers.0.obis", "1-0:15.8.0", "registers.0.unit", "W"), "registers.0", "in Wh"),
        (change("registers.0.obis", "1-0:16.7.0"), "registers.0", "is counted in W, not in Wh"),
        (change("registers.0.obis", "1-0:37.8.0", "registers.0.unit", "W"), "registers.0", "in Wh"),
        (change("registers.0.obis", "1-0:1.29.0", "registers.0.unit", "W"), "registers.0", "in Wh"),
        (change("registers.0.obis", "1-0:1.2.0"), "registers.0", "is counted in W, not in Wh"),
        (change("registers.0.obis", "1-0:14.7.0"), "registers.0", "is counted in Hz, not in Wh"),
        (change("registers.0.unit", "varh"), "registers.0", "is counted in Wh, not in varh"),
        (change("load_profile.channels.0.unit", "V"), "load_profile.channels.0", "not in V"),
        (change("registers.0.order", "AB"), "registers.0.order", "ABCD"),
        (change("registers.0.factor", {"adress": 3}), "registers.0.factor.address", "Add"),
        (change("registers.0.factor", {"address": 3}), "registers.0", "`digits`"),
        (change("registers.0.type", "float64"), "registers.0", "needs `resolution`"),
        (change("evidence", "hearsay"), "evidence", "two projects"),
        (change("registers.0.obis", "1-0:2.8.0"), "registers", "listed twice"),
        (change("registers.0.obis", "energy"), "registers.0.obis", "OBIS"),
        (change("registers.0.function", 5), "registers.0.function", "3 or 4"),
        (change("registers.0.address", -1), "registers.0.address", "0"),
        (change("registers.0.resolution", 1), "registers.0", "floats only"),
        (change("registers.0.type", "float32"), "registers.0", "needs `resolution`"),
        (change("registers", []), "registers", "at least 1"),
        (change("serial.words", None), "serial", "ascii"),
        (change("modbus.max_registers", 126), "modbus.max_registers", "125"),
        (change("load_profile.layout", "list"), "load_profile.layout", "ring"),
        (change("load_profile.channels.1.offset", 8), "load_profile", "width"),
        (change("load_profile.header.newest", None), "load_profile.header.newest", "Add"),
    ],
)
def test_a_wrong_key_is_named_with_its_remedy(
    damage: Callable[[dict[str, Any]], None], key: str, says: str
) -> None:
    tree = document()
    damage(tree)
    with pytest.raises(MeterProfileError) as caught:
        build("mine", tree)
    assert str(caught.value).startswith(f"mine.toml: `{key}")
    assert says in str(caught.value)
    assert caught.value.remedy


def test_energies_of_intervals_are_counted_as_energies() -> None:
    tree = document()
    for code in ("1-0:1.29.0", "1-0:1.9.0", "1-0:16.8.0"):
        change("registers.0.obis", code)(tree)
        assert build("mine", tree).registers[0].unit == "Wh"


def test_what_one_request_cannot_read_is_named_at_once() -> None:
    tree = document("eastron-sdm630")
    for damage in (
        change("registers.1.address", tree["registers"][0]["address"] + 1),
        change("registers.3.address", tree["registers"][2]["address"]),
        change("registers.3.type", "i32"),
        change("registers.3.resolution", None),
        change("modbus.max_registers", 4),
        change("serial", {"function": 3, "address": 9000, "type": "ascii", "words": 8}),
        change("signature", {"function": 3, "address": 8000, "words": [1, 2, 3, 4, 5]}),
    ):
        damage(tree)
    with pytest.raises(MeterProfileError) as caught:
        build("mine", tree)
    said = str(caught.value)
    assert "of 1-0:1.8.0*255 (72..73, float32) and of 1-0:2.8.0*255 (73..74, float32)" in said
    assert "of 1-0:3.8.0*255 (76..77, float32) and of 1-0:4.8.0*255 (76..77, i32)" in said
    assert "`serial` has 8 registers, and `modbus.max_registers` allows 4" in said
    assert "`signature` has 5 registers" in said


def test_one_register_may_be_two_codes() -> None:
    tree = document("eastron-sdm630")
    tree["registers"][1]["address"] = tree["registers"][0]["address"]
    assert build("mine", tree).by_obis[ACTIVE_EXPORT]


def test_an_address_below_the_base_is_refused() -> None:
    tree = document("schneider-iem3155")
    tree["registers"][0]["address"] = 0
    with pytest.raises(MeterProfileError, match="do not exist"):
        build("mine", tree)


def test_a_model_of_ones_own_is_used_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((SHIPPED / "eastron-sdm630.toml").read_text(encoding="utf-8"))
    assert load_profile(str(path)).name == "mine"


def test_an_unknown_model_or_file_says_which_are_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownProfileError, match="eastron-sdm630"):
        load_profile("sdm6300")
    with pytest.raises(UnknownProfileError, match="cannot be read"):
        load_profile(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("[[")
    with pytest.raises(MeterProfileError, match="not valid TOML"):
        load_profile(str(tmp_path / "bad.toml"))


def test_all_faults_of_a_file_are_named_at_once() -> None:
    tree = document()
    for damage in (
        change("registers.0.unit", "kWh"),
        change("registers.1.function", 5),
        change("modbus.order", "AB"),
    ):
        damage(tree)
    with pytest.raises(MeterProfileError) as caught:
        build("mine", tree)
    for key in ("`registers.0.unit`", "`registers.1.function`", "`modbus.order`"):
        assert key in str(caught.value)


def test_a_register_has_an_order_of_its_own() -> None:
    tree = document()
    tree["registers"][0]["order"] = "DCBA"
    first, second, *_ = build("mine", tree).registers
    assert (first.field.coding.order, second.field.coding.order) == ("DCBA", "ABCD")
