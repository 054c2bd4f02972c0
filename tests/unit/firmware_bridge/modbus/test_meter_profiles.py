"""Meter models are data, and a wrong file is refused by key and remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.modbus.frames import RegisterSpan, RegisterType
from firmware_bridge.modbus.profiles import (
    MeterProfileError,
    UnknownProfileError,
    load_profile,
    profile_names,
)
from firmware_bridge.modbus.profiles.document import build

SHIPPED = files("firmware_bridge.modbus.profiles")


def document(name: str = "meterline-virtual") -> dict[str, Any]:
    return tomllib.loads((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", profile_names())
def test_each_shipped_model_counts_import_and_export_and_tells_its_serial(name: str) -> None:
    profile = load_profile(name)
    assert profile.by_obis[ACTIVE_IMPORT].unit is Unit.WATT_HOUR
    assert profile.by_obis[ACTIVE_EXPORT].poll
    assert profile.serial is not None


def test_the_published_addresses_are_those_that_travel() -> None:
    sdm630 = load_profile("eastron-sdm630").by_obis[ACTIVE_IMPORT].field
    assert (sdm630.span, sdm630.coding.type) == (RegisterSpan(4, 0x0048, 2), RegisterType.FLOAT32)
    iem3155 = load_profile("schneider-iem3155")
    # The manual counts from 1: register 3204 travels as 3203, 130 as 129.
    assert iem3155.by_obis[ACTIVE_IMPORT].field.span == RegisterSpan(3, 3203, 4)
    assert iem3155.serial is not None
    assert iem3155.serial.span == RegisterSpan(3, 129, 2)


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(tree: dict[str, Any]) -> None:
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
        (change("registers.0.obis", "1-0:2.8.0"), "registers", "listed twice"),
        (change("registers.0.obis", "energy"), "registers.0.obis", "OBIS"),
        (change("registers.0.function", 5), "registers.0.function", "3 or 4"),
        (change("registers.0.address", -1), "registers.0.address", "0"),
        (change("registers.0.resolution", 1), "registers.0", "float32 only"),
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
