"""Every P1 capture, object by object, against its own notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.telegram import ChecksumError, Observation, plain
from firmware_bridge.iec62056_21.p1_frames import parse_telegram
from firmware_bridge.iec62056_21.p1_values import P1Scanner, observe
from tests.support.data import data_root, find_data

_FOLDER = find_data("meters", "dsmr")
INDEX: dict[str, Any] = json.loads((_FOLDER / "index.json").read_text()) if _FOLDER else {}
# Powers of ten from what the telegram prints to the vocabulary's unit.
POWERS = {"kWh": 3, "kW": 3, "kvarh": 3, "kvar": 3, "m3": 3, "GJ": 9}


def telegram(name: str) -> bytes:
    return (data_root("meters", "dsmr") / f"{name}.txt").read_bytes()


def values(raw: bytes) -> dict[str, Observation]:
    scanner = P1Scanner()
    found = list(scanner.feed(raw)) + list(scanner.close())
    return {str(v.obis).removesuffix("*255"): v for t in found for v in t.observations}


@pytest.mark.parametrize("name", INDEX)
def test_objects_are_those_of_the_notes(name: str) -> None:
    noted = INDEX[name]
    found = parse_telegram(telegram(name))
    assert f"/{found.manufacturer}" == noted["header"][:4]
    assert found.version == noted["version"]
    assert [(o.address, list(o.values)) for o in found.objects] == [
        (o["obis"], o["values"]) for o in noted["objects"]
    ]
    assert found.crc_checked == (noted["crc_ok"] is True)


@pytest.mark.parametrize("name", INDEX)
def test_every_value_with_a_unit_is_exact(name: str) -> None:
    shown = values(telegram(name))
    checked = 0
    for item in INDEX[name]["objects"]:
        text = item["values"][-1]
        code = item["obis"].removesuffix("*255")
        if "*" not in text or len(item["values"]) > 2:
            continue  # profiles and lists are not momentary values
        number, _, unit = text.partition("*")
        assert shown[code].value == Decimal(number).scaleb(POWERS.get(unit, 0)), code
        checked += 1
    assert checked >= 1


@pytest.mark.parametrize("name", [n for n, noted in INDEX.items() if noted.get("timestamp_utc")])
def test_time_is_that_of_the_notes(name: str) -> None:
    expected = datetime.fromisoformat(INDEX[name]["timestamp_utc"])
    host = [v for v in observe(parse_telegram(telegram(name))) if v.obis and v.obis.code[0] == 1]
    assert {v.meter_time for v in host if v.obis and v.obis.code[3] != 6} <= {expected}


def test_captures_were_counted(record_property: Callable[[str, object], None]) -> None:
    if not INDEX:
        pytest.skip("no real data: meters/dsmr is missing")
    exact = sum(len(values(telegram(name))) for name in INDEX)
    record_property("dsmr_values", exact)
    assert len(INDEX) == 13
    assert exact == 251


def test_gas_and_water_have_their_own_meter_and_time() -> None:
    shown = values(telegram("fluvius_v171_alt"))
    gas, water = shown["0-1:24.2.3"], shown["0-2:24.2.1"]
    assert (gas.meter.manufacturer, gas.meter.serial) == ("FLO", "7FLO2123088027")
    assert (plain(gas.value), gas.unit) == ("92287", "L")
    assert gas.meter_time == datetime(2023, 11, 2, 11, 10, 2, tzinfo=UTC)
    assert str(gas.commodity_obis) == "7-0:3.0.0*255"
    assert str(water.commodity_obis) == "8-0:1.0.0*255"
    assert water.meter_time == datetime(2023, 11, 2, 11, 15, 32, tzinfo=UTC)
    value = water.meter_value()
    assert value is not None
    assert (str(value.obis), str(value.quantity)) == ("8-0:1.0.0*255", "8579 L")


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("v2_2", datetime(2016, 11, 7, 18, tzinfo=UTC)),
        ("v3", datetime(2009, 2, 12, 15, tzinfo=UTC)),
    ],
)
def test_early_gas_lists_are_read(name: str, at: datetime) -> None:
    gas = values(telegram(name))["0-1:24.2.1"]
    assert (plain(gas.value), gas.unit, gas.period_s) == ("1001", "L", 3600)
    assert gas.meter_time == at


def test_a_sub_meter_without_a_reading_gives_none() -> None:
    shown = values(telegram("v5_two_mbus"))
    assert "0-1:24.2.1" not in shown
    assert plain(shown["0-2:24.2.1"].value) == "246138"


def test_a_crc_that_the_version_needs_and_lacks_makes_values_suspect() -> None:
    raw = telegram("v5")
    raw = raw[: raw.index(b"!") + 1] + b"\r\n"
    assert {v.quality for v in values(raw).values()} == {Quality.SUSPECT}
    assert {v.quality for v in values(telegram("v2_2")).values()} == {Quality.ACTUAL}


def test_changed_bytes_are_refused_by_their_crc() -> None:
    raw = telegram("v5").replace(b"004.426", b"004.427")
    with pytest.raises(ChecksumError):
        parse_telegram(raw)


def test_many_telegrams_with_noise_between_and_one_cut_short() -> None:
    good = telegram("v4_2")
    stream = b"\x00junk/" + good + b"\xff" * 30 + good[:400] + good + b"//" + good
    scanner = P1Scanner()
    found = [t for at in range(0, len(stream), 11) for t in scanner.feed(stream[at : at + 11])]
    assert [t.error for t in found] == [None, None, None]
    assert {len(t.observations) for t in found} == {24}
